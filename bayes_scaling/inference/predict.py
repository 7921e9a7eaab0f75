"""Draws of the curve and of new runs at given points, and densities; NumPy only, no PyMC."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.graph import known_sd
from bayes_scaling.names import CHAIN, DRAW, LOSS_NEW, POINT, RUN
from bayes_scaling.quantities import mean_of, new_of, quantity
from bayes_scaling.runs.derived import derive, sources_of
from bayes_scaling.runs.surface import MAD_TO_SD

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from numpy.typing import NDArray

PRIOR_DRAWS = 1000


def rng_of(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator that depends on the seed and on what it is for."""
    words = np.frombuffer(hashlib.sha256(purpose.encode()).digest()[:8], dtype=np.uint32)
    return np.random.default_rng([seed, *words.tolist()])


def require_inputs(fit: Fit, known: Container[str]) -> None:
    """Refuse a question that leaves open what the law reads; raises UsageError naming it."""
    missing = [n for n in fit.model.inputs if n not in known and sources_of(n, known) is None]
    if missing:
        raise UsageError(
            f"model {fit.spec.name!r} reads {', '.join(missing)} too: state it for each run in a "
            f"table of points, or for all with --given {missing[0]}=... on the command line, "
            f"fit.at({missing[0]}=...) in Python"
        )


def curve_at(fit: Fit, inputs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Expected loss [nats/token]; each input column broadcasts against (chain, draw, point).

    Inputs that are given for the fit (`Fit.at`) or follow from params and tokens may be left out:
    a split of a budget is enough. Raises UsageError naming inputs that are missing.
    """
    known = {**fit.given, **inputs}
    require_inputs(fit, known)
    columns = tuple(
        np.asarray(known[name] if name in known else derive(name, known), dtype=float)
        for name in fit.model.inputs
    )
    return np.asarray(fit.model.curve(np, columns, fit.unknowns(POINT)))


def _labelled(fit: Fit, values: NDArray[np.float64], dim: str, labels: object) -> xr.DataArray:
    coords = {CHAIN: fit.posterior[CHAIN], DRAW: fit.posterior[DRAW], dim: labels}
    return xr.DataArray(values, dims=(CHAIN, DRAW, dim), coords=coords)


def predict_at(fit: Fit, inputs: Mapping[str, NDArray[np.float64]], *, seed: int = 0) -> xr.Dataset:
    """Draw the target at points: inputs (point,), or from draw to draw (chain, draw, point).

    Returns `loss_mean` (the curve) and `loss_new` (one new run at each point), dims (chain, draw,
    point), nats/token; of a model of another target `accuracy_mean` and so on, in its unit.
    """
    mean = curve_at(fit, inputs)
    new = fit.model.noise.sample(rng_of(seed, LOSS_NEW), mean, fit.unknowns(POINT))
    target = fit.model.target
    whole = quantity(target)
    new = np.clip(new, whole.low, whole.high) if whole.closed else new
    labels = np.arange(mean.shape[-1])
    return xr.Dataset(
        {
            mean_of(target): _labelled(fit, mean, POINT, labels),
            new_of(target): _labelled(fit, new, POINT, labels),
        }
    )


def _at_runs(fit: Fit) -> NDArray[np.float64]:
    return curve_at(fit, {name: fit.runs.resource(name) for name in fit.model.inputs})


def log_likelihood(fit: Fit) -> xr.DataArray:
    """Log density of each fitted run's loss [log 1/(nats/token)], dims (chain, draw, run)."""
    loss = fit.observed
    values = fit.model.noise.log_density(
        loss, _at_runs(fit), known_sd(fit.model, fit.runs), fit.unknowns(RUN)
    )
    return _labelled(fit, values, RUN, fit.runs.fitted[RUN].to_numpy(dtype=str))


def normal_scores(fit: Fit) -> xr.DataArray:
    """Residuals of the fitted runs as standard normal scores, dims (chain, draw, run)."""
    loss = fit.observed
    values = fit.model.noise.normal_scores(
        loss, _at_runs(fit), known_sd(fit.model, fit.runs), fit.unknowns(RUN)
    )
    return _labelled(fit, values, RUN, fit.runs.fitted[RUN].to_numpy(dtype=str))


def residuals(fit: Fit) -> NDArray[np.float64]:
    """Observed minus expected loss of each fitted run, on the scale of the noise.

    Log loss or nats/token; shape (chain, draw, run).
    """
    noise = fit.model.noise
    loss = fit.observed
    return np.asarray(noise.to_scale(np, loss) - noise.to_scale(np, _at_runs(fit)))


def robust_sd(values: NDArray[np.float64]) -> float:
    """Standard deviation of the bulk, from the median absolute deviation; never zero."""
    spread = float(np.median(np.abs(values - np.median(values)))) * MAD_TO_SD
    return max(spread, 1e-12)


def posterior_predictive(fit: Fit, *, seed: int = 0) -> xr.DataArray:
    """Draw a replicate of each fitted run's loss [nats/token], dims (chain, draw, run)."""
    rng = rng_of(seed, "posterior_predictive")
    stated = known_sd(fit.model, fit.runs)
    values = fit.model.noise.sample(rng, _at_runs(fit), fit.unknowns(RUN), stated)
    return _labelled(fit, values, RUN, fit.runs.fitted[RUN].to_numpy(dtype=str))


def log_prior(fit: Fit) -> xr.Dataset:
    """Log prior density of each unknown at each draw, dims (chain, draw)."""
    densities = {
        name: ((CHAIN, DRAW), prior.log_density(fit.posterior[name].values))
        for name, prior in fit.model.all_priors.items()
    }
    return xr.Dataset(densities, coords=fit.posterior.coords)


def prior_draws(fit: Fit, *, seed: int = 0) -> xr.Dataset:
    """Draw 1,000 values of each unknown from its prior, dims (chain: 1, draw)."""
    rng = rng_of(seed, "prior")
    draws = {
        name: ((CHAIN, DRAW), prior.sample(rng, PRIOR_DRAWS)[None])
        for name, prior in fit.model.all_priors.items()
    }
    return xr.Dataset(draws, coords={CHAIN: [0], DRAW: np.arange(PRIOR_DRAWS)})
