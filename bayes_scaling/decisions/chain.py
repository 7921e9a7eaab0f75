"""chain: a forecast of the loss carried on, draw by draw, to what a benchmark measures.

| code | severity | what was found |
|---|---|---|
| X007 | warn | a benchmark that is all or nothing: its jump is its own |
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_scaling.decisions.forecast import Forecast
from bayes_scaling.decisions.horizon import beyond_losses, distrust
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.grouped import require_one_group
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.names import CHAIN, DRAW, LOSS, LOSS_MEAN, SOURCE_LOSS
from bayes_scaling.quantities import new_of, quantity
from bayes_scaling.runs.finding import WARN, Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL_OR_NOTHING = ("threshold", "exact-match")
"""Laws of metrics that count an answer only where all of it is right."""
READS_LOSS = (LOSS, SOURCE_LOSS)
"""Columns of a link into which a forecast loss can go."""


def chain(forecast: Forecast, link: Fit, *, items: int | None = None, seed: int = 0) -> Forecast:
    """Push the loss draws of a forecast through the draws of a link, such as `accuracy-sigmoid`.

    Each draw of `loss_mean` meets one draw of the link; the two posteriors are independent, so the
    pairs are random, by `seed`. A link that reads more than the loss takes the rest as given:
    `link.at(answer_tokens=5)`.

    Returns a `Forecast` of the link's target with dims (chain, draw, point) of the loss forecast:
    `accuracy_mean` (the curve) and `accuracy_new` (one new measurement), or those of an error or
    another loss; beside them what the forecast held, `loss_mean` included. With `items`, a new
    measurement is of that many items, each right or wrong: binomial noise on top of the scatter
    that the link found. Points whose loss lies outside the losses that the link was fitted on carry
    a finding, and so does an all-or-nothing metric, whose jump is its own. Raises UsageError where
    the forecast is of no loss, the link reads none, or items are no whole number above 0 or of a
    target that is no share.

    Examples
    --------
    >>> found = bs.chain(bs.forecast(fit, [1e21]), link, items=164)
    >>> found.target, found.draws["accuracy_new"].dims
    ('accuracy', ('chain', 'draw', 'point'))
    """
    if not isinstance(forecast, Forecast) or not isinstance(link, Fit):
        raise UsageError("chain takes a forecast of the loss and the fit of a link")
    if forecast.target != LOSS:
        raise UsageError(f"a link reads the loss; this is a forecast of the {forecast.target}")
    column = _loss_column(link)
    require_one_group(link)
    losses = np.asarray(forecast.draws[LOSS_MEAN])
    paired = _paired(link, forecast.draws, rng_of(seed, "chain"))
    draws = predict_at(paired, {column: losses}, seed=seed)
    if items is not None:
        draws = _measured(draws, link.model.target, items, rng_of(seed, "items"))
    kept = [name for name in forecast.draws if name not in (*draws, forecast.new)]
    return Forecast(
        points=forecast.points,
        draws=draws.merge(forecast.draws[kept]),
        findings=(
            *forecast.findings,
            *distrust(link),
            *beyond_losses(link, column, losses),
            *_jump(link),
        ),
        weights=forecast.weights,
        provenance={
            **forecast.provenance,
            "link": link.spec.name,
            "link_provenance": dict(link.provenance),
            "chain_seed": seed,
            "items": items,
        },
        target=link.model.target,
    )


def _measured(draws: xr.Dataset, target: str, items: int, rng: np.random.Generator) -> xr.Dataset:
    """Return the draws with new measurements of `items` items each."""
    if not quantity(target).closed:
        raise UsageError(f"items: the {target} is no share of items")
    if not (isinstance(items, int) and items > 0):
        raise UsageError(f"items = {items}: a whole number above 0")
    name = new_of(target)
    share = np.clip(draws[name].values, 0.0, 1.0)
    return draws.assign({name: (draws[name].dims, rng.binomial(items, share) / items)})


def _jump(link: Fit) -> tuple[Finding, ...]:
    """X007: a metric that is all or nothing jumps where the loss falls smoothly."""
    if link.spec.law.name not in ALL_OR_NOTHING:
        return ()
    message = (
        f"{link.spec.law.name} is all or nothing: a jump of the {link.model.target} is the "
        "metric's own, the loss falls smoothly through it"
    )
    return (Finding("X007", WARN, (), message, "look at the loss, or at a score by token"),)


def _loss_column(link: Fit) -> str:
    found = [name for name in link.model.inputs if name in READS_LOSS]
    if not found:
        raise UsageError(
            f"model {link.spec.name!r} is no link: it reads {', '.join(link.model.inputs)}, not "
            "the loss. Links: error-exp, accuracy-sigmoid, threshold, exact-match, loss-transfer"
        )
    return found[0]


def _paired(link: Fit, draws: xr.Dataset, rng: np.random.Generator) -> Fit:
    """The link with its draws in random order, as many as the forecast has."""
    shape = (draws.sizes[CHAIN], draws.sizes[DRAW])
    order = _shuffled(link.posterior.sizes[CHAIN] * link.posterior.sizes[DRAW], shape, rng)
    mixed = {
        name: ((CHAIN, DRAW), values.transpose(CHAIN, DRAW).values.ravel()[order])
        for name, values in link.posterior.items()
    }
    coords = {CHAIN: draws[CHAIN], DRAW: draws[DRAW]}
    return replace(link, posterior=xr.Dataset(mixed, coords=coords))


def _shuffled(count: int, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices below `count` in random order, each used equally often as far as they go round."""
    rounds = -(-shape[0] * shape[1] // count)
    order = np.concatenate([rng.permutation(count) for _ in range(rounds)])
    return order[: shape[0] * shape[1]].reshape(shape)
