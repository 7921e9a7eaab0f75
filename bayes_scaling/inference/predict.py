"""Draws of the curve and of new runs at given points, and densities; NumPy only, no PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.graph import known_sd, run_numbers
from bayes_scaling.inference.grouped import unknowns_at
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.names import CHAIN, DRAW, DRIFT, GROUP, LOSS_NEW, POINT, RUN
from bayes_scaling.quantities import mean_of, new_of, quantity
from bayes_scaling.runs.derived import derive, sources_of
from bayes_scaling.runs.surface import MAD_TO_SD
from bayes_scaling.specs.groups import OF_GROUP
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.noise import RUN_EFFECT

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

PRIOR_DRAWS = 1000


def require_inputs(fit: Fit, known: Container[str]) -> None:
    """Refuse a question that leaves open what the law reads; raises UsageError naming it."""
    missing = [n for n in fit.model.inputs if n not in known and sources_of(n, known) is None]
    if missing:
        raise UsageError(
            f"model {fit.spec.name!r} reads {', '.join(missing)} too: state it for each run in a "
            f"table of points, or for all with --given {missing[0]}=... on the command line, "
            f"fit.at({missing[0]}=...) in Python"
        )


def _known(fit: Fit, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Columns that the law reads, asked or given or derived; UsageError naming missing ones."""
    known = {**fit.given, **inputs}
    require_inputs(fit, known)
    return {
        name: np.asarray(known[name] if name in known else derive(name, known), dtype=float)
        for name in fit.model.inputs
    }


def law_at(fit: Fit, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Loss of the law alone, without drift [nats/token]; otherwise as `curve_at`."""
    columns = tuple(_known(fit, inputs).values())
    return np.asarray(fit.model.curve(np, columns, unknowns_at(fit, inputs)))


def curve_at(fit: Fit, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Expected loss [nats/token]; each input column broadcasts against (chain, draw, point).

    The law, moved by its drift beyond the largest fitted run where the model has one. Inputs that
    are given for the fit (`Fit.at`) or follow from params and tokens may be left out: a split of a
    budget is enough. Where the model varies by group, `inputs` has an array of names (point,) under
    the group column. Raises UsageError naming inputs that are missing.
    """
    curve = law_at(fit, inputs)
    drift = fit.model.drift
    if drift is None:
        return curve
    beyond = -_below(fit, inputs)
    if not (beyond > 0).any():
        return curve
    rng = rng_of(fit.provenance.get("seed", 0), DRIFT)
    scatter = fit.model.noise.relative_scatter(fit.unknowns(POINT), curve)
    return np.asarray(curve * np.exp(drift.bend(rng, fit.shape, beyond, scatter)))


def _below(fit: Fit, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """E-folds of the axis under the largest fitted run, (point,) or (chain, draw, point)."""
    axis = fit.model.along(_known(fit, inputs))
    return np.asarray(np.log(_largest(fit, inputs) / np.atleast_1d(axis)))


def _largest(fit: Fit, inputs: Mapping[str, NDArray[Any]]) -> Any:
    """Axis of the largest fitted run; of several groups, that of each point's own (point,)."""
    groups = fit.model.groups
    if groups is None:
        return fit.largest
    each = [fit.at_group(name).largest for name in groups.labels]
    return np.array([*each, max(each)])[groups.numbers(inputs[groups.column])]


def scatter_at(fit: Fit, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """Unknowns of the noise at points, (chain, draw, 1) or (chain, draw, point): see `Noise.at`."""
    values = fit.unknowns(POINT)
    if not fit.model.noise.grows:
        return values
    return fit.model.noise.at(np, values, np.maximum(_below(fit, inputs), 0.0))


def _labelled(fit: Fit, values: NDArray[np.float64], dim: str, labels: object) -> xr.DataArray:
    coords = {CHAIN: fit.posterior[CHAIN], DRAW: fit.posterior[DRAW], dim: labels}
    return xr.DataArray(values, dims=(CHAIN, DRAW, dim), coords=coords)


def predict_at(fit: Fit, inputs: Mapping[str, NDArray[Any]], *, seed: int = 0) -> xr.Dataset:
    """Draw the target at points: inputs (point,), or from draw to draw (chain, draw, point).

    Returns `loss_mean` (the curve) and `loss_new` (one new run at each point), dims (chain, draw,
    point), nats/token; of a model of another target `accuracy_mean` and so on, in its unit.
    """
    mean = curve_at(fit, inputs)
    new = fit.model.noise.sample(rng_of(seed, LOSS_NEW), mean, scatter_at(fit, inputs))
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


def _inputs_at_runs(fit: Fit) -> dict[str, NDArray[Any]]:
    inputs: dict[str, NDArray[Any]] = {n: fit.runs.resource(n) for n in fit.model.inputs}
    if fit.model.groups is not None:
        column = fit.model.groups.column
        inputs[column] = fit.runs.fitted[column].to_numpy(dtype=str)
    return inputs


def _scatter(fit: Fit) -> dict[str, NDArray[np.float64]]:
    return scatter_at(fit, _inputs_at_runs(fit))


def _known_sd(fit: Fit) -> NDArray[np.float64]:
    """Known standard deviation of each fitted run on the scale of the noise.

    (run,), or (chain, draw, run) where errors in the inputs add to it at each draw's own slope.
    """
    stated, sds = known_sd(fit.model, fit.runs), fit.model.input_sds
    if not sds:
        return stated
    noise = fit.model.noise
    added = variance_of_inputs(
        lambda moved: noise.to_scale(np, law_at(fit, moved)), _inputs_at_runs(fit), sds
    )
    return np.asarray(np.sqrt(stated**2 + added))


def _at_runs(fit: Fit) -> NDArray[np.float64]:
    """Expected loss of another row of each fitted run: the curve and, where it has one, its effect.

    The effect is drawn given the run's losses, the same from call to call.
    """
    mean = curve_at(fit, _inputs_at_runs(fit))
    noise, loss = fit.model.noise, fit.observed
    if not noise.has_run_effect:
        return mean
    rng = rng_of(fit.provenance.get("seed", 0), RUN_EFFECT)
    stated = _known_sd(fit)
    return noise.move(rng, loss, mean, stated, _scatter(fit), run_numbers(fit.runs))


def log_likelihood(fit: Fit) -> xr.DataArray:
    """Log density of each fitted run's loss [log 1/(nats/token)], dims (chain, draw, run)."""
    loss = fit.observed
    values = fit.model.noise.log_density(loss, _at_runs(fit), _known_sd(fit), _scatter(fit))
    return _labelled(fit, values, RUN, fit.runs.fitted[RUN].to_numpy(dtype=str))


def normal_scores(fit: Fit) -> xr.DataArray:
    """Residuals of the fitted runs as standard normal scores, dims (chain, draw, run)."""
    loss = fit.observed
    values = fit.model.noise.normal_scores(loss, _at_runs(fit), _known_sd(fit), _scatter(fit))
    return _labelled(fit, values, RUN, fit.runs.fitted[RUN].to_numpy(dtype=str))


def bad_run_probability(fit: Fit) -> xr.DataArray:
    """Posterior probability that each fitted run is bad: worse than the curve by more than noise.

    Dim (run). For models with one-sided noise; raises UsageError for others.
    """
    noise = fit.model.noise
    if noise.kind != "one_sided":
        raise UsageError(
            f"model {fit.spec.name!r} has {noise.kind} noise, which knows no bad runs; fit one "
            "with one-sided noise, such as chinchilla-one-sided"
        )
    loss = fit.observed
    stated = _known_sd(fit)
    each = noise.bad_probability(loss, _at_runs(fit), stated, _scatter(fit))
    names = fit.runs.fitted[RUN].to_numpy(dtype=str)
    return xr.DataArray(each.mean(axis=(0, 1)), dims=(RUN,), coords={RUN: names}, name="p_bad")


def residuals(fit: Fit) -> NDArray[np.float64]:
    """Observed minus expected loss of each fitted run, on the scale of the noise.

    Log loss or nats/token; shape (chain, draw, run). A run's own effect counts as expected.
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
    stated = _known_sd(fit)
    values = fit.model.noise.sample(rng, _at_runs(fit), _scatter(fit), stated, same_runs=True)
    return _labelled(fit, values, RUN, fit.runs.fitted[RUN].to_numpy(dtype=str))


def log_prior(fit: Fit) -> xr.Dataset:
    """Log prior density of each unknown at each draw, dims (chain, draw)."""
    densities = {
        name: ((CHAIN, DRAW), prior.log_density(fit.posterior[name].values))
        for name, prior in fit.model.all_priors.items()
    }
    return xr.Dataset(densities, coords={dim: fit.posterior[dim] for dim in (CHAIN, DRAW)})


def prior_draws(fit: Fit, *, seed: int = 0) -> xr.Dataset:
    """Draw 1,000 values of each unknown from its prior, dims (chain: 1, draw), and in groups."""
    rng = rng_of(seed, "prior")
    draws: dict[str, Any] = {
        name: ((CHAIN, DRAW), prior.sample(rng, PRIOR_DRAWS)[None])
        for name, prior in fit.model.all_priors.items()
    }
    coords: dict[str, Any] = {CHAIN: [0], DRAW: np.arange(PRIOR_DRAWS)}
    if (groups := fit.model.groups) is not None:
        shape = (1, PRIOR_DRAWS, len(groups.labels))
        z = {name: rng.standard_normal(shape) for name in groups.spread}
        own = {name: values[..., None] for name, (_, values) in draws.items()}
        found = groups.values(np, fit.model.priors, own, z)
        for name, values in found.items():
            draws[name + OF_GROUP] = ((CHAIN, DRAW, GROUP), values)
        coords[GROUP] = list(groups.labels)
    return xr.Dataset(draws, coords=coords)
