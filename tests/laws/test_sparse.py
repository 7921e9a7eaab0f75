"""Mixtures of experts and pruned models against numbers computed from the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from tests.laws.test_laws import printed

LN10 = np.log(10)
ROUTING = {
    # router: p_N, p_X, p_NX, p_0, X_s, X_m; loss at N = 1.3e9 with 1 and 64 experts
    "S-BASE": (-0.082, -0.108, 0.009, 1.104, 1.847, 314.478, 2.23736, 2.04978),
    "RL-R": (-0.083, -0.126, 0.012, 1.111, 1.880, 469.982, 2.23863, 2.11512),
    "HASH": (-0.087, -0.136, 0.012, 1.157, 4.175, 477.741, 2.22616, 2.07463),
}
CUTOFF = {"S-BASE": 1000e9, "RL-R": 32e9, "HASH": 215e9}


def value(name: str, *inputs: float, **unknowns: float) -> float:
    return float(bs.load_law(name)(np, *inputs, **unknowns))


@pytest.mark.parametrize("router", ROUTING)
def test_routing_from_its_base_ten_coefficients(router: str) -> None:
    p_N, p_X, p_NX, p_0, X_s, X_m, dense, routed = ROUTING[router]
    zeta = p_NX / LN10
    u = {
        "alpha": -p_N - p_NX * np.log10(X_s),
        "gamma": -p_X - 9 * p_NX,
        "zeta": zeta,
        "A": 10 ** (p_0 + 9 * p_N + (p_X + 9 * p_NX) * np.log10(X_s)),
        "X_s": X_s,
        "X_m": X_m,
    }
    assert printed(value("moe-routing", 1.3e9, 1, **u), dense, 6)
    assert printed(value("moe-routing", 1.3e9, 64, **u), routed, 6)
    law = bs.load_law("moe-routing")
    derived = law.derived(np, **u, **law.constants)
    published = {"p_N": p_N, "p_X": p_X, "p_NX": p_NX, "p_0": p_0}
    assert {k: derived[k] for k in published} == pytest.approx(published, rel=1e-12)
    cutoff = 10.0 ** derived["log10_N_cutoff"]
    assert cutoff == pytest.approx(CUTOFF[router], rel=0.02)
    gain = value("moe-routing", cutoff, 1, **u) / value("moe-routing", cutoff, 64, **u)
    assert gain == pytest.approx(1, abs=1e-12)  # at the cut-off experts change nothing


def test_granular_experts() -> None:
    at_one = {"L_inf": 0.47, "A": 1.669854, "B": 0.942539, "alpha": 0.115, "beta": 0.147}
    g = 0.193740 * 8**-0.58
    assert printed(value("moe-granular", 1e9, 2e10, 8, **at_one, g=g, gamma=0.58), 3.14039, 6)
    dense = {"L_inf": 0.47, "A": 1.1973, "B": 1.3130, "alpha": 0.126, "beta": 0.127}
    assert printed(value("chinchilla", 1e9, 2e10, **dense), 2.98031, 5)
    finer = value("moe-granular", 1e9, 2e10, 64, **at_one, g=g, gamma=0.58)
    saved = value("moe-granular", 1e9, 2e10, 8, **at_one, g=g, gamma=0.58) - finer
    assert saved == pytest.approx(g * (1 - 8**-0.58), rel=1e-12)


def test_sparse_mixtures() -> None:
    u = {
        "L_inf": 0.94, "A": 0.071554, "alpha": 0.5962, "B": 0.461127, "beta": 0.3954,
        "c_S": 0.4598, "kappa": 0.1666, "H": 0.633200, "delta": 0.1603, "gamma": 0.1595,
    }  # fmt: skip
    assert printed(value("moe-sparsity", 1e9, 2e10, 0.0, **u), 2.56568, 6)
    assert printed(value("moe-sparsity", 1e9, 2e10, 0.9, **u), 2.70187, 6)
    large = [value("moe-sparsity", 1e12, 2e10, s, **u) for s in (0.0, 0.5, 0.999999)]
    assert large[1] < large[0] and large[1] < large[2]  # a best sparsity in between


def test_experts_move_the_constants_of_the_additive_law() -> None:
    u = {"L_inf": 1.7, "A": 0.36, "alpha": 0.34, "B": 0.35, "beta": 0.36}
    moves = {"delta": 0.1, "omega": -0.05, "gamma": 0.01, "zeta": -0.02}
    assert value("moe-joint", 3e9, 4e10, 1, **u, **moves) == pytest.approx(
        value("chinchilla", 3e9, 4e10, **u), rel=1e-14
    )
    e = np.log(64)
    moved = {
        "L_inf": 1.7, "A": 0.36 * 64**-0.1, "alpha": 0.34 + 0.01 * e,
        "B": 0.35 * 64**0.05, "beta": 0.36 - 0.02 * e,
    }  # fmt: skip
    assert value("moe-joint", 3e9, 4e10, 64, **u, **moves) == pytest.approx(
        value("chinchilla", 3e9, 4e10, **moved), rel=1e-13
    )


def test_pruned_models() -> None:
    u = {"L_inf": 1.7, "a_S": 0.2, "b_S": 0.8, "c_S": 0.16, "b_N": 0.34, "B": 0.35, "b_D": 0.36}
    dense = {"L_inf": 1.7, "A": 0.36, "alpha": 0.34, "B": 0.35, "beta": 0.36}
    assert value("weight-sparsity", 3e9, 4e10, 0.0, **u) == pytest.approx(
        value("chinchilla", 3e9, 4e10, **dense), rel=1e-14
    )
    by_hand = 1.7 + (0.2 * 0.25**0.8 + 0.16) * 3**-0.34 + 0.35 * 2**-0.36
    assert value("weight-sparsity", 3e9, 4e10, 0.75, **u) == pytest.approx(by_hand, rel=1e-14)
