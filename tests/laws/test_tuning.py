"""Fine-tuning against numbers computed from the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from tests.conftest import ladder, make_fit
from tests.laws.test_laws import printed


def value(name: str, *inputs: float, **unknowns: float) -> float:
    return float(bs.load_law(name)(np, *inputs, **unknowns))


def test_full_tuning_on_translation() -> None:
    """English to German: published A at one parameter and one token 1.2e5."""
    A = 1.2e5 * 1e9**-0.52 * 1e6**-0.15
    u = {"L_inf": 0.75, "A": A, "alpha": 0.52, "beta": 0.15}
    assert printed(value("finetune", 1e9, 1e6, **u), 1.06563, 6)
    law = bs.load_law("finetune")
    assert law.derived(np, **u, **law.constants)["A_at_1"] == pytest.approx(1.2e5, rel=1e-12)


def test_adapters_are_fine_tuning_with_a_factor_for_the_rank() -> None:
    u = {"L_inf": 0.62, "A": 0.4, "beta": 0.081}
    for rank, factor in ((16, 1.0), (64, 4**-0.0019)):
        found = value("adapter-rank", 3e9, rank, 2e6, **u, alpha_m=0.36, alpha_r=0.0019)
        plain = value("finetune", 3e9, 2e6, **{**u, "A": 0.4 * factor}, alpha=0.36)
        assert found == pytest.approx(plain, rel=1e-14)


def test_a_budget_is_told_that_the_rank_barely_matters() -> None:
    table = ladder().assign(adapter_rank=8.0, finetune_tokens=1e6)
    values = {"L_inf": 1.0, "A": 0.4, "alpha_m": 0.3, "alpha_r": 0.002, "beta": 0.08}
    fit = make_fit("adapter-rank", values, bs.read_runs(table))
    with pytest.raises(bs.errors.CheckError, match="rank of an adapter barely matters"):
        bs.allocate(fit, [1e22])


def test_pre_learned_data() -> None:
    """L_inf .5, B 2, D_l 1e4^.4, beta .4 at 1e5 tokens."""
    u = {"L_inf": 0.5, "beta": 0.4, "x_0": 1e4}
    A = 2 / (1e4**0.4 + 1e6**0.4)
    for x_ref, amplitude in ((1e6, A), (1.0, 2 / (1e4**0.4 + 1))):
        found = value("finetune-rectified", 1e5, **u, A=amplitude, x_ref=x_ref)
        assert printed(found, 0.514305, 6)
    law = bs.load_law("finetune-rectified")
    derived = law.derived(np, **u, A=A, x_ref=1e6)
    assert derived["B"] == pytest.approx(2) and derived["D_l"] == pytest.approx(1e4**0.4)
    below = [value("finetune-rectified", x, **u, A=A, x_ref=1e6) for x in (1.0, 1e2)]
    assert below[0] - below[1] < 0.15 * (below[0] - 0.5)  # a plateau
