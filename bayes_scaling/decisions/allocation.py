"""allocate: how to split a compute budget between parameters and tokens.

Two answers with two names. `draws`: where the optimum may lie, one optimum per posterior draw.
`robust`: the one plan to fund, of least posterior-expected loss, with its regret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.forecast import LEVELS
from bayes_scaling.decisions.horizon import (
    caveats,
    extrapolation_of,
    positive_values,
    stated_of,
)
from bayes_scaling.decisions.optimum import (
    RATIO_RANGE,
    per_draw_optimum,
    require_split,
    search_split,
)
from bayes_scaling.decisions.quantiles import long_quantiles, quantiles_of
from bayes_scaling.decisions.source import Source, average_of
from bayes_scaling.evaluation.averaging import Average
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import curve_at
from bayes_scaling.names import BUDGET, CHAIN, DRAW, FLOPS, LOSS_MEAN, PARAMS, TOKENS
from bayes_scaling.runs.compute import FLOP_CONVENTION, FLOP_PER_PARAM_TOKEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.runs.finding import Finding

    Floats = NDArray[np.float64]

TOLERANCE = 0.005
"""Expected loss above the robust plan's, in nats, up to which a size counts as near-optimal."""
NEAR_GRID = 400
TOKENS_PER_PARAM = "tokens_per_param"
OPTIMAL_LOSS = "loss"
REGRET = "regret"
AT_EDGE = "at_edge"


@dataclass(frozen=True)
class Allocation:
    """Splits of each budget under C = 6ND.

    `budgets`: flops, extrapolation (multiple of the largest fitted run), gpu_hours, usd.
    `draws`, dims (chain, draw, budget): params, tokens, tokens_per_param and loss [nats/token] of
    each draw's own optimum, at_edge where it hit the range searched, and regret [nats/token], what
    the robust plan loses against that optimum. `robust`, one row per budget: flops, params,
    tokens, tokens_per_param, loss (posterior-expected), regret_mean, regret_q95, params_low and
    params_high (all sizes within 0.005 nats of it in expected loss), at_edge.
    """

    budgets: pd.DataFrame
    draws: xr.Dataset
    robust: pd.DataFrame
    cost: Cost
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str = PARAMS) -> pd.DataFrame:
        """Quantiles of `params`, `tokens`, `tokens_per_param`, `loss` or `regret`.

        One row per budget in the order asked, one float-named column per level. Raises UsageError
        for other names and for levels outside (0, 1).
        """
        return quantiles_of(self.draws, of, levels, BUDGET)

    def to_frame(self) -> pd.DataFrame:
        """Return long quantiles: budget, flops, variable, level, value."""
        names = (PARAMS, TOKENS, TOKENS_PER_PARAM, OPTIMAL_LOSS, REGRET)
        table = long_quantiles(self.draws, names, LEVELS, BUDGET)
        return table.join(self.budgets[[FLOPS]], on=BUDGET)


def allocate(source: Source, budgets: Sequence[float], *, cost: Cost | None = None) -> Allocation:
    """Split compute budgets [FLOP] between parameters and tokens under C = 6ND.

    `source` is a fit, an `Average`, a mapping of fits (equal weights) or a run table, whose default
    models are then fitted and averaged. The closed form of the law where it has one (Hoffmann et
    al. 2022, arXiv:2203.15556, eq. 4), else a search, for every draw; of an average each draw is
    split by its own law, and the robust plan is best over all of them. Returns an `Allocation` with
    draws (chain, draw, budget). Raises UsageError for impossible budgets and for laws without a
    split, CheckError where the table cannot tell one.
    """
    cost = cost or Cost()
    flops = positive_values(budgets, FLOPS)
    mixed = average_of(source, backtest=False)
    for fit in mixed.fits.values():
        require_split(fit, flops)
    robust = _robust(mixed, flops)
    funded = {PARAMS: robust[PARAMS].to_numpy(), TOKENS: robust[TOKENS].to_numpy()}
    each = {name: _of_fit(fit, flops, funded) for name, fit in mixed.fits.items()}
    first = next(iter(mixed.fits.values()))
    variables = {
        key: mixed.pick({name: one[key] for name, one in each.items()})
        for key in next(iter(each.values()))
    }
    regret = variables[REGRET]
    robust["regret_mean"] = regret.mean(axis=(0, 1))
    robust["regret_q95"] = np.quantile(regret, 0.95, axis=(0, 1))
    dims = (CHAIN, DRAW, BUDGET)
    chains, draws = mixed.shape
    coords = {CHAIN: np.arange(chains), DRAW: np.arange(draws), BUDGET: np.arange(len(flops))}
    ratios = extrapolation_of(first, flops)
    found = [caveats(fit, ratios, funded) for fit in mixed.fits.values()]
    return Allocation(
        budgets=pd.DataFrame(
            {
                FLOPS: flops,
                "extrapolation": ratios,
                "gpu_hours": cost.gpu_hours(flops),
                "usd": cost.usd(flops),
            }
        ),
        draws=xr.Dataset({k: (dims, v) for k, v in variables.items()}, coords=coords),
        robust=robust,
        cost=cost,
        findings=tuple(dict.fromkeys(finding for each in found for finding in each)),
        provenance={**_origin(mixed), "flop_convention": FLOP_CONVENTION},
    )


def _of_fit(fit: Fit, flops: Floats, funded: Mapping[str, Floats]) -> dict[str, NDArray[Any]]:
    """Each draw's own optimum, and what the funded plan loses against it, (chain, draw, budget)."""
    params, tokens, at_edge = per_draw_optimum(fit, flops)
    optimal = curve_at(fit, {PARAMS: params, TOKENS: tokens})
    return {
        PARAMS: params,
        TOKENS: tokens,
        TOKENS_PER_PARAM: tokens / params,
        OPTIMAL_LOSS: optimal,
        REGRET: curve_at(fit, funded) - optimal,
        AT_EDGE: at_edge,
    }


def _origin(mixed: Average) -> dict[str, Any]:
    """Provenance of a fit, or of each fit of an average and their weights."""
    each = {name: {**f.provenance, **stated_of(f)} for name, f in mixed.fits.items()}
    if len(each) == 1:
        return next(iter(each.values()))
    return {"models": each, "weights": dict(mixed.weights)}


def loss_on_budget(source: Fit, flops: float, params: Floats) -> xr.DataArray:
    """Return `loss_mean` [nats/token] of sizes `params` (n,) that spend `flops` under C = 6ND.

    Dims (chain, draw, params).
    """
    params = positive_values(params, PARAMS)
    tokens = flops / (FLOP_PER_PARAM_TOKEN * params)
    values = curve_at(source, {PARAMS: params, TOKENS: tokens})
    coords = {**source.posterior.coords, PARAMS: params}
    return xr.DataArray(values, dims=(CHAIN, DRAW, PARAMS), coords=coords, name=LOSS_MEAN)


def _robust(mixed: Average, flops: Floats) -> pd.DataFrame:
    """The plan of least posterior-expected loss at each budget, and the sizes about as good."""

    def expected(params: Floats, tokens: Floats) -> Floats:
        inputs = {PARAMS: params, TOKENS: tokens}
        each = {k: curve_at(fit, inputs).mean(axis=(0, 1)) for k, fit in mixed.fits.items()}
        return np.asarray(sum(mixed.weights[k] * loss for k, loss in each.items()))

    ND = flops / FLOP_PER_PARAM_TOKEN
    params, tokens, at_edge = search_split(expected, ND, ())
    loss = expected(params, tokens)
    near = [_near_optimal(expected, *row) for row in zip(ND, params, loss, strict=True)]
    return pd.DataFrame(
        {
            FLOPS: flops,
            PARAMS: params,
            TOKENS: tokens,
            TOKENS_PER_PARAM: tokens / params,
            OPTIMAL_LOSS: loss,
            "params_low": [low for low, _ in near],
            "params_high": [high for _, high in near],
            AT_EDGE: at_edge,
        }
    )


def _near_optimal(expected: Any, nd: float, best: float, loss: float) -> tuple[float, float]:
    """Smallest and largest size within TOLERANCE of the robust plan's expected loss."""
    low, high = (float(np.sqrt(nd / ratio)) for ratio in RATIO_RANGE[::-1])
    found = []
    for end in (low, high):
        sizes = np.geomspace(best, end, NEAR_GRID)
        excess = expected(sizes, nd / sizes) - loss - TOLERANCE
        over = np.flatnonzero(excess > 0)
        if not over.size or over[0] == 0:
            found.append(end if not over.size else best)
            continue
        i = over[0]
        part = -excess[i - 1] / (excess[i] - excess[i - 1])
        found.append(float(sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** part))
    return found[0], found[1]
