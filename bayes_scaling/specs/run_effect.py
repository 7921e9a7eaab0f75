"""Run effect: what all rows of one run have in common beside the curve.

Checkpoints of a run, and repeated evaluations, share their run's luck: a normal intercept of
standard deviation t on the scale of the noise. Under normal noise it is integrated out exactly (a
rank-one change of a diagonal covariance: Woodbury's identity), so the sampler never meets the
intercepts, and each fitted run's own is drawn afterwards from its conditional distribution.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOG_2_PI = math.log(2 * math.pi)


def log_density_graph(residual: Any, variance: Any, sd: Any, run: Any) -> Any:
    """PyTensor log density of all residuals (row,), correlated within runs; `run` (row,) numbers.

    Run numbers lie below the number of rows, so that sums over runs need no length of their own.
    """
    import pytensor.tensor as pt

    def summed(rows: Any) -> Any:
        return pt.inc_subtensor(pt.zeros_like(residual)[run], rows)

    variance = variance + pt.zeros_like(residual)
    weight, pull = summed(1 / variance), summed(residual / variance)
    rows = residual**2 / variance + pt.log(variance) + LOG_2_PI
    shrunk = sd**2 * weight
    return -0.5 * pt.sum(rows) + 0.5 * pt.sum(sd**2 * pull**2 / (1 + shrunk) - pt.log1p(shrunk))


def sample_given(
    rng: np.random.Generator,
    residual: NDArray[np.float64],
    variance: Any,
    sd: Any,
    run: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Draw each row's run effect given the residuals from the curve: (..., row) -> (..., row)."""
    order = np.argsort(run, kind="stable")
    starts = np.flatnonzero(np.diff(run[order], prepend=-1))

    def summed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.add.reduceat(rows[..., order], starts, axis=-1))

    weight = summed(np.broadcast_to(1 / variance, residual.shape))
    precision = weight + 1 / np.asarray(sd) ** 2
    mean = summed(residual / variance) / precision
    drawn = mean + rng.standard_normal(mean.shape) / np.sqrt(precision)
    return np.asarray(drawn[..., run])
