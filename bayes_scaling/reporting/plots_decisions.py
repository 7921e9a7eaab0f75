"""Plots of decisions: regret of sizes, loss against cost, chances, what doubling buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.names import FLOPS, LOSS_NEW, PARAMS, USD
from bayes_scaling.reporting import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayes_scaling.decisions.plan import Plan
    from bayes_scaling.decisions.prospects import Prospects

SURE: Final = 0.9
"""Probability marked as enough."""
LIKELY: Final = 0.5
"""Probability of being about as good from which a size is marked."""
FEWEST: Final = 3
"""Budgets from which a line is drawn; fewer are marked alone."""
BINS: Final = 40


def plot_regret(curve: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw what each size would lose on one budget, from `regret_curve`: median and 90% of draws.

    Green: sizes that are about as good as the best split with a probability above one half. The
    star is the size of least mean regret.

    Examples
    --------
    >>> bs.plot_regret(bs.regret_curve(fit, 1e22)).get_xscale()
    'log'
    """
    with style.paper():
        ax = style.canvas(ax)
        sizes = curve[PARAMS].to_numpy()
        low, middle, high = (curve[f"regret_{q}"].to_numpy() for q in ("q05", "q50", "q95"))
        near = sizes[curve["near"].to_numpy() >= LIKELY]
        if near.size:
            ax.axvspan(near.min(), near.max(), color=style.GREEN, alpha=0.12, lw=0,
                       label="about as good")  # fmt: skip
        ax.fill_between(sizes, low, high, color=style.BLUE, alpha=style.BAND_90, lw=0, label="90%")
        ax.plot(sizes, middle, color=style.BLUE, lw=1.4, label="median")
        best = int(curve["regret_mean"].argmin())
        ax.scatter(sizes[best], curve["regret_mean"].iloc[best], **style.star("least mean regret"))
        top = float(np.nanmax(high)) or 1.0
        ax.set_ylim(-0.04 * top, 1.05 * top)
        style.log_axis(ax, "x", PARAMS)
        ax.set_ylabel("regret [nats per token]")
        style.plain_axis(ax, "y")
        style.legend_above(ax, columns=4)
    return ax


def plot_pareto(prospects: Prospects, *, ax: Axes | None = None) -> Axes:
    """Draw loss against cost: the expected loss of each budget's plan, and 90% of new runs.

    Of `prospects` of many budgets: the front on which less loss costs more. The price is that at
    the medians of an uncertain cost.

    Examples
    --------
    >>> bs.plot_pareto(bs.prospects(fit, [1e21, 1e22, 1e23])).get_xscale()
    'log'
    """
    with style.paper():
        ax = style.canvas(ax)
        order = np.argsort(prospects.plans[USD].to_numpy())
        usd = prospects.plans[USD].to_numpy()[order]
        loss = prospects.plans["loss"].to_numpy()[order]
        band = prospects.quantiles([0.05, 0.95], of=LOSS_NEW).to_numpy()[order].T
        if usd.size < FEWEST:
            ends = np.abs(band - loss)
            ax.errorbar(usd, loss, ends, fmt="o", color=style.BLUE, capsize=3, label="90%")
        else:
            ax.fill_between(usd, *band, color=style.BLUE, alpha=style.BAND_90, lw=0, label="90%")
            ax.plot(usd, loss, color=style.BLUE, lw=1.4, label="expected loss of the best plan")
        _money_axis(ax)
        ax.set_ylabel(style.axis_label("loss"))
        style.plain_axis(ax, "y")
        style.legend_above(ax)
    return ax


def plot_probability(prospects: Prospects, target: float, *, ax: Axes | None = None) -> Axes:
    """Draw how likely a new run of each budget's plan reaches a loss [nats/token]; 90% is marked.

    Examples
    --------
    >>> bs.plot_probability(bs.prospects(fit, [1e21, 1e22, 1e23]), 2.4).has_data()
    True
    """
    with style.paper():
        ax = style.canvas(ax)
        order = np.argsort(prospects.plans[FLOPS].to_numpy())
        usd = prospects.plans[USD].to_numpy()[order]
        chance = prospects.probability(target)[order]
        look: dict[str, Any] = {"lw": 1.4} if usd.size >= FEWEST else {"marker": "o", "lw": 0}
        ax.plot(usd, chance, color=style.BLUE, label=f"loss of {target:g} or less", **look)
        ax.axhline(SURE, color=style.GREY, lw=0.8, ls=":", label=f"{SURE:.0%}")
        ax.set_ylim(-0.02, 1.02)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
        _money_axis(ax)
        ax.set_ylabel("probability")
        style.legend_above(ax)
    return ax


def plot_returns(plan: Plan, *, ax: Axes | None = None) -> Axes:
    """Draw by how much doubling parameters, or tokens, would lower the loss of a planned run.

    Examples
    --------
    >>> bs.plot_returns(bs.plan(fit, params=7e9, tokens=1.4e11)).get_xlabel()
    'drop in loss [nats per token]'
    """
    with style.paper():
        ax = style.canvas(ax)
        for name, color, words in (
            ("double_params", style.ORANGE, "twice the parameters"),
            ("double_tokens", style.BLUE, "twice the tokens"),
        ):
            values = plan.draws[name].values.ravel()
            ax.hist(values, bins=BINS, density=True, color=color, alpha=0.45, label=words)
            ax.axvline(float(np.median(values)), color=color, lw=1.2)
        ax.set_yticks([])
        ax.grid(False, axis="y")
        ax.set_ylabel("density of draws")
        ax.set_xlabel("drop in loss [nats per token]")
        style.plain_axis(ax, "x")
        style.legend_above(ax)
    return ax


def _money_axis(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.margins(x=0.08)
    style.log_axis(ax, "x", "usd", label="cost of the budget [USD]")
