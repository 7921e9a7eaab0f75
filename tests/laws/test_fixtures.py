"""The rest of the shelf against numbers computed from the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from tests.laws.test_laws import CHINCHILLA_SETS, printed

W = dict(zip(("L_inf", "A", "alpha", "B"), CHINCHILLA_SETS["W"][0], strict=False))
RED_PAJAMA = {"L_inf": 1.837, "A": 0.581475, "alpha": 0.2729, "B": 0.443643}
SHIFTED = {"L_inf": 1.7, "A": 0.36, "B": 0.36, "alpha": 0.35, "beta": 0.36}


def value(name: str, *inputs: float, **unknowns: float) -> float:
    return float(bs.load_law(name)(np, *inputs, **unknowns))


def test_power_laws_of_kaplan() -> None:
    """Loss at the reference from the critical scales, and far out."""
    for x_c, exponent, x_ref, a_1, far, loss in (
        (8.8e13, 0.076, 1e9, 2.37564, 70e9, 1.72010),
        (5.4e13, 0.095, 2e10, 2.11826, 1.4e12, 1.41480),
    ):
        amplitude = (x_c / x_ref) ** exponent
        assert printed(amplitude, a_1, 6)
        assert printed(value("power", far, A=amplitude, alpha=exponent, x_ref=x_ref), loss, 6)
        law = bs.load_law("power-scale")
        derived = law.derived(np, A=amplitude, alpha=exponent, L_inf=0.0, x_ref=x_ref)
        assert derived["X_c"] == pytest.approx(x_c, rel=1e-12)


def test_frontier_of_the_replication() -> None:
    for flops, loss in ((5.76e23, 1.97396), (1e25, 1.91130)):
        found = value("frontier", flops, L_inf=1.816864, F=0.71211, gamma_C=0.17830)
        assert found == pytest.approx(loss, abs=2e-5)


def test_single_resource_shapes() -> None:
    m3 = value("saturating", 100, L_inf=1.2, A=0.5, alpha=0.4, g=0.01)
    assert printed(m3, 1.304564, 7)
    bend = {"L_inf": 1.0, "A": 1.0, "alpha": 0.1, "x_b": 10.0, "c": 0.3, "f": 0.2}
    rise = {"L_inf": 1.0, "A": 1.0, "alpha": 0.2, "x_b": 10.0, "c": -0.5, "f": 0.2}
    for x, down, up in (
        (1, 1.999999, 2.000001),
        (10, 1.761971, 1.676243),
        (100, 1.316228, 2.258927),
    ):
        assert printed(value("broken-power", x, **bend), down, 7)
        assert printed(value("broken-power", x, **rise), up, 7)
    bump = {"L_inf": 1.5, "A": 1.0, "alpha": 0.3, "H": 0.4, "x_p": 10.0, "w": 0.5}
    for x, loss in ((1, 2.500010), (5, 2.270052), (10, 2.401187), (100, 1.751199)):
        assert printed(value("double-descent", x, **bump), loss, 7)
    grid = np.linspace(2, 12, 100_001)
    curve = bs.load_law("double-descent")(np, grid, **bump)
    turns = grid[1:-1][np.diff(np.sign(np.diff(curve))) != 0]
    np.testing.assert_allclose(turns, [3.608, 9.060], atol=1e-3)


def test_shifted_joint_law() -> None:
    """Fixture in scaled units: n_1 = .05, d_1 = .02 at n = d = 70."""
    found = value("chinchilla-shifted", 70e9, 1.4e12, **SHIFTED, N_0=0.05e9, D_0=0.02 * 2e10)
    assert printed(found, 1.85935, 6)


def test_over_training_form_is_the_tied_law() -> None:
    for N, D in ((1.4e9, 2.8e10), (1e8, 1e11), (7e9, 1.4e11)):
        tied = value("chinchilla-tied", N, D, **RED_PAJAMA)
        assert value("overtraining", 6 * N * D, D / N, **RED_PAJAMA) == pytest.approx(
            tied, rel=1e-13
        )
    assert printed(value("overtraining", 6 * 1.4e9 * 2.8e10, 20, **RED_PAJAMA), 2.77218, 6)
    assert printed(value("overtraining", 1e21, 640, **RED_PAJAMA), 2.74267, 6)
    law = bs.load_law("overtraining")
    values = {**RED_PAJAMA, **law.constants}
    assert printed(law.derived(np, **values)["M_opt"], 7.4, 2)
    N, D = law.optimum(np, 1e21 / 6, **values)
    tied_N, tied_D = bs.load_law("chinchilla-tied").optimum(
        np, 1e21 / 6, **RED_PAJAMA, N_ref=1e9, D_ref=2e10
    )
    assert pytest.approx(tied_N) == N and pytest.approx(tied_D) == D


def test_third_terms_and_products() -> None:
    three = {"L_inf": 1.6, "A": 0.3, "alpha": 0.34, "B": 0.3, "beta": 0.36, "G": 0.2, "gamma": 0.16}
    n, d, c = 70e9, 1.4e12, 4900 * 1.2e20
    assert printed(value("three-term", n, d, c, **three), 1.78711, 6)
    two = value("product", n, d, L_inf=1.7, A=0.6, a_N=0.15, a_D=0.15)
    same = value("product-three", n, d, c, L_inf=1.7, A=0.6, a_N=0.10, a_D=0.10, a_C=0.05)
    assert printed(two, 1.86773, 6) and same == pytest.approx(two, rel=1e-13)


def test_repeated_data() -> None:
    """Set W at 2.8B parameters and 55B tokens, with 55B, 13.75B and 1.25B distinct tokens."""
    base = {**W, "beta": W["alpha"], "R_D": 15.387756, "R_N": 5.309743}
    for distinct, loss in ((55e9, 2.35440), (13.75e9, 2.37778), (1.25e9, 2.70121)):
        assert printed(value("data-constrained", 2.8e9, 55e9, distinct, **base), loss, 6)
    fresh = value("chinchilla-tied", 2.8e9, 55e9, **W)
    assert value("data-constrained", 2.8e9, 55e9, 55e9, **base) == pytest.approx(fresh, rel=1e-12)
    more = value("data-constrained", 2.8e9, 55e9, 99e9, **base)
    assert more == pytest.approx(fresh, rel=1e-12)  # more distinct tokens than seen are of no use
    penalty = {**W, "beta": W["alpha"], "P": 0.005, "delta": 1.0, "kappa": 0.5}
    once = value("repetition-penalty", 2.8e9, 55e9, 55e9, **penalty)
    assert once == pytest.approx(fresh, abs=1e-9)
    losses = [
        value("repetition-penalty", 2.8e9, 1.25e9 * k, 1.25e9, **penalty) for k in (1, 8, 200)
    ]
    assert losses[1] < losses[0] < losses[2]  # a few epochs help, many hurt
