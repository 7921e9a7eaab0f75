"""Links and bounded shapes against numbers computed from the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws.formula import latex
from bayes_scaling.laws.law import law
from tests.laws.test_laws import printed


def value(name: str, *inputs: float, **unknowns: float) -> float:
    return float(bs.load_law(name)(np, *inputs, **unknowns))


def test_error_from_loss_on_c4() -> None:
    K, gamma, e_max = 2.079, 0.756, 0.850
    each = bs.load_law("error-exp")
    u = {"e_max": e_max, "gamma": gamma, "drop": K * np.exp(-gamma * 1.5) / e_max}
    assert printed(each(np, 3.0, **u), 0.634784, 6)
    assert printed(each(np, 2.5, **u), 0.535922, 6)
    assert each.derived(np, **u, **each.constants)["K"] == pytest.approx(K, rel=1e-12)


def test_links() -> None:
    step = {"reach": 0.7 / 0.75, "L_mid": 2.2, "s": 0.15}
    each = bs.load_law("accuracy-sigmoid")
    assert printed(each(np, 2.4, **step), 0.396026, 6)
    assert each.derived(np, **step, **each.constants)["top"] == pytest.approx(0.95)
    assert printed(value("exact-match", 0.3, 5, k=1.0), 0.223130, 6)
    assert value("threshold", 2.2, L_t=2.2, s=0.01) == 0.5
    assert value("threshold", 2.3, L_t=2.2, s=0.1) == pytest.approx(1 / (1 + np.e))
    assert value("threshold", 5.0, L_t=2.2, s=1e-3) == 0  # and no overflow
    transfer = {"K": 1.01, "kappa": 1.0, "E0": 1.97, "E1": 2.17}
    assert printed(value("loss-transfer", 2.5, **transfer), 2.7053, 5)
    below = value("loss-transfer", 1.9, **{**transfer, "kappa": 0.5})
    assert below == pytest.approx(2.17, abs=1e-5)  # below the floor, not NaN
    half = value("direct-accuracy", 1e10, A=np.log(2), alpha=0.2, x_ref=1e10)
    assert half == pytest.approx(0.5)


def test_bounded_shapes() -> None:
    rising = {"R0": 0.2, "reach": 0.75, "x_mid": 1e21, "q": 0.9}
    assert printed(value("sigmoid-compute", 1e22, **rising), 0.732911, 6)
    each = bs.load_law("sigmoid-compute")
    assert each.derived(np, **rising)["R1"] == pytest.approx(0.8)
    assert printed(value("pass-at-k", 100, A=1.5, alpha=0.4), 0.788412, 6)
    for q, error in ((1.0, 0.208333), (0.5, 0.242481), (2.0, 0.167793)):
        found = value("bounded-m4", 100, e_inf=0.1, A=2.0, alpha=0.5, q=q, e_0=0.75)
        assert printed(found, error, 6)


@pytest.mark.parametrize("q", [0.2, 0.5, 1.0, 2.0, 5.0])
def test_implicit_law_solves_its_equation(q: float) -> None:
    """Bisection of the published equation finds what the Halley steps found."""
    from scipy.optimize import brentq

    each = bs.load_law("bounded-m4")
    assert each.implicit is not None
    for x in np.geomspace(1e-4, 1e4, 33):
        u = {"e_inf": 0.1, "A": 0.4, "alpha": 0.6, "q": q, "e_0": 0.75, "x_ref": 1.0}

        def gap(e: float, x: float = float(x), u: dict[str, float] = u) -> float:
            left, right = each.implicit(np, e, x, **u)
            return float(np.log(left) - np.log(right))

        root = brentq(gap, 0.1 + 1e-15, 0.75 - 1e-15, xtol=1e-15)
        assert each(np, x, **u) == pytest.approx(root, rel=1e-12)
    assert "=" in latex(each)


def test_a_wrong_implicit_equation_is_caught() -> None:
    def twice(xp, e, x, *, A, x_ref):
        return e, 2 * A / (x / x_ref)

    @law(reference="none", target="error", implicit=twice)
    def planted(xp, x, *, A, x_ref=1.0):
        """Error [share of items]."""
        return A / (A + x / x_ref)

    rows = bs.check_law(planted).rows
    assert {row.name for row in rows if row.verdict == "fail"} == {"SymPy = NumPy"}
