"""Optimum: the closed form is taken where it holds, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.decisions import optimum
from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.convention import Convention, power_convention
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.optimum import USUAL, _is_closed, per_draw_optimum
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from bayes_scaling.names import PARAMS, TOKENS
from tests.conftest import make_fit

SKALING = {"L_inf": 1.76, "S": 0.77, "w": 0.49, "alpha": 0.40, "beta": 0.41, "k": 0.81}
BUDGETS = np.array([1e21, 1e23])
STEEP = BudgetLine(power_convention(3.0, 1.2, 0.9))
STEEP_IN_SIZE = BudgetLine(power_convention(6.0, 1.2))
STEEP_IN_DATA = BudgetLine(power_convention(6.0, 1.0, 1.1))


def without(fit: Fit, **changes: object) -> Fit:
    law = replace(fit.spec.law, **changes)
    return replace(fit, spec=replace(fit.spec, law=law))


def usual(fit: Fit, line: BudgetLine = USUAL) -> tuple[np.ndarray, np.ndarray]:
    return per_draw_optimum(fit, BUDGETS, line)[:2]


def without_closed_form(fit: Fit, line: BudgetLine = USUAL) -> tuple[np.ndarray, np.ndarray]:
    return usual(without(fit, optimum=None), line)


def test_where_there_is_a_closed_form(chinchilla_fit: Fit) -> None:
    assert _is_closed(chinchilla_fit, USUAL) is True
    assert _is_closed(without(chinchilla_fit, optimum=None), USUAL) is False
    assert _is_closed(chinchilla_fit, BudgetLine(limits=Limits(max_params=1e9))) is False
    assert _is_closed(chinchilla_fit, BudgetLine(served=1e12)) is False
    other = Convention("with attention", lambda N: 6 * N + 1e5 * N**0.5)
    assert _is_closed(chinchilla_fit, BudgetLine(other)) is False


def test_other_powers_only_where_the_law_knows_them(chinchilla_fit: Fit) -> None:
    skaling = make_fit("skaling-plain", SKALING)
    for fit in (chinchilla_fit, skaling):
        for line in (USUAL, STEEP, STEEP_IN_SIZE, STEEP_IN_DATA):
            assert fit.model.law.knows_powers and _is_closed(fit, line) is True
            both = zip(usual(fit, line), without_closed_form(fit, line), strict=True)
            for exact, found in both:
                np.testing.assert_allclose(exact, found, rtol=1e-5)


def test_a_law_of_ratios_knows_no_other_powers() -> None:
    fit = make_fit("overtraining", {"L_inf": 1.8, "A": 0.4, "alpha": 0.3, "B": 0.3})
    assert not fit.model.law.knows_powers
    assert _is_closed(fit, USUAL) is True
    assert not any(_is_closed(fit, line) for line in (STEEP, STEEP_IN_SIZE, STEEP_IN_DATA))
    np.testing.assert_allclose(*(f(fit)[0] for f in (usual, without_closed_form)), rtol=1e-5)


def test_the_closed_form_is_not_searched_for(
    chinchilla_fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Searched(Exception):
        pass

    def search(*_: object) -> None:
        raise Searched

    monkeypatch.setattr(optimum, "best_on_line", search)
    params, tokens, at_end = per_draw_optimum(chinchilla_fit, BUDGETS)
    np.testing.assert_allclose(6 * params * tokens, np.broadcast_to(BUDGETS, params.shape))
    assert params.shape == (*chinchilla_fit.shape, 2) and not at_end.any()

    def curve(N: object, D: object) -> object:
        return law_at(chinchilla_fit, {PARAMS: N, TOKENS: D})

    for asked in ({"curve": curve}, {"line": BudgetLine(limits=Limits(max_params=1e9))}):
        with pytest.raises(Searched):
            per_draw_optimum(chinchilla_fit, BUDGETS, **asked)
