"""allocate: how to split a compute budget between parameters and tokens.

Two answers with two names. `draws`: where the optimum may lie, one optimum per posterior draw.
`robust`: the one plan to fund, of least posterior-expected loss, with its regret.

| code | severity | what was found |
|---|---|---|
| B001 | warn | limits leave part of a budget unspent |
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
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.quantiles import long_quantiles, quantiles_of
from bayes_scaling.decisions.repetition import Repetition
from bayes_scaling.decisions.robust import near_optimal, robust_plans
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.setting import USUAL, Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.evaluation.averaging import Average
from bayes_scaling.inference.fit import Fit
from bayes_scaling.names import (
    BUDGET,
    CHAIN,
    DRAW,
    FLOPS,
    GPU_HOURS,
    LOSS_MEAN,
    PARAMS,
    TOKENS,
    TOKENS_PER_PARAM,
    USD,
)
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.runs.finding import WARN, Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OPTIMAL_LOSS = "loss"
REGRET = "regret"
AT_EDGE = "at_edge"
UNSPENT = 1e-9
"""Share of a budget that may be left without a word: rounding."""


@dataclass(frozen=True)
class Allocation:
    """Splits of each budget: training compute, or training and serving where a demand is stated.

    `budgets`: flops, extrapolation (training compute of the plan as a multiple of the largest
    fitted run), gpu_hours, usd (medians).
    `draws`, dims (chain, draw, budget): params, tokens, tokens_per_param and loss [nats/token] of
    each draw's own optimum, at_edge where it lies on a limit or at an end of the search, and regret
    [nats/token], what the robust plan loses against the optimum of the same spending; usd and
    gpu_hours of the budget where price or speed are uncertain. `robust`, one row per budget: flops,
    params, tokens, tokens_per_param, loss (posterior-expected; with `cvar` also loss_worst, the
    mean of the worst draws), regret_mean, regret_q95, params_low and params_high (all sizes within
    0.005 nats of it in expected loss), train_flops, limited_by (the limit on which the plan lies,
    in words), at_edge.

    Examples
    --------
    >>> found = bs.allocate(fit, [1e22])
    >>> list(found.budgets)
    ['flops', 'extrapolation', 'gpu_hours', 'usd']
    >>> found.quantiles([0.05, 0.95], of="tokens").shape
    (1, 2)
    >>> found.cost.usd_per_gpu_hour, list(found.to_frame())[-3:]
    (2.5, ['level', 'value', 'flops'])
    """

    budgets: pd.DataFrame
    draws: xr.Dataset
    robust: pd.DataFrame
    setting: Setting
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    @property
    def cost(self) -> Cost:
        """What compute costs."""
        return self.setting.cost

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str = PARAMS) -> pd.DataFrame:
        """Quantiles of `params`, `tokens`, `tokens_per_param`, `loss`, `regret` and so on.

        One row per budget in the order asked, one float-named column per level. Raises UsageError
        for other names and for levels outside (0, 1).
        """
        return quantiles_of(self.draws, of, levels, BUDGET)

    def to_frame(self) -> pd.DataFrame:
        """Return long quantiles: budget, flops, variable, level, value."""
        names = (PARAMS, TOKENS, TOKENS_PER_PARAM, OPTIMAL_LOSS, REGRET)
        table = long_quantiles(self.draws, names, LEVELS, BUDGET)
        return table.join(self.budgets[[FLOPS]], on=BUDGET)


def allocate(
    source: Source,
    budgets: Sequence[float],
    *,
    cost: Cost | None = None,
    limits: Limits | None = None,
    serving: Serving | None = None,
    repetition: Repetition | None = None,
    cvar: float | None = None,
    seed: int = 0,
) -> Allocation:
    """Split compute budgets [FLOP] between parameters and tokens.

    `source` is a fit, an `Average`, a mapping of fits (equal weights) or a run table, whose default
    models are then fitted and averaged. C = 6ND unless `cost` counts otherwise; with `serving` a
    budget pays for training and serving, with `repetition` tokens are scarce and seen again. The
    closed form of the law where it has one (Hoffmann et al. 2022, arXiv:2203.15556, eq. 4), else a
    search, for every draw, within `limits`; of an average each draw is split by its own law. The
    robust plan is best over all draws: of least expected loss, or with `cvar` (0.9, say) of least
    mean loss over the worst share 1 - cvar of them. `seed` draws what is uncertain in price, demand
    and data. Raises UsageError for impossible budgets and limits, naming those that bind, and for
    laws without a split, CheckError where the table cannot tell one.

    Examples
    --------
    >>> found = bs.allocate(fit, [1e21, 1e22], limits=bs.Limits(max_params=5e9))
    >>> found.draws["params"].dims
    ('chain', 'draw', 'budget')
    >>> f"{found.robust['params'].max():.0e}"
    '5e+09'
    """
    setting = Setting.of(cost, limits, serving, repetition, seed)
    return allocate_within(source, budgets, setting, cvar=cvar)


def allocate_within(
    source: Source, budgets: Sequence[float], setting: Setting, *, cvar: float | None = None
) -> Allocation:
    """Split compute budgets [FLOP] within a setting; see `allocate`, which raises the same."""
    asked = positive_values(budgets, FLOPS)
    mixed = setting.average(source, asked)
    flops = setting.line.spendable(asked)
    robust = robust_plans(mixed, flops, setting, cvar=cvar)
    robust = robust.join(near_optimal(mixed, robust, setting, cvar=cvar))
    funded = {PARAMS: robust[PARAMS].to_numpy(), TOKENS: robust[TOKENS].to_numpy()}
    each = {name: _of_fit(fit, flops, funded, setting) for name, fit in mixed.fits.items()}
    first = next(iter(mixed.fits.values()))
    variables = {
        key: mixed.pick({name: one[key] for name, one in each.items()})
        for key in next(iter(each.values()))
    }
    if setting.cost.uncertain:
        price = setting.cost.drawn(mixed.shape, seed=setting.seed)
        variables |= {USD: price.usd(flops), GPU_HOURS: price.gpu_hours(flops)}
    regret = variables[REGRET]
    robust["regret_mean"] = regret.mean(axis=(0, 1))
    robust["regret_q95"] = np.quantile(regret, 0.95, axis=(0, 1))
    dims = (CHAIN, DRAW, BUDGET)
    chains, draws = mixed.shape
    coords = {CHAIN: np.arange(chains), DRAW: np.arange(draws), BUDGET: np.arange(len(flops))}
    spent = flops if setting.line.is_usual else train_flop(*funded.values())
    ratios = extrapolation_of(first, spent)
    found = [caveats(fit, ratios, funded) for fit in mixed.fits.values()]
    return Allocation(
        budgets=pd.DataFrame(
            {
                FLOPS: asked,
                "extrapolation": ratios,
                GPU_HOURS: setting.cost.gpu_hours(flops),
                USD: setting.cost.usd(flops),
            }
        ),
        draws=xr.Dataset(
            {
                k: (dims, np.broadcast_to(v, (*mixed.shape, len(flops))))
                for k, v in variables.items()
            },
            coords=coords,
        ),
        robust=robust.assign(flops=asked),
        setting=setting,
        findings=tuple(
            dict.fromkeys((*_unspent(asked, flops), *(one for each in found for one in each)))
        ),
        provenance={
            **_origin(mixed),
            "flop_convention": setting.cost.convention.name,
            "cvar": cvar,
        },
    )


def _of_fit(
    fit: Fit, flops: Floats, funded: Mapping[str, Floats], setting: Setting
) -> dict[str, NDArray[Any]]:
    """Each draw's own optimum, and what the funded plan loses against it, (chain, draw, budget)."""
    line, law = setting.drawn_line(fit), setting.curve(fit, drift=False)
    params, tokens, at_edge = setting.best_split(fit, flops, line)
    curve = setting.curve(fit)
    best = law(params, tokens)
    if np.ndim(line.served):  # the funded plan spends more where demand is higher
        total = np.asarray(line.total(funded[PARAMS], funded[TOKENS]))
        best = law(*setting.best_split(fit, total, line)[:2])
    plan = law(funded[PARAMS], funded[TOKENS])
    return {
        PARAMS: params,
        TOKENS: tokens,
        TOKENS_PER_PARAM: tokens / params,
        OPTIMAL_LOSS: curve(params, tokens),
        REGRET: curve(funded[PARAMS], funded[TOKENS]) * (1 - best / plan),
        AT_EDGE: at_edge,
    }


def _unspent(asked: Floats, flops: Floats) -> list[Finding]:
    """B001 where limits on size and tokens leave part of a budget unspent."""
    left = 1 - flops / asked
    if not (left > UNSPENT).any():
        return []
    message = (
        f"{(left > UNSPENT).sum()} of {asked.size} budgets cannot be spent within the limits on "
        f"size and tokens: {flops.max():.3g} FLOP can"
    )
    return [Finding("B001", WARN, (), message, "raise a limit, or fund less")]


def _origin(mixed: Average) -> dict[str, Any]:
    """Provenance of a fit, or of each fit of an average and their weights."""
    each = {name: {**f.provenance, **stated_of(f)} for name, f in mixed.fits.items()}
    if len(each) == 1:
        return next(iter(each.values()))
    return {"models": each, "weights": dict(mixed.weights)}


def loss_on_budget(
    source: Fit, flops: float, params: Floats, setting: Setting = USUAL
) -> xr.DataArray:
    """Return `loss_mean` [nats/token] of sizes `params` (n,) that spend `flops` within a setting.

    Dims (chain, draw, params).
    """
    params = positive_values(params, PARAMS)
    values = setting.curve(source)(params, setting.line.tokens(flops, params))
    coords = {**source.posterior.coords, PARAMS: params}
    return xr.DataArray(values, dims=(CHAIN, DRAW, PARAMS), coords=coords, name=LOSS_MEAN)
