"""Pictures: the figures of a report, each as one SVG element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.inference.residual_checks import residual_axes
from bayes_scaling.names import FLOPS
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots import (
    draw_intervals,
    plot_allocation,
    plot_forecast,
    plot_isoflop,
)
from bayes_scaling.reporting.plots_posterior import plot_posterior, plot_residuals
from bayes_scaling.runs.table import resource_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from bayes_scaling.decisions.claim import Claim
    from bayes_scaling.reporting.answers import Answers

CLOSE_UP_FROM: Final = 0.1
"""Where the close-up begins, as a part of the largest fitted run."""
SLUG: Final = str.maketrans({"/": "per"})


def pictures(answers: Answers, claims: Sequence[Claim] = ()) -> dict[str, str]:
    """Return the figures by name.

    forecast, close_up, isoflop, allocation, residuals_N and the like, posterior_0 and on in the
    order of the unknowns. Laws and tables without a split have no isoflop and no allocation.
    `claims` are forecasts registered before, shown in the first two.
    """
    fit, allocation = answers.fit, answers.allocation
    axes = {"forecast": _fan(answers, claims), "close_up": _close_up(answers, claims)}
    if allocation is not None:
        budgets = allocation.budgets[FLOPS].tolist()
        axes["isoflop"] = plot_isoflop(fit, budgets, allocation=allocation)
        axes["allocation"] = plot_allocation(allocation)
    for against in residual_axes(fit):
        ax = style.new_axes(style.SMALL)
        axes[f"residuals_{against.translate(SLUG)}"] = plot_residuals(fit, against=against, ax=ax)
    for i, name in enumerate(fit.posterior):
        axes[f"posterior_{i}"] = plot_posterior(fit, str(name))
    return {name: style.to_svg(ax, name) for name, ax in axes.items()}


def _fan(answers: Answers, claims: Sequence[Claim]) -> Axes:
    """Draw the fan, the questions, and the held-out runs under their own intervals."""
    axis = axis_of(answers.fit)
    ax = plot_forecast(answers.fit, answers.fan, claims=claims)
    with style.paper():
        if answers.held_out is not None:
            x = resource_values(answers.held_out.points, axis)
            color, label = style.RED, "its forecast"
            draw_intervals(ax, x, answers.held_out, color=color, label=label, dots=False)
        x = resource_values(answers.asked.points, axis)
        draw_intervals(ax, x, answers.asked, color=style.INK, label="budget asked")
        style.legend_above(ax)
    return ax


def _close_up(answers: Answers, claims: Sequence[Claim]) -> Axes:
    """Draw the same from a tenth of the largest run on, where the intervals can be read."""
    axis = axis_of(answers.fit)
    ax = _fan(answers, claims)
    x = resource_values(answers.fan.points, axis)
    start = min(
        CLOSE_UP_FROM * float(answers.fit.runs.resource(axis).max()),
        float(resource_values(answers.asked.points, axis).min()) / 2,
    )
    shown = x >= start
    table = answers.fan.quantiles((0.01, 0.99), of=answers.fan.new)[shown]
    low, high = float(table.to_numpy().min()), float(table.to_numpy().max())
    with style.paper():
        ax.set_xlim(max(start, x[0]), x[-1])
        ax.set_ylim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        style.log_axis(ax, "x", axis)
    return ax
