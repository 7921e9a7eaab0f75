"""Prior picture: what a model expects before any data, as text for a terminal and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bayes_scaling.files import write_bytes
from bayes_scaling.quantities import reference_of, unit_of
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_flop, say_share, say_size
from bayes_scaling.specs.prior_predictive import LEVELS

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.specs.prior_predictive import PriorPredictive

ROWS: Final = 12
COLUMNS: Final = 68
MARGIN: Final = 7
"""Characters of the loss axis; with the columns of the picture no line passes 80."""
BAND, MEDIAN, EMPTY = "░", "█", " "
DPI: Final = 160


def prior_text(found: PriorPredictive) -> list[str]:
    """Return lines of at most 80 characters: caption, picture, axis, share of possible losses.

    Light blocks hold 90% of the losses, the dark one is the median.
    """
    x = np.linspace(0, len(found.amounts) - 1, COLUMNS)
    low, middle, high = (
        np.interp(x, np.arange(len(found.amounts)), found.quantiles[q]) for q in LEVELS
    )
    bottom, top = float(low.min()), float(high.max())
    step = (top - bottom) / (ROWS - 1)
    cells = [[EMPTY] * COLUMNS for _ in range(ROWS)]
    for j in range(COLUMNS):
        ends = [round((top - v) / step) for v in (high[j], low[j])]
        for i in range(ends[0], ends[1] + 1):
            cells[i][j] = BAND
        cells[round((top - middle[j]) / step)][j] = MEDIAN
    lines = [f"prior: {found.caption}", f"{_unit(found)}light: 90%, dark: median"]
    for i, row in enumerate(cells):
        label = f"{top - i * step:.2f}" if i % 3 == 2 or i == 0 else ""
        lines.append(f"{label:>{MARGIN - 2}} │{''.join(row)}".rstrip())
    lines += _axis(found)
    lines.append(shares(found))
    return _wrapped(lines)


def _axis(found: PriorPredictive) -> list[str]:
    """Return the axis with five ticks and their labels."""
    places = np.round(np.linspace(0, COLUMNS - 1, 5)).astype(int)
    values = found.amounts[np.round(np.linspace(0, len(found.amounts) - 1, 5)).astype(int)]
    line = ["─"] * COLUMNS
    labels = [" "] * (COLUMNS + MARGIN)
    for place, value in zip(places, values, strict=True):
        line[place] = "┬"
        word = say_flop(value) if found.column == "flops" else say_size(value)
        start = int(min(max(place + MARGIN - len(word) // 2, 0), len(labels) - len(word)))
        labels[start : start + len(word)] = word
    return [f"{'':>{MARGIN - 2}} └{''.join(line)}", "".join(labels).rstrip()]


def shares(found: PriorPredictive) -> str:
    """Return in words how many of the losses at the reference run are possible, and their range."""
    low, middle, high = found.reference
    amount = reference_of(found.column)
    where = f"{say_flop(amount)} FLOP" if found.column == "flops" else say_size(amount)
    return (
        f"at the reference run ({where}): {say_share(found.possible)} of what is expected is "
        f"physically possible ({_limits(found)}); median {middle:.2f}, 90% between "
        f"{low:.2f} and {high:.2f}"
    )


def _unit(found: PriorPredictive) -> str:
    unit = unit_of(found.target)
    return "" if unit == "1" else f"{unit}; "


def _limits(found: PriorPredictive) -> str:
    low, high = found.limits
    unit = unit_of(found.target)
    return f"{found.target} {low:g} to {high:g}" + ("" if unit == "1" else f" {unit}")


def _wrapped(lines: list[str]) -> list[str]:
    import textwrap

    return [part for line in lines for part in ([line] if len(line) <= 80 or "│" in line
            else textwrap.wrap(line, 80, subsequent_indent="  "))]  # fmt: skip


def plot_prior(found: PriorPredictive, *, ax: Axes | None = None) -> Axes:
    """Draw the prior predictive loss [nats/token]: a band of 90%, the median, the reference run.

    Returns the axes, new ones where none are given.
    """
    low, middle, high = (found.quantiles[q].to_numpy() for q in LEVELS)
    with style.paper():
        ax = style.canvas(ax)
        x: NDArray[np.float64] = found.amounts
        opacity = style.BAND_90
        ax.fill_between(
            x, low, high, color=style.BLUE, alpha=opacity, lw=0, label="90% of new runs"
        )
        ax.plot(x, middle, color=style.BLUE, lw=1.3, label="median")
        ends = [
            [found.reference[1] - found.reference[0]],
            [found.reference[2] - found.reference[1]],
        ]
        at = reference_of(found.column)
        ax.errorbar([at], [found.reference[1]], yerr=ends, fmt="o", ms=5, color=style.INK,
                    mfc="white", lw=1.1, label="reference run")  # fmt: skip
        ax.set_xlim(x[0], x[-1])
        if found.limits[0] >= 0:
            ax.set_ylim(bottom=0)
        if x[0] > 0:
            ax.set_xscale("log")
            style.log_axis(ax, "x", found.column)
        else:
            ax.set_xlabel(style.axis_label(found.column))
        style.plain_axis(ax, "y")
        ax.set_ylabel(style.axis_label(found.target))
        _explain(ax, found)
        style.legend_above(ax)
    return ax


def _explain(ax: Axes, found: PriorPredictive) -> None:
    """Write the caption below the picture."""
    import textwrap

    words = f"{found.model}: {found.caption}; {say_share(found.possible)} of what is expected "
    words += f"at the reference run is possible: {_limits(found)}."
    figure = style.figure_of(ax)
    figure.supxlabel(
        textwrap.fill(words, 82), x=0.02, ha="left", fontsize=style.FONT_SIZE - 2, color=style.GREY
    )


def save_prior(found: PriorPredictive, path: str | Path) -> Path:
    """Write the figure as PNG, complete or not at all; raises OutputError where that fails."""
    with style.paper():
        return write_bytes(path, style.to_png(plot_prior(found)))
