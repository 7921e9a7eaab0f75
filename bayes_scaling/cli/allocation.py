"""Allocation: the verb `allocate`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import typer

from bayes_scaling.cli.amounts import parse_given, parse_intervals
from bayes_scaling.cli.decisions import OutFile, write_table
from bayes_scaling.cli.mixed import given_words, group_of, in_words, with_given
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    ForceOption,
    GivenOption,
    GroupOption,
    IntervalOption,
    LawOption,
    ModelsOption,
    Output,
    Reading,
    TableFitOrStudy,
    WeightsOption,
)
from bayes_scaling.cli.output import LINE, Outcome
from bayes_scaling.cli.pictures import PictureOption, draw_budgets, picture_file, with_picture
from bayes_scaling.cli.pricing import Plans, Price
from bayes_scaling.cli.promises import Asked, promises
from bayes_scaling.cli.verbs import verb
from bayes_scaling.names import USD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from bayes_scaling.decisions.allocation import Allocation
    from bayes_scaling.evaluation.averaging import Average


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "allocate")(allocate)


def allocate(
    source: TableFitOrStudy,
    reading: Reading,
    output: Output,
    price: Price,
    plans: Plans,
    asked: Asked,
    model: ModelsOption = None,
    weights: WeightsOption = "equal",
    interval: IntervalOption = DEFAULT_INTERVALS,
    out: OutFile = None,
    png: PictureOption = None,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
) -> Outcome:
    """How should a budget be split between parameters and tokens?

    From a saved fit; from a run table, whose default models (or those of --model) are fitted and
    averaged; or from a study, whose questions and limits hold unless others are given. A budget is
    stated in FLOP, money or time, or follows from what is wanted (--loss).
    Shows the plan to fund, with its expected loss above the optimum (regret), where the optimum
    may lie, and what more compute would buy. Exit code 1: the table cannot tell a split, a budget
    lies beyond the runs, or none reaches the loss.
    """
    from bayes_scaling.cli.mixed import mixed_of
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.cli.studies import opened
    from bayes_scaling.decisions.allocation import allocate_within

    levels = parse_intervals(interval)
    start = opened(source, reading, output, price, plans, model=model)
    setting = start.setting
    wanted = asked.wanted(start.study.allocate.wanted() if start.study else None)
    wanted.budgets_stated(setting.cost)  # before anything is fitted
    target = new_file(out, force, ".csv") if out else None
    picture = picture_file(png, force)
    mixed = mixed_of(
        start.source, start.reading, start.model, law, group, start.output, backtest=False,
        weights=weights, sampling=start.sampling,
    )  # fmt: skip
    mixed = with_given(mixed, parse_given(given))
    budgets, why = wanted.budgets(mixed, setting)
    found = allocate_within(mixed, budgets, setting, cvar=wanted.cvar)
    more = promises(mixed, budgets, wanted.loss, setting, wanted.cvar)
    made = _outcome(mixed, found, more, why, levels, target)
    return with_picture(made, picture, lambda: draw_budgets(mixed, budgets, setting))


def _outcome(
    mixed: Average,
    found: Allocation,
    more: tuple[pd.DataFrame, list[str]],
    why: str,
    levels: Sequence[float],
    target: Any,
) -> Outcome:
    from bayes_scaling.cli.answers import allocation_columns, records, split_findings

    fit, setting = next(iter(mixed.fits.values())), found.setting
    frame = allocation_columns(found, levels)
    if target:
        write_table(target, frame)
    failures, warnings = split_findings(found.findings)
    at_edge = [f"{row.flops:.3g} FLOP" for row in found.robust.itertuples() if row.at_edge]
    if at_edge:
        warnings.append(f"the plan lies at the edge of the search: {', '.join(at_edge)}")

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import allocation_table

        if why:
            yield textwrap.fill(f"{why}:", LINE)
        yield allocation_table(found, interval=max(levels))
        convention = setting.cost.convention.name
        for line in (
            *_notes(found),
            *more[1],
            f"model {in_words(mixed)}, C = {convention}; {given_words(fit)}loss in nats/token",
            *setting.describe(),
        ):
            yield textwrap.fill(line, LINE)

    return Outcome(
        result={
            "model": " + ".join(mixed.fits),
            "given": dict(fit.given),
            **group_of(fit),
            "intervals": list(levels),
            "budgets": records(frame),
            "cost": setting.cost.describe(),
            "setting": setting.describe(),
            "wanted": why,
            "more_compute": records(more[0]),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": [str(target)] if target else [],
        },
        text=text,
        table=frame,
        failures=failures,
        warnings=warnings,
    )


def _notes(found: Allocation) -> Iterator[str]:
    """Say what binds a plan, and how sure its price is, budget by budget."""
    from bayes_scaling.decisions.robust import WORST
    from bayes_scaling.reporting.wording import say_flop, say_usd

    for i, row in enumerate(found.robust.to_dict("records")):
        name = say_flop(float(f"{row['flops']:.3g}"))
        if row["limited_by"]:
            yield f"{name} FLOP: the plan lies on the limit '{row['limited_by']}'"
        if WORST in row:
            yield (
                f"{name} FLOP: planned for the worst {1 - found.provenance['cvar']:.0%} of draws, "
                f"whose mean loss is {row[WORST]:.3f}"
            )
        if found.cost.uncertain:
            low, high = found.quantiles((0.05, 0.95), of=USD).iloc[i]
            yield f"{name} FLOP: cost {say_usd(float(low))} to {say_usd(float(high))} (90%)"
