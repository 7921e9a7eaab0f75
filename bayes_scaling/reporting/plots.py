"""Plots of decisions: the forecast fan, isoFLOP curves, where the optimum lies.

Each function takes results, draws on the given axes or on new ones, and returns them. The plots
of a fit, `plot_residuals` and `plot_posterior`, live in `plots_posterior` and can be had here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.allocation import TOKENS_PER_PARAM, TOLERANCE, loss_on_budget
from bayes_scaling.decisions.horizon import MAX_EXTRAPOLATION, axis_of
from bayes_scaling.names import CHAIN, DRAW, FLOPS, LOSS, LOSS_MEAN, PARAMS, TOKENS
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots_posterior import plot_posterior, plot_residuals
from bayes_scaling.runs.compute import FLOP_PER_PARAM_TOKEN
from bayes_scaling.runs.table import resource_values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.decisions.allocation import Allocation
    from bayes_scaling.decisions.forecast import Forecast
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

__all__ = [
    "draw_intervals",
    "plot_allocation",
    "plot_forecast",
    "plot_isoflop",
    "plot_posterior",
    "plot_residuals",
]

BANDS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of the 90% band, the 50% band and the median."""
FAN_POINTS: Final = 12
"""Points in rising order from which a forecast is drawn as a fan, not point by point."""
RAYS: Final = (0.01, 0.1, 1.0, 5.0, 20.0, 100.0, 500.0, 2000.0, 10000.0)
"""Tokens per parameter whose lines orient the reader."""
LEAST_DECADES: Final = 1.0
"""Least height of the allocation plot, in factors of ten."""
BULK: Final = 0.97
"""Share of the runs that always fits into the forecast plot."""
HEADROOM: Final = 0.4
"""Room above that share for the rest, as part of its own height."""
CURVE_POINTS: Final = 81
CURVE_RISE: Final = 0.025
"""IsoFLOP curves are drawn up to this share above their lowest loss."""


def plot_forecast(fit: Fit, forecast: Forecast, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of new runs against compute, with the runs that were fitted and held out.

    Points in rising order, at least 12, become a fan: median of the loss [nats/token] and the
    intervals that hold 50% and 90% of new runs. Fewer points are drawn one by one. The x axis is
    compute [FLOP], or the one resource of the law. The dashed line marks the largest fitted run;
    where the ground is grey, answers lie beyond what the runs support.
    """
    axis = axis_of(fit)
    with style.paper():
        ax = style.canvas(ax)
        x = resource_values(forecast.points, axis)
        if len(x) >= FAN_POINTS and bool(np.all(np.diff(x) > 0)):
            _fan(ax, x, forecast.quantiles(BANDS), style.BLUE)
        else:
            draw_intervals(ax, x, forecast, color=style.BLUE, label="forecast")
        ax.set_xscale("log")
        _runs(ax, fit, axis)
        _cut_top(ax, fit, axis)
        _horizon(ax, float(fit.runs.resource(axis).max()))
        style.log_axis(ax, "x", axis)
        ax.set_ylabel(style.AXIS_LABELS[LOSS])
        style.legend_above(ax)
    return ax


def _fan(ax: Axes, x: Floats, table: pd.DataFrame, color: str) -> None:
    low, lower, middle, upper, high = (table[level].to_numpy() for level in BANDS)
    labels = ("90% of new runs", "50% of new runs", "median")
    ax.fill_between(x, low, high, color=color, alpha=style.BAND_90, lw=0, label=labels[0])
    ax.fill_between(x, lower, upper, color=color, alpha=style.BAND_50, lw=0, label=labels[1])
    ax.plot(x, middle, color=color, lw=1.3, label=labels[2])


def draw_intervals(ax: Axes, x: Floats, forecast: Forecast, *, color: str, label: str) -> None:
    """Draw each point of a forecast at `x` as a dot with bars of 50% (thick) and 90% (thin)."""
    table = forecast.quantiles(BANDS)
    low, lower, middle, upper, high = (table[level].to_numpy() for level in BANDS)
    ax.vlines(x, low, high, color=color, lw=1.1, zorder=4)
    ax.vlines(x, lower, upper, color=color, lw=3.0, zorder=4)
    ax.plot(x, middle, "o", ms=5, mfc="white", mec=color, mew=1.4, zorder=5, label=label)


def _runs(ax: Axes, fit: Fit, axis: str) -> None:
    fitted, held_out = fit.runs.fitted, fit.runs.held_out
    marks: dict[str, Any] = {"s": 11, "lw": 0, "zorder": 3, "label": "fitted run"}
    marks["rasterized"] = len(fitted) > style.RASTER_ABOVE
    x, y = fit.runs.resource(axis), fitted[LOSS].to_numpy()
    if PARAMS in fit.model.inputs and axis != PARAMS:
        _coloured_by_params(ax, x, y, fit.runs.resource(PARAMS), marks)
    else:
        ax.scatter(x, y, color=style.INK, alpha=0.75, **marks)
    if len(held_out):
        where = resource_values(held_out, axis)
        look: dict[str, Any] = {"s": 26, "marker": "D", "facecolor": "none", "lw": 1.3}
        ax.scatter(
            where, held_out[LOSS], edgecolor=style.RED, zorder=6, label="held-out run", **look
        )


def _coloured_by_params(ax: Axes, x: Floats, y: Floats, params: Floats, marks: Any) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter, NullLocator

    low, high = float(params.min()), float(params.max())
    if high / low < 1.01:
        low, high = low / 2, high * 2
    dots = ax.scatter(x, y, c=params, cmap=style.shades(), norm=LogNorm(low, high), **marks)
    bar = style.figure_of(ax).colorbar(dots, ax=ax, pad=0.02, aspect=30, fraction=0.05)
    bar.solids.set_rasterized(True)
    bar.outline.set_visible(False)
    style.log_axis(bar.ax, "y", PARAMS, label="parameters of the run")
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: style.tick_text(v, PARAMS)))
    bar.ax.tick_params(labelsize=style.FONT_SIZE - 1, labelfontfamily=style.FONT, length=2)


def _cut_top(ax: Axes, fit: Fit, axis: str) -> None:
    """Mark a few runs far above all others at the upper edge, so that the rest can be read."""
    loss = fit.runs.fitted[LOSS].to_numpy()
    bottom, bulk = float(loss.min()), float(np.quantile(loss, BULK))
    top = bulk + HEADROOM * (bulk - bottom)
    if loss.max() <= top:
        return
    above = loss > top
    edge = np.full(int(above.sum()), top)
    words = f"{len(edge)} above, up to {loss.max():.2f}"
    where = fit.runs.resource(axis)[above]
    ax.scatter(where, edge, marker="^", s=24, color=style.PURPLE, lw=0, zorder=5, label=words)
    ax.set_ylim(top=top + 0.03 * (top - bottom))


def _horizon(ax: Axes, largest: float) -> None:
    ax.axvline(largest, color=style.GREY, lw=1.0, ls=(0, (4, 3)), label="largest fitted run")
    left, right = ax.get_xlim()
    end = largest * MAX_EXTRAPOLATION
    if right > end:
        words = f"beyond {MAX_EXTRAPOLATION:g} times it"
        ax.axvspan(end, right, color="#000000", alpha=0.08, lw=0, zorder=0, label=words)
        ax.set_xlim(left, right)


def plot_isoflop(
    fit: Fit,
    budgets: Sequence[float],
    *,
    allocation: Allocation | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the expected loss [nats/token] against parameters N for each compute budget [FLOP].

    Lines are medians of the curve, bands hold 90% of its draws; tokens follow from C = 6ND. With
    an allocation of the same budgets, stars mark the robust plans and thick lines the sizes that
    are expected to be about as good. Raises UsageError where the law has no split.
    """
    from bayes_scaling.decisions.optimum import require_split

    require_split(fit, np.asarray(budgets, dtype=float))
    with style.paper():
        ax = style.canvas(ax)
        for i, flops in enumerate(budgets):
            color = _color_of(i, len(budgets))
            sizes, (low, middle, high) = _isoflop_curve(fit, float(flops))
            label = f"{style.tick_text(float(flops), FLOPS)} FLOP"
            ax.fill_between(sizes, low, high, color=color, alpha=style.BAND_90, lw=0)
            ax.plot(sizes, middle, color=color, lw=1.4, label=label)
        if allocation is not None:
            _mark_plans(ax, allocation)
        style.log_axis(ax, "x", PARAMS)
        ax.set_ylabel("expected loss [nats per token]")
        style.legend_above(ax)
    return ax


def _color_of(i: int, count: int) -> Any:
    return style.BLUE if count == 1 else style.shades()(i / (count - 1))


def _isoflop_curve(fit: Fit, flops: float) -> tuple[Floats, Floats]:
    """Return sizes (n,) around the valley and the 5%, 50%, 95% quantiles of the curve (3, n)."""
    square = np.sqrt(flops / FLOP_PER_PARAM_TOKEN)
    wide = np.geomspace(square * 1e-4, square * 1e3, 8 * CURVE_POINTS)
    middle = loss_on_budget(fit, flops, wide).median((CHAIN, DRAW)).values
    inside = np.flatnonzero(middle <= middle.min() * (1 + CURVE_RISE))
    sizes = np.geomspace(wide[inside[0]], wide[inside[-1]], CURVE_POINTS)
    levels = [BANDS[0], BANDS[2], BANDS[-1]]
    curve = loss_on_budget(fit, flops, sizes)
    return sizes, np.asarray(curve.quantile(levels, (CHAIN, DRAW)).values)


def _mark_plans(ax: Axes, allocation: Allocation) -> None:
    robust = allocation.robust
    for i, (low, high, loss) in enumerate(
        zip(robust["params_low"], robust["params_high"], robust["loss"], strict=True)
    ):
        label = f"within {TOLERANCE:g} nats" if i == 0 else None
        ax.hlines(loss, low, high, color=style.INK, lw=2.6, alpha=0.8, zorder=4, label=label)
    star: dict[str, Any] = {"marker": "*", "s": 90, "color": style.RED, "zorder": 5}
    ax.scatter(robust[PARAMS], robust["loss"], edgecolor="white", lw=0.6, label="plan", **star)


def plot_allocation(allocation: Allocation, *, ax: Axes | None = None) -> Axes:
    """Draw where the optimal split of each budget lies: parameters N against tokens D.

    At a fixed budget all splits lie on the line C = 6ND. The width of each strip along it is the
    posterior density of the optimum, the thick line holds 90% of it, the star is the robust plan.
    Dotted lines have a constant number of tokens per parameter.
    """
    with style.paper():
        ax = style.canvas(ax, style.TALL)
        budgets = allocation.budgets[FLOPS].to_numpy()
        width = _strip_width(budgets)
        for i, flops in enumerate(budgets):
            draws = np.log(allocation.draws[PARAMS].values[..., i].ravel())
            _strip(ax, draws, float(flops), width, _color_of(i, len(budgets)))
        plans = allocation.robust
        look: dict[str, Any] = {"marker": "*", "s": 90, "color": style.RED, "zorder": 6}
        ax.scatter(plans[PARAMS], plans[TOKENS], edgecolor="white", lw=0.6, label="plan", **look)
        ax.set_xscale("log")
        ax.set_yscale("log")
        _square_up(ax)
        _rays(ax)
        style.log_axis(ax, "x", PARAMS)
        style.log_axis(ax, "y", TOKENS)
        style.legend_above(ax)
    return ax


def _strip_width(budgets: Floats) -> float:
    """Largest half-width of a strip, e-folds: strips of neighbouring budgets do not meet."""
    gaps = np.diff(np.sort(np.log(np.unique(budgets))))
    return float(min(0.45, 0.22 * gaps.min())) if gaps.size else 0.45


def _strip(ax: Axes, log_params: Floats, flops: float, width: float, color: Any) -> None:
    low, high = np.quantile(log_params, (0.05, 0.95))
    first, last = np.quantile(log_params, (0.002, 0.998))
    along = np.linspace(first - 0.05, last + 0.05, 81)
    shape = _density(log_params, along)
    half = width * shape / shape.max()
    ND = flops / FLOP_PER_PARAM_TOKEN

    def line(position: Floats, offset: Floats | float) -> tuple[Floats, Floats]:
        return np.exp(position + offset), ND * np.exp(-position + offset)

    right, left = line(along, half), line(along[::-1], -half[::-1])
    x, y = (np.concatenate(pair) for pair in zip(right, left, strict=True))
    label = f"{style.tick_text(flops, FLOPS)} FLOP"
    ax.fill(x, y, color=color, alpha=0.35, lw=0, label=label)
    ax.plot(*line(np.array([low, high]), 0.0), color=color, lw=2.2, solid_capstyle="butt")
    ax.plot(*line(np.array([first - 0.5, last + 0.5]), 0.0), color=color, lw=0.7)


def _density(draws: Floats, at: Floats) -> Floats:
    from scipy import stats

    if np.ptp(draws) < 1e-9:
        return np.exp(-0.5 * ((at - draws.mean()) / 0.01) ** 2)
    return np.asarray(stats.gaussian_kde(draws)(at))


def _square_up(ax: Axes) -> None:
    """Give a factor of ten the same length on both axes, so that constant D/N rises at 45 degrees."""
    shape = ax.bbox.width / ax.bbox.height
    (left, right), (bottom, top) = np.log10(ax.get_xlim()), np.log10(ax.get_ylim())
    height = max(top - bottom, (right - left) / shape, LEAST_DECADES)
    for low, high, span, put in (
        (left, right, height * shape, ax.set_xlim),
        (bottom, top, height, ax.set_ylim),
    ):
        middle = (low + high) / 2
        put(10 ** (middle - span / 2), 10 ** (middle + span / 2))


def _rays(ax: Axes) -> None:
    """Draw and label the lines of constant tokens per parameter that cross the view."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for ratio in RAYS:
        start, end = max(left, bottom / ratio), min(right, top / ratio)
        if end <= start * 1.3:
            continue
        ax.plot([start, end], [start * ratio, end * ratio], color=style.GREY, lw=0.8, ls=":")
        at = end / (right / left) ** 0.02
        words = f"{style.tick_text(ratio, TOKENS_PER_PARAM)} tokens/param"
        style.label_ray(ax, at, at * ratio, words, 45.0)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
