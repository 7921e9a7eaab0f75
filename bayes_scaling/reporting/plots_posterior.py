"""Plots of a fit: what the law leaves over, and what the runs taught about each unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.identifiability_rows import contraction
from bayes_scaling.inference.predict import residuals, robust_sd
from bayes_scaling.inference.residual_checks import (
    MAX_SUSPECT_SCORE,
    RESIDUAL_AXES,
    residual_axes,
)
from bayes_scaling.names import RUN, TARGET
from bayes_scaling.quantities import COLUMN_OF_SYMBOL, unit_of
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_target, unit_in_words
from bayes_scaling.runs.labels import display_name
from bayes_scaling.specs.coordinate import coordinate_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.specs.prior import Prior

    Floats = NDArray[np.float64]

MOST_NAMES: Final = 6
"""Runs named in a residual plot; those farther down the list stay unnamed."""
NAME_LENGTH: Final = 22
NAME_ROOM: Final = (0.45, 0.06)
"""Width and height that a name needs, as parts of the axes."""
TALLEST_PRIOR: Final = 2.0
"""Height up to which a prior is shown in full, as a multiple of the posterior's."""
ROOM: Final = 1.2
"""Where the axis of a residual plot ends, as a multiple of where the marks do."""
EDGE: Final = 1.6
"""Where a residual plot ends, as a multiple of its largest unsuspicious residual."""


def plot_residuals(fit: Fit, *, against: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the residual of each fitted run against N, D, C, D/N or another input of the law.

    Without a choice it is C where the table knows it, else what the law reads first.
    Dots are posterior medians, bars hold 90% of the posterior of the curve; percent of the loss
    where the noise is relative, else nats per token. Runs more than 4 robust standard deviations
    off are named, the farthest first. Raises UsageError for other axes or missing columns.

    Examples
    --------
    >>> bs.plot_residuals(fit, against="N").get_xscale()
    'log'
    """
    x, column = _axis_values(fit, against)
    gap, unit = _percent_or_nats(fit)
    low, middle, high = np.quantile(gap, (0.05, 0.5, 0.95), axis=(0, 1))
    sd = robust_sd(middle)
    far = np.abs(middle - np.median(middle)) > MAX_SUSPECT_SCORE * sd
    edge = EDGE * max(float(np.abs(middle[~far]).max(initial=0.0)), MAX_SUSPECT_SCORE * sd)
    out = np.abs(middle) > edge
    with style.paper():
        ax = style.canvas(ax)
        raster = len(x) > style.RASTER_ABOVE
        ax.axhline(0.0, color=style.INK, lw=0.9)
        for mask, color in ((~far, style.BLUE), (far & ~out, style.RED)):
            ax.vlines(x[mask], low[mask], high[mask], color=color, lw=0.8, rasterized=raster)
            marks: dict[str, Any] = {"s": 12, "color": color, "lw": 0, "zorder": 3}
            ax.scatter(x[mask], middle[mask], rasterized=raster, **marks)
        for side, marker in ((out & (middle > 0), "^"), (out & (middle < 0), "v")):
            ends = np.sign(middle[side]) * edge
            ax.scatter(x[side], ends, marker=marker, s=22, color=style.RED, lw=0, zorder=3)
        ax.set_ylim(*np.clip(ax.get_ylim(), -ROOM * edge, ROOM * edge))
        style.log_axis(ax, "x", column)
        ax.set_ylabel(f"residual [{unit}]")
        _name_runs(ax, fit, (x, middle), np.flatnonzero(far), edge)
    return ax


def _axis_values(fit: Fit, against: str | None) -> tuple[Floats, str]:
    axes = residual_axes(fit)
    if against is None:
        against = "C" if "C" in axes else next(iter(axes), "C")
    if against not in axes:
        raise UsageError(f"against={against!r}: choose one of {', '.join(axes)}")
    return axes[against], {**COLUMN_OF_SYMBOL, **RESIDUAL_AXES}.get(against, against)


def _percent_or_nats(fit: Fit) -> tuple[Floats, str]:
    """Residuals (chain, draw, run) as people read them, and their unit."""
    gap = residuals(fit)
    target = fit.model.target
    if fit.model.noise.scale == "log":
        return 100 * gap, f"% of the {say_target(target)}"
    return gap, unit_in_words(target)


def _name_runs(
    ax: Axes, fit: Fit, places: tuple[Floats, Floats], far: NDArray[np.intp], edge: float
) -> None:
    """Name the farthest runs beside their marks where there is room; add values off the axis."""
    x, y = np.log(places[0]), places[1]
    names = fit.runs.fitted[RUN].to_numpy(dtype=str)
    (left, right), (bottom, top) = np.log(ax.get_xlim()), ax.get_ylim()
    taken: list[tuple[float, float]] = []
    for i in far[np.argsort(-np.abs(y[far]))]:
        shown = np.clip(y[i], -edge, edge)
        at = ((x[i] - left) / (right - left), (shown - bottom) / (top - bottom))
        if len(taken) == MOST_NAMES or any(
            abs(at[0] - u) < NAME_ROOM[0] and abs(at[1] - v) < NAME_ROOM[1] for u, v in taken
        ):
            continue
        taken.append(at)
        beyond = abs(y[i]) > edge
        value = f" {y[i]:+.2g}" if beyond else ""
        on_right = at[0] > 0.6
        ax.annotate(
            display_name(names[i], NAME_LENGTH) + value,
            at,
            xycoords="axes fraction",
            xytext=(0, 4 * np.sign(y[i])) if beyond else (-5 if on_right else 5, 0),
            textcoords="offset points",
            ha="right" if on_right else "left",
            va=("bottom" if y[i] > 0 else "top") if beyond else "center",
            fontsize=style.FONT_SIZE - 1.5,
            color=style.INK,
            parse_math=False,
        )


def plot_posterior(fit: Fit, name: str, *, ax: Axes | None = None) -> Axes:
    """Draw what was believed of an unknown before the runs were seen, and after.

    Prior and posterior density on one axis, the 90% interval of the posterior as a bar, and the
    contraction: one minus the ratio of variances, in the unknown's free coordinate. A derived
    quantity has no prior of its own. Raises UsageError for other names.

    Examples
    --------
    >>> bs.plot_posterior(fit, "alpha").get_xlabel()
    'alpha'
    """
    draws, prior = _draws_and_prior(fit, name)
    q01, q05, q50, q95, q99 = np.quantile(draws, (0.002, 0.05, 0.5, 0.95, 0.998))
    with style.paper():
        ax = style.canvas(ax, style.SMALL)
        x = _span(draws, prior, q01, q99)
        after = _posterior_density(draws, prior, x)
        ax.fill_between(x, 0, after, color=style.BLUE, alpha=style.BAND_50, lw=0)
        ax.plot(x, after, color=style.BLUE, lw=1.3, label="posterior")
        top = float(after.max())
        if prior is not None:
            before = prior.density(x)
            ax.plot(x, before, color=style.RED, lw=1.2, ls="--", label="prior")
            top = max(top, min(float(before.max()), TALLEST_PRIOR * top))
        ax.set_ylim(-0.1 * top, 1.08 * top)
        bar: dict[str, Any] = {"color": style.INK, "lw": 2.4, "solid_capstyle": "butt"}
        ax.plot([q05, q95], [-0.05 * top] * 2, label="90%", **bar)
        ax.plot([q50], [-0.05 * top], "o", ms=3.6, mfc="white", mec=style.INK)
        ax.set_yticks([])
        ax.grid(False)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(_name_and_unit(name, prior, unit_of(fit.model.target)))
        style.plain_axis(ax, "x")
        style.legend_above(ax)
        if prior is not None:
            on_right = bool(q50 < (x[0] + x[-1]) / 2)
            _say_contraction(ax, contraction(prior, draws), on_right=on_right)
    return ax


def _draws_and_prior(fit: Fit, name: str) -> tuple[Floats, Prior | None]:
    there = fit.quantities
    if name in there:
        return there[name].values.ravel(), fit.model.all_priors.get(name)
    known = ", ".join(map(str, there))
    raise UsageError(f"no unknown named {name!r}; this fit has {known}")


def _span(draws: Floats, prior: Prior | None, low: float, high: float) -> Floats:
    """Values at which densities are drawn: where either of them has its bulk, finer inside."""
    if prior is None:
        pad = 0.2 * (high - low)
        return np.linspace(low - pad, high + pad, 161)
    first, last = prior.quantile((0.01, 0.97))
    bottom, top = prior.support
    pad = 0.15 * (high - low)
    start, end = max(min(first, low - pad), bottom), min(max(last, high + pad), top)
    edge = 1e-6 * (end - start)
    wide = np.linspace(start + edge, end - edge, 121)
    inner = np.linspace(max(low - pad, bottom), min(high + pad, top), 121)[1:-1]
    return np.unique(np.concatenate([wide, inner]))


def _posterior_density(draws: Floats, prior: Prior | None, x: Floats) -> Floats:
    """Kernel density of the draws, smoothed in the free coordinate so that it keeps to bounds."""
    from scipy import stats

    if np.ptp(draws) == 0:
        draws = draws + 1e-9 * max(abs(float(draws[0])), 1e-9) * np.linspace(-1, 1, len(draws))
    if prior is None:
        return np.asarray(stats.gaussian_kde(draws)(x))
    coordinate = coordinate_of(prior)
    smooth = stats.gaussian_kde(coordinate.to_free(np, draws))
    return np.asarray(smooth(coordinate.to_free(np, x)) * np.exp(-coordinate.log_slope(np, x)))


def _name_and_unit(name: str, prior: Prior | None, target_unit: str) -> str:
    unit = "" if prior is None or prior.unit in ("", "1") else f" [{prior.unit}]"
    if prior is not None and prior.of == TARGET:
        unit = f" [{target_unit}]"
    return display_name(f"{name}{unit}", 60)


def _say_contraction(ax: Axes, value: float, *, on_right: bool) -> None:
    ax.text(
        0.98 if on_right else 0.02,
        0.96,
        f"contraction {value:.3f}",
        ha="right" if on_right else "left",
        va="top",
        transform=ax.transAxes,
        fontsize=style.FONT_SIZE - 1,
        color=style.GREY,
    )
