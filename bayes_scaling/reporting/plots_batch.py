"""Plots of a batch: the forecasts for one table side by side, and how often intervals held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.checks import MAX_RHAT, MIN_ESS, WORST_ESS, WORST_RHAT
from bayes_scaling.names import MODEL
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_number, say_target, unit_in_words
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

NEW: Final = "_new_q50"
ENDS: Final = ("q05", "q50", "q95")
SPREAD: Final = 0.66
"""Room that the models share around an amount, where neighbouring amounts are 1 apart."""
COLORS: Final = (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.PURPLE, style.INK)
MARKERS: Final = {"o": "●", "s": "■", "^": "▲", "D": "◆"}
"""Marks of the first six models, of the next six and so on, and their letters in a text."""
LEVELS: Final = {"inside50": 0.5, "inside90": 0.9}
SCORE: Final = "interval_score90"
LONGEST: Final = 28
"""Characters of a name in a legend."""
ROOM: Final = 18
"""Bars of full width that fit into one panel."""
MOST_LEVEL: Final = 5
"""Amounts whose labels have room side by side."""


def looks_of(results: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return colour and mark of each model, the same in every plot of these results."""
    marks = list(MARKERS)
    return {
        str(model): (COLORS[k % len(COLORS)], marks[k // len(COLORS) % len(marks)])
        for k, model in enumerate(results[MODEL].unique())
    }


def mixed_in(results: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether the chains of its fit mixed; R-hat that is no number: no.

    Rows without a fit, and results that do not say it, count as mixed.
    """
    mixed = results["status"] != "done"
    if not {WORST_RHAT, WORST_ESS} <= set(results):
        return mixed | True
    rhat, ess = (results[name].astype(float) for name in (WORST_RHAT, WORST_ESS))
    return mixed | (rhat.le(MAX_RHAT) & ess.ge(MIN_ESS))


def forecasts_in(results: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts from whole tables: those below a cut only test them.

    Columns: table, model, amount, axis (the resource of which it is an amount, empty where the
    results do not say), target, q05, q50, q95 of a new run, and mixed.
    """
    import pandas as pd

    rows = results[(results["question"] == "forecast") & results["cut"].isna()]
    rows = rows.reset_index(drop=True)
    if "axis" not in rows:  # results of an earlier version
        rows["axis"] = ""
    parts = []
    for target in (str(name).removesuffix(NEW) for name in rows if str(name).endswith(NEW)):
        own = rows[rows[f"{target}{NEW}"].notna()]
        part = own[["table", MODEL, "amount", "axis"]].assign(target=target, mixed=mixed_in(own))
        parts.append(part.assign(**{end: own[f"{target}_new_{end}"] for end in ENDS}))
    if not parts:
        return pd.DataFrame(columns=["table", MODEL, "amount", "axis", "target", "mixed", *ENDS])
    return pd.concat(parts).sort_index()


def plot_results(
    results: pd.DataFrame,
    table: str,
    *,
    target: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw every model's forecast of a new run for one table of a batch.

    `results` as `read_results` gives them. At each amount asked, one bar per model: 5% to 95%, the
    median a dot, hollow where the chains did not mix. A model looks the same for all tables.
    `target` chooses where models forecast several: the first. Raises UsageError where the table
    has no forecast.

    Examples
    --------
    >>> bs.plot_results(results, "runs.csv").has_data()
    True
    """
    rows = forecasts_in(results)
    rows = rows[rows["table"] == table]
    target = target or next(iter(rows["target"]), "")
    rows = rows[rows["target"] == target]
    if rows.empty:
        raise UsageError(f"no forecast for the table {display_name(table)} in these results")
    amounts, models = sorted(rows["amount"].unique()), list(rows[MODEL].unique())
    looks = looks_of(results)
    with style.paper():
        ax = style.canvas(ax, style.SMALL)
        for number, model in enumerate(models):
            shift = SPREAD * ((number + 0.5) / len(models) - 0.5)
            own = rows[rows[MODEL] == model]
            x = np.array([amounts.index(each) for each in own["amount"]]) + shift
            _draw_model(ax, own, x, looks[model], min(1.0, ROOM / len(models) / len(amounts)))
        ax.set_xticks(range(len(amounts)), [say_number(each) for each in amounts])
        if len(amounts) > MOST_LEVEL:
            ax.tick_params(axis="x", labelrotation=45)
        ax.set_xlim(-0.6, len(amounts) - 0.4)
        axes = set(rows["axis"]) - {""}
        ax.set_xlabel(style.axis_label(axes.pop()) if len(axes) == 1 else "amount asked")
        ax.set_ylabel(f"{say_target(target)} [{unit_in_words(target)}]")
        style.plain_axis(ax, "y")
        if legend:
            for model in models:
                color, marker = looks[model]
                label = display_name(model, LONGEST)
                ax.scatter([], [], s=20, color=color, marker=marker, label=label)
            style.legend_above(ax, columns=2)
    return ax


def _draw_model(
    ax: Axes, own: pd.DataFrame, x: NDArray[np.float64], look: tuple[str, str], scale: float
) -> None:
    """Draw one model's bars at `x`; marks shrink by `scale` where there are many."""
    color, marker = look
    low, middle, high = (own[end].to_numpy() for end in ENDS)
    ax.vlines(x, low, high, color=color, lw=2.2 * scale, alpha=0.75)
    inner = [color if mixed else "white" for mixed in own["mixed"]]
    marks: dict[str, Any] = {"marker": marker, "s": 20 * scale**1.5, "lw": 1.2 * scale}
    ax.scatter(x, middle, color=inner, edgecolor=color, zorder=3, **marks)


def coverage_in(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each model and table that was scored below a cut: means over its cuts.

    Columns: model, table, inside50, inside90, interval_score90, cuts (their number).
    """
    columns = [*LEVELS, SCORE]
    if not set(LEVELS) <= set(results):
        return results.iloc[:0].reindex(columns=[MODEL, "table", *columns, "cuts"])
    rows = results[results["cut"].notna() & results["inside90"].notna()]
    rows = rows.drop_duplicates(["table", MODEL, "cut"]).reindex(
        columns=[MODEL, "table", "cut", *columns]
    )
    groups = rows.groupby([MODEL, "table"], sort=False)
    return groups[columns].mean().assign(cuts=groups.size()).reset_index()


def plot_coverage(results: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how often intervals of 50% and 90% held the larger runs, by model.

    Over the cuts of a batch: each table a faint dot, their mean a bar, nominal a dashed line.
    Raises UsageError where no cut was asked or scored.

    Examples
    --------
    >>> bs.plot_coverage(results).has_data()
    True
    """
    rows = coverage_in(results)
    if rows.empty:
        raise UsageError("no cut was asked, or none scored: [data] cuts = [0.6] in the study")
    models = list(rows[MODEL].unique())
    rng = np.random.default_rng(0)  # dots of equal height are drawn apart
    with style.paper():
        ax = style.canvas(ax, (style.WIDE[0], 0.9 + 0.42 * len(models)))
        for k, (column, level) in enumerate(LEVELS.items()):
            color = (style.ORANGE, style.BLUE)[k]
            ax.axvline(level, color=color, lw=1.0, ls="--", zorder=1)
            for number, model in enumerate(models):
                shares = rows.loc[rows[MODEL] == model, column].to_numpy(dtype=float)
                y = number + (k - 0.5) * 0.36
                apart = y + rng.uniform(-0.1, 0.1, len(shares))
                ax.scatter(shares, apart, s=13, color=color, alpha=0.35, lw=0, zorder=2)
                label = f"{level:.0%} intervals" if number == 0 else None
                ax.scatter(np.nanmean(shares) if np.isfinite(shares).any() else np.nan, y,
                           marker="|", s=170, color=color, lw=3, zorder=4, label=label)  # fmt: skip
        ax.set_yticks(range(len(models)), [display_name(model, LONGEST) for model in models])
        ax.set_ylim(len(models) - 0.5, -0.5)
        ax.set_xlim(-0.03, 1.03)
        ax.set_xlabel("share of larger runs inside; dashed: nominal")
        style.legend_above(ax)
    return ax
