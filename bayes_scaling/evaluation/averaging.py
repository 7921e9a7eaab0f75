"""Average: several laws fitted to one table, their draws mixed by weight.

Which law holds beyond the runs is not known, so each draw of an average is one draw of one law: its
own parameters, its own drift, its own optimum. Nothing is averaged before the last line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.sampling import Progress, fit
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.names import CHAIN, DRAW, EPOCHS, PARAMS, TOKENS, UNIQUE_TOKENS
from bayes_scaling.specs.spec import load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.evidence import Held
    from bayes_scaling.runs.table import Runs

JOINT = ("chinchilla", "skaling")
"""Default models of a table of parameters and tokens. The additive law is the field's reference and
covers iso-FLOP tables best; skaling, which contains it, is sharper, but alone covers too few runs
of such tables. On the public tables their average is nearly as sharp and covers every family."""
REPEATED = ("data-constrained",)
"""Default where tokens were seen several times: the laws of fresh tokens are wrong there."""
ONE_RESOURCE = ("power-floor",)
"""Default of one resource: other shapes differ where no run has been, which drift stands for."""
REPEATED_FROM = 1.5
"""Mean epochs per token of a run from which a table counts as one of repeated data."""


@dataclass(frozen=True)
class Average:
    """Fits of several models to one table, and the weight of each; weights sum to 1.

    `backtest` counts how forecasts of this average fared on this table, where that was asked.
    """

    fits: Mapping[str, Fit]
    weights: Mapping[str, float]
    backtest: tuple[Held, ...] | None = None

    @property
    def runs(self) -> Runs:
        """The table that all were fitted to."""
        return next(iter(self.fits.values())).runs

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and draws of the mixture: those that every member has."""
        sizes = [each.posterior.sizes for each in self.fits.values()]
        return min(size[CHAIN] for size in sizes), min(size[DRAW] for size in sizes)

    def members(self) -> NDArray[np.int64]:
        """Which model each draw is of, (chain, draw): as often as its weight says, in random order.

        Always the same choice, so that all answers of one average belong together.
        """
        size = self.shape[0] * self.shape[1]
        edges = np.cumsum([self.weights[name] for name in self.fits])
        places = (np.arange(size) + 0.5) / size
        index = np.minimum(np.searchsorted(edges, places), len(self.fits) - 1)
        return np.asarray(rng_of(0, "average").permutation(index).reshape(self.shape))

    def pick(self, each: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Mix arrays (chain, draw, ...), one by model: each draw is that of its own model."""
        members = self.members()
        chains, draws = self.shape
        found = np.array(each[next(iter(self.fits))][:chains, :draws])
        for place, name in enumerate(self.fits):
            own = members == place
            found[own] = each[name][:chains, :draws][own]
        return found


def average(fits: Mapping[str, Fit], weights: Mapping[str, float] | None = None) -> Average:
    """Return the average of fits to one table; equal weights unless others are given.

    Raises UsageError for no fits, fits of different tables or targets, and weights that do not name
    the fits, are negative or sum to nothing.
    """
    if not fits:
        raise UsageError("an average needs at least one fit")
    digests = {name: each.runs.digest for name, each in fits.items()}
    if len(set(digests.values())) > 1:
        raise UsageError(
            f"fits of different tables have no average: {', '.join(digests)}; see compare for the "
            "rows in which they differ"
        )
    if len({each.model.target for each in fits.values()}) > 1:
        raise UsageError("fits of different targets have no average")
    given = dict.fromkeys(fits, 1.0) if weights is None else dict(weights)
    if set(given) != set(fits):
        raise UsageError(f"weights name {', '.join(given)}; the fits are {', '.join(fits)}")
    total = sum(given.values())
    if not all(value >= 0 for value in given.values()) or not 0 < total < np.inf:
        raise UsageError(f"weights {given}: from 0 on, and not all 0")
    return Average(dict(fits), {name: given[name] / total for name in fits})


def default_models(runs: Runs) -> tuple[str, ...]:
    """Return the names of the models that are fitted and averaged where none is named."""
    there = set(runs.frame)
    if not {PARAMS, TOKENS} <= there:
        return ONE_RESOURCE
    if there & {UNIQUE_TOKENS, EPOCHS}:
        seen = runs.resource(TOKENS) / runs.resource(UNIQUE_TOKENS)
        if float(np.mean(seen)) >= REPEATED_FROM:
            return REPEATED
    return JOINT


def fit_default(
    runs: Runs,
    *,
    seed: int = 0,
    draws: int = 1000,
    chains: int = 4,
    progress: Progress | None = None,
) -> Average:
    """Fit the default models of a table and average them with equal weights."""
    fits = {
        name: fit(load_model(name), runs, seed=seed, draws=draws, chains=chains, progress=progress)
        for name in default_models(runs)
    }
    return average(fits)
