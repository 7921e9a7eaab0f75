"""Plots of splits: isoFLOP curves, and where the best split of a budget may lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.allocation import loss_on_budget
from bayes_scaling.decisions.optimum import require_split
from bayes_scaling.decisions.robust import TOLERANCE
from bayes_scaling.decisions.setting import USUAL
from bayes_scaling.names import CHAIN, DRAW, FLOPS, PARAMS, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.reporting import style
from bayes_scaling.runs.compute import FLOP_PER_PARAM_TOKEN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.decisions.allocation import Allocation
    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

RAYS: Final = (0.01, 0.1, 1.0, 5.0, 20.0, 100.0, 500.0, 2000.0, 10000.0)
"""Tokens per parameter whose lines orient the reader."""
RAY_LABEL: Final = 0.3
"""Part of the axis that a ray must cross to carry its label."""
WIDEST_STRIP: Final = 0.3
"""Half-width of a density strip at its widest, e-folds."""
SLIMNESS: Final = 0.3
"""Most half-width of a strip as a part of its 90% interval."""
LEAST_STRIP: Final = 0.03
"""Half-width that even the narrowest strip has, e-folds."""
CLOUD_DOTS: Final = 1000
"""Draws shown where a budget pays for serving too."""
LEAST_DECADES: Final = 1.0
"""Least height of the allocation plot, in factors of ten."""
CURVE_POINTS: Final = 81
CURVE_RISE: Final = 0.025
"""IsoFLOP curves are drawn up to this share above their lowest loss."""


def plot_isoflop(
    fit: Fit,
    budgets: Sequence[float],
    *,
    allocation: Allocation | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the expected loss [nats/token] against parameters N for each compute budget [FLOP].

    Lines are medians of the curve, bands hold 90% of its draws; tokens follow from C = 6ND, or from
    the setting of an allocation of the same budgets. With one, stars mark the robust plans and
    thick lines the sizes that are expected to be about as good. Raises UsageError where the law has
    no split.

    Examples
    --------
    >>> bs.plot_isoflop(fit, [1e21, 1e22]).get_ylabel()
    'expected loss [nats per token]'
    """
    require_split(fit, np.asarray(budgets, dtype=float))
    setting = USUAL if allocation is None else allocation.setting
    with style.paper():
        ax = style.canvas(ax)
        for i, flops in enumerate(budgets):
            color = _color_of(i, len(budgets))
            sizes, (low, middle, high) = _isoflop_curve(fit, float(flops), setting)
            label = _budget_label(float(flops))
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


def _isoflop_curve(fit: Fit, flops: float, setting: Setting) -> tuple[Floats, Floats]:
    """Return sizes (n,) around the valley and the 5%, 50%, 95% quantiles of the curve (3, n)."""
    square = np.sqrt(flops / FLOP_PER_PARAM_TOKEN)
    wide = np.geomspace(square * 1e-4, square * 1e3, 8 * CURVE_POINTS)
    middle = loss_on_budget(fit, flops, wide, setting).median((CHAIN, DRAW)).values
    inside = np.flatnonzero(middle <= middle.min() * (1 + CURVE_RISE))
    sizes = np.geomspace(wide[inside[0]], wide[inside[-1]], CURVE_POINTS)
    levels = [style.BANDS[0], style.BANDS[2], style.BANDS[-1]]
    curve = loss_on_budget(fit, flops, sizes, setting)
    return sizes, np.asarray(curve.quantile(levels, (CHAIN, DRAW)).values)


def _mark_plans(ax: Axes, allocation: Allocation) -> None:
    robust = allocation.robust
    for i, (low, high, loss) in enumerate(
        zip(robust["params_low"], robust["params_high"], robust["loss"], strict=True)
    ):
        label = f"within {TOLERANCE:g} nats" if i == 0 else ""
        ax.hlines(loss, low, high, color=style.INK, lw=2.6, alpha=0.8, zorder=4, label=label)
    ax.scatter(robust[PARAMS], robust["loss"], **style.star("plan"))


def plot_allocation(allocation: Allocation, *, ax: Axes | None = None) -> Axes:
    """Draw where the optimal split of each budget lies: parameters N against tokens D.

    At a fixed budget of training all splits lie on one line. The width of each strip along it is
    the posterior density of the optimum, the thick line holds 90% of it, the star is the robust
    plan. Where the budget pays for serving too, demand decides what is left for training: each dot
    is the optimum of a draw. Dotted lines have a constant number of tokens per parameter.

    Examples
    --------
    >>> bs.plot_allocation(bs.allocate(fit, [1e22])).get_xscale()
    'log'
    """
    with style.paper():
        ax = style.canvas(ax, style.TALL)
        budgets = allocation.budgets[FLOPS].to_numpy()
        width = _strip_width(budgets)
        for i, flops in enumerate(budgets):
            look = {"color": _color_of(i, len(budgets)), "label": _budget_label(float(flops))}
            N, D = (allocation.draws[name].values[..., i].ravel() for name in (PARAMS, TOKENS))
            if allocation.setting.serving is None:
                line = partial(allocation.setting.line.tokens, float(flops))
                _strip(ax, np.log(N), line, width, **look)
            else:
                _cloud(ax, N, D, **look)
        plans = allocation.robust
        ax.scatter(plans[PARAMS], plans[TOKENS], **style.star("plan"))
        ax.set_xscale("log")
        ax.set_yscale("log")
        square_up(ax)
        draw_rays(ax)
        style.log_axis(ax, "x", PARAMS)
        style.log_axis(ax, "y", TOKENS)
        style.legend_above(ax)
    return ax


def _strip_width(budgets: Floats) -> float:
    """Largest half-width of a strip, e-folds: strips of neighbouring budgets do not meet."""
    gaps = np.diff(np.sort(np.log(np.unique(budgets))))
    return float(min(WIDEST_STRIP, 0.15 * gaps.min())) if gaps.size else WIDEST_STRIP


def _budget_label(flops: float) -> str:
    return f"{style.tick_text(flops, FLOPS)} FLOP"


def _cloud(ax: Axes, params: Floats, tokens: Floats, *, color: Any, label: str) -> None:
    """Draw a share of the draws as dots, inside the bulk that the axes are to show."""
    every = max(1, len(params) // CLOUD_DOTS)
    low, high = np.quantile([params, tokens], (0.005, 0.995), axis=1)
    inside = np.all([(low[i] <= v) & (v <= high[i]) for i, v in enumerate((params, tokens))], 0)
    marks: dict[str, Any] = {"s": 7, "color": color, "alpha": 0.35, "lw": 0, "rasterized": True}
    ax.scatter(params[inside][::every], tokens[inside][::every], label=label, **marks)


def _strip(
    ax: Axes,
    log_params: Floats,
    tokens: Callable[[Floats], Floats],
    width: float,
    *,
    color: Any,
    label: str,
) -> None:
    low, high = np.quantile(log_params, (0.05, 0.95))
    first, last = np.quantile(log_params, (0.002, 0.998))
    along = np.linspace(first - 0.05, last + 0.05, 81)
    shape = _density(log_params, along)
    slim = min(width, max(SLIMNESS * float(high - low), LEAST_STRIP))
    half = slim * shape / shape.max()

    def line(position: Floats, offset: Floats | float) -> tuple[Floats, Floats]:
        return np.exp(position + offset), tokens(np.exp(position)) * np.exp(offset)

    right, left = line(along, half), line(along[::-1], -half[::-1])
    x, y = (np.concatenate(pair) for pair in zip(right, left, strict=True))
    ax.fill(x, y, color=color, alpha=0.35, lw=0, label=label)
    ax.plot(*line(np.array([low, high]), 0.0), color=color, lw=2.2, solid_capstyle="butt")
    ax.plot(*line(np.array([first - 0.5, last + 0.5]), 0.0), color=color, lw=0.7)


def _density(draws: Floats, at: Floats) -> Floats:
    from scipy import stats

    if np.ptp(draws) < 1e-9:
        return np.exp(-0.5 * ((at - draws.mean()) / 0.01) ** 2)
    return np.asarray(stats.gaussian_kde(draws)(at))


def square_up(ax: Axes) -> None:
    """Give a factor of ten the same length on both axes, so that D/N rises at 45 degrees."""
    shape = ax.bbox.width / ax.bbox.height
    (left, right), (bottom, top) = np.log10(ax.get_xlim()), np.log10(ax.get_ylim())
    height = max(top - bottom, (right - left) / shape, LEAST_DECADES)
    for low, high, span, put in (
        (left, right, height * shape, ax.set_xlim),
        (bottom, top, height, ax.set_ylim),
    ):
        middle = (low + high) / 2
        put(10 ** (middle - span / 2), 10 ** (middle + span / 2))


def draw_rays(ax: Axes) -> None:
    """Draw and label the lines of constant tokens per parameter that cross the view."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for ratio in RAYS:
        start, end = max(left, bottom / ratio), min(right, top / ratio)
        if end <= start * 1.3:
            continue
        ax.plot([start, end], [start * ratio, end * ratio], color=style.GREY, lw=0.8, ls=":")
        if np.log(end / start) < RAY_LABEL * np.log(right / left):
            continue
        at = end / (right / left) ** 0.02
        words = f"{style.tick_text(ratio, TOKENS_PER_PARAM)} tokens/param"
        style.label_ray(ax, at, at * ratio, words, 45.0)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
