"""Promises: budgets that a target asks for, and what reviewers ask of budgets, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling.cli.amounts import gather, parse_amounts, parse_money
from bayes_scaling.cli.options import BudgetOption, GpuHoursOption, HoursOption, MoneyOption
from bayes_scaling.cli.questions import budgets_of
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, LOSS_MEAN, PARAMS, TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.decisions.prospects import Prospects
    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.evaluation.averaging import Average

TARGET = "What is wanted"
LossOption = Annotated[
    float | None,
    typer.Option(
        "--loss",
        metavar="L",
        help="Loss to reach [nats/token]: without a budget, the cheapest that does.",
        rich_help_panel=TARGET,
    ),
]
MORE = (2.0, 10.0)
"""Multiples of a budget of which it is said what they buy."""


@dataclass(frozen=True)
class Asked:
    """Budgets, or what one is to follow from: a loss, a worth, a size, tokens."""

    flops: BudgetOption = None
    usd: MoneyOption = None
    gpu_hours: GpuHoursOption = None
    hours: HoursOption = None
    loss: LossOption = None
    probability: Annotated[
        float,
        typer.Option(
            "--probability",
            metavar="P",
            help="How sure a new run must be of that loss.",
            rich_help_panel=TARGET,
        ),
    ] = 0.9
    usd_per_nat: Annotated[
        str | None,
        typer.Option(
            "--usd-per-nat",
            metavar="V",
            help="What a nat/token less is worth: the budget where one more USD buys one.",
            rich_help_panel=TARGET,
        ),
    ] = None
    for_params: Annotated[
        str | None,
        typer.Option(
            "--for-params",
            metavar="N",
            help="The model is chosen: the budget and tokens at which it is the best size.",
            rich_help_panel=TARGET,
        ),
    ] = None
    for_tokens: Annotated[
        str | None,
        typer.Option(
            "--for-tokens",
            metavar="D",
            help="The data are chosen: the budget and size that make the best of them.",
            rich_help_panel=TARGET,
        ),
    ] = None
    cvar: Annotated[
        float | None,
        typer.Option(
            "--cvar",
            metavar="L",
            help="Plan for the worst share 1-L of draws (0.9), not for the mean.",
            rich_help_panel=TARGET,
        ),
    ] = None

    @property
    def stated(self) -> bool:
        """Whether a budget is stated."""
        return any((self.flops, self.usd, self.gpu_hours, self.hours))

    @property
    def anything(self) -> bool:
        """Whether a budget is stated, or follows from something."""
        ways = (self.loss, self.usd_per_nat, self.for_params, self.for_tokens)
        return self.stated or any(way is not None for way in ways)

    def require_one(self) -> None:
        """Refuse no budget and several; a loss beside a stated budget is a question about it."""
        ways = [self.usd_per_nat, self.for_params, self.for_tokens]
        count = sum(way is not None for way in ways)
        count += self.loss is not None and not self.stated
        if not self.anything:
            raise UsageError(
                "name a budget with --flops 1e24, --usd 5M or --gpu-hours 100k, or what is wanted "
                "with --loss 2.1, --usd-per-nat 50M, --for-params 70B or --for-tokens 2T"
            )
        if count + self.stated > 1:
            raise UsageError(
                "a budget is stated, or follows from one of --loss, --usd-per-nat, --for-params "
                "and --for-tokens"
            )

    def budgets(self, mixed: Average, setting: Setting) -> tuple[list[float], str]:
        """Return the budgets [FLOP], and in words what one follows from.

        Raises CheckError where no budget reaches a loss or has a plan of that size.
        """
        from bayes_scaling.decisions.frontier import frontier
        from bayes_scaling.decisions.prospects import best_budget, budget_for

        if self.stated:
            return self.budgets_stated(setting.cost), ""
        for name, text in ((PARAMS, self.for_params), (TOKENS, self.for_tokens)):
            if text is not None:
                values = parse_amounts([text], name)
                plans = frontier(mixed, **{name: values}, setting=setting).robust
                return [float(plans[FLOPS].iloc[0])], f"budget whose plan has {text} {name}"
        if self.loss is not None:
            found = budget_for(mixed, self.loss, self.probability, setting=setting)
            words = (
                f"cheapest budget with a plan that reaches {self.loss:g} nats/token with "
                f"{self.probability:.0%}"
            )
        else:
            usd = gather([self.usd_per_nat or ""], parse_money)[0]
            found = best_budget(mixed, usd, setting=setting)
            words = (
                "budget at which .01 nats/token more cost what they are worth, "
                f"{usd / 100:,.0f} USD"
            )
        return [float(found.plans[FLOPS].iloc[0])], words

    def budgets_stated(self, cost: Cost) -> list[float]:
        """Return the stated budgets [FLOP]; raises UsageError for texts that are none."""
        return budgets_of(self.flops, self.usd, cost, self.gpu_hours, self.hours)


def promises(
    mixed: Average,
    budgets: Sequence[float],
    loss: float | None,
    setting: Setting,
    cvar: float | None,
) -> tuple[pd.DataFrame, list[str]]:
    """Return what two and ten times each budget buy, as a table and in words, one line each.

    Columns: flops, times, mean, q05, q50, q95 of the drop in the expected loss of the best plan
    [nats/token], probability of a drop; and of the target loss, if one is given, at the budget.
    """
    import numpy as np
    import pandas as pd

    from bayes_scaling.decisions.prospects import prospects

    rows, lines = [], []
    for budget in budgets:
        at = budget * np.array([1.0, *MORE])
        found = prospects(mixed, at.tolist(), setting=setting, cvar=cvar)
        table = found.improvement().rename(columns={0.05: "q05", 0.5: "q50", 0.95: "q95"})
        table = table.assign(times=[1.0, *MORE], flops=budget)
        if loss is not None:
            # alone, as a budget is found for a loss: noise is drawn for all budgets asked
            alone = prospects(mixed, [budget], setting=setting, cvar=cvar)
            table["reaches"] = [alone.probability(loss)[0], *found.probability(loss)[1:]]
        rows.append(table)
        lines += list(_lines(found, table, budget, loss))
    return pd.concat(rows, ignore_index=True), lines


def _lines(
    found: Prospects, table: pd.DataFrame, budget: float, loss: float | None
) -> Iterator[str]:
    from bayes_scaling.reporting.wording import say_flop

    name = say_flop(float(f"{budget:.3g}"))
    if loss is not None:
        yield f"{name} FLOP: {table['reaches'][0]:.0%} that a new run reaches {loss:g} nats/token"
    base = float(found.draws[LOSS_MEAN].values[..., 0].mean())
    parts = [
        f"{row['times']:g}x: lower by {row['mean']:.3f} [{row['q05']:.3f}, {row['q95']:.3f}]"
        for row in table[1:].to_dict("records")
    ]
    yield f"{name} FLOP: expected loss {base:.3f}; more compute, {'; '.join(parts)}"
