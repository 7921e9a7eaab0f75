"""Drift: what may happen to a law beyond the largest run that was fitted.

No law is exact, and how far it is off where nothing was measured cannot be read off its fit. Beyond
the largest fitted run the log loss therefore bends away from the law's own, in the log of the axis
(compute, or the one resource that a law reads), by a curvature that nobody knows:

    log E[L] = log law + W(u),    W(u) = c u^2 / 2,    u = log(axis / largest fitted run),
    c ~ Normal(0, scale * (scatter / .005)^follows).

Tables that scatter more around their law are also further off beyond it, so that the scale follows
the relative scatter of runs that the fit itself found. Up to the largest run W is 0, so the drift
changes no posterior; its scale has a prior that past extrapolations on public tables have set. One
curvature per draw: what is drawn at two budgets moves together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["curvature"]
SCATTER_REF = 0.005
"""Relative scatter of runs [log loss] at which the scale is stated."""


@dataclass(frozen=True)
class Drift:
    """Curvature of the log loss; `scale` is a prior [log loss per e-fold^2] at a scatter of .5%.

    `follows` is the power of the scatter that the scale follows: 0 for the same scale everywhere.
    """

    kind: Kind
    scale: Prior
    follows: float = 0.0

    def bend(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        beyond: NDArray[np.float64],
        scatter: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Draw W at `beyond` e-folds past the largest run, one curvature for each of `shape`.

        `beyond` (point,) or (*shape, point), 0 and less inside the runs; `scatter` (*shape,) or
        (*shape, point), relative; returns (*shape, point). Generators in the same state give the
        same curvatures, whatever is asked.
        """
        scale = self.scale.sample(rng, math.prod(shape)).reshape(shape)
        curvature = (scale * rng.standard_normal(shape))[..., None]
        relative = scatter if scatter.ndim > len(shape) else scatter[..., None]
        distance = np.maximum(beyond, 0.0)
        return np.asarray(curvature * (relative / SCATTER_REF) ** self.follows * distance**2 / 2)


def is_spread(prior: Prior) -> bool:
    """Whether a prior can be that of a scale: all its values are positive, in no column's unit."""
    return prior.support[0] >= 0 and not prior.relative
