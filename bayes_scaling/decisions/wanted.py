"""Wanted: the budgets that are asked for: stated, or following from a loss, a worth or a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayes_scaling.decisions.frontier import frontier
from bayes_scaling.decisions.prospects import best_budget, budget_for
from bayes_scaling.names import FLOPS, PARAMS, TOKENS

if TYPE_CHECKING:
    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.decisions.source import Source


@dataclass(frozen=True)
class Wanted:
    """Budgets in FLOP, USD, GPU-hours and hours, or the one way that a budget follows from.

    `loss` [nats/token] to reach with `probability`, beside a stated budget a question about it;
    `usd_per_nat`, what a nat/token less is worth; `for_params` or `for_tokens`, a chosen size or
    data set. `cvar`: plan for the worst share 1 - cvar of draws.
    """

    flops: tuple[float, ...] = ()
    usd: tuple[float, ...] = ()
    gpu_hours: tuple[float, ...] = ()
    hours: tuple[float, ...] = ()
    loss: float | None = None
    probability: float = 0.9
    usd_per_nat: float | None = None
    for_params: float | None = None
    for_tokens: float | None = None
    cvar: float | None = None

    @property
    def stated(self) -> bool:
        """Whether a budget is stated."""
        return any((self.flops, self.usd, self.gpu_hours, self.hours))

    @property
    def ways(self) -> int:
        """Number of ways by which budgets are asked for; more than one is a contradiction."""
        other = sum(way is not None for way in (self.usd_per_nat, self.for_params, self.for_tokens))
        return other + (self.stated or self.loss is not None)

    def budgets_stated(self, cost: Cost) -> list[float]:
        """Return the stated budgets [FLOP], those in money and time at the median price.

        Raises UsageError for hours where the number of devices is not known.
        """
        price = cost.middle
        return [
            *self.flops,
            *(price.flops_of(usd=each) for each in self.usd),
            *(price.flops_of(gpu_hours=each) for each in self.gpu_hours),
            *(price.flops_of(hours=each) for each in self.hours),
        ]

    def budgets(self, source: Source, setting: Setting) -> tuple[list[float], str]:
        """Return the budgets [FLOP], and in words what one follows from.

        Raises CheckError where no budget reaches a loss or has a plan of that size.
        """
        if self.stated:
            return self.budgets_stated(setting.cost), ""
        for name, value in ((PARAMS, self.for_params), (TOKENS, self.for_tokens)):
            if value is not None:
                plans = frontier(source, **{name: [value]}, setting=setting).robust
                return [float(plans[FLOPS].iloc[0])], f"budget whose plan has {value:.3g} {name}"
        if self.loss is not None:
            found = budget_for(source, self.loss, self.probability, setting=setting)
            words = (
                f"cheapest budget with a plan that reaches {self.loss:g} nats/token with "
                f"{self.probability:.0%}"
            )
        elif self.usd_per_nat is not None:
            found = best_budget(source, self.usd_per_nat, setting=setting)
            words = (
                "budget at which .01 nats/token more cost what they are worth, "
                f"{self.usd_per_nat / 100:,.0f} USD"
            )
        else:
            return [], ""
        return [float(found.plans[FLOPS].iloc[0])], words
