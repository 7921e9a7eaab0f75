"""Answers: everything a report tells, computed once from a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bayes_scaling.decisions.allocation import Allocation, allocate_within
from bayes_scaling.decisions.forecast import Forecast, forecast
from bayes_scaling.decisions.horizon import axis_of, positive_values
from bayes_scaling.decisions.optimum import own_ray, params_on_ray
from bayes_scaling.decisions.plan import forecast_of_plans
from bayes_scaling.decisions.robust import robust_plans
from bayes_scaling.errors import CheckError
from bayes_scaling.inference.checks import check
from bayes_scaling.inference.graph import middle_of
from bayes_scaling.names import FLOPS, PARAMS, TOKENS
from bayes_scaling.quantities import is_weight, quantity
from bayes_scaling.runs.derived import sources_of
from bayes_scaling.runs.table import resource_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.verdicts import Checks

FAN_POINTS: Final = 60
"""Budgets at which the fan is drawn."""
FAN_MARGIN: Final = 1.6
"""How far the fan goes on beyond what was asked, as a factor."""
NO_SPLIT: Final = (
    "This law forecasts, but it cannot say how a budget is best split between parameters and "
    "tokens: that takes a law of the loss in both, and a table of both."
)


@dataclass(frozen=True)
class Answers:
    """What one report tells.

    `asked` forecasts the budgets, `fan` a fine grid around them, `held_out` the runs that were
    not fitted, each at its own size. Without an `allocation`, `no_split` says why; where the table
    itself forbids one, `refused` is true. Forecasts of a law of both then follow the table's own
    mean ratio of tokens to parameters, `ray`. What the law reads besides is taken as given
    (`fit.given`), at the middle of the runs where nothing else was said. Where limits, demand or
    scarce data surround a plan (`setting`), forecasts of budgets are those of their plans.
    """

    fit: Fit
    setting: Setting
    checks: Checks
    asked: Forecast
    fan: Forecast
    held_out: Forecast | None
    allocation: Allocation | None
    no_split: str = ""
    refused: bool = False
    ray: float | None = None


def gather(fit: Fit, budgets: Sequence[float], *, setting: Setting) -> Answers:
    """Compute every answer of a report at the budgets [FLOP, or the law's one resource].

    Raises UsageError for budgets that cannot be, or that no plan within the setting can spend.
    """
    fit, seed = _at_the_middle(fit), setting.seed
    amounts = positive_values(budgets, axis_of(fit))
    allocation, no_split, refused = _split(fit, amounts, setting)
    along = allocation is None and axis_of(fit) == FLOPS and len(fit.model.inputs) > 1
    ray = own_ray(fit) if along else None
    held_out = None
    if len(fit.runs.held_out):
        columns = {name: resource_values(fit.runs.held_out, name) for name in fit.model.inputs}
        held_out = forecast(fit, pd.DataFrame(columns), seed=seed)
    grid = _grid(fit, amounts)
    if allocation is not None and not setting.is_usual:
        asked = _of_plans(fit, allocation.robust, setting)
        plans = _plans(fit, grid, setting)
        trained = plans["train_flops"]  # demand may leave little for it
        least = min(grid[0], float(allocation.robust["train_flops"].min()))
        fan = _of_plans(fit, plans[trained >= least], setting)
    else:
        asked = forecast(fit, _points(fit, amounts, ray), seed=seed)
        fan = forecast(fit, _points(fit, grid, ray), seed=seed)
    return Answers(
        fit=fit,
        setting=setting,
        checks=check(fit),
        asked=asked,
        fan=fan,
        held_out=held_out,
        allocation=allocation,
        no_split=no_split,
        refused=refused,
        ray=ray,
    )


def budgets_of(answers: Answers) -> NDArray[np.float64]:
    """Return the budgets that were asked, (budget,): with demand, more than the plans' training."""
    if answers.allocation is not None and not answers.setting.is_usual:
        return answers.allocation.budgets[FLOPS].to_numpy(dtype=float)
    return resource_values(answers.asked.points, axis_of(answers.fit))


def _split(
    fit: Fit, amounts: NDArray[np.float64], setting: Setting
) -> tuple[Allocation | None, str, bool]:
    law = fit.model.law
    if not law.allocates and (axis_of(fit) != FLOPS or not law.no_split):
        return None, law.no_split or NO_SPLIT, False
    try:
        return allocate_within(fit, list(amounts), setting), "", False
    except CheckError as refusal:
        return None, str(refusal), True


def _plans(fit: Fit, budgets: NDArray[np.float64], setting: Setting) -> pd.DataFrame:
    """Plans of the budgets that leave one, each sum that is spent once."""
    line = setting.line
    flops = np.unique(line.spendable(budgets[line.payable(budgets)]))
    return robust_plans(setting.average(fit), flops, setting)


def _of_plans(fit: Fit, plans: pd.DataFrame, setting: Setting) -> Forecast:
    point = {name: plans[name].to_numpy(dtype=float) for name in (PARAMS, TOKENS)}
    mixed = setting.average(fit)
    return forecast_of_plans(mixed, point, setting, setting.seed)


def _at_the_middle(fit: Fit) -> Fit:
    """Take as given, at the middle of the runs, what budgets and `Fit.at` leave open."""
    axis = axis_of(fit)
    split = {PARAMS, TOKENS} if axis == FLOPS else {axis}
    open_ = [n for n in fit.model.inputs if n not in {*split, *fit.given}]
    if is_weight(axis):
        open_ = [n for n in open_ if not is_weight(n)]  # they follow the one that is asked
    middles = {n: _middle(fit, n) for n in open_ if sources_of(n, split) is None}
    return fit.at(**{name: value for name, value in middles.items() if name != axis})


def _middle(fit: Fit, column: str) -> float:
    values = fit.runs.resource(column)
    return float(values.mean()) if quantity(column).closed else middle_of(values)


def _points(
    fit: Fit, amounts: NDArray[np.float64], ray: float | None
) -> pd.DataFrame | list[float]:
    """What to forecast: the budgets, or runs of that compute along a ray of constant D/N."""
    axis = axis_of(fit)
    if is_weight(axis):
        return _mixtures(fit, axis, amounts)
    if axis != FLOPS and len(fit.model.inputs) > 1:
        return pd.DataFrame({axis: amounts})
    if ray is None:
        return [float(each) for each in amounts]
    params = params_on_ray(amounts, ray)
    return pd.DataFrame({PARAMS: params, TOKENS: params * ray})


def _mixtures(fit: Fit, axis: str, shares: NDArray[np.float64]) -> pd.DataFrame:
    """Mixtures in which one source has these shares, the others the rest as the runs have it."""
    others = {n: _middle(fit, n) for n in fit.model.inputs if is_weight(n) and n != axis}
    rest = (1 - shares) / sum(others.values())
    return pd.DataFrame({axis: shares, **{n: value * rest for n, value in others.items()}})


def _grid(fit: Fit, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amounts from the smallest run, or the smallest question, to beyond the largest."""
    axis = axis_of(fit)
    runs = fit.runs.resource(axis)
    held_out = fit.runs.held_out
    more = resource_values(held_out, axis) if len(held_out) and _has(held_out, axis) else runs
    largest = max(amounts.max(), runs.max(), more.max())
    smallest, highest = min(runs.min(), amounts.min()), FAN_MARGIN * largest
    if quantity(axis).closed:
        return np.linspace(smallest, min(highest, quantity(axis).high), FAN_POINTS)
    return np.geomspace(smallest, highest, FAN_POINTS)


def _has(frame: pd.DataFrame, axis: str) -> bool:
    return axis in frame or {PARAMS, TOKENS} <= set(frame)
