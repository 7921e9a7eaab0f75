"""Style: the one home of how figures look: fonts, colours, axes that people can read.

Nothing here changes matplotlib's global settings, and no figure is known to pyplot.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from bayes_scaling.names import FLOPS, LOSS, PARAMS, TOKENS
from bayes_scaling.quantities import quantity
from bayes_scaling.runs.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

FONT: Final = "DejaVu Sans"
"""Ships with matplotlib, so that a figure is the same everywhere."""
FONT_SIZE: Final = 9.0
WIDE: Final = (4.8, 3.4)
"""Size of a figure that fills the column, inches."""
TALL: Final = (4.8, 4.0)
"""Size of a figure with two equal axes, inches."""
SMALL: Final = (3.4, 2.4)
"""Size of a figure that shares a row with another, inches."""

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#AA4499"
"""Okabe and Ito's palette, told apart with every common kind of colour vision."""
INK, GREY, PALE = "#222222", "#6b6b6b", "#d9d9d9"
BANDS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of the 90% band, the 50% band and the median."""
BAND_90, BAND_50 = 0.2, 0.38
"""Opacity of the bands that hold 90% and 50%."""
OWN_FIGURE: Final = "bayes-scaling"
"""Label of a figure that was made here and holds one plot."""
RASTER_ABOVE: Final = 800
"""Marks above which a scatter becomes an image inside the figure."""
RASTER_DPI: Final = 160

SETTINGS: Final[Any] = {
    "font.family": [FONT],
    "font.size": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE - 1,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "bayes-scaling",
    "svg.image_inline": True,
    "savefig.facecolor": "white",
    "axes.unicode_minus": True,
}
AXIS_LABELS: Final = {
    PARAMS: "parameters N",
    TOKENS: "training tokens D",
    FLOPS: "training compute C [FLOP]",
    LOSS: "loss [nats per token]",
    "tokens_per_param": "tokens per parameter D/N",
}
SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TICK_STEPS: Final = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
MOST_TICKS: Final = {FLOPS: 5}
DEFAULT_MOST_TICKS: Final = 6


def axis_label(column: str) -> str:
    """Return the words on the axis of a column: what it is, and its unit."""
    if column in AXIS_LABELS:
        return AXIS_LABELS[column]
    each = quantity(column)
    return each.meaning if each.unit == "1" else f"{each.meaning} [{each.unit}]"


@contextmanager
def paper() -> Iterator[None]:
    """Apply the settings of this package's figures inside a with block, and only there."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        yield


def canvas(ax: Axes | None, size: tuple[float, float] = WIDE) -> Axes:
    """Return the given axes, or new ones in a figure of their own; dressed either way."""
    if ax is None:
        ax = new_axes(size)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(
        which="both", color=GREY, labelcolor=INK, labelsize=FONT_SIZE, labelfontfamily=FONT
    )
    ax.grid(True, which="major", color=PALE, linewidth=0.5)
    ax.set_axisbelow(True)
    return ax


def new_axes(size: tuple[float, float]) -> Axes:
    """Return the only axes of a new figure, which pyplot does not know."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained", label=OWN_FIGURE).add_subplot()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that holds the axes."""
    return cast("Figure", ax.get_figure(root=True))


def shades() -> Colormap:
    """Return the colours of ordered quantities: viridis without its pale end."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.78, 128)), name="shades")


def tick_text(value: float, column: str) -> str:
    """Return a tick label: "70B", "1.5T", "2×10²¹" (FLOP), "0.1"."""
    if value <= 0 or not math.isfinite(value):
        return ""
    if column != FLOPS:
        return format_quantity(value)
    mantissa, power = f"{value:.1e}".split("e")
    head = "" if float(mantissa) == 1 else f"{float(mantissa):g}×"
    return f"{head}10{str(int(power)).translate(SUPERSCRIPTS)}"


def log_axis(ax: Axes, which: Literal["x", "y"], column: str, *, label: str | None = None) -> None:
    """Make one axis logarithmic with ticks and a label for people; call it when all is drawn."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axis = ax.xaxis if which == "x" else ax.yaxis
    limits = ax.get_xlim if which == "x" else ax.get_ylim
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    low, high = sorted(limits())
    most = MOST_TICKS.get(column, DEFAULT_MOST_TICKS)
    steps = next((s for s in TICK_STEPS if _ticks_inside(low, high, s) <= most), (1,))
    if _ticks_inside(low, high, steps) >= 2:
        axis.set_major_locator(LogLocator(subs=steps, numticks=most + 2))
    else:
        axis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value, column)))
    axis.set_label_text(axis_label(column) if label is None else label)


def _ticks_inside(low: float, high: float, steps: tuple[int, ...]) -> int:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return sum(low <= step * 10.0**power <= high for power in powers for step in steps)


def plain_axis(ax: Axes, which: Literal["x", "y"]) -> None:
    """Give a linear axis few ticks with plain numbers."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(MaxNLocator(nbins=DEFAULT_MOST_TICKS - 1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def star(words: str) -> dict[str, Any]:
    """Return the look of the mark of a plan, for `scatter`."""
    look = {"marker": "*", "s": 90, "color": RED, "edgecolor": "white", "lw": 0.6, "zorder": 6}
    return {**look, "label": words}


def label_ray(ax: Axes, x: float, y: float, words: str, angle: float) -> None:
    """Write small grey words along a rising line, ending at one of its points."""
    ax.annotate(
        words,
        (x, y),
        ha="right",
        va="bottom",
        rotation=angle,
        rotation_mode="anchor",
        fontsize=FONT_SIZE - 2,
        color=GREY,
        parse_math=False,
        clip_on=True,
    )


def legend_above(ax: Axes, columns: int = 3) -> None:
    """Put the legend above the axes, where it covers no data; in given axes where there is room."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    figure = figure_of(ax)
    look: dict[str, Any] = {"columnspacing": 1.2, "handlelength": 1.6, "frameon": False}
    if figure.get_label() == OWN_FIGURE:
        for old in figure.legends[:]:
            old.remove()
        figure.legend(handles, labels, loc="outside upper left", ncols=columns, **look)
    else:
        ax.legend(handles, labels, loc="best", **look)


def to_png(ax: Axes) -> bytes:
    """Return the figure of the axes as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with paper():
        figure_of(ax).savefig(buffer, format="png", dpi=RASTER_DPI, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(ax: Axes, name: str) -> str:
    """Return the figure of the axes as one `<svg>` element for a page.

    It has no fixed size, no address but its name spaces, and no id that another figure of the
    page could have: every id starts with `name`. The same figure gives the same text.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with paper(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        figure_of(ax).savefig(buffer, format="svg", metadata=nothing, dpi=RASTER_DPI)
    text = buffer.getvalue()
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return re.sub(r"\n\s*", "\n", text).strip()
