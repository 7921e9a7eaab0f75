"""Refit: a model fitted to the runs below a cut, and what it foresees of those above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import CheckError, InferenceError, UsageError
from bayes_scaling.inference.fit import Fit, stated_against
from bayes_scaling.inference.graph import known_sd
from bayes_scaling.inference.predict import curve_at, predict_at
from bayes_scaling.inference.sampling import Progress
from bayes_scaling.inference.sampling import fit as sample
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.names import LOSS_NEW, NEW_GROUP, POINT
from bayes_scaling.quantities import mean_of, new_of, quantity
from bayes_scaling.specs.input_error import variance_of_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bayes_scaling.evaluation.cuts import Cut
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.specs.spec import ModelSpec
LARGEST = 1e100
"""Stands for draws beyond it, infinite ones included, so that quantiles can be taken."""


@dataclass(frozen=True)
class Refit:
    """A fit to the runs below a cut, and draws of the target of each scored run, (draw, run)."""

    fit: Fit
    draws: NDArray[np.float64]


def refit(
    spec: ModelSpec,
    cut: Cut,
    *,
    seed: int,
    draws: int,
    chains: int,
    progress: Progress | None = None,
) -> Refit | str:
    """Fit a model below a cut and forecast the runs above; in words why, where that cannot be.

    Raises UsageError for seed, draws and chains that no fit takes.
    """
    try:
        stated_against(spec, cut.trained)  # so that what fit refuses below is an argument of ours
    except (UsageError, CheckError) as fault:
        return str(fault)
    try:
        fit = sample(spec, cut.trained, seed=seed, draws=draws, chains=chains, progress=progress)
    except InferenceError as fault:
        return str(fault)
    try:
        values = draws_of_runs(fit, cut.scored, seed=seed)
    except UsageError as fault:
        return str(fault)
    if np.isnan(values).any():
        return "some draws of the forecast are no numbers: look at the fit below this cut"
    return Refit(fit, values)


def draws_of_runs(fit: Fit, scored: Runs, *, seed: int = 0) -> NDArray[np.float64]:
    """Draw what each row of a table would measure as a new run of the fit, (draw, row).

    Noise and a run effect are the model's; the row's own stated measurement error, and errors that
    the model knows of in its inputs, are added to the noise as they are in the likelihood. A group
    that was not fitted is drawn as a new one. Raises UsageError where the table lacks an input.
    """
    inputs: dict[str, NDArray[Any]] = {name: scored.resource(name) for name in fit.model.inputs}
    if (groups := fit.model.groups) is not None:
        names = scored.fitted[groups.column].astype(str)
        inputs[groups.column] = names.where(names.isin(groups.labels), NEW_GROUP).to_numpy(str)
    target = fit.model.target
    own = _own_sd(fit, scored, inputs)
    with np.errstate(over="ignore"):  # exp of a heavy tail can leave the numbers
        drawn = predict_at(fit, inputs, seed=seed)
        values = drawn[new_of(target)].values
        if own.any():
            mean, rng = drawn[mean_of(target)].values, rng_of(seed, LOSS_NEW)
            values = fit.model.noise.sample(rng, mean, fit.unknowns(POINT), own)
    whole = quantity(target)
    ends = (whole.low, whole.high) if whole.closed else (-LARGEST, LARGEST)
    return np.asarray(np.clip(values, *ends).reshape(-1, values.shape[-1]))


def _own_sd(fit: Fit, scored: Runs, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Known standard deviation of each row on the scale of the noise, broadcast to (..., row)."""
    stated, sds, noise = known_sd(fit.model, scored), fit.model.input_sds, fit.model.noise
    if not sds:
        return stated
    added = variance_of_inputs(lambda at: noise.to_scale(np, curve_at(fit, at)), inputs, sds)
    return np.asarray(np.sqrt(stated**2 + added))
