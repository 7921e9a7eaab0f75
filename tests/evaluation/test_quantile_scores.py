"""Scores of quantiles: the normal in closed form, a fine numerical integral, ties and ends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.quantile_scores import (
    crps_of_quantiles,
    pit_of_quantiles,
    quantile_between,
)

LEVELS = np.arange(1, 100) / 100
NORMAL = 2.2 + 0.03 * stats.norm.ppf(LEVELS)


def crps_of_normal(z: float) -> float:
    """Gneiting and Raftery 2007, eq. 5 of Gneiting et al. 2005: of the standard normal."""
    n = stats.norm
    return float(z * (2 * n.cdf(z) - 1) + 2 * n.pdf(z) - 1 / np.sqrt(np.pi))


@pytest.mark.parametrize("z", [-4.0, -2.0, -0.7, 0.0, 0.013, 1.0, 2.3, 2.5, 5.0])
def test_normal(z: float) -> None:
    y = 2.2 + 0.03 * z
    assert crps_of_quantiles(NORMAL, LEVELS, y) == pytest.approx(
        0.03 * crps_of_normal(z), rel=4e-3 if abs(z) > 2 else 1e-3
    )
    pit = pit_of_quantiles(NORMAL, LEVELS, y)
    assert pit == pytest.approx(stats.norm.cdf(z), abs=5e-4 if abs(z) < 2.3 else 5.1e-3)


@pytest.mark.parametrize("y", [0.5, 1.0, 1.2, 1.7, 2.0, 2.9, 3.0, 3.5])
def test_against_a_numerical_integral(y: float) -> None:
    q, p = np.array([1.0, 1.5, 2.0, 3.0]), np.array([0.1, 0.4, 0.5, 0.9])

    def squared(x: float) -> float:
        F = 0.0 if x < q[0] else 1.0 if x > q[-1] else float(np.interp(x, q, p))
        return (F - (x >= y)) ** 2

    points = sorted({0.0, *q, y, 4.0})
    total = sum(integrate.quad(squared, a, b)[0] for a, b in pairwise(points))
    assert crps_of_quantiles(q, p, y) == pytest.approx(total, abs=1e-9)


def test_a_jump_counts_half() -> None:
    q = np.where(LEVELS > 0.7, 1.0, LEVELS)  # 30% of the forecast at the upper end of a share
    assert pit_of_quantiles(q, LEVELS, 1.0) == pytest.approx((0.71 + 1) / 2)
    flat = np.full(99, 2.0)
    assert pit_of_quantiles(flat, LEVELS, 2.0) == 0.5
    assert crps_of_quantiles(flat, LEVELS, 2.25) == pytest.approx(0.25)
    assert crps_of_quantiles(flat, LEVELS, 2.0) == 0.0
    assert pit_of_quantiles(flat, LEVELS, 1.9) == 0.005
    assert pit_of_quantiles(flat, LEVELS, 2.1) == 0.995


def test_quantiles_between() -> None:
    assert quantile_between(NORMAL, LEVELS, 0.5) == NORMAL[49]
    assert quantile_between(NORMAL, LEVELS, 0.025) == pytest.approx((NORMAL[1] + NORMAL[2]) / 2)


@pytest.mark.parametrize(
    ("q", "p", "y", "word"),
    [([1.0], [0.5], 1.0, "from 2"), ([1.0, 2.0], [0.5], 1.0, "one level"),
     ([2.0, 1.0], [0.2, 0.4], 1.0, "rising"), ([1.0, np.nan], [0.2, 0.4], 1.0, "finite"),
     ([1.0, 2.0], [0.2, 1.0], 1.0, "between 0 and 1"), ([1.0, 2.0], [0.4, 0.2], 1.0, "rising"),
     ([1.0, 2.0], [0.2, 0.4], np.inf, "finite")],
)  # fmt: skip
def test_faults(q: list[float], p: list[float], y: float, word: str) -> None:
    for score in (crps_of_quantiles, pit_of_quantiles):
        with pytest.raises(UsageError, match=word):
            score(q, p, y)
