"""Streams, vocabularies, bounded errors, moving exponents and students against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.predict import law_at
from tests.conftest import make_fit
from tests.laws.test_laws import printed


def value(name: str, *inputs: float, **unknowns: float) -> float:
    return float(bs.load_law(name)(np, *inputs, **unknowns))


def test_parallel_streams_on_code() -> None:
    """Published amplitude .0113 inside the power, at 1B parameters."""
    u = {"L_inf": 0.691, "A": 0.0113**0.1894, "alpha": 0.1894, "k": 0.3935}
    assert printed(value("parallel", 1e9, 1, **u), 1.118812, 7)
    assert printed(value("parallel", 1e9, 8, **u), 1.073010, 7)
    derived = bs.load_law("parallel").derived(np, **u, N_ref=1e9)
    assert derived["A_inner"] == pytest.approx(0.0113, rel=1e-12)


def test_vocabulary_in_the_units_of_the_authors() -> None:
    """Their parameters are counted in millions, their characters in billions."""
    u = {
        "E": 5.533, "A_1": 1.831 * 1000**-0.447, "alpha_1": 0.447,
        "A_2": 0.196 * 100**-0.671, "alpha_2": 0.671, "B": 2.124 * 100**-0.447, "beta": 0.447,
    }  # fmt: skip
    by_hand = -5.533 + 1.831 / 2870**0.447 + 0.196 / 131**0.671 + 2.124 / 400**0.447
    assert value("vocabulary", 2.87e9, 1.31e8, 4e11, **u) == pytest.approx(by_hand, rel=1e-13)
    assert by_hand < 0


def test_bounded_error() -> None:
    """Published e_0 .9, eta .8 and an inner error of .3; here eta = e_0, which rescales it."""
    scale = 0.9 / 0.8
    u = {"e_0": 0.9, "alpha": 0.5, "beta": 0.6}
    inner = {"c_inf": 0.05 * scale, "A": 0.15 * scale, "B": 0.10 * scale}
    assert printed(value("bounded-envelope", 1e9, 2e10, **u, **inner), 0.316011, 6)
    tiny = {"c_inf": 1e-4, "A": 1e-4, "B": 1e-4}
    assert value("bounded-envelope", 1e9, 2e10, **u, **tiny) == pytest.approx(3e-4, rel=1e-6)
    assert value("bounded-envelope", 1.0, 1.0, **u, **inner) == pytest.approx(0.9, rel=1e-3)


def coefficients(level: float, before: float, after: float) -> tuple[float, float, float]:
    """(a, g, b) of exp(a N^g + b) through its values at 1e8, 1e9 and 1e10."""
    g = np.log10(after / before)
    a = after / (10 ** (10 * g) - 10 ** (9 * g))
    return a, g, np.log(level) - a * 10 ** (9 * g)


def test_moving_exponents_are_the_published_form() -> None:
    """Three functions exp(a N^g + b), written in their values at three sizes; D in tokens."""
    u = {
        "L_inf": 0.55, "L_before": 0.22, "L_after": 0.33, "B": 330.0, "B_before": 2.9,
        "B_after": 2.3, "beta": 0.31, "beta_before": 0.39, "beta_after": 0.52,
    }  # fmt: skip
    a3, g3, b3 = coefficients(0.55, -0.22, -0.33)
    a2, g2, b2 = coefficients(330.0, -2.9, -2.3)
    a1, g1, b1 = coefficients(0.31, -0.39, -0.52)
    falling = {**u, "B_before": -2.9, "B_after": -2.3}  # the value at one token falls with N
    for N, D in ((3e8, 1e10), (1e9, 2e10), (2e10, 1e12)):
        floor = np.exp(a3 * N**g3 + b3)
        data = np.exp(a2 * N**g2 + b2) * D ** -np.exp(a1 * N**g1 + b1)
        found = value("farseer", N, D, **falling, D_ref=1.0)
        assert found == pytest.approx(floor + data, rel=1e-9)
    at = [value("farseer", N, 1e300, **u) for N in (1e8, 1e9, 1e10)]  # the floor alone
    assert at == pytest.approx([0.55 * np.exp(0.22), 0.55, 0.55 * np.exp(-0.33)], rel=1e-6)


BASE = {"S": 0.218, "w": 0.9, "alpha": 0.321, "beta": 0.637, "k": 0.764, "c_0": 2.549}
ONSET = {"h": 2.19, "f": 0.09, "u": np.log(1.315) / 0.09}


def test_the_best_split_of_moving_exponents() -> None:
    values = {
        "L_inf": 1.7, "L_before": 0.16, "L_after": 0.13, "B": 0.3, "B_before": 0.3,
        "B_after": 0.32, "beta": 0.34, "beta_before": 0.25, "beta_after": 0.27,
    }  # fmt: skip
    fit = make_fit("farseer", values)
    draws = bs.allocate(fit, [1e22]).draws.isel(chain=0, draw=0, budget=0)
    one = {k: float(fit.posterior[k][0, 0]) for k in values}
    sizes = np.geomspace(1e9, 1e11, 20_001)
    losses = bs.load_law("farseer")(np, sizes, 1e22 / 6 / sizes, **one)
    assert float(draws["params"]) == pytest.approx(sizes[losses.argmin()], rel=3e-4)
    split = {name: draws[name].values[None] for name in ("params", "tokens")}
    assert law_at(fit, split)[0, 0, 0] <= losses.min() + 1e-12


def test_students_against_the_formula_as_published() -> None:
    """The broken power with c_1, and the loss without a teacher from the supervised law."""
    law = bs.load_law("distillation")
    derived = law.derived(np, **BASE, **ONSET, **law.constants)
    c_1 = derived["c_1"]
    assert derived["d_1"] == pytest.approx(1.315)
    for N, D, teacher in ((1e9, 2e10, 2.2), (3e8, 5e11, 2.0), (7e9, 1e10, 3.1)):
        n, d = N / 1e9, D / 2e10
        alone = 1.220 + 1.155 * (0.519 * n**-0.408 + 0.481 * d**-0.431) ** 0.452
        gap = 0.218 * (0.9 * n**-0.321 + 0.1 * d**-0.637) ** 0.764 * (teacher / 2.5) ** -2.549
        bend = (1 + (teacher / (alone * 1.315)) ** (1 / 0.09)) ** (-c_1 * 0.09)
        found = value("distillation", N, D, teacher, **BASE, **ONSET)
        assert found == pytest.approx(teacher + gap * bend, rel=1e-12)


def test_a_better_teacher_can_make_a_worse_student() -> None:
    u = {**BASE, **ONSET}
    losses = [value("distillation", 1e8, 2e10, t, **u) for t in (1.6, 2.4, 3.4)]
    assert losses[1] < losses[0] and losses[1] < losses[2]
    ample = value("distillation", 1e14, 1e16, 2.2, **u)
    assert ample == pytest.approx(2.2, abs=1e-3)  # a vast student reaches its teacher
