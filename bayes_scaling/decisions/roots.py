"""Roots of many falling functions at once, each in a bracket of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIRST_STEP: Final = 1.0
"""First step from the start to a bracket; each further one is twice as long."""
REACH: Final = 32.0
"""Farthest from the start that a root is looked for."""
TOLERANCE: Final = 1e-10
MOST_STEPS: Final = 60


def falling_root(
    function: Callable[[Floats], Floats], start: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where each falling function is zero, and whether that lies beyond reach.

    `function` takes and returns arrays of the shape of `start`, elementwise. A bracket is sought
    within 32 of the start, in steps that double; where there is none, the root is its far end. In
    the bracket, each bisection is followed by the step of Ridders (1979, IEEE Trans. Circuits
    Syst. 26, 979), so it halves at least and mostly shrinks much faster.
    """
    low, high, at_low, at_high = _bracket(function, start)
    beyond = (at_low < 0) | (at_high > 0)
    found = np.where(at_low <= 0, low, high)
    for _ in range(MOST_STEPS):
        middle = (low + high) / 2
        at_middle = function(middle)
        root = np.sqrt(np.maximum(at_middle**2 - at_low * at_high, 0.0))
        part = np.divide(at_middle, root, out=np.zeros_like(root), where=root > 0)
        step = np.clip(middle + (middle - low) * part, low, high)
        at_step = function(step)
        before, found = found, np.where(beyond, found, step)
        for x, value in ((middle, at_middle), (step, at_step)):
            above, inside = value >= 0, (low <= x) & (x <= high)
            low, at_low = _moved(low, at_low, x, value, above & inside)
            high, at_high = _moved(high, at_high, x, value, ~above & inside)
        if np.all((np.abs(found - before) < TOLERANCE) | (high - low < TOLERANCE) | beyond):
            break
    return found, beyond


def _moved(
    end: Floats, at_end: Floats, x: Floats, value: Floats, there: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    return np.where(there, x, end), np.where(there, value, at_end)


def _bracket(
    function: Callable[[Floats], Floats], start: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Ends of which the lower has a value from 0 on, the upper one up to 0; and their values."""
    low = high = np.array(start, dtype=float)
    at_low = at_high = function(low)
    down, step, gone = at_low < 0, FIRST_STEP, 0.0
    while gone < REACH:
        open_ = np.where(down, at_low < 0, at_high > 0)
        if not open_.any():
            break
        gone = min(gone + step, REACH)
        step *= 2
        next_ = np.where(down, start - gone, start + gone)
        value = function(np.where(open_, next_, np.where(down, low, high)))
        go_down, go_up = open_ & down, open_ & ~down
        high, at_high = _moved(high, at_high, low, at_low, go_down)
        low, at_low = _moved(low, at_low, next_, value, go_down)
        low, at_low = _moved(low, at_low, high, at_high, go_up)
        high, at_high = _moved(high, at_high, next_, value, go_up)
    return low, high, at_low, at_high
