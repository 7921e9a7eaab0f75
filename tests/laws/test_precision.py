"""Few bits in training and after it, against numbers computed from the paper's formula."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from tests.laws.test_laws import printed

TRAINED = {
    "L_inf": 2.7648, "A": 0.146173, "alpha": 0.4965, "B": 0.138757, "beta": 0.4965,
    "g_w": 2.6745, "g_a": 2.2102, "g_kv": 0.9578,
}  # fmt: skip
STORED = {"Q": 7.98295 * np.exp(-4 / 0.5907), "g_D": 0.5068, "g_N": 0.3439, "g_post": 0.5907}


def trained(*bits: float, N: float = 1e9, D: float = 2e10) -> float:
    return float(bs.load_law("precision-training")(np, N, D, *bits, **TRAINED))


def stored(bits: float, N: float = 1e9, D: float = 2e10) -> float:
    return float(bs.load_law("precision")(np, N, D, 16, 16, 16, bits, **TRAINED, **STORED))


def test_bits_in_training() -> None:
    assert printed(trained(16, 16, 16), 3.04997, 6)
    assert printed(trained(4, 4, 4), 3.08614, 6)
    fewer = 1e9 * (1 - np.exp(-3 / 2.6745))
    many = (500, 500)
    assert trained(3, *many) == pytest.approx(trained(500, *many, N=fewer), rel=1e-14)


def test_published_amplitudes() -> None:
    assert printed(4299 * 1e9**-0.4965, TRAINED["A"], 6)
    assert printed(18060 * 2e10**-0.4965, TRAINED["B"], 6)
    assert pytest.approx(7.98295, rel=1e-4) == 0.0598 * 2e10**0.5068 * 1e9**-0.3439
    law = bs.load_law("precision")
    assert law.derived(np, **TRAINED, **STORED, **law.constants)["C_T"] == pytest.approx(7.98295)


def test_bits_after_training() -> None:
    for bits, damage in ((4, 0.009147), (3, 0.049717)):
        assert printed(stored(bits) - trained(16, 16, 16), damage, 4)
    assert stored(16) - trained(16, 16, 16) < 1e-10
    few = [stored(3, D=D) for D in (2e9, 2e10, 2e13)]
    assert few[1] < few[0] and few[1] < few[2]  # at few bits more data can hurt
