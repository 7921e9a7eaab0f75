"""Splits: the closed form of each law's best split against a search, budgets kept to the FLOP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.allocation import allocate
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.optimum import per_draw_optimum
from bayes_scaling.inference.fit import Fit
from bayes_scaling.laws.library import built_in
from bayes_scaling.names import CHAIN, DRAW, LOSS, PARAMS, TOKENS
from bayes_scaling.proofs.laws import SMALLEST_LOSS
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import ModelSpec, load_model

SEED: Final = 20261128
CHAINS, DRAWS, FEW_DRAWS = 4, 2500, 250
BUDGETS: Final = (1e20, 5.76e23, 1e26)
SPLIT_LIMIT, FLOP_LIMIT, LINEAR_LIMIT = 1e-6, 1e-9, 1e-12
LEAST_SEEN: Final = 0.9
"""Share of draws whose best split lies inside the range that is searched."""


class _Gaps(NamedTuple):
    split: float
    flop: float
    price: float
    seen: float


def splits(full: bool, say: Say) -> Proof:
    """Closed forms of best splits against the search, for draws of the priors (A7)."""
    draws = DRAWS if full else FEW_DRAWS
    found = {spec.name: _gaps(fit_of_priors(spec, draws)) for spec in _models()}
    worst = _Gaps(*(max(column) for column in zip(*found.values(), strict=True)))
    least_seen = min(each.seen for each in found.values())
    kept = (
        worst.split <= SPLIT_LIMIT
        and worst.flop <= FLOP_LIMIT
        and worst.price <= LINEAR_LIMIT
        and least_seen >= LEAST_SEEN
    )
    return Proof(
        "A7",
        f"the closed form of the best split of {', '.join(found)} is where a search finds it; the "
        "split spends the budget; cost is linear in compute",
        CHAINS * draws * len(found),
        f"largest relative distance {worst.split:.1e}, 6ND to the budget {worst.flop:.1e}, cost "
        f"to linear {worst.price:.1e}",
        f"{SPLIT_LIMIT:g}, {FLOP_LIMIT:g}, {LINEAR_LIMIT:g}",
        kept,
        f"Draws of the priors, budgets of 1e20 to 1e26 FLOP; {least_seen:.1%} or more of a law's "
        "splits lie inside the range that is searched, the others are marked at its edge.",
    )


def _models() -> Iterator[ModelSpec]:
    """One model of each law with a closed form."""
    seen = set()
    for name in model_names():
        spec = load_model(name)
        closed = spec.law.optimum is not None and spec.law.name in built_in()
        if closed and spec.groups is None and spec.law.name not in seen:
            seen.add(spec.law.name)
            yield spec


def fit_of_priors(spec: ModelSpec, draws: int) -> Fit:
    """Return a fit whose draws are those of the priors, over a grid of runs."""
    rng = np.random.default_rng(SEED)
    sizes, tokens = np.meshgrid(np.geomspace(5e7, 5e9, 6), np.geomspace(1e9, 1e11, 6))
    table = pd.DataFrame({PARAMS: sizes.ravel(), TOKENS: tokens.ravel()})
    table[LOSS] = SMALLEST_LOSS + 0.3 * (table[PARAMS] / 1e9) ** -0.3
    shape, total = (CHAINS, draws), CHAINS * draws
    stated = spec.at_reference(smallest=SMALLEST_LOSS)
    posterior = xr.Dataset(
        {k: ((CHAIN, DRAW), p.sample(rng, total).reshape(shape))
         for k, p in stated.all_priors.items()},
        coords={CHAIN: np.arange(CHAINS), DRAW: np.arange(draws)},
    )  # fmt: skip
    return Fit(spec, Runs.from_frame(table), posterior, xr.Dataset(), {"seed": SEED})


def _gaps(fit: Fit) -> _Gaps:
    flops = np.array(BUDGETS)
    closed = per_draw_optimum(fit, flops)
    law = replace(fit.spec.law, optimum=None)
    searched = per_draw_optimum(replace(fit, spec=replace(fit.spec, law=law)), flops)
    inside = ~(closed[2] | searched[2])
    split = max(
        float(np.max(np.abs(a[inside] / b[inside] - 1)))
        for a, b in zip(closed[:2], searched[:2], strict=True)
    )
    answer = allocate(fit, BUDGETS)
    spent = train_flop(answer.draws[PARAMS].values, answer.draws[TOKENS].values)
    robust = train_flop(answer.robust[PARAMS].to_numpy(), answer.robust[TOKENS].to_numpy())
    flop = max(float(np.max(np.abs(each / flops - 1))) for each in (spent, robust))
    cost = Cost(usd_per_gpu_hour=2.5, flops_per_gpu_second=9.9e14, mfu=0.4, overhead=0.05)
    by_hand = flops / (9.9e14 * 0.4 * 3600) * 1.05 * 2.5
    priced = allocate(fit, BUDGETS, cost=cost).budgets["usd"].to_numpy()
    return _Gaps(split, flop, float(np.max(np.abs(priced / by_hand - 1))), float(inside.mean()))
