"""Plots: the forecast fan, and the one place from which all plots can be had.

Each function takes results, draws on the given axes or on new ones, and returns them. Plots of
splits live in `plots_split`, plots of a fit in `plots_posterior`, that of a backtest in
`plots_backtest`, that of candidate runs in `plots_next`, those of claims and of diagnoses in
`plots_claim` and `plots_diagnosis`, those of budgets and plans in `plots_decisions`,
those of a batch in `plots_batch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.names import PARAMS
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots_backtest import plot_backtest
from bayes_scaling.reporting.plots_batch import plot_coverage, plot_results
from bayes_scaling.reporting.plots_claim import draw_claims, plot_claim
from bayes_scaling.reporting.plots_decisions import (
    plot_pareto,
    plot_probability,
    plot_regret,
    plot_returns,
)
from bayes_scaling.reporting.plots_diagnosis import plot_diagnosis
from bayes_scaling.reporting.plots_next import plot_next_run
from bayes_scaling.reporting.plots_posterior import plot_posterior, plot_residuals
from bayes_scaling.reporting.plots_split import plot_allocation, plot_isoflop
from bayes_scaling.runs.table import resource_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.decisions.claim import Claim
    from bayes_scaling.decisions.forecast import Forecast
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

__all__ = [
    "draw_intervals",
    "plot_allocation",
    "plot_backtest",
    "plot_claim",
    "plot_coverage",
    "plot_diagnosis",
    "plot_forecast",
    "plot_isoflop",
    "plot_next_run",
    "plot_pareto",
    "plot_posterior",
    "plot_probability",
    "plot_regret",
    "plot_residuals",
    "plot_results",
    "plot_returns",
]

FAN_POINTS: Final = 12
"""Points in rising order from which a forecast is drawn as a fan, not point by point."""
BULK: Final = 0.97
"""Share of the runs that always fits into the forecast plot."""
HEADROOM: Final = 0.4
"""Room above that share for the rest, as part of its own height."""


def plot_forecast(
    fit: Fit, forecast: Forecast, *, claims: Sequence[Claim] = (), ax: Axes | None = None
) -> Axes:
    """Draw the loss of new runs against compute, with the runs that were fitted and held out.

    Points in rising order, at least 12, become a fan: median of the loss [nats/token] and the
    intervals that hold 50% and 90% of new runs. Fewer points are drawn one by one. The x axis is
    compute [FLOP], or the one resource of the law. The dashed line marks the largest fitted run;
    where the ground is grey, answers lie beyond what the runs support. `claims`, forecasts of the
    same target that were registered before, stand beside with their own intervals and dates.

    Examples
    --------
    >>> found = bs.forecast(fit, np.geomspace(1e20, 1e23, 20))
    >>> bs.plot_forecast(fit, found).get_xlabel()
    'training compute C [FLOP]'
    """
    axis = axis_of(fit)
    with style.paper():
        ax = style.canvas(ax)
        x = resource_values(forecast.points, axis)
        if len(x) >= FAN_POINTS and bool(np.all(np.diff(x) > 0)):
            _fan(ax, x, forecast.quantiles(style.BANDS), style.BLUE)
        else:
            draw_intervals(ax, x, forecast, color=style.BLUE, label="forecast")
        ax.set_xscale("log")
        _runs(ax, fit, axis)
        draw_claims(ax, [c for c in claims if c.target == fit.model.target], axis)
        _cut_top(ax, fit, axis)
        _horizon(ax, float(fit.runs.resource(axis).max()), float(x.max()))
        style.log_axis(ax, "x", axis)
        ax.set_ylabel(style.axis_label(fit.model.target))
        style.legend_above(ax)
    return ax


def _fan(ax: Axes, x: Floats, table: pd.DataFrame, color: str) -> None:
    low, lower, middle, upper, high = (table[level].to_numpy() for level in style.BANDS)
    labels = ("90% of new runs", "50% of new runs", "median")
    ax.fill_between(x, low, high, color=color, alpha=style.BAND_90, lw=0, label=labels[0])
    ax.fill_between(x, lower, upper, color=color, alpha=style.BAND_50, lw=0, label=labels[1])
    ax.plot(x, middle, color=color, lw=1.3, label=labels[2])


def draw_intervals(
    ax: Axes, x: Floats, forecast: Forecast, *, color: str, label: str, dots: bool = True
) -> None:
    """Draw each point of a forecast at `x`: bars of 50% (thick) and 90% (thin), a dot between."""
    table = forecast.quantiles(style.BANDS)
    low, lower, middle, upper, high = (table[level].to_numpy() for level in style.BANDS)
    named = "" if dots else label
    ax.vlines(x, low, high, color=color, lw=1.1, zorder=4, label=named)
    ax.vlines(x, lower, upper, color=color, lw=3.0, zorder=4)
    if dots:
        ax.plot(x, middle, "o", ms=5, mfc="white", mec=color, mew=1.4, zorder=5, label=label)


def _runs(ax: Axes, fit: Fit, axis: str) -> None:
    fitted, held_out = fit.runs.fitted, fit.runs.held_out
    marks: dict[str, Any] = {"s": 11, "lw": 0, "zorder": 3, "label": "fitted run"}
    marks["rasterized"] = len(fitted) > style.RASTER_ABOVE
    x, y = fit.runs.resource(axis), fit.observed
    if PARAMS in fit.model.inputs and axis != PARAMS:
        _coloured_by_params(ax, x, y, fit.runs.resource(PARAMS), marks)
    else:
        ax.scatter(x, y, color=style.INK, alpha=0.75, **marks)
    if len(held_out):
        where = resource_values(held_out, axis)
        look: dict[str, Any] = {"s": 26, "marker": "D", "facecolor": "none", "lw": 1.3}
        ax.scatter(
            where,
            held_out[fit.model.target],
            edgecolor=style.RED,
            zorder=6,
            label="held-out run",
            **look,
        )


def _coloured_by_params(ax: Axes, x: Floats, y: Floats, params: Floats, marks: Any) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter, NullLocator

    low, high = float(params.min()), float(params.max())
    if high / low < 1.01:
        low, high = low / 2, high * 2
    dots = ax.scatter(x, y, c=params, cmap=style.shades(), norm=LogNorm(low, high), **marks)
    bar = style.figure_of(ax).colorbar(dots, ax=ax, pad=0.02, aspect=30, fraction=0.05)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
    bar.outline.set_visible(False)
    style.log_axis(bar.ax, "y", PARAMS, label="parameters of the run")
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: style.tick_text(v, PARAMS)))
    bar.ax.tick_params(labelsize=style.FONT_SIZE - 1, labelfontfamily=style.FONT, length=2)


def _cut_top(ax: Axes, fit: Fit, axis: str) -> None:
    """Mark a few runs far above all others at the upper edge, so that the rest can be read."""
    loss = fit.observed
    bottom, bulk = float(loss.min()), float(np.quantile(loss, BULK, method="lower"))
    top = bulk + HEADROOM * (bulk - bottom)
    if loss.max() <= top:
        return
    above = loss > top
    edge = np.full(int(above.sum()), top)
    words = f"{len(edge)} above, up to {loss.max():.2f}"
    where = fit.runs.resource(axis)[above]
    ax.scatter(where, edge, marker="^", s=24, color=style.PURPLE, lw=0, zorder=5, label=words)
    ax.set_ylim(top=top + 0.03 * (top - bottom))


def _horizon(ax: Axes, largest: float, farthest: float) -> None:
    ax.axvline(largest, color=style.GREY, lw=1.0, ls=(0, (4, 3)), label="largest fitted run")
    end = largest * MAX_EXTRAPOLATION
    if farthest > end:
        left, right = ax.get_xlim()
        words = f"beyond {MAX_EXTRAPOLATION:g} times it"
        ax.axvspan(end, right, color="#000000", alpha=0.08, lw=0, zorder=0, label=words)
        ax.set_xlim(left, right)
