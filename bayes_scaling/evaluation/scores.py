"""Scores: how well draws of a forecast foresaw what was then measured.

Every score is negatively oriented: smaller is better. `draws` has shape (draw, row), `observed`
(row,), both in the unit of the target. Interval scores, WIS and CRPS come out in that unit;
`relative` divides them by the observed value, so that tables of different losses can be pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVELS: Final = (0.5, 0.8, 0.9, 0.95)
"""Shares of the central intervals whose coverage is counted; WIS weighs the same intervals."""
MAIN_LEVEL: Final = 0.9
"""Share of the interval that verdicts, widths and the plain interval score are about."""
WEIGHT_OF_MEDIAN: Final = 0.5
"""Weight of the median in WIS, with which WIS tends to CRPS as intervals are added."""
CRPS_REACH: Final = 10.0
"""Multiple of the largest observed size at which CRPS ends: no forecast in use goes there."""
OBSERVED: Final = "observed"
"""Column: what was measured."""
ERROR_COLUMN: Final = "error"
"""Column: log of forecast median over observed."""
QUANTILES: Final = {
    "q025": 0.025, "q05": 0.05, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9,
    "q95": 0.95, "q975": 0.975,
}  # fmt: skip
"""Columns of forecast quantiles and their levels: the median and the ends of all intervals."""
RELATIVE_SCORES: Final = ("interval_score90", "wis", "crps")
"""Columns of scores as shares of the observed value."""


def inside_column(level: float) -> str:
    """Return the column that says whether a run fell into an interval: inside90."""
    return f"inside{100 * level:.0f}"


def coverage_column(level: float) -> str:
    """Return the column that says which share of runs fell into an interval: coverage90."""
    return f"coverage{100 * level:.0f}"


def _checked(draws: Floats, observed: Floats) -> tuple[Floats, Floats]:
    """Arrays of draws and observations that belong together; UsageError where they do not."""
    values, seen = np.asarray(draws, dtype=float), np.asarray(observed, dtype=float)
    if values.ndim != 2 or seen.ndim != 1 or values.shape[1] != len(seen) or len(values) < 2:
        raise UsageError(
            f"draws of shape {values.shape} and observations of shape {seen.shape}: give two or "
            "more draws as (draw, row) and what was observed as (row,)"
        )
    if np.isnan(values).any() or not np.isfinite(seen).all():
        raise UsageError(
            "draws or observations are not numbers: leave out runs that were not measured, and "
            "look at the fit with check"
        )
    return values, seen


def _ends(values: Floats, level: float) -> Floats:
    """Ends of the central interval that holds a share of the draws, (2, row)."""
    if not 0 < level < 1:
        raise UsageError(f"level {level}: the share of an interval lies between 0 and 1")
    return np.asarray(np.quantile(values, ((1 - level) / 2, (1 + level) / 2), axis=0))


def inside(draws: Floats, observed: Floats, *, level: float = MAIN_LEVEL) -> NDArray[np.bool_]:
    """Whether each observation lies in the central interval of a share of the draws, (row,)."""
    values, seen = _checked(draws, observed)
    low, high = _ends(values, level)
    return np.asarray((low <= seen) & (seen <= high))


def coverage(draws: Floats, observed: Floats, *, levels: Sequence[float] = LEVELS) -> Floats:
    """Share of the observations inside the central interval of each level, (level,)."""
    return np.array([inside(draws, observed, level=level).mean() for level in levels])


def interval_score(draws: Floats, observed: Floats, *, level: float = MAIN_LEVEL) -> Floats:
    """Width of the central interval, plus 2/(1 - level) times the distance of a miss, (row,).

    Gneiting and Raftery 2007, J. Am. Stat. Assoc. 102, 359, eq. 43.
    """
    import scoringrules

    values, seen = _checked(draws, observed)
    low, high = _ends(values, level)
    score = scoringrules.interval_score(seen, low, high, 1 - level, backend="numpy")
    return np.asarray(score).reshape(seen.shape)  # of one row it gives a number


def weighted_interval_score(
    draws: Floats, observed: Floats, *, levels: Sequence[float] = LEVELS
) -> Floats:
    """Weighted mean of interval scores and the error of the median, (row,).

    Bracher et al. 2021, PLoS Comput. Biol. 17, e1008618, eq. 1: (|y - m| / 2 + sum over K
    intervals of (1 - level) / 2 times the interval score) / (K + 1/2). It reads quantiles only.
    """
    # written out: scoringrules 0.11 adds the median itself, not its error, without numba
    values, seen = _checked(draws, observed)
    total = WEIGHT_OF_MEDIAN * np.abs(seen - np.median(values, axis=0))
    for level in levels:
        total = total + (1 - level) / 2 * interval_score(values, seen, level=level)
    return np.asarray(total / (len(levels) + WEIGHT_OF_MEDIAN))


def crps(draws: Floats, observed: Floats) -> Floats:
    """Continuous ranked probability score, (row,), from draws, without bias for their number.

    Gneiting and Raftery 2007, eq. 20; estimator of Zamo and Naveau 2018, Math. Geosci. 50, 209.
    The integral ends at 10 times the largest observed size (a threshold-weighted CRPS, Gneiting and
    Ranjan 2011, J. Bus. Econ. Stat. 29, 411): exp of a Student's t has no mean, so that without an
    end one draw in a thousand would decide the score.
    """
    import scoringrules

    values, seen = _checked(draws, observed)
    end = CRPS_REACH * float(np.abs(seen).max(initial=0.0))
    bounded = np.clip(values, -end, end)
    return np.asarray(
        scoringrules.crps_ensemble(seen, bounded, m_axis=0, estimator="pwm", backend="numpy")
    )


def pit(draws: Floats, observed: Floats) -> Floats:
    """Share of the draws below each observation, ties half: uniform if calibrated, (row,)."""
    values, seen = _checked(draws, observed)
    return np.asarray((values < seen).mean(axis=0) + 0.5 * (values == seen).mean(axis=0))


def log_error(draws: Floats, observed: Floats) -> Floats:
    """Log of forecast median over observed, (row,): above zero where the forecast was too high.

    NaN where the two have different signs, or one of them is zero.
    """
    values, seen = _checked(draws, observed)
    return _log_error(np.median(values, axis=0), seen)


def _log_error(middle: Floats, seen: Floats) -> Floats:
    ratio = np.divide(middle, seen, out=np.full_like(seen, np.nan), where=seen != 0)
    possible = ratio > 0
    log = np.log(ratio, out=np.full_like(seen, np.nan), where=possible)
    return np.asarray(np.sign(seen) * log)


def median_error(draws: Floats, observed: Floats) -> float:
    """Median size of the log error of the forecast medians."""
    return float(np.nanmedian(np.abs(log_error(draws, observed))))


def bias(draws: Floats, observed: Floats) -> float:
    """Mean log error of the forecast medians: above zero where forecasts are too high."""
    return float(np.nanmean(log_error(draws, observed)))


def relative(score: Floats, observed: Floats) -> Floats:
    """Return a score as a share of the observed value, (row,); NaN where that is zero."""
    size = np.abs(np.asarray(observed, dtype=float))
    return np.divide(score, size, out=np.full_like(size, np.nan), where=size > 0)


def score_rows(draws: Floats, observed: Floats) -> pd.DataFrame:
    """Score each observation: one row per observed run.

    Columns: observed; forecast quantiles q025 to q975 in the unit of the target; inside50,
    inside80, inside90, inside95; interval_score90, wis and crps as shares of the observed value;
    error, the log of forecast median over observed; pit.
    Raises UsageError where shapes do not belong together or something is no number.
    """
    values, seen = _checked(draws, observed)
    table = pd.DataFrame({OBSERVED: seen})
    for name, row in zip(
        QUANTILES, np.quantile(values, tuple(QUANTILES.values()), axis=0), strict=True
    ):
        table[name] = row
    for level in LEVELS:
        table[inside_column(level)] = inside(values, seen, level=level)
    scores = (
        interval_score(values, seen),
        weighted_interval_score(values, seen),
        crps(values, seen),
    )
    for name, score in zip(RELATIVE_SCORES, scores, strict=True):
        table[name] = relative(score, seen)
    table[ERROR_COLUMN] = log_error(values, seen)
    table["pit"] = pit(values, seen)
    return table


def summarise(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Summarise scored rows by groups: one row per group.

    Columns: those of `by`; n; coverage50 to coverage95; means of interval_score90, wis and crps
    (shares of the observed value); median_error, the median size of the log error; bias, its mean;
    width90, the median width of the 90% interval as a share of the observed value.
    Raises UsageError where `by` names no column.
    """
    unknown = [name for name in by if name not in rows]
    if unknown or not by:
        there = ", ".join(str(name) for name in rows)
        raise UsageError(f"by {', '.join(unknown) or 'nothing'}: name columns of {there}")
    work = rows.assign(
        width90=relative((rows["q95"] - rows["q05"]).to_numpy(), rows[OBSERVED].to_numpy()),
        size_of_error=rows[ERROR_COLUMN].abs(),
    )
    groups = work.groupby(list(by), sort=True, observed=True, dropna=False)
    parts = {"n": groups.size()}
    parts |= {coverage_column(v): groups[inside_column(v)].mean() for v in LEVELS}
    parts |= {name: groups[name].mean() for name in RELATIVE_SCORES}
    parts["median_error"] = groups["size_of_error"].median()
    parts["bias"] = groups[ERROR_COLUMN].mean()
    parts["width90"] = groups["width90"].median()
    return pd.DataFrame(parts).reset_index()
