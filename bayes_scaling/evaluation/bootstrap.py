"""Bootstrap: the usual point fit and its intervals, kept only to compare with.

The Chinchilla law is fitted by Huber's loss on log residuals (Hoffmann et al. 2022,
arXiv:2203.15556, approach 3), rows are resampled with replacement and fitted again, and each
forecast adds a resampled residual of the first fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.names import LOSS, PARAMS, TOKENS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HUBER_DELTA = 1e-3
"""Log residual beyond which a run counts linearly, as published."""
RESAMPLES = 400
STARTS = tuple((e, s, a, b) for e in (0.4, 0.7) for s in (0.3, 0.6) for a, b in ((0.3, 0.3),))
"""Starts of the first fit: log floor over log smallest loss, share of the model term, exponents."""
LOWEST, HIGHEST = np.array([-9.0, -9.0, -9.0, 0.01, 0.01]), np.array([9.0, 9.0, 9.0, 3.0, 3.0])


def bootstrap_draws(
    trained: pd.DataFrame, scored: pd.DataFrame, *, seed: int = 0, resamples: int = RESAMPLES
) -> Floats:
    """Forecasts of the losses of `scored` by refits of resampled rows, (resample, row).

    Both frames have params, tokens and loss [nats/token].
    """
    rng = np.random.default_rng(seed)
    center = np.log(trained[[PARAMS, TOKENS]].to_numpy(dtype=float)).mean(axis=0)
    x, y = _logs(trained, center), np.log(trained[LOSS].to_numpy(dtype=float))
    starts = [_start(y, *start) for start in STARTS]
    first = min((_fitted(x, y, start) for start in starts), key=lambda found: found.cost).x
    residuals, at = y - _log_loss(first, x), _logs(scored, center)
    draws = np.empty((resamples, len(scored)))
    for i in range(resamples):
        rows = rng.integers(0, len(y), len(y))
        again = _fitted(x[rows], y[rows], first).x
        draws[i] = _log_loss(again, at) + rng.choice(residuals, len(scored))
    return np.exp(draws)


def _logs(frame: pd.DataFrame, center: Floats) -> Floats:
    return np.asarray(np.log(frame[[PARAMS, TOKENS]].to_numpy(dtype=float)) - center)


def _start(y: Floats, floor: float, share: float, alpha: float, beta: float) -> Floats:
    lowest = np.exp(y.min())
    excess = np.exp(np.median(y)) - floor * lowest
    parts = np.log([floor * lowest, share * excess, (1 - share) * excess])
    return np.array([*parts, alpha, beta])


def _log_loss(values: Floats, x: Floats) -> Floats:
    floor, model, data, alpha, beta = values
    terms = np.stack([floor + 0 * x[:, 0], model - alpha * x[:, 0], data - beta * x[:, 1]])
    return np.asarray(np.logaddexp.reduce(terms, axis=0))


def _fitted(x: Floats, y: Floats, start: Floats) -> Any:
    from scipy.optimize import least_squares

    start = np.clip(start, LOWEST + 1e-6, HIGHEST - 1e-6)
    return least_squares(
        lambda values: _log_loss(values, x) - y,
        start,
        jac=lambda values: _slopes(values, x),
        bounds=(LOWEST, HIGHEST),
        loss="huber",
        f_scale=HUBER_DELTA,
    )


def _slopes(values: Floats, x: Floats) -> Floats:
    floor, model, data, alpha, beta = values
    terms = np.stack([floor + 0 * x[:, 0], model - alpha * x[:, 0], data - beta * x[:, 1]])
    share = np.exp(terms - np.logaddexp.reduce(terms, axis=0))
    return np.stack([*share, -share[1] * x[:, 0], -share[2] * x[:, 1]], axis=1)
