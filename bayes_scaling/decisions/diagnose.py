"""diagnose: which of the fitted runs were badly split, and what that cost.

A run of N parameters on D tokens is set beside the least-loss split of its own compute (6ND unless
the cost counts otherwise), and beside the least compute whose best split reaches the run's own
expected loss, draw by draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.forecast import LEVELS
from bayes_scaling.decisions.horizon import distrust
from bayes_scaling.decisions.optimum import per_draw_optimum
from bayes_scaling.decisions.quantiles import long_quantiles, quantiles_of
from bayes_scaling.decisions.roots import falling_root
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from bayes_scaling.names import CHAIN, DRAW, FLOPS, PARAMS, RUN, TOKENS, TOKENS_PER_PARAM, USD
from bayes_scaling.quantities import RESOURCES
from bayes_scaling.runs.derived import sources_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.runs.finding import Finding
    from bayes_scaling.runs.table import Runs

    Floats = NDArray[np.float64]

EXCESS: Final = "excess_loss"
LEAST_FLOPS: Final = "least_flops"
WASTED: Final = "wasted"
WASTED_USD: Final = "wasted_usd"
BEST_TOKENS: Final = "best_tokens"
MORE_TOKENS: Final = "more_tokens"
AT_EDGE: Final = "at_edge"
P_UNDER: Final = "p_undertrained"
P_OVER: Final = "p_overtrained"
LIKELY: Final = 0.9
"""Probability from which a run is called undertrained or overtrained."""
SUMMARISED: Final = (
    PARAMS, TOKENS, TOKENS_PER_PARAM, EXCESS, LEAST_FLOPS, WASTED, WASTED_USD, BEST_TOKENS,
    MORE_TOKENS,
)  # fmt: skip
BLOCK: Final = 400_000
"""Draws times runs that are worked on at once."""


@dataclass(frozen=True)
class Diagnosis:
    """How each fitted run spent its compute, in the order of the table.

    `runs`, one row per run: run, params, tokens, flops (6ND, or as `cost` counts),
    tokens_per_param, usd (price of that compute, at the median of an uncertain one), p_undertrained
    and p_overtrained, the shares of the draws whose best split of the same compute has more, and
    fewer, tokens per parameter than the run had.

    `draws`, dims (chain, draw, run): params, tokens and tokens_per_param of the best split of the
    run's compute; excess_loss [nats/token], the run's expected loss over that split's; least_flops,
    the least compute [FLOP] whose best split reaches the run's expected loss; wasted, 1 -
    least_flops / flops; wasted_usd, its price; best_tokens, the tokens at which the run's size is
    the best one for its compute; more_tokens, how many of them the run lacked, from 0; at_edge,
    where a search met its end. Losses are those of the law: a run's own noise is no part of them.

    Examples
    --------
    >>> found = bs.diagnose(fit)
    >>> found.draws["wasted"].dims, found.total_wasted.dims
    (('chain', 'draw', 'run'), ('chain', 'draw'))
    >>> found.quantiles([0.05, 0.95], of="wasted").shape, len(found.worst_first)
    ((35, 2), 35)
    >>> list(found.to_frame())[-3:]
    ['variable', 'level', 'value']
    """

    runs: pd.DataFrame
    draws: xr.Dataset
    cost: Cost
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str = EXCESS) -> pd.DataFrame:
        """Quantiles of one variable of `draws`: one row per run, one float-named column per level.

        Raises UsageError for other names and for levels outside (0, 1).
        """
        return quantiles_of(self.draws, of, levels, RUN)

    def to_frame(self) -> pd.DataFrame:
        """Return long quantiles: run, run_params, run_tokens, run_flops, variable, level, value."""
        table = long_quantiles(self.draws, SUMMARISED, LEVELS, RUN)
        place = table.pop(RUN)
        own = self.runs[[RUN, *RESOURCES]].rename(columns={k: f"run_{k}" for k in RESOURCES})
        return own.loc[place].reset_index(drop=True).join(table)

    @property
    def total_wasted(self) -> xr.DataArray:
        """Share of the compute of all runs together that was wasted, dims (chain, draw)."""
        flops = xr.DataArray(self.runs[FLOPS].to_numpy(), dims=RUN)
        return 1 - self.draws[LEAST_FLOPS].sum(RUN) / flops.sum()

    @property
    def worst_first(self) -> NDArray[np.int64]:
        """Places of the runs, (run,), by the median share of their compute that was wasted."""
        return np.argsort(-self.quantiles([0.5], of=WASTED)[0.5].to_numpy(), kind="stable")


def diagnose(source: Source, *, cost: Cost | None = None, seed: int = 0) -> Diagnosis:
    """Say of each fitted run whether it was undertrained, and what its split cost.

    `source` is a fit, an `Average`, a mapping of fits (equal weights) or a run table, whose default
    models are then fitted and averaged. A run is undertrained where the best split of its compute,
    6ND unless `cost` counts otherwise, has more tokens per parameter (Hoffmann et al. 2022,
    arXiv:2203.15556, section 3.4). The least compute that reaches a run's loss, and the tokens at
    which its size is the best one, are roots along the line of best splits, for every draw of its
    own. What the law reads besides, such as experts, is as each run had it, unless it is given
    (`Fit.at`). Held-out runs are not diagnosed. `seed` draws an uncertain price.

    Returns a `Diagnosis` with draws (chain, draw, run). Raises UsageError for laws without a split,
    CheckError where the table cannot tell one.

    Examples
    --------
    >>> bs.diagnose(fit).runs["p_undertrained"].between(0, 1).all().item()
    True
    """
    cost = cost or Cost()
    mixed = Setting(cost).average(source)
    runs = _described(mixed.runs, cost)
    flops = runs[FLOPS].to_numpy()
    each = {
        name: _of_fit(fit, runs, BudgetLine(cost.convention)) for name, fit in mixed.fits.items()
    }
    found = {
        key: mixed.pick({name: one[key] for name, one in each.items()})
        for key in next(iter(each.values()))
    }
    found[WASTED] = 1 - found[LEAST_FLOPS] / flops
    found[WASTED_USD] = np.asarray(
        cost.drawn(mixed.shape, seed=seed).usd(flops - found[LEAST_FLOPS])
    )
    ratio = runs[TOKENS_PER_PARAM].to_numpy()
    runs[P_UNDER] = (found[TOKENS_PER_PARAM] > ratio).mean(axis=(0, 1))
    runs[P_OVER] = (found[TOKENS_PER_PARAM] < ratio).mean(axis=(0, 1))
    chains, draws = mixed.shape
    coords = {CHAIN: np.arange(chains), DRAW: np.arange(draws), RUN: runs[RUN].to_numpy(dtype=str)}
    doubts = [finding for fit in mixed.fits.values() for finding in distrust(fit)]
    return Diagnosis(
        runs=runs,
        draws=xr.Dataset({k: ((CHAIN, DRAW, RUN), v) for k, v in found.items()}, coords=coords),
        cost=cost,
        findings=tuple(dict.fromkeys(doubts)),
        provenance={
            "models": {name: dict(fit.provenance) for name, fit in mixed.fits.items()},
            "weights": dict(mixed.weights),
            "flop_convention": cost.convention.name,
            "price_seed": seed,
        },
    )


def _described(table: Runs, cost: Cost) -> pd.DataFrame:
    params, tokens = table.resource(PARAMS), table.resource(TOKENS)
    flops = np.asarray(cost.convention.flops(params, tokens))
    return pd.DataFrame(
        {
            RUN: table.fitted[RUN].to_numpy(dtype=str),
            PARAMS: params,
            TOKENS: tokens,
            FLOPS: flops,
            TOKENS_PER_PARAM: tokens / params,
            USD: cost.usd(flops),
        }
    )


def _of_fit(fit: Fit, runs: pd.DataFrame, line: BudgetLine) -> dict[str, NDArray[Any]]:
    """Draws of one fit, (chain, draw, run), a block of runs at a time."""
    split, table = {*RESOURCES, TOKENS_PER_PARAM}, fit.runs.frame
    others = {
        name: fit.runs.resource(name)
        for name in fit.model.inputs
        if name not in {*split, *fit.given}
        and (name in table or not set(sources_of(name, table) or ()) <= split)
    }
    params, tokens = runs[PARAMS].to_numpy(), runs[TOKENS].to_numpy()
    size = next(iter(fit.posterior.values())).size
    parts = np.array_split(np.arange(len(runs)), max(1, -(-len(runs) * size // BLOCK)))
    blocks = [
        _block(fit, params[i], tokens[i], {k: v[i] for k, v in others.items()}, line)
        for i in parts
        if i.size
    ]
    return {key: np.concatenate([one[key] for one in blocks], axis=-1) for key in blocks[0]}


def _block(
    fit: Fit, params: Floats, tokens: Floats, others: Mapping[str, Floats], line: BudgetLine
) -> dict[str, NDArray[Any]]:
    flops = np.asarray(line.total(params, tokens))

    def loss(N: Floats, D: Floats) -> Floats:
        return law_at(fit, {**others, PARAMS: N, TOKENS: D})

    def best(log_flops: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        return per_draw_optimum(fit, np.exp(log_flops), line, loss if others else None)

    N, D, at_edge = best(np.log(flops))
    own, start = np.broadcast_to(loss(params, tokens), N.shape), np.log(flops) + 0.0 * N
    least, too_far = falling_root(lambda at: loss(*best(at)[:2]) - own, start)
    mended, too_far_too = falling_root(lambda at: np.log(params) - np.log(best(at)[0]), start)
    enough = np.asarray(line.tokens(np.exp(mended), params))
    return {
        PARAMS: np.array(N),
        TOKENS: np.array(D),
        TOKENS_PER_PARAM: D / N,
        EXCESS: np.maximum(own - loss(N, D), 0.0),  # the run itself is one of the splits
        LEAST_FLOPS: np.minimum(np.exp(least), flops),
        BEST_TOKENS: enough,
        MORE_TOKENS: np.maximum(enough - tokens, 0.0),
        AT_EDGE: at_edge | too_far | too_far_too,
    }
