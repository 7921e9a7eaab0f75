"""forecast: draws of the loss, or of another target, of runs that have not been trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.horizon import (
    axis_of,
    caveats,
    extrapolation_of,
    positive_values,
    require_mixture,
    stated_of,
)
from bayes_scaling.decisions.optimum import per_draw_optimum, require_split
from bayes_scaling.decisions.quantiles import long_quantiles, quantiles_of
from bayes_scaling.decisions.source import Source, average_of, caveats_of_evidence, way_of
from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.averaging import Average
from bayes_scaling.evaluation.evidence import Evidence, Held, backtest_of, evidence_at
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.grouped import groups_asked, require_one_group
from bayes_scaling.inference.predict import predict_at, require_inputs
from bayes_scaling.names import CHAIN, DRAW, FLOPS, GROUP, LOSS, MODEL, PARAMS, POINT, TOKENS
from bayes_scaling.quantities import RESOURCES, mean_of, new_of
from bayes_scaling.runs.table import resource_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.runs.finding import Finding

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Levels of the long table: the median and intervals of 50%, 80% and 90%."""


@dataclass(frozen=True)
class Forecast:
    """Draws of the loss, or of the `target` that the model explains, at planned points.

    `points` has one row per point: its group where the model varies by group, those of params,
    tokens and flops that were asked for, and `extrapolation`, the multiple of the largest fitted
    run (of the group). `draws` holds `loss_mean` (the curve)
    and `loss_new` (one new run), nats/token, dims (chain, draw, point); where a joint law was
    asked for compute alone, also the `params` and `tokens` of each draw's own optimum. Draws of
    another target are named after it: `accuracy_mean`, `accuracy_new`, shares of items.
    `findings` with severity error say that a point lies beyond what the runs support, or that the
    table's own backtest failed. `evidence` says, for each point, how such forecasts fared. Of an
    average of several models, `weights` holds the share of each by name, and `draws` also says
    which `model` each draw is of, (chain, draw).

    Examples
    --------
    >>> found = bs.forecast(fit, pd.DataFrame({"params": [7e9], "tokens": [1.4e11]}))
    >>> found.mean, found.new
    ('loss_mean', 'loss_new')
    >>> found.quantiles([0.05, 0.5, 0.95], of="loss_mean").shape
    (1, 3)
    >>> (found.probability(at_most=10.0) > 0.99).tolist()
    [True]
    >>> list(found.to_frame())[-3:]
    ['tokens', 'flops', 'extrapolation']
    """

    points: pd.DataFrame
    draws: xr.Dataset
    findings: tuple[Finding, ...]
    weights: Mapping[str, float]
    provenance: Mapping[str, Any]
    target: str = LOSS
    evidence: tuple[Evidence, ...] = ()

    @property
    def mean(self) -> str:
        """Name of the draws of the curve: `loss_mean`."""
        return mean_of(self.target)

    @property
    def new(self) -> str:
        """Name of the draws of one new run: `loss_new`."""
        return new_of(self.target)

    def probability(
        self, *, at_least: float | None = None, at_most: float | None = None
    ) -> NDArray[np.float64]:
        """Probability that one new run's target is at least, or at most, a value; (point,).

        The value is in the unit of the target: nats/token, or a share of items. Raises UsageError
        unless exactly one of the two is given.
        """
        if (at_least is None) == (at_most is None):
            raise UsageError("give a probability either at_least or at_most")
        values = self.draws[self.new].transpose(CHAIN, DRAW, POINT).values
        hit = values >= at_least if at_least is not None else values <= at_most
        return np.asarray(hit.mean(axis=(0, 1)))

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str | None = None) -> pd.DataFrame:
        """Quantiles at each point: one row per point in the order asked, one column per level.

        `of`: `loss_new` (a new run; the default) or `loss_mean` (the curve), nats/token; for
        another target `accuracy_new` and so on. Raises UsageError for other names and for levels
        outside (0, 1).
        """
        return quantiles_of(self.draws, of or self.new, levels, POINT)

    def to_frame(self) -> pd.DataFrame:
        """Return long quantiles: point, its resources, variable, level, value."""
        table = long_quantiles(self.draws, (self.mean, self.new), LEVELS, POINT)
        return table.join(self.points, on=POINT)


def forecast(source: Source, at: pd.DataFrame | Sequence[float], *, seed: int = 0) -> Forecast:
    """Forecast the loss, or what else the model explains, at planned points.

    `source` is a fit, an `Average`, a mapping of fits (averaged with equal weights), or a run
    table: its default models are then fitted, backtested and averaged. `at` is a table with the
    columns the law reads (params and tokens, or its one resource), or a sequence of compute budgets
    in FLOP (for a law of one resource, or where all others are given: amounts of it). At a budget,
    each draw is read at its own optimal split of C = 6ND. For a model that varies by group, the
    table says in a column `group` of which each point is asked, "new" for one that is not in the
    fit; `fit.at_group(name)` answers for one group, and for budgets.

    Returns a `Forecast` with draws (chain, draw, point). Raises UsageError for impossible points,
    CheckError where the table cannot tell a split and only budgets are given.

    Examples
    --------
    >>> found = bs.forecast(fit, [1e22])
    >>> found.draws["loss_new"].dims
    ('chain', 'draw', 'point')
    >>> list(found.quantiles([0.05, 0.95]))
    [0.05, 0.95]
    """
    if seed < 0:
        raise UsageError(f"seed = {seed}: a whole number from 0")
    mixed = average_of(source, seed=seed)
    own = mixed.backtest if len(mixed.fits) == 1 else None
    each = {name: _of_fit(fit, at, seed, own) for name, fit in mixed.fits.items()}
    if len(each) == 1:
        return next(iter(each.values()))
    return _mixed(mixed, each, seed)


def _of_fit(
    fit: Fit, at: pd.DataFrame | Sequence[float], seed: int, own: tuple[Held, ...] | None
) -> Forecast:
    at = getattr(at, "to_pandas", lambda: at)()  # a polars frame is as good
    if isinstance(at, pd.DataFrame):
        points, inputs = _at_points(fit, at)
    else:
        points, inputs = _at_budgets(fit, at)
    draws = predict_at(fit, inputs, seed=seed)
    for name, values in inputs.items():
        if values.ndim > 1:
            draws[name] = ((CHAIN, DRAW, POINT), values)
    own = own if own is not None else backtest_of(fit.provenance)
    evidence = evidence_at(points["extrapolation"].to_numpy(), own, fit.spec.name)
    return Forecast(
        points=points,
        draws=draws,
        findings=(*caveats_of_evidence(evidence), *_caveats(fit, points, inputs)),
        weights={fit.spec.name: 1.0},
        provenance={**fit.provenance, **stated_of(fit), "forecast_seed": seed},
        target=fit.model.target,
        evidence=evidence,
    )


def _mixed(mixed: Average, each: Mapping[str, Forecast], seed: int) -> Forecast:
    """One forecast of several: each draw is that of its own model, at its own points."""
    first = next(iter(each.values()))
    shared = [name for name in first.draws if all(name in one.draws for one in each.values())]
    chains, draws = mixed.shape
    labels = first.draws.isel({CHAIN: slice(chains), DRAW: slice(draws)})
    drawn = labels[shared].copy()
    for name in shared:
        values = {model: one.draws[name].values for model, one in each.items()}
        drawn[name] = (labels[name].dims, mixed.pick(values))
    drawn[MODEL] = ((CHAIN, DRAW), np.array(list(each))[mixed.members()])
    ratios = first.points["extrapolation"].to_numpy()
    evidence = evidence_at(ratios, mixed.backtest, way_of(mixed))
    findings = [
        finding
        for one in each.values()
        for finding in one.findings
        if not finding.code.startswith("E")  # one model's record is not that of the average
    ]
    return Forecast(
        points=first.points,
        draws=drawn,
        findings=tuple(dict.fromkeys((*caveats_of_evidence(evidence), *findings))),
        weights=dict(mixed.weights),
        provenance={
            "models": {name: dict(one.provenance) for name, one in each.items()},
            "weights": dict(mixed.weights),
            "forecast_seed": seed,
        },
        target=first.target,
        evidence=evidence,
    )


def _at_points(fit: Fit, at: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, NDArray[Any]]]:
    if at.empty:
        raise UsageError("the table of points to forecast is empty")
    require_inputs(fit, {*at.columns, *fit.given, *RESOURCES})
    inputs: dict[str, NDArray[Any]] = {
        n: positive_values(resource_values(at, n), n)
        for n in fit.model.inputs
        if n in at or n not in fit.given
    }
    require_mixture(fit, inputs)
    points = pd.DataFrame(inputs)
    for name in RESOURCES:
        if name not in points and (name in at or (name == FLOPS and {PARAMS, TOKENS} <= set(at))):
            points[name] = positive_values(resource_values(at, name), name)
    amounts = points[axis_of(fit)] if axis_of(fit) in points else points[fit.model.inputs[0]]
    shown = (*RESOURCES, *(n for n in fit.model.inputs if n not in RESOURCES))
    points = points[[name for name in shown if name in points]]
    names = groups_asked(fit, at)
    if names is None:
        return points.assign(extrapolation=extrapolation_of(fit, amounts.to_numpy())), inputs
    ratios = np.empty(len(points))
    for name in np.unique(names):
        own = names == name
        ratios[own] = extrapolation_of(fit.at_group(name), amounts.to_numpy()[own])
    points.insert(0, GROUP, names)
    return points.assign(extrapolation=ratios), {**inputs, GROUP: names}


def _caveats(
    fit: Fit, points: pd.DataFrame, inputs: Mapping[str, NDArray[Any]]
) -> tuple[Finding, ...]:
    """What must be said with the answer; of several groups, each by its own runs."""
    ratios = points["extrapolation"].to_numpy()
    if GROUP not in inputs:
        return caveats(fit, ratios, inputs)
    found: dict[Finding, None] = {}
    for name in np.unique(inputs[GROUP]):
        own = inputs[GROUP] == name
        asked = {k: v[..., own] for k, v in inputs.items() if k != GROUP}
        found |= dict.fromkeys(caveats(fit.at_group(name), ratios[own], asked))
    return tuple(found)


def _rest_given(fit: Fit) -> bool:
    """Whether the law reads nothing beside its axis that is not given."""
    return set(fit.model.inputs) <= {axis_of(fit), *fit.given}


def _at_budgets(
    fit: Fit, at: Sequence[float]
) -> tuple[pd.DataFrame, dict[str, NDArray[np.float64]]]:
    require_one_group(fit)
    axis = axis_of(fit)
    amounts = positive_values(at, axis)
    points = pd.DataFrame({axis: amounts, "extrapolation": extrapolation_of(fit, amounts)})
    if len(fit.model.inputs) == 1 or (axis != FLOPS and _rest_given(fit)):
        require_mixture(fit, {axis: amounts})
        return points, {axis: amounts}
    if axis != FLOPS:
        raise UsageError(
            f"model {fit.spec.name!r} has no compute axis: ask at points, as a table with "
            f"{', '.join(fit.model.inputs)} (--at plan.csv on the command line), or give all but "
            f"{axis}"
        )
    require_split(fit, amounts)
    params, tokens, _ = per_draw_optimum(fit, amounts)
    return points, {PARAMS: params, TOKENS: tokens}
