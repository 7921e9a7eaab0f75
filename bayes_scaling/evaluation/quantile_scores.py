"""Quantile scores: how well a forecast kept as quantiles foresaw what was then measured.

The distribution function is linear between the quantiles; the little below the lowest and above the
highest lies at those two themselves. Quantiles that coincide are a jump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def _checked(quantiles: ArrayLike, levels: ArrayLike, observed: float) -> tuple[Floats, Floats]:
    """Quantiles and levels that belong together, and a number; UsageError where they do not."""
    q, p = np.asarray(quantiles, dtype=float), np.asarray(levels, dtype=float)
    if q.ndim != 1 or q.shape != p.shape or len(q) < 2:
        raise UsageError(f"{q.size} quantiles and {p.size} levels: give one level for each, from 2")
    if not (np.isfinite(q).all() and (np.diff(q) >= 0).all()):
        raise UsageError("quantiles must be finite numbers in rising order")
    if not ((p > 0).all() and (p < 1).all() and (np.diff(p) > 0).all()):
        raise UsageError("levels must lie between 0 and 1, in rising order")
    if not np.isfinite(observed):
        raise UsageError(f"observed {observed}: give a finite number")
    return q, p


def crps_of_quantiles(quantiles: ArrayLike, levels: ArrayLike, observed: float) -> float:
    """Continuous ranked probability score in the unit of the target, smaller is better.

    The exact integral of (F(x) - 1{x >= observed})^2, Gneiting and Raftery 2007, J. Am. Stat.
    Assoc. 102, 359, eq. 20, of the piecewise linear F that the quantiles (level,) stand for.
    """
    q, p = _checked(quantiles, levels, observed)
    place = int(np.searchsorted(q, observed, side="right"))
    nodes = np.insert(q, place, observed)
    heights = np.insert(p, place, np.interp(observed, q, p))
    width, after = np.diff(nodes), nodes[:-1] >= observed
    start, end = heights[:-1] - after, heights[1:] - after
    inner = width * (start**2 + start * end + end**2) / 3
    if place == 0:  # F is 0 on the way up to the lowest quantile
        inner[0] = width[0]
    elif place == len(q):
        inner[-1] = width[-1]
    return float(inner.sum())


def pit_of_quantiles(quantiles: ArrayLike, levels: ArrayLike, observed: float) -> float:
    """Share of the forecast below the observation, ties half: uniform if calibrated.

    Beyond the outermost quantiles, the middle of what lies there: .005 or .995 for .01 and .99.
    """
    q, p = _checked(quantiles, levels, observed)
    first = int(np.searchsorted(q, observed, side="left"))
    last = int(np.searchsorted(q, observed, side="right"))
    if last == 0:
        return float(p[0] / 2)
    if first == len(q):
        return float((1 + p[-1]) / 2)
    if last - first < 2:
        return float(np.interp(observed, q, p))
    below = p[first] if first else 0.0
    upto = p[last - 1] if last < len(q) else 1.0
    return float((below + upto) / 2)


def quantile_between(quantiles: ArrayLike, levels: ArrayLike, level: float) -> float:
    """Quantile at any level between the lowest and the highest, linear between neighbours."""
    return float(np.interp(level, np.asarray(levels), np.asarray(quantiles)))
