"""Drift: what may happen to a law beyond the largest run that was fitted.

No law is exact, and how far it is off where nothing was measured cannot be read off its fit. Beyond
the largest fitted run the slope of the log loss in the log of the axis (compute, or the one
resource that a law reads) therefore takes a random walk away from the law's own:

    log E[L] = log law + W(u),    W'(u) = scale * B(u),    u = log(axis / largest fitted run),

with B a Brownian motion from 0: W has standard deviation scale * sqrt(u^3 / 3). Up to the largest
run W is 0, so the drift changes no posterior; its scale has a prior that past extrapolations on
public tables have set. One common path per draw: what is drawn at two budgets moves together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["slope-walk"]
STEP = 0.25
"""E-folds of the axis after which the slope changes: far fewer than any question spans."""


@dataclass(frozen=True)
class Drift:
    """Random walk of the log loss's slope; `scale` is a prior [log loss per e-fold^1.5]."""

    kind: Kind
    scale: Prior

    def walk(
        self, rng: np.random.Generator, shape: tuple[int, ...], beyond: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Draw W at `beyond` e-folds past the largest run, one path for each of `shape`.

        `beyond` (point,) or (*shape, point), 0 and less inside the runs; returns (*shape, point).
        Generators in the same state give the same paths, however far they are asked to go.
        """
        scale = self.scale.sample(rng, math.prod(shape)).reshape(shape)
        beyond = np.maximum(beyond, 0.0)
        knots = math.ceil(beyond.max(initial=0.0) / STEP) + 1
        turns = rng.standard_normal((knots, *shape)) * (scale * math.sqrt(STEP))
        # the slope turns in the middle of each step, so that variances follow u^3 / 3 closely
        slope = np.concatenate([np.zeros((1, *shape)), turns.cumsum(axis=0)])
        height = np.concatenate([np.zeros((1, *shape)), (slope[1:] * STEP).cumsum(axis=0)])
        place = np.maximum(beyond / STEP - 0.5, -1.0)
        index = np.floor(place).astype(np.int64) + 1  # how often the slope has turned
        since = np.where(index > 0, beyond - (index - 0.5) * STEP, 0.0)
        return _at(height, np.maximum(index - 1, 0)) + _at(slope, index) * since


def _at(paths: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values (*shape, point) of paths (knot, *shape) at knots (point,) or (*shape, point)."""
    last = np.moveaxis(paths, 0, -1)
    if index.ndim == 1:
        return np.asarray(last[..., index])
    return np.asarray(np.take_along_axis(last, index, axis=-1))


def is_spread(prior: Prior) -> bool:
    """Whether a prior can be that of a scale: all its values are positive, in no column's unit."""
    return prior.support[0] >= 0 and not prior.relative
