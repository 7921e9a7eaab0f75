"""Plot of a backtest: what was measured beside what was foreseen, against extrapolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.evaluation.cuts import RATIO
from bayes_scaling.evaluation.scores import MAIN_LEVEL, OBSERVED, inside_column, relative
from bayes_scaling.names import MODEL
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_target
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.backtest import Backtest

    Floats = NDArray[np.float64]

CROWD: Final = 40
"""Forecasts above which bars are drawn thinner, so that neighbours stay apart."""
BULK: Final = 0.98
"""Share of the interval ends that always fits into the plot, with every run that was measured."""
MARGIN: Final = 0.06
"""Room above and below, as part of the height."""
PALE_BLUE, MID_BLUE = "#b3d3e8", "#66a9d1"
"""Tints of the forecast's blue; opaque, so that bars side by side do not add up to a block."""


def plot_backtest(backtest: Backtest, *, model: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw measured minus foreseen target, in % of the forecast median, against extrapolation.

    One mark per cut and scored run of a model (without a name the average, or the only one), on
    bars that hold 50% (thick) and 90% (thin) of the forecast around its median at zero. Runs that
    fell outside their 90% interval are diamonds in another colour. The x axis is logarithmic: the
    run's axis over that of the largest fitted run. Raises UsageError for a model without rows.

    Examples
    --------
    >>> found = bs.backtest("chinchilla-plain", runs, cuts=[0.6], draws=250)
    >>> bs.plot_backtest(found).get_xscale()
    'log'
    """
    rows = backtest.of_model(model).sort_values(RATIO)
    x, middle = rows[RATIO].to_numpy(), rows["q50"].to_numpy()
    hit = rows[inside_column(MAIN_LEVEL)].to_numpy(dtype=bool)
    measured = _percent(rows, OBSERVED, middle)
    with style.paper():
        ax = style.canvas(ax)
        _bars(ax, x, rows, middle)
        ax.axhline(0.0, color=style.GREY, lw=0.9, zorder=2)
        marks: dict[str, Any] = {"zorder": 5, "lw": 0.6, "edgecolor": "white"}
        words = f"{hit.sum()} of {len(hit)} inside {MAIN_LEVEL:.0%}"
        ax.scatter(x[hit], measured[hit], s=18, color=style.INK, label=words, **marks)
        if not hit.all():
            look = {**marks, "s": 30, "marker": "D", "zorder": 6}
            words = f"{(~hit).sum()} outside"
            ax.scatter(x[~hit], measured[~hit], color=style.RED, label=words, **look)
        _fit_in(ax, measured, rows, middle)
        ax.set_xscale("log")
        low, high = float(x.min()), float(x.max())
        ax.set_xlim(min(low, 1.0) / 1.05, max(high, 3.0) * 1.15)
        style.log_axis(ax, "x", RATIO, label="times the largest fitted run")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.set_ylabel(f"measured minus forecast {say_target(backtest.target)} [%]")
        style.legend_above(ax, columns=4)
        ax.set_title(display_name(rows[MODEL].iloc[0], 40), loc="right", color=style.GREY)
    return ax


def _percent(rows: pd.DataFrame, column: str, middle: Floats) -> Floats:
    """Distance of a column from the forecast median in percent of it, (row,); NaN if it is 0."""
    return relative(100.0 * (rows[column].to_numpy() - middle), middle)


def _bars(ax: Axes, x: Floats, rows: pd.DataFrame, middle: Floats) -> None:
    thin = len(x) > CROWD
    for ends, width, color, label in (
        (("q05", "q95"), 0.9 if thin else 1.4, PALE_BLUE, "90% of the forecast"),
        (("q25", "q75"), 1.8 if thin else 3.2, MID_BLUE, "50%"),
    ):
        low, high = (_percent(rows, end, middle) for end in ends)
        ax.vlines(x, low, high, color=color, lw=width, zorder=3, label=label)


def _fit_in(ax: Axes, measured: Floats, rows: pd.DataFrame, middle: Floats) -> None:
    """Keep all runs in view and nearly all bars; the longest bars may leave it."""
    low = min(
        float(np.nanmin(measured)), float(np.nanquantile(_percent(rows, "q05", middle), 1 - BULK))
    )
    high = max(
        float(np.nanmax(measured)), float(np.nanquantile(_percent(rows, "q95", middle), BULK))
    )
    room = MARGIN * (high - low)
    ax.set_ylim(low - room, high + room)
