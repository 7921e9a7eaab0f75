"""Prospects: what a reviewer asks of budgets: how likely a loss is, and what more money buys.

At each budget the plan funded is the robust one; its losses are draws of one new run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.forecast import LEVELS
from bayes_scaling.decisions.horizon import caveats, extrapolation_of, positive_values
from bayes_scaling.decisions.quantiles import long_quantiles, quantiles_of
from bayes_scaling.decisions.robust import robust_plans
from bayes_scaling.decisions.setting import USUAL, Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.names import (
    BUDGET,
    CHAIN,
    DRAW,
    FLOPS,
    GPU_HOURS,
    LOSS_MEAN,
    LOSS_NEW,
    PARAMS,
    TOKENS,
    USD,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.runs.finding import Finding

    Floats = NDArray[np.float64]

BUDGETS_SEARCHED = 61
SEARCHED = 1e4
"""Multiple of the largest fitted run's compute up to which budgets are searched."""
HALVINGS = 14


@dataclass(frozen=True)
class Prospects:
    """Losses of the robust plan of each budget.

    `plans`: one row per budget: flops, params, tokens, tokens_per_param, loss (expected), usd,
    gpu_hours, extrapolation. `draws`, dims (chain, draw, budget): loss_mean and loss_new
    [nats/token], usd of the budget, from draw to draw where price or speed are uncertain.

    Examples
    --------
    >>> found = bs.prospects(fit, [1e22, 1e23])
    >>> found.draws["loss_new"].dims, found.probability(2.3).shape
    (('chain', 'draw', 'budget'), (2,))
    >>> found.improvement([0.05, 0.95])["probability"].tolist()
    [0.0, 1.0]
    >>> found.quantiles([0.5], of="usd").shape, list(found.to_frame())[-3:]
    ((2, 1), ['usd', 'gpu_hours', 'extrapolation'])
    """

    plans: pd.DataFrame
    draws: xr.Dataset
    setting: Setting
    findings: tuple[Finding, ...]

    def probability(self, target: float) -> NDArray[np.float64]:
        """Probability that a new run of each plan has at most the loss `target` [nats/token].

        One for each budget, (budget,). Raises UsageError for a target that is not above 0.
        """
        if not np.isfinite(target) or target <= 0:
            raise UsageError(f"target loss {target}: must be finite and above 0")
        return np.asarray((self.draws[LOSS_NEW].values <= target).mean(axis=(0, 1)))

    def improvement(self, levels: Sequence[float] = (0.05, 0.5, 0.95)) -> pd.DataFrame:
        """How much lower the loss of each plan is than that of the first, as draws of the curve.

        One row per budget: flops, mean, quantiles of the drop of `loss_mean` [nats/token], named by
        level, and `probability` that there is one. Draws of both budgets share their parameters
        and drift.
        """
        loss = self.draws[LOSS_MEAN].values
        drop = loss[..., :1] - loss
        table = pd.DataFrame({FLOPS: self.plans[FLOPS], "mean": drop.mean(axis=(0, 1))})
        for level in levels:
            table[level] = np.quantile(drop, level, axis=(0, 1))
        return table.assign(probability=(drop > 0).mean(axis=(0, 1)))

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str = LOSS_NEW) -> pd.DataFrame:
        """Quantiles of `loss_new`, `loss_mean` or `usd`: one row per budget, a column per level."""
        return quantiles_of(self.draws, of, levels, BUDGET)

    def to_frame(self) -> pd.DataFrame:
        """Return long quantiles: budget, its plan, variable, level, value."""
        table = long_quantiles(self.draws, (LOSS_MEAN, LOSS_NEW, USD), LEVELS, BUDGET)
        return table.join(self.plans, on=BUDGET)


def prospects(
    source: Source, budgets: Sequence[float], *, setting: Setting = USUAL, cvar: float | None = None
) -> Prospects:
    """Return losses of the robust plan of each budget [FLOP], within a setting.

    `source` as for `allocate`; raises what it raises.

    Examples
    --------
    >>> list(bs.prospects(fit, [1e22]).plans)[:4]
    ['flops', 'params', 'tokens', 'tokens_per_param']
    """
    flops = setting.line.spendable(positive_values(budgets, FLOPS))
    mixed = setting.average(source, flops)
    return _at(mixed, flops, setting, cvar)


def _at(mixed: Average, flops: Floats, setting: Setting, cvar: float | None) -> Prospects:
    plans = robust_plans(mixed, flops, setting, cvar=cvar)
    N, D = plans[PARAMS].to_numpy(), plans[TOKENS].to_numpy()
    each = {
        name: predict_at(fit, setting.inputs(fit)(N, D), seed=setting.seed)
        for name, fit in mixed.fits.items()
    }
    dims = (CHAIN, DRAW, BUDGET)
    drawn: dict[str, Any] = {
        name: (dims, mixed.pick({model: one[name].values for model, one in each.items()}))
        for name in (LOSS_MEAN, LOSS_NEW)
    }
    price = setting.cost.drawn(mixed.shape, seed=setting.seed)
    drawn[USD] = (dims, np.broadcast_to(price.usd(flops), (*mixed.shape, len(flops))))
    first = next(iter(mixed.fits.values()))
    ratios = extrapolation_of(first, plans["train_flops"].to_numpy())
    found = [caveats(fit, ratios, {PARAMS: N, TOKENS: D}) for fit in mixed.fits.values()]
    return Prospects(
        plans=plans.assign(
            **{USD: setting.cost.usd(flops), GPU_HOURS: setting.cost.gpu_hours(flops)},
            extrapolation=ratios,
        ),
        draws=xr.Dataset(drawn),
        setting=setting,
        findings=tuple(dict.fromkeys(one for findings in found for one in findings)),
    )


def budget_for(
    source: Source, target: float, probability: float = 0.9, *, setting: Setting = USUAL
) -> Prospects:
    """Return the prospects of the cheapest budget that reaches a loss with a probability.

    The probability is that one new run of the budget's robust plan has at most the loss `target`
    [nats/token]. Budgets from the smallest fitted run's compute to 10,000 times the largest's are
    searched. Raises UsageError for values that cannot be, CheckError where no such budget reaches
    it, with the probability of the best one.

    Examples
    --------
    >>> bool(bs.budget_for(fit, 2.5, probability=0.9).plans["flops"].iloc[0] < 1e22)
    True
    """
    if not 0 < probability < 1:
        raise UsageError(f"probability {probability}: must lie between 0 and 1")
    mixed = setting.average(source)
    grid = _searched(mixed, setting)
    found = _at(mixed, grid, setting, None)
    reached = found.probability(target)
    enough = np.flatnonzero(reached >= probability)
    if not enough.size:
        best = int(reached.argmax())
        raise CheckError(
            f"no budget reaches a loss of {target:g} with probability {probability:.0%}: at best "
            f"{reached[best]:.0%}, at {grid[best]:.3g} FLOP; budgets up to {grid[-1]:.3g} FLOP "
            "were searched"
        )
    high = grid[enough[0]]
    if enough[0] == 0:
        return _at(mixed, np.array([high]), setting, None)
    low = grid[enough[0] - 1]
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        tried = _at(mixed, np.array([middle]), setting, None)
        low, high = (low, middle) if tried.probability(target)[0] >= probability else (middle, high)
    return _at(mixed, np.array([high]), setting, None)


def best_budget(source: Source, usd_per_nat: float, *, setting: Setting = USUAL) -> Prospects:
    """Return the prospects of the budget that minimises expected loss * usd_per_nat + cost in USD.

    What a nat less is worth is for the reader to say; the budget lies where the last dollar buys
    a dollar's worth. Budgets searched as for `budget_for`. Raises UsageError for a worth that is
    not finite and above 0, and what `allocate` raises.

    Examples
    --------
    >>> found = bs.best_budget(fit, usd_per_nat=1e6)
    >>> found.plans.shape[0]
    1
    """
    if not (np.isfinite(usd_per_nat) and usd_per_nat > 0):
        raise UsageError(f"usd per nat {usd_per_nat}: must be finite and above 0")
    mixed = setting.average(source)
    grid = _searched(mixed, setting)

    def total(flops: Floats) -> Floats:
        plans = robust_plans(mixed, flops, setting)
        return np.asarray(plans["loss"] * usd_per_nat + setting.cost.usd(flops))

    for _ in range(3):  # each round narrows the grid to two of its steps
        best = int(total(grid).argmin())
        grid = np.geomspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 31)
    return _at(mixed, grid[[int(total(grid).argmin())]], setting, None)


def _searched(mixed: Average, setting: Setting) -> Floats:
    """Budgets [FLOP] over which a target is sought."""
    fit = next(iter(mixed.fits.values()))
    amounts = fit.runs.resource(FLOPS)
    grid = np.geomspace(amounts.min(), SEARCHED * amounts.max(), BUDGETS_SEARCHED)
    return np.unique(setting.line.spendable(grid))
