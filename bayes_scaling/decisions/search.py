"""Search: the least of a curve on an interval, for many draws and budgets at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Loss = Callable[[Floats, Floats], Floats]
    Ends = Callable[[Floats], tuple[Floats, Floats]]

COARSE = 61
GOLDEN = (5.0**0.5 - 1) / 2
GOLDEN_STEPS = 20
NEWTON_WIDTHS = (1.5e-2, 5e-3, 5e-3)
"""Half widths in log N of the differences that successive Newton steps use."""
AT_END = 1e-5
"""Share of the interval by which a least value lies at an end of it."""
ROUNDING = 1e-12
"""Relative difference of losses that says nothing."""
NODES = 8
"""Budgets searched where there are many: the best size is smooth in the budget between them."""
SETTLED = 1e-7
"""Largest Newton step in log N from an interpolated optimum that needs none."""
SMOOTH = 1e-3
"""Largest Newton step in log N from an interpolated optimum that is believed."""


def least(
    loss: Loss,
    ends: Ends,
    budgets: Floats,
    full: tuple[int, ...],
    *,
    smooth: bool = False,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where loss(x, budget) is least between the ends of x, and whether at an end.

    `ends(budgets)` gives both; they and `budgets` broadcast against `full`, the shape of the
    answer, whose last axis is that of the budgets. A grid finds the valley, golden sections narrow
    it, and Newton steps on differences of four points finish it beyond the precision at which
    neighbouring losses can be told apart. `smooth`: of many budgets a few are searched and the rest
    interpolated.
    """
    if smooth and budgets.ndim == 1 and budgets.size > 2 * NODES and np.ptp(budgets) > 0:
        return _interpolated(loss, ends, budgets, full)
    return _searched(loss, ends, budgets, full)


def _searched(
    loss: Loss, ends: Ends, budgets: Floats, full: tuple[int, ...]
) -> tuple[Floats, NDArray[np.bool_]]:
    low, high = (np.broadcast_to(end, full) for end in ends(budgets))
    best, lowest = np.zeros(full, dtype=int), np.full(full, np.inf)
    for i in range(COARSE):
        value = loss(_at(low, high, i), budgets)
        better = value < lowest
        best, lowest = np.where(better, i, best), np.where(better, value, lowest)
    left = _at(low, high, np.maximum(best - 1, 0))
    right = _at(low, high, np.minimum(best + 1, COARSE - 1))
    x = _golden(lambda each: loss(each, budgets), left, right)
    near = AT_END * (high - low)
    at_low, at_high = x - low <= near, high - x <= near
    refined = np.clip(_newton(loss, x, budgets), low, high)
    worse = loss(refined, budgets) > loss(x, budgets) * (1 + ROUNDING)  # a kink is no parabola
    refined = np.where(worse, x, refined)
    x = np.where(at_low, low, np.where(at_high, high, refined))
    return x, at_low | at_high


def _at(low: Floats, high: Floats, index: NDArray[np.int64] | int) -> Floats:
    return np.asarray(low + (high - low) * (index / (COARSE - 1)))


def _golden(loss: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(GOLDEN_STEPS):
        go_left = at_left < at_right
        low, high = np.where(go_left, low, left), np.where(go_left, right, high)
        new = np.where(go_left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_new = loss(new)
        left, right = np.where(go_left, new, right), np.where(go_left, left, new)
        at_left, at_right = (
            np.where(go_left, at_new, at_right),
            np.where(go_left, at_left, at_new),
        )
    return (low + high) / 2


def _newton(
    loss: Loss, x: Floats, budgets: Floats, widths: tuple[float, ...] = NEWTON_WIDTHS
) -> Floats:
    """Newton steps on four points around x: accurate far below the loss's own resolution.

    The slope is good to the fourth order of the width. The bend, to the second, scales a step that
    shrinks, so that the loss at x itself need not be known.
    """
    for step in widths:
        far_low, low, high, far_high = (loss(x + k * step, budgets) for k in (-2, -1, 1, 2))
        slope = (8 * (high - low) - (far_high - far_low)) / (12 * step)
        bend = ((far_high + far_low) - (high + low)) / (3 * step**2)
        move = np.where(bend > 0, -slope / np.where(bend > 0, bend, 1.0), 0.0)
        x = x + np.clip(move, -step, step)
    return x


def _interpolated(
    loss: Loss, ends: Ends, budgets: Floats, full: tuple[int, ...]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Search at Chebyshev points in the log budget and interpolate.

    Between the points the interpolated size is tried: where a Newton step would not move it, it is
    taken as it is; else every budget is finished by such a step, and searched where that is long.
    """
    place = np.log(budgets)
    middle, half = (place.max() + place.min()) / 2, np.ptp(place) / 2
    angles = (2 * np.arange(NODES) + 1) * np.pi / (2 * NODES)
    nodes = middle + half * np.cos(angles)
    found, at_end = _searched(loss, ends, np.exp(nodes), (*full[:-1], NODES))
    # barycentric weights of Chebyshev points of the first kind (Berrut and Trefethen 2004, 5.1)
    weights = (-1.0) ** np.arange(NODES) * np.sin(angles)

    def interpolated(at: Floats) -> Floats:
        gaps = at[:, None] - nodes
        exact = np.abs(gaps) < 1e-12
        shares = weights / np.where(exact, 1.0, gaps)
        shares = np.where(exact.any(axis=1)[:, None], exact, shares)
        return np.asarray(found @ (shares / shares.sum(axis=1, keepdims=True)).T)

    between = middle + half * np.cos(np.arange(NODES + 1) * np.pi / NODES)
    tried = interpolated(between)
    step = _newton(loss, tried, np.exp(between), NEWTON_WIDTHS[-1:]) - tried
    x = interpolated(place)
    if not at_end.any() and np.abs(step).max() <= SETTLED:
        return x, np.zeros(full, dtype=bool)
    finished = _newton(loss, x, budgets, NEWTON_WIDTHS[-1:])
    doubtful = (np.abs(finished - x) > SMOOTH).any(axis=-1) | at_end.any(axis=-1)
    ended = np.zeros(full, dtype=bool)
    if doubtful.any():  # rare: all draws again, as a curve cannot be asked for some of them
        again, ended = _searched(loss, ends, budgets, full)
        return np.where(doubtful[..., None], again, finished), ended & doubtful[..., None]
    return finished, ended
