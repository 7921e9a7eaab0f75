"""Plot of a diagnosis: the fitted runs beside the best splits of their compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.diagnose import P_UNDER
from bayes_scaling.names import FLOPS, PARAMS, TOKENS
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots_split import draw_rays, square_up

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from numpy.typing import NDArray

    from bayes_scaling.decisions.diagnose import Diagnosis

    Floats = NDArray[np.float64]

LEVELS: Final = (0.05, 0.5, 0.95)
SAME: Final = 0.02
"""Difference in log compute below which two runs count as of one budget."""
LEAST_BAND: Final = 1.5
"""Range of compute, as a factor, from which the best splits are drawn as a band."""
MIDDLE: Final = "#e8e8e8"
"""Colour of a run that is as likely undertrained as overtrained."""


def plot_diagnosis(diagnosis: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Draw the fitted runs, tokens D against parameters N, coloured by how surely undertrained.

    Red: the best split of the run's compute has more tokens per parameter; blue: fewer. The band
    holds 90% of where the best split of each compute may lie, the line its median; where there is
    no such line (one budget, or what the law reads besides differs from run to run), each budget
    has a bar of its own. Dotted lines have a constant number of tokens per parameter.

    Examples
    --------
    >>> bs.plot_diagnosis(bs.diagnose(fit)).get_xscale()
    'log'
    """
    runs = diagnosis.runs
    with style.paper():
        ax = style.canvas(ax, style.TALL)
        _frontier(ax, diagnosis)
        dots = ax.scatter(
            runs[PARAMS],
            runs[TOKENS],
            c=runs[P_UNDER],
            cmap=_colours(),
            vmin=0.0,
            vmax=1.0,
            s=26,
            edgecolor=style.INK,
            lw=0.5,
            zorder=5,
            label="fitted run",
            rasterized=len(runs) > style.RASTER_ABOVE,
        )
        ax.set_xscale("log")
        ax.set_yscale("log")
        bar = style.figure_of(ax).colorbar(dots, ax=ax, pad=0.02, aspect=30, fraction=0.05)
        bar.outline.set_visible(False)
        bar.set_label("probability of undertrained")
        bar.set_ticks([0.0, 0.5, 1.0], labels=["0%", "50%", "100%"])
        bar.ax.tick_params(labelsize=style.FONT_SIZE - 1, labelfontfamily=style.FONT, length=2)
        square_up(ax)
        draw_rays(ax)
        style.log_axis(ax, "x", PARAMS)
        style.log_axis(ax, "y", TOKENS)
        style.legend_above(ax)
    return ax


def _frontier(ax: Axes, diagnosis: Diagnosis) -> None:
    """The best splits of the runs' compute: low, middle and high size, each with its tokens."""
    spent = diagnosis.runs[FLOPS].to_numpy()
    _, place = np.unique(np.round(np.log(spent) / SAME), return_index=True)
    flops = spent[place]
    sizes = diagnosis.quantiles(LEVELS, of=PARAMS).to_numpy()[place]
    tokens = np.asarray(diagnosis.cost.convention.tokens(flops[:, None], sizes))
    look: dict[str, Any] = {"color": style.GREEN, "zorder": 2}
    wide = flops[-1] > LEAST_BAND * flops[0]
    one_line = bool(wide and (np.diff(sizes, axis=0) >= 0).all())
    if not one_line:
        for i in range(len(flops)):
            label = "best split: 90%" if i == 0 else ""
            ax.plot(sizes[i, [0, 2]], tokens[i, [0, 2]], lw=3.0, alpha=0.5, label=label, **look)
        return
    x = np.concatenate([sizes[:, 0], sizes[::-1, 2]])
    y = np.concatenate([tokens[:, 0], tokens[::-1, 2]])
    ax.fill(x, y, alpha=style.BAND_90, lw=0, label="best split: 90%", **look)
    ax.plot(sizes[:, 1], tokens[:, 1], lw=1.3, label="median", **look)


def _colours() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("trained", [style.BLUE, MIDDLE, style.RED])
