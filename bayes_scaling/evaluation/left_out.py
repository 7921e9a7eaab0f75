"""Left out: one run scored by a fit that was made without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit, stated_against
from bayes_scaling.inference.graph import known_sd, run_numbers
from bayes_scaling.inference.predict import law_at, scatter_at
from bayes_scaling.inference.sampling import Progress, fit
from bayes_scaling.names import GROUP, NEW_GROUP
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.noise import RUN_EFFECT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.runs.table import Runs
    from bayes_scaling.specs.prior import Prior
    from bayes_scaling.specs.spec import ModelSpec

    Floats = NDArray[np.float64]

DRAWS = 2000
CHAINS = 4
"""An outlier is scored by the few draws that come near it: a thousand in all are too few."""
Refit = Callable[[Fit, int], Fit]


def refit_without(
    source: Fit, row: int, *, draws: int = DRAWS, progress: Progress | None = None
) -> Fit:
    """Return the fit of the same model, priors and seed without one fitted row, by position.

    Priors that are relative to the table keep what they are with the row, so that the density is
    the one whose leave-one-out score importance sampling estimates. Raises UsageError for the fit
    of one group taken out of another, and where the table without the row cannot be fitted.
    """
    if GROUP in source.provenance:
        raise UsageError("the fit of one group is not refitted without the others")
    runs = source.runs.hold_out_rows([row])
    spec = with_kept_priors(source.model, runs)
    seed = int(source.provenance.get("seed", 0))
    return fit(spec, runs, seed=seed, draws=draws, chains=CHAINS, progress=progress)


def with_kept_priors(model: ModelSpec, runs: Runs) -> ModelSpec:
    """Return the model whose relative priors, stated against `runs`, are those of `model`."""
    there = stated_against(model, runs).priors
    return replace(model, priors={k: _kept(p, there[k].scale) for k, p in model.priors.items()})


def _kept(prior: Prior, scale: tuple[float, float]) -> Prior:
    if not prior.relative:
        return prior
    factor = {"q05": prior.scale[0] / scale[0], "q95": prior.scale[1] / scale[1]}
    return replace(prior, given={k: v * factor[k] for k, v in prior.given.items()})


def left_out_density(refit: Fit, runs: Runs, row: int) -> Floats:
    """Log density [log 1/(nats/token)] of one fitted row of `runs` under a fit without it.

    Shape (chain, draw). Of a model with run effects the density is given the other rows of the same
    run, over what they leave open of its effect; a group that only this row had is a new one.
    """
    model, noise = refit.model, refit.model.noise
    own = np.array([row])
    mean, sd, scatter = _curve_and_scatter(refit, runs, own)
    observed = runs.fitted[model.target].to_numpy(dtype=float)
    if noise.has_run_effect:
        number = run_numbers(runs)
        others = np.flatnonzero((number == number[row]) & (np.arange(len(number)) != row))
        there, there_sd, theirs = _curve_and_scatter(refit, runs, others)
        gap = noise.to_scale(np, observed[others]) - noise.to_scale(np, there)
        weight = 1 / (theirs["sigma"] ** 2 + there_sd**2)
        precision = weight.sum(axis=-1, keepdims=True) + scatter[RUN_EFFECT] ** -2.0
        moved = (gap * weight).sum(axis=-1, keepdims=True) / precision
        mean = noise.from_scale(noise.to_scale(np, mean) + moved)
        sd = np.sqrt(sd**2 + 1 / precision)
    return noise.log_density(observed[own], mean, sd, scatter)[..., 0]


def _curve_and_scatter(
    refit: Fit, runs: Runs, rows: NDArray[np.int64]
) -> tuple[Floats, Any, dict[str, Floats]]:
    """Law (chain, draw, row) at some rows, their known standard deviation, the noise's unknowns.

    No row lies beyond the table, so none has drift, even the largest in a fit without it.
    """
    model = refit.model
    inputs: dict[str, Any] = {name: runs.resource(name)[rows] for name in model.inputs}
    if model.groups is not None:
        names = runs.fitted[model.groups.column].to_numpy(dtype=str)[rows]
        inputs[model.groups.column] = np.where(
            np.isin(names, model.groups.labels), names, NEW_GROUP
        )
    sd: Any = known_sd(model, runs)[rows]
    if model.input_sds:
        added = variance_of_inputs(
            lambda moved: model.noise.to_scale(np, law_at(refit, moved)), inputs, model.input_sds
        )
        sd = np.sqrt(sd**2 + added)
    return law_at(refit, inputs), sd, scatter_at(refit, inputs)
