"""moved: what changed between two fits since the last review, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.moved_words import sentence_of
from bayes_scaling.evaluation.row_changes import row_changes
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.grouped import require_one_group
from bayes_scaling.inference.predict import predict_at, require_inputs
from bayes_scaling.names import FLOPS, NEW_GROUP, PARAMS, RUN, TOKENS
from bayes_scaling.quantities import new_of
from bayes_scaling.runs.derived import sources_of
from bayes_scaling.runs.table import resource_values
from bayes_scaling.runs.units import parse_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.runs.table import Runs

RATIOS = (1.0, 10.0, 100.0)
"""Multiples of the larger table's largest run at which the forecasts are compared."""
LEVELS = (0.05, 0.5, 0.95)
ENDS = tuple(f"{when}_{level}" for when in ("old", "new") for level in ("q05", "q50", "q95"))
"""Columns with the median and the 90% interval of both fits."""
SETTINGS = (
    "model", "model_version", "seed", "draws", "chains", "tune", "adaptation", "target_accept",
)  # fmt: skip
"""What a fit's provenance says of how it was made, beside package versions."""


@dataclass(frozen=True)
class Moved:
    """What two fits do not share.

    `rows`: columns change (added, removed, changed), run, columns (those that differ), amount (of
    the axis along which the model extrapolates). `model` holds the lines of the model file that
    differ, marked - and +; `settings` what differs in seed, sampler and versions: setting, old,
    new. `parameters`: index name, median and 90% interval of both fits and `shift_sd`, how far the
    median moved in standard deviations of the old fit. `forecast`: one row per point with `ratio`
    to the larger table's largest run, amount, the same six columns for one new run, and whether the
    intervals overlap. `sentence` says it in words.
    """

    rows: pd.DataFrame
    model: tuple[str, ...]
    settings: pd.DataFrame
    parameters: pd.DataFrame
    forecast: pd.DataFrame
    axis: str
    target: str
    sentence: str

    def to_frame(self) -> pd.DataFrame:
        """Return parameters and forecasts in one table: kind, name, both fits' quantiles, shift."""
        parameters = self.parameters.rename_axis("name").reset_index().assign(kind="parameter")
        names = [f"{self.target} at {amount:.6g} {self.axis}" for amount in self.forecast["amount"]]
        ahead = self.forecast.assign(kind="forecast", name=names)
        columns = ["kind", "name", *ENDS, "shift_sd"]
        return pd.concat([parameters[columns], ahead[columns]], ignore_index=True)


def moved(
    old: Fit, new: Fit, at: Sequence[float | str] | pd.DataFrame | None = None, *, seed: int = 0
) -> Moved:
    """Compare two fits: rows, model, settings, parameters, and forecasts at the same points.

    `at` lists amounts of compute (of the one resource, for laws of one), or is a table of points
    with what the laws read; by default 1, 10 and 100 times the largest run of the larger table. An
    amount is spent as that run would: at its tokens per parameter, everything else as in that run.
    Raises UsageError where the fits explain different targets, extrapolate along different columns
    or cannot be asked about these points.
    """
    if not isinstance(old, Fit) or not isinstance(new, Fit):
        raise UsageError("moved takes two fits, the old one first")
    if old.model.target != new.model.target or old.model.axis != new.model.axis:
        raise UsageError(
            f"model {old.spec.name!r} explains the {old.model.target} along {old.model.axis}, "
            f"model {new.spec.name!r} the {new.model.target} along {new.model.axis}: nothing to "
            "set side by side"
        )
    rows = _rows(old, new)
    model, settings = model_lines(old.spec.text, new.spec.text), _settings(old, new)
    parameters, forecast = _parameters(old, new), _forecast(old, new, at, seed)
    axis, target = new.model.axis, new.model.target
    derived = [name for name in parameters.index if name in old.derived or name in new.derived]
    shifts = parameters["shift_sd"].drop(derived)
    return Moved(
        rows=rows,
        model=model,
        settings=settings,
        parameters=parameters,
        forecast=forecast,
        axis=axis,
        target=target,
        sentence=sentence_of(rows, model, settings, shifts, forecast, axis, target),
    )


def model_lines(old: str, new: str) -> tuple[str, ...]:
    """Return the lines of a model file that went (-) and came (+)."""
    import difflib

    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return tuple(x for x in lines if not x.startswith(("---", "+++", "@@")) and x[1:].strip())


def _rows(old: Fit, new: Fit) -> pd.DataFrame:
    changes, axis = row_changes(old.runs, new.runs), new.model.axis
    before, after = old.runs.fitted, new.runs.fitted
    amounts = [fit.runs.resource(axis) for fit in (old, new)]
    rows: list[tuple[str, str, str, float]] = []
    for j in changes.added:
        rows.append(("added", str(after[RUN].iloc[j]), "", float(amounts[1][j])))
    for i in changes.removed:
        rows.append(("removed", str(before[RUN].iloc[i]), "", float(amounts[0][i])))
    for _, j, columns in changes.changed:
        what = ", ".join(columns)
        rows.append(("changed", str(after[RUN].iloc[j]), what, float(amounts[1][j])))
    return pd.DataFrame(rows, columns=["change", RUN, "columns", "amount"])


def _settings(old: Fit, new: Fit) -> pd.DataFrame:
    def stated(fit: Fit) -> dict[str, Any]:
        found = {name: fit.provenance.get(name) for name in SETTINGS}
        versions = fit.provenance.get("versions", {})
        resource = {"resource": fit.spec.resource or ""}
        return {**found, **resource, **{f"version of {k}": v for k, v in versions.items()}}

    before, after = stated(old), stated(new)
    rows = [
        (name, str(before.get(name)), str(after.get(name)))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]
    return pd.DataFrame(rows, columns=["setting", "old", "new"])


def _six(old: NDArray[np.float64], new: NDArray[np.float64]) -> tuple[float, ...]:
    """Quantiles of both, then how far the median moved in standard deviations of the old."""
    both = [*np.quantile(old, LEVELS), *np.quantile(new, LEVELS)]
    return (*map(float, both), float((both[4] - both[1]) / old.std(ddof=1)))


def _parameters(old: Fit, new: Fit) -> pd.DataFrame:
    """Quantiles of what either fit has; unknown where only one has it."""
    before, after = old.quantities, new.quantities
    rows = {}
    for name in dict.fromkeys([*before.data_vars, *after.data_vars]):
        if name in before and name in after:
            rows[str(name)] = _six(before[name].values, after[name].values)
            continue
        own = np.quantile((before if name in before else after)[name].values, LEVELS)
        none = (np.nan,) * len(LEVELS)
        rows[str(name)] = (*(own if name in before else none), *(own if name in after else none))
        rows[str(name)] += (np.nan,)
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*ENDS, "shift_sd"])


def _forecast(
    old: Fit, new: Fit, at: Sequence[float | str] | pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    axis = new.model.axis
    larger = max((new, old), key=lambda fit: float(fit.runs.resource(axis).max()))
    largest = float(larger.runs.resource(axis).max())
    if isinstance(at, pd.DataFrame):
        if not len(at):
            raise UsageError("the table of points is empty")
        inputs = _stated(old, new, at)
        require_inputs(old, inputs)
        require_inputs(new, inputs)
        amounts = resource_values(at, axis)
    else:
        amounts = np.asarray(RATIOS) * largest if at is None else _amounts(at, axis)
        inputs = _along(larger, old, new, amounts / largest)
    name = new_of(new.model.target)
    before, after = (
        predict_at(fit, _known(fit, inputs), seed=seed)[name].values.reshape(-1, len(amounts))
        for fit in (old, new)
    )
    rows = [_six(before[:, i], after[:, i]) for i in range(len(amounts))]
    found = pd.DataFrame(rows, columns=[*ENDS, "shift_sd"])
    found.insert(0, "ratio", amounts / largest)
    found.insert(1, "amount", amounts)
    apart = (found["new_q05"] > found["old_q95"]) | (found["new_q95"] < found["old_q05"])
    return found.assign(overlap=~apart)


def _amounts(at: Sequence[float | str], axis: str) -> NDArray[np.float64]:
    given = np.atleast_1d(np.asarray(at, dtype=object)).tolist()
    try:
        found = [parse_quantity(v, axis) if isinstance(v, str) else float(v) for v in given]
    except (TypeError, ValueError) as fault:
        raise UsageError(f"at: {fault}") from None
    if not found or not (np.isfinite(found).all() and min(found) > 0):
        raise UsageError("at: amounts must be finite and above 0")
    return np.asarray(found)


def _read(old: Fit, new: Fit) -> tuple[str, ...]:
    """Columns that a point may state: what the laws read, parameters and tokens first."""
    return tuple(dict.fromkeys((PARAMS, TOKENS, *old.model.inputs, *new.model.inputs)))


def _along(larger: Fit, old: Fit, new: Fit, ratios: NDArray[np.float64]) -> dict[str, Any]:
    """The largest run made larger by each ratio: (point,) arrays by column."""
    runs, axis = larger.runs, new.model.axis
    row = int(runs.resource(axis).argmax())
    joint = axis == FLOPS and {PARAMS, TOKENS} <= set(runs.frame.columns)
    steps = {FLOPS: ratios, PARAMS: ratios**0.5, TOKENS: ratios**0.5} if joint else {axis: ratios}
    found: dict[str, Any] = {}
    for name in _read(old, new):
        if name not in runs.frame and sources_of(name, found) is not None:
            continue  # it follows from what is known
        if name in runs.frame or sources_of(name, runs.frame) is not None:
            found[name] = runs.resource(name)[row] * steps.get(name, np.ones(len(ratios)))
    return found | _group_of_row(larger, runs, row, len(ratios))


def _group_of_row(larger: Fit, runs: Runs, row: int, count: int) -> dict[str, Any]:
    groups = larger.model.groups
    if groups is None:
        return {}
    return {groups.column: np.repeat(str(runs.fitted[groups.column].iloc[row]), count)}


def _stated(old: Fit, new: Fit, at: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: resource_values(at, name) for name in _read(old, new) if name in at
    }
    columns = {fit.model.groups.column for fit in (old, new) if fit.model.groups is not None}
    return found | {name: at[name].to_numpy(dtype=str) for name in columns if name in at}


def _known(fit: Fit, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with groups that the fit knows: another one is new to it."""
    groups = fit.model.groups
    if groups is None:
        return dict(inputs)
    if groups.column not in inputs:
        require_one_group(fit)
    asked = np.asarray(inputs[groups.column])
    return {**inputs, groups.column: np.where(np.isin(asked, groups.labels), asked, NEW_GROUP)}
