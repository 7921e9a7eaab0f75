"""Allocation: the verb `allocate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from bayes_scaling.cli.amounts import parse_given, parse_intervals
from bayes_scaling.cli.decisions import OutFile, write_table
from bayes_scaling.cli.mixed import given_words, group_of, in_words, with_given
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    BudgetOption,
    CvarOption,
    ForceOption,
    GivenOption,
    GpuHoursOption,
    GroupOption,
    HoursOption,
    IntervalOption,
    LawOption,
    ModelsOption,
    MoneyOption,
    Output,
    Reading,
    TableOrFit,
    WeightsOption,
)
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.pricing import Plans, Price
from bayes_scaling.cli.questions import budgets_of
from bayes_scaling.cli.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.evaluation.averaging import Average


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "allocate")(allocate)


def allocate(
    source: TableOrFit,
    reading: Reading,
    output: Output,
    price: Price,
    plans: Plans,
    model: ModelsOption = None,
    weights: WeightsOption = "equal",
    flops: BudgetOption = None,
    usd: MoneyOption = None,
    gpu_hours: GpuHoursOption = None,
    hours: HoursOption = None,
    cvar: CvarOption = None,
    interval: IntervalOption = DEFAULT_INTERVALS,
    out: OutFile = None,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
) -> Outcome:
    """How should a budget be split between parameters and tokens?

    From a saved fit, or from a run table, whose default models (or those of --model) are fitted and
    averaged.
    Shows the plan to fund, with its expected loss above the optimum (regret), and where the
    optimum may lie. Exit code 1: the table cannot tell a split, or a budget lies beyond the runs.
    """
    from bayes_scaling.cli.mixed import mixed_of
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.decisions.setting import Setting

    levels, cost = parse_intervals(interval), price.cost()
    budgets = budgets_of(flops, usd, cost, gpu_hours, hours)
    setting = Setting.of(cost, plans.limits(), plans.serving(), plans.repetition(), output.seed)
    target = new_file(out, force, ".csv") if out else None
    mixed = mixed_of(source, reading, model, law, group, output, backtest=False, weights=weights)
    more = parse_given(given)
    mixed = with_given(mixed, more)
    return _allocate(mixed, budgets, setting, cvar, levels, target)


def _allocate(
    mixed: Average,
    budgets: Sequence[float],
    setting: Setting,
    cvar: float | None,
    levels: Sequence[float],
    target: Any,
) -> Outcome:
    fit = next(iter(mixed.fits.values()))
    from bayes_scaling.cli.answers import allocation_columns, records, split_findings
    from bayes_scaling.decisions.allocation import allocate as split

    found = split(
        mixed,
        budgets,
        cost=setting.cost,
        limits=setting.limits,
        serving=setting.serving,
        repetition=setting.repetition,
        cvar=cvar,
        seed=setting.seed,
    )
    frame = allocation_columns(found, levels)
    if target:
        write_table(target, frame)
    failures, warnings = split_findings(found.findings)
    at_edge = [f"{row.flops:.3g} FLOP" for row in found.robust.itertuples() if row.at_edge]
    if at_edge:
        warnings.append(f"the plan lies at the edge of the search: {', '.join(at_edge)}")

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import allocation_table

        yield allocation_table(found, interval=max(levels))
        convention = setting.cost.convention.name
        yield f"model {in_words(mixed)}, C = {convention}; {given_words(fit)}loss in nats/token"
        for flops, words in zip(found.robust["flops"], found.robust["limited_by"], strict=True):
            if words:
                yield f"{flops:.3g} FLOP: the plan lies on the limit {words}"
        yield from setting.describe()

    return Outcome(
        result={
            "model": " + ".join(mixed.fits),
            "given": dict(fit.given),
            **group_of(fit),
            "intervals": list(levels),
            "budgets": records(frame),
            "cost": setting.cost.describe(),
            "setting": setting.describe(),
            "cvar": cvar,
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": [str(target)] if target else [],
        },
        text=text,
        table=frame,
        failures=failures,
        warnings=warnings,
    )
