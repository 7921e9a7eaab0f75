"""Plots of a batch: the forecasts for one table side by side, and how often intervals held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.names import MODEL
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_number, say_target
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NEW: Final = "_new_q50"
SPREAD: Final = 0.6
"""Room that the models share around an amount, where neighbouring amounts are 1 apart."""
COLORS: Final = (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.PURPLE, style.INK)
LEVELS: Final = {"inside50": 0.5, "inside90": 0.9}
LONGEST: Final = 28
"""Characters of a name in a legend."""


def target_in(results: pd.DataFrame) -> str:
    """Return what the forecasts of a batch are of; empty where there is none."""
    found = [str(name).removesuffix(NEW) for name in results if str(name).endswith(NEW)]
    return next(iter(found), "")


def forecasts_in(results: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts from whole tables: those below a cut only test them."""
    target = target_in(results)
    if not target:
        return results.iloc[:0]
    rows = results[(results["question"] == "forecast") & results["cut"].isna()]
    return rows[rows[f"{target}{NEW}"].notna()]


def plot_results(results: pd.DataFrame, table: str, *, ax: Axes | None = None) -> Axes:
    """Draw every model's forecast of a new run for one table of a batch.

    `results` as `read_results` gives them. At each amount asked, one bar per model: 5% to 95%, the
    median a dot. Raises UsageError where the table has no forecast.
    """
    rows = forecasts_in(results)
    rows = rows[rows["table"] == table]
    if rows.empty:
        raise UsageError(f"no forecast for the table {display_name(table)} in these results")
    target = target_in(results)
    amounts, models = sorted(rows["amount"].unique()), list(rows[MODEL].unique())
    with style.paper():
        ax = style.canvas(ax, style.SMALL)
        for number, model in enumerate(models):
            own = rows[rows[MODEL] == model].set_index("amount")
            shift = (number + 0.5) / len(models) - 0.5
            x = np.array([amounts.index(each) for each in own.index]) + SPREAD * shift
            low, middle, high = (own[f"{target}_new_{q}"].to_numpy() for q in ("q05", "q50", "q95"))
            color = COLORS[number % len(COLORS)]
            ax.vlines(x, low, high, color=color, lw=2.2, alpha=0.75)
            ax.scatter(x, middle, s=16, color=color, zorder=3, label=display_name(model, LONGEST))
        ax.set_xticks(range(len(amounts)), [say_number(each) for each in amounts])
        ax.set_xlim(-0.6, len(amounts) - 0.4)
        ax.set_xlabel("amount asked")
        ax.set_ylabel(say_target(target))
        style.plain_axis(ax, "y")
        style.legend_above(ax, columns=2)
    return ax


def plot_coverage(results: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how often intervals of 50% and 90% held the larger runs, by model.

    Over the cuts of a batch: each table and cut a faint dot, their mean a bar, nominal a line.
    Raises UsageError where no cut was asked.
    """
    rows = _scored(results)
    if rows.empty:
        raise UsageError("no cut was asked: [data] cuts = [0.6] in the study")
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
                ax.scatter(shares, apart, s=7, color=color, alpha=0.3, lw=0, zorder=2)
                label = f"{level:.0%} intervals" if number == 0 else None
                ax.scatter(shares.mean(), y, marker="|", s=170, color=color, lw=3, zorder=4,
                           label=label)  # fmt: skip
        ax.set_yticks(range(len(models)), [display_name(model, LONGEST) for model in models])
        ax.set_ylim(len(models) - 0.5, -0.5)
        ax.set_xlim(-0.03, 1.03)
        ax.set_xlabel("share of larger runs inside; dashed: nominal")
        style.legend_above(ax)
    return ax


def _scored(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each table, model and cut that was scored."""
    if not set(LEVELS) <= set(results):
        return results.iloc[:0]
    rows = results[results["cut"].notna() & results["inside90"].notna()]
    return rows.drop_duplicates(["table", MODEL, "cut"])
