"""Stacking: weights of models that predict left-out runs best together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAP = 1e-9
"""Log score [nats] by which the weights may fall short of the best."""
MAX_STEPS = 20_000


def stacking_weights(pointwise: Any) -> NDArray[np.float64]:
    """Return the weights, (model,), under which the mixture of the models scores best.

    `pointwise` holds log predictive densities of left-out runs, (run, model), in any unit: a
    constant added to a row changes nothing. Maximises sum_i log sum_k w_k exp(lpd_ik) over the
    simplex (Yao et al. 2018, arXiv:1704.02030) by the multiplicative steps of EM for mixture
    proportions, which rise at every step; the largest slope bounds how far the best still is. Each
    row's maximum is taken off first: a run that is an outlier under every model would otherwise
    underflow and flatten the objective. A run that is impossible under every model says nothing.
    Equal models share their weight. Raises UsageError for a table without rows or models, and for
    values that are no log densities.
    """
    scores = np.asarray(pointwise, dtype=float)
    if scores.ndim != 2 or 0 in scores.shape:
        raise UsageError(f"stacking takes a table (run, model), not one of shape {scores.shape}")
    if np.isnan(scores).any() or (scores == np.inf).any():
        raise UsageError("stacking: a log density is not a number or infinite")
    best = scores.max(axis=1, keepdims=True)
    possible = np.isfinite(best[:, 0])
    weights = np.full(scores.shape[1], 1 / scores.shape[1])
    if not possible.any():
        return weights
    density = np.exp(scores[possible] - best[possible])
    for _ in range(MAX_STEPS):
        slope = np.mean(density / (density @ weights)[:, None], axis=0)
        weights = weights * slope
        if len(density) * np.log(slope.max()) <= GAP:
            break
    return np.asarray(weights / weights.sum())
