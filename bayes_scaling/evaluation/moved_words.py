"""Moved, in words: why two fits differ, and what that did to the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.names import FLOPS
from bayes_scaling.quantities import unit_of
from bayes_scaling.runs.labels import display_name
from bayes_scaling.runs.units import format_quantity

if TYPE_CHECKING:
    import pandas as pd

STILL_SD = 0.1
"""Shift in standard deviations of the old fit up to which a median counts as unmoved."""
AHEAD = 10.0
"""Multiple of the largest run whose forecast the sentence tells, or the nearest there is."""


def sentence_of(
    rows: pd.DataFrame,
    model: Sequence[str],
    settings: pd.DataFrame,
    shifts: pd.Series,
    forecast: pd.DataFrame,
    axis: str,
    target: str,
) -> str:
    """Say in plain words what changed, which unknown moved most, and how the forecast moved.

    `shifts`: how far the median of each unknown moved in standard deviations of the old fit; the
    other tables are those of `Moved`.
    """
    causes = [*_data_words(rows, axis), *_model_words(model, settings), *_setting_words(settings)]
    if not causes:
        causes = ["Data, model and settings are the same"]
    elif len(rows) == 0 and not model and list(settings["setting"]) == ["seed"]:
        causes = ["Only the seed differs: what moved is Monte Carlo error"]
    said = "; ".join([*causes, _shift_words(shifts), _forecast_words(forecast, target)])
    return f"{said[0].upper()}{said[1:]}."


def _data_words(rows: pd.DataFrame, axis: str) -> Iterator[str]:
    for change, (count, amounts) in {
        word: (int((rows["change"] == word).sum()), rows["amount"][rows["change"] == word])
        for word in ("added", "removed", "changed")
    }.items():
        if count:
            were = "run was" if count == 1 else "runs were"
            what = _columns(rows) if change == "changed" else ""
            which = "" if count == 1 else "the largest "
            unit = "" if axis == FLOPS else f" {unit_of(axis)}"
            size = f"{format_quantity(float(amounts.max()), axis)}{unit}"
            yield f"{count} {were} {change}{what}, {which}at {size}"


def _columns(rows: pd.DataFrame) -> str:
    there = rows["columns"][rows["change"] == "changed"]
    names = dict.fromkeys(name for cell in there for name in cell.split(", "))
    return f" in {', '.join(display_name(name, 40) for name in names)}"


def _model_words(model: Sequence[str], settings: pd.DataFrame) -> Iterator[str]:
    named = settings[settings["setting"] == "model"]
    for row in named.itertuples():
        yield f"the model is {display_name(row.new, 40)} instead of {display_name(row.old, 40)}"
    if model and not len(named):
        yield f"the model file changed in {len(model)} lines"
    for row in settings[settings["setting"] == "resource"].itertuples():
        yield f"the law reads {row.new or 'other columns'!s} instead of {row.old or 'others'!s}"


def _setting_words(settings: pd.DataFrame) -> Iterator[str]:
    rest = settings[~settings["setting"].isin(["model", "model_version", "resource"])]
    versions = rest["setting"].str.startswith("version of ")
    for row in rest[~versions].itertuples():
        yield f"{row.setting} is {row.new}, was {row.old}"
    if versions.any():
        names = [name.removeprefix("version of ") for name in rest["setting"][versions]]
        yield f"other versions of {', '.join(names)}"


def _shift_words(shifts: pd.Series) -> str:
    shifts = shifts[np.isfinite(shifts)]
    if not len(shifts):
        return "the fits share no unknown"
    name = str(shifts.abs().idxmax())
    shift = float(shifts[name])
    if abs(shift) <= STILL_SD:
        return f"no unknown moved by more than {STILL_SD} sd"
    return f"{display_name(name, 40)} moved {'up' if shift > 0 else 'down'} by {abs(shift):.1f} sd"


def _forecast_words(forecast: pd.DataFrame, target: str) -> str:
    row = forecast.loc[(np.log(forecast["ratio"]) - np.log(AHEAD)).abs().idxmin()]
    old, new = float(row["old_q50"]), float(row["new_q50"])
    where = f"the forecast {target.replace('_', ' ')} at {row['ratio']:.3g}x the largest run"
    if abs(row["shift_sd"]) <= STILL_SD:
        return f"{where} stayed at {new:.4g}"
    overlap = "overlap" if row["overlap"] else "do not overlap"
    return f"{where} {'rose' if new > old else 'fell'} from {old:.4g} to {new:.4g} " + (
        f"(90% intervals {overlap})"
    )
