"""Plot of a claim: the claimed distribution, and the measurement in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.claim import QUANTILES
from bayes_scaling.decisions.claim_score import place_of
from bayes_scaling.evaluation.quantile_scores import quantile_between
from bayes_scaling.reporting import style
from bayes_scaling.reporting.wording import say_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bayes_scaling.decisions.claim import Claim

    Floats = NDArray[np.float64]

SMOOTHING: Final = 0.25
"""Width of the kernel in standard deviations of the quantiles: they are evenly spread already."""
GRID: Final = 301
MARGIN: Final = 0.08
"""Room left and right, as part of the width."""


def plot_claim(
    claim: Claim, observed: float | None = None, *, point: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw what was claimed of a point (index from 0), and what was then measured, if given.

    The curve is the density of one new run, smoothed from the claimed quantiles; the bars below
    hold 50% (thick) and 90% (thin) of it, exactly as claimed. The line of the measurement is green
    inside the 90% interval, red outside. The x axis is the target in its unit. Raises UsageError
    for points that are not in the claim and for measurements that cannot be.

    Examples
    --------
    >>> claim = bs.register(bs.forecast(fit, [1e22]), date="2026-11-27")
    >>> bs.plot_claim(claim, 2.4).get_xlabel()
    'loss [nats per token]'
    """
    own = claim.point(point)
    q = np.asarray(own[QUANTILES], dtype=float)
    score = None if observed is None else claim.score(observed, point)
    ends = [quantile_between(q, claim.content["levels"], level) for level in style.BANDS]
    with style.paper():
        ax = style.canvas(ax, style.SMALL)
        seen = q if score is None else np.append(q, score.observed)
        room = MARGIN * float(np.ptp(seen)) or abs(ends[2]) * MARGIN
        x = np.linspace(seen.min() - room, seen.max() + room, GRID)
        height = _density(q, x)
        top = float(height.max())
        ax.fill_between(x, 0, height, color=style.BLUE, alpha=style.BAND_90, lw=0)
        ax.plot(x, height, color=style.BLUE, lw=1.3, label="claimed")
        bar: dict[str, Any] = {"color": style.BLUE, "zorder": 4}
        ax.hlines(-0.06 * top, ends[0], ends[-1], lw=1.1, label="90%", **bar)
        ax.hlines(-0.06 * top, ends[1], ends[-2], lw=3.2, label="50%", **bar)
        if score is not None:
            color = style.GREEN if score.inside[0.9] else style.RED
            words = f"measured: {say_loss(score.observed)}"
            ax.axvline(score.observed, color=color, lw=1.6, zorder=5, label=words)
        ax.set_xlim(float(x[0]), float(x[-1]))
        ax.set_ylim(-0.14 * top, 1.08 * top)
        style.plain_axis(ax, "x")
        ax.set_yticks([])
        ax.set_xlabel(style.axis_label(claim.target))
        ax.set_ylabel("density")
        style.legend_above(ax, columns=4 if score is None else 2)
        ax.set_title(place_of(own), loc="right", color=style.GREY)
    return ax


def claimed_points(
    claims: Sequence[Claim], axis: str
) -> list[tuple[Claim, Mapping[str, Any], float]]:
    """Return each claimed point that says how much of the axis it is, with that amount."""
    known = [(claim, point) for claim in claims for point in claim.points]
    return [(claim, point, float(point[axis])) for claim, point in known if axis in point]


def draw_claims(ax: Axes, claims: Sequence[Claim], axis: str) -> None:
    """Draw what was forecast before on a plot of the loss: bars of 50% (thick) and 90% (thin)."""
    named: set[str] = set()
    for claim, point, amount in claimed_points(claims, axis):
        ends = [quantile_between(point[QUANTILES], claim.content["levels"], p) for p in style.BANDS]
        label = f"forecast of {claim.date}"
        look: dict[str, Any] = {"color": style.ORANGE, "zorder": 5}
        ax.vlines(amount, ends[0], ends[-1], lw=1.1, label="" if label in named else label, **look)
        ax.vlines(amount, ends[1], ends[-2], lw=3.2, alpha=0.6, **look)
        named.add(label)


def _density(quantiles: Floats, at: Floats) -> Floats:
    from scipy import stats

    spread = float(quantiles.std())
    if spread < 1e-9 * max(abs(float(quantiles.mean())), 1e-9):
        width = (at[-1] - at[0]) / GRID
        return np.asarray(np.exp(-0.5 * ((at - quantiles.mean()) / width) ** 2))
    return np.asarray(stats.gaussian_kde(quantiles, bw_method=SMOOTHING)(at))
