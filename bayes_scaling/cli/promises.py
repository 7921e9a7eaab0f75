"""Promises: budgets that a target asks for, and what reviewers ask of budgets, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import gather
from bayes_scaling.cli.options import BudgetOption, GpuHoursOption, HoursOption, MoneyOption
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, LOSS_MEAN, PARAMS, TOKENS
from bayes_scaling.runs.money import parse_hours, parse_money
from bayes_scaling.runs.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from bayes_scaling.decisions.prospects import Prospects
    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.decisions.wanted import Wanted
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
        float | None,
        typer.Option(
            "--probability",
            metavar="P",
            help="How sure a new run must be of that loss (0.9).",
            rich_help_panel=TARGET,
        ),
    ] = None
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

    def wanted(self, study: Wanted | None = None) -> Wanted:
        """Return what is asked; a study's question stands where the line has none of its own.

        Raises UsageError with every text that is no amount, for no question and for several.
        """
        from bayes_scaling.decisions.wanted import Wanted

        own = {name: value for name, value in self._read().items() if value not in (None, ())}
        base = study or Wanted()
        if own.keys() - {"probability", "cvar"}:
            base = Wanted(probability=base.probability, cvar=base.cvar)
        found = replace(base, **own)
        if not found.ways:
            raise UsageError(
                "name a budget with --flops 1e24, --usd 5M or --gpu-hours 100k, or what is wanted "
                "with --loss 2.1, --usd-per-nat 50M, --for-params 70B or --for-tokens 2T"
            )
        if found.ways > 1:
            raise UsageError(
                "a budget is stated, or follows from one of --loss, --usd-per-nat, --for-params "
                "and --for-tokens"
            )
        return found

    def _read(self) -> dict[str, Any]:
        faults = []

        def read(texts: Sequence[str] | str | None, how: Callable[[str], float]) -> Any:
            one = isinstance(texts, str)
            try:
                values = tuple(gather([texts] if one else texts or [], how))  # type: ignore[list-item]
            except UsageError as fault:
                faults.append(str(fault))
                return None
            return values[0] if one else values

        found = {
            "flops": read(self.flops, lambda text: parse_quantity(text, FLOPS)),
            "usd": read(self.usd, parse_money),
            "gpu_hours": read(self.gpu_hours, parse_hours),
            "hours": read(self.hours, parse_hours),
            "loss": self.loss,
            "probability": self.probability,
            "usd_per_nat": read(self.usd_per_nat, parse_money),
            "for_params": read(self.for_params, lambda text: parse_quantity(text, PARAMS)),
            "for_tokens": read(self.for_tokens, lambda text: parse_quantity(text, TOKENS)),
            "cvar": self.cvar,
        }
        if faults:
            raise UsageError("\n".join(faults))
        return found


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
