"""best_mixture: the weights of data sources with which a run would lose least, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import xarray as xr

from bayes_scaling.decisions.horizon import positive_values
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import curve_at
from bayes_scaling.names import CHAIN, DRAW, PARAMS, SOURCE, TOKENS, WEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Loss = Callable[[Floats], Floats]

STEPS: Final = 400
DIFFERENCE: Final = 1e-5
"""Half width in one weight of the differences that the search descends by."""
SMALLEST: Final = 1e-6
"""Weight below which the search does not go; a weight of zero is tried at the corners."""
CORNER_NOTE: Final = (
    "every draw puts all weight on one source: under this law sources stand in for one another, "
    "so that the best takes all, up to its supply; no evidence for a mixture"
)


def best_mixture(
    source: Fit | Sequence[Fit], *, params: float | None = None, tokens: float | None = None
) -> xr.DataArray:
    """Weights of least expected loss on the simplex, per draw: dims (chain, draw, source).

    `source` is a fit of a mixture law, or several of the same sources on different evaluation sets,
    whose losses count alike (their draws are paired). `params` [parameters] and `tokens` are the
    size of the run where the law reads it. Searched by multiplicative steps in softmax coordinates,
    all draws at once, and compared with all weight on each one source. The attribute `at_corner` is
    the share of draws with one source only; where that is all of them, `note` says why.

    Raises UsageError for laws without sources, for fits whose sources or draws differ, and where
    the law reads params or tokens that are not given.

    Examples
    --------
    >>> best = bs.best_mixture(mixture, params=1e9, tokens=1e11)
    >>> best.dims, bool(np.allclose(best.sum("source"), 1))
    (('chain', 'draw', 'source'), True)
    """
    fits = [source] if isinstance(source, Fit) else list(source)
    sources = _common_sources(fits)
    given = {PARAMS: params, TOKENS: tokens}
    size = {k: positive_values([v], k) for k, v in given.items() if v is not None}
    shape = next(iter(fits[0].posterior.values())).shape

    def loss(weights: Floats) -> Floats:
        """Mean expected loss of weights (chain, draw, source): (chain, draw)."""
        columns = {f"{WEIGHT}{s}": weights[..., i, None] for i, s in enumerate(sources)}
        each = [curve_at(fit, {**size, **columns})[..., 0] for fit in fits]
        return np.asarray(np.mean(each, axis=0))

    best, lowest = _search(loss, (*shape, len(sources)))
    for i in range(len(sources)):
        corner = np.zeros_like(best)
        corner[..., i] = 1.0
        value = loss(corner)
        better = value <= lowest
        best, lowest = np.where(better[..., None], corner, best), np.minimum(value, lowest)
    at_corner = float((best.max(axis=-1) == 1).mean())
    attributes = {"at_corner": at_corner, "note": CORNER_NOTE if at_corner == 1 else ""}
    coords = {**fits[0].posterior.coords, SOURCE: list(sources)}
    return xr.DataArray(
        best, dims=(CHAIN, DRAW, SOURCE), coords=coords, name="best_mixture", attrs=attributes
    )


def _common_sources(fits: Sequence[Fit]) -> tuple[str, ...]:
    if not fits or not all(isinstance(fit, Fit) for fit in fits):
        raise UsageError("a best mixture is found from a fit, or from a list of fits")
    found = {fit.model.law.sources for fit in fits}
    if len(found) > 1 or len({tuple(fit.posterior.sizes.items()) for fit in fits}) > 1:
        raise UsageError("the fits must be of the same sources in one order, and of as many draws")
    sources = found.pop()
    if not sources:
        name = fits[0].spec.name
        raise UsageError(f"model {name!r} reads no weights of data sources; try mixture-additive")
    return sources


def _search(loss: Loss, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Descend from equal weights and from near each corner; weights and loss of the best."""
    count = shape[-1]
    starts = [np.full(count, 1 / count), *(0.7 * np.eye(count) + 0.3 / count)]
    found = [_descend(loss, np.broadcast_to(start, shape).copy()) for start in starts]
    best, lowest = found[0]
    for weights, value in found[1:]:
        better = value < lowest
        best = np.where(better[..., None], weights, best)
        lowest = np.minimum(value, lowest)
    return best, lowest


def _descend(loss: Loss, weights: Floats) -> tuple[Floats, Floats]:
    """Multiply weights by exp(-step slope), each draw with a step of its own."""
    value, step = loss(weights), np.full(weights.shape[:-1], 1.0)
    for _ in range(STEPS):
        slope = _slope(loss, weights)
        slope -= np.sum(weights * slope, axis=-1, keepdims=True)
        moved = weights * np.exp(np.clip(-step[..., None] * slope, -5, 5))
        moved = np.maximum(moved / moved.sum(axis=-1, keepdims=True), SMALLEST)
        moved /= moved.sum(axis=-1, keepdims=True)
        new = loss(moved)
        better = new < value
        weights, value = np.where(better[..., None], moved, weights), np.where(better, new, value)
        step = np.where(better, step * 1.5, step * 0.3)
        if (step < 1e-9).all():
            break
    return weights, value


def _slope(loss: Loss, weights: Floats) -> Floats:
    """Slope of the loss in each weight, (chain, draw, source)."""
    found = np.empty_like(weights)
    for i in range(weights.shape[-1]):
        half = np.minimum(DIFFERENCE, weights[..., i] / 2)
        ends = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[..., i] += sign * half
            ends.append(loss(moved))
        found[..., i] = (ends[0] - ends[1]) / (2 * half)
    return found
