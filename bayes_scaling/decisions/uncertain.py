"""Uncertain: a quantity that a plan assumes, as a number or as a prior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

Quantity = float | Prior


def quantile(value: Quantity, level: float) -> float:
    """Return the number, or a quantile of the prior."""
    return float(value.quantile(level)) if isinstance(value, Prior) else float(value)


def middle(value: Quantity) -> float:
    """Return the number, or the median of the prior."""
    return quantile(value, 0.5)


def drawn(value: Quantity, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the number as an array without axes, or draws of the prior, (*shape, 1)."""
    if not isinstance(value, Prior):
        return np.asarray(float(value))
    return value.sample(rng, math.prod(shape)).reshape(*shape, 1)


def words(value: Quantity, form: str) -> str:
    """Return the number in a format, or median and 90% of the prior: 37% [30%, 45%]."""
    if not isinstance(value, Prior):
        return format(value, form)
    low, middle_, high = (format(quantile(value, q), form) for q in (0.05, 0.5, 0.95))
    return f"{middle_} [{low}, {high}]"
