"""Plot of next runs: what each candidate is worth to the final run, beside what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.names import PARAMS, TOKENS
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.decisions.next_run import NextRun

    Floats = NDArray[np.float64]

BAR: Final = 0.38
"""Height of a bar; two and a gap make a row."""
ROW_INCHES: Final = 0.34
MOST_ROWS: Final = 16
"""Rows drawn, best first."""
LEAST_USD: Final = 0.1
"""Values below are drawn as this: the axis is logarithmic."""


def plot_next_run(found: NextRun, ax: Axes | None = None) -> Axes:
    """Draw for each candidate, best on top, its value to the final plan and its cost [USD].

    At most 16. A run is worth doing where the value's bar is longer than the cost's. At the right,
    by how much the standard deviation of the final forecast is expected to fall. Bars of values
    under 0.1 USD have no length; a value that is not known has no bar.

    Examples
    --------
    >>> bs.plot_next_run(bs.next_run(fit, 1e23)).has_data()
    True
    """
    rows = found.table.head(MOST_ROWS)
    places = np.arange(len(rows), dtype=float)
    value, usd = (np.maximum(rows[n].to_numpy(), LEAST_USD) for n in ("value_usd", "usd"))
    with style.paper():
        size = (style.WIDE[0], 1.2 + ROW_INCHES * max(len(rows), 3))
        ax = style.canvas(ax, size)
        _bars(ax, places - BAR / 2, value, style.BLUE, "value to the final plan")
        _bars(ax, places + BAR / 2, usd, style.GREY, "cost of the run")
        ax.set_xscale("log")
        ax.set_xlim(LEAST_USD, 3 * float(np.nanmax([*value, *usd])))
        for place, shrink in zip(places, rows["shrink"], strict=True):
            ax.annotate(f"{-shrink:+.0%}", (1.01, place), **_beside())
        head = _beside() | {"xycoords": "axes fraction", "va": "bottom"}
        ax.annotate("sd of the\nforecast", (1.01, 1.0), **head)
        ax.set_yticks(places, [_label(row) for row in rows.to_dict("records")])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.grid(False, axis="y")
        style.log_axis(ax, "x", "usd", label="USD")
        ax.set_ylabel("candidate run: N, D")
        style.legend_above(ax)
    return ax


def _bars(
    ax: Axes, at: NDArray[np.float64], usd: NDArray[np.float64], color: str, label: str
) -> None:
    ax.barh(at, usd - LEAST_USD, BAR, left=LEAST_USD, color=color, lw=0, label=label)


def _beside() -> dict[str, Any]:
    look = {"ha": "left", "va": "center", "fontsize": style.FONT_SIZE - 1, "color": style.INK}
    return {"xycoords": ("axes fraction", "data"), "annotation_clip": False, **look}


def _label(row: dict[Any, Any]) -> str:
    return f"{say_size(row[PARAMS])}, {say_size(row[TOKENS])}"
