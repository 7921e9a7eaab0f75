"""Decisions: the verbs `forecast` and `allocate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import (
    gather,
    parse_amounts,
    parse_columns,
    parse_given,
    parse_intervals,
    parse_money,
)
from bayes_scaling.cli.chances import chance_lines, require_possible
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    AtLeastOption,
    AtMostOption,
    BudgetOption,
    ForceOption,
    GivenOption,
    GroupOption,
    IntervalOption,
    LawOption,
    MoneyOption,
    Output,
    Price,
    Question,
    SavedFit,
    ThenOption,
)
from bayes_scaling.cli.output import Outcome, csv_of
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, GROUP, PARAMS, RUN, TOKENS
from bayes_scaling.quantities import unit_of
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.inference.fit import Fit

OutFile = Annotated[
    str | None, typer.Option("-o", "--out", metavar="OUT.csv", help="Also write the table here.")
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "forecast")(forecast)
    verb(app, "allocate")(allocate)


def forecast(
    source: SavedFit,
    asked: Question,
    output: Output,
    interval: IntervalOption = DEFAULT_INTERVALS,
    out: OutFile = None,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
    then: ThenOption = None,
    at_least: AtLeastOption = None,
    at_most: AtMostOption = None,
) -> Outcome:
    """What loss will these runs reach? From a saved fit, without sampling.

    At a budget (--flops) each draw is read at its own best split of C = 6ND. With --then the loss
    goes draw by draw through a second fit, which says what a benchmark will measure. Exit code 1:
    a question lies beyond what the fitted runs support.
    """
    from bayes_scaling.cli.sources import new_file, read_fit

    levels = parse_intervals(interval)
    target = new_file(out, force, ".csv") if out else None
    asked.require_one_way()
    if at_least is not None and at_most is not None:
        raise UsageError("choose one of --at-least and --at-most")
    fit, link = read_fit(source, law, group=group), read_fit(then, law) if then else None
    more = parse_given(given)
    if link is not None:
        own = {k: v for k, v in more.items() if k not in fit.model.inputs}
        link, more = link.at(**own), {k: v for k, v in more.items() if k not in own}
    fit = fit.at(**more)
    mark = (at_least, at_most)
    return _forecast(fit, link, _points(fit, asked), levels, mark, output, target)


def _points(fit: Fit, asked: Question) -> Any:
    """Return what is asked: a table of points, or budgets."""
    from bayes_scaling.cli.sources import read_plan

    if asked.at:
        return read_plan(asked.at, parse_columns(asked.col or []))
    if asked.params or asked.tokens:
        return _runs_asked(fit, asked.params or [], asked.tokens or [])
    return amounts_asked(fit, asked.flops, None, asked.amount, Price().cost())


def _runs_asked(fit: Fit, params: Sequence[str], tokens: Sequence[str]) -> pd.DataFrame:
    """Pair the sizes that were asked for; a law of one of them needs only that one."""
    import pandas as pd

    given = {PARAMS: params, TOKENS: tokens}
    needed = [n for n in (PARAMS, TOKENS) if n in fit.model.inputs and n not in fit.given]
    if not needed:
        raise UsageError(f"model {fit.spec.name} reads {', '.join(fit.model.inputs)}: use --at")
    if any(not given.get(name) for name in needed):
        need = " and ".join(f"--{name}" for name in needed)
        raise UsageError(f"model {fit.spec.name} needs {need}")
    columns = {k: parse_amounts(v, k) for k, v in given.items() if v}
    if len({len(values) for values in columns.values()}) > 1:
        raise UsageError(
            f"{len(params)} times --params and {len(tokens)} times --tokens: give them in pairs"
        )
    return pd.DataFrame(columns)


def amounts_asked(
    fit: Fit,
    flops: Sequence[str] | None,
    usd: Sequence[str] | None,
    amount: Sequence[str] | None,
    cost: Cost,
) -> list[float]:
    """Return budgets in FLOP, or amounts of the one resource of the law.

    Raises UsageError for the option that does not fit the law.
    """
    from bayes_scaling.decisions.horizon import axis_of

    axis, reads = axis_of(fit), fit.model.inputs
    if amount and axis == FLOPS and len(reads) > 1:
        raise UsageError(f"model {fit.spec.name} reads {PARAMS} and {TOKENS}: use --flops")
    if (flops or usd) and axis != FLOPS:
        beside = f" of {axis}, the rest --given" if len(reads) > 1 else ""
        raise UsageError(f"model {fit.spec.name} reads {', '.join(reads)}: use --amount{beside}")
    amounts = parse_amounts(amount or [], axis)
    return [*amounts, *budgets_of(flops, usd, cost)] if flops or usd else amounts


def _forecast(
    fit: Fit,
    link: Fit | None,
    points: Any,
    levels: Sequence[float],
    mark: tuple[float | None, float | None],
    output: Output,
    target: Any,
) -> Outcome:
    from bayes_scaling.cli.answers import forecast_columns, records, split_findings
    from bayes_scaling.decisions.chain import chain
    from bayes_scaling.decisions.forecast import forecast as predict

    found = predict(fit, points, seed=output.seed)
    if link is not None:
        found = chain(found, link, seed=output.seed)
    frame = forecast_columns(found, levels)
    if mark != (None, None):
        require_possible(found, mark)
        frame["probability"] = found.probability(at_least=mark[0], at_most=mark[1])
    if hasattr(points, "columns") and RUN in points:
        frame.insert(0, RUN, points[RUN])
    if target:
        _write(target, frame)
    failures, warnings = split_findings(found.findings)

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import forecast_table
        from bayes_scaling.reporting.wording import say_target, unit_in_words

        yield forecast_table(found, intervals=levels)
        if "probability" in frame:
            yield from chance_lines(found.target, mark, frame["probability"])
        models = [
            f"{each.spec.name}{_say_group(each)}, {len(each.runs.fitted)} runs"
            for each in (fit, link)
            if each
        ]
        yield (
            f"model {', then '.join(models)}, seed {output.seed}; {_given_words(fit)}"
            f"{say_target(found.target)} of one new run, {unit_in_words(found.target)}"
        )

    return Outcome(
        result={
            "model": fit.spec.name,
            "then": link.spec.name if link else None,
            "target": found.target,
            "unit": unit_of(found.target),
            "at_least": mark[0],
            "at_most": mark[1],
            "given": dict(fit.given),
            **_group_of(fit),
            "seed": output.seed,
            "intervals": list(levels),
            "points": records(frame),
            "weights": dict(found.weights),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": [str(target)] if target else [],
        },
        text=text,
        table=frame,
        failures=failures,
        warnings=warnings,
    )


def allocate(
    source: SavedFit,
    output: Output,
    price: Price,
    flops: BudgetOption = None,
    usd: MoneyOption = None,
    interval: IntervalOption = DEFAULT_INTERVALS,
    out: OutFile = None,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
) -> Outcome:
    """How should a budget be split between parameters and tokens?

    Shows the plan to fund, with its expected loss above the optimum (regret), and where the
    optimum may lie. Exit code 1: the table cannot tell a split, or a budget lies beyond the runs.
    """
    from bayes_scaling.cli.sources import new_file, read_fit

    levels, cost = parse_intervals(interval), price.cost()
    budgets = budgets_of(flops, usd, cost)
    target = new_file(out, force, ".csv") if out else None
    fit = read_fit(source, law, group=group).at(**parse_given(given))
    return _allocate(fit, budgets, cost, levels, target)


def budgets_of(flops: Sequence[str] | None, usd: Sequence[str] | None, cost: Cost) -> list[float]:
    """Return budgets in FLOP, those in money converted at the price of compute."""
    budgets = parse_amounts(flops or [], FLOPS)
    budgets += [money / cost.usd(1.0) for money in gather(usd or [], parse_money)]
    if not budgets:
        raise UsageError("name a budget with --flops 1e24 or --usd 5M")
    return budgets


def _allocate(
    fit: Fit, budgets: Sequence[float], cost: Cost, levels: Sequence[float], target: Any
) -> Outcome:
    from bayes_scaling.cli.answers import allocation_columns, records, split_findings
    from bayes_scaling.decisions.allocation import allocate as split

    found = split(fit, budgets, cost=cost)
    frame = allocation_columns(found, levels)
    if target:
        _write(target, frame)
    failures, warnings = split_findings(found.findings)
    at_edge = [f"{row.flops:.3g} FLOP" for row in found.robust.itertuples() if row.at_edge]
    if at_edge:
        warnings.append(f"the plan lies at the edge of the search: {', '.join(at_edge)}")

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import allocation_table

        yield allocation_table(found, interval=max(levels))
        yield (
            f"model {fit.spec.name}{_say_group(fit)}, {len(fit.runs.fitted)} runs, C = 6ND; "
            f"{_given_words(fit)}loss in nats/token"
        )
        yield f"cost at {cost.describe()}"

    return Outcome(
        result={
            "model": fit.spec.name,
            "given": dict(fit.given),
            **_group_of(fit),
            "intervals": list(levels),
            "budgets": records(frame),
            "cost": cost.describe(),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": [str(target)] if target else [],
        },
        text=text,
        table=frame,
        failures=failures,
        warnings=warnings,
    )


def _given_words(fit: Fit) -> str:
    """What the answer takes as given, ready to be put before other words."""
    return "".join(f"{name} = {value:g}; " for name, value in fit.given.items())


def _say_group(fit: Fit) -> str:
    return f", group {display_name(fit.provenance[GROUP])}" if GROUP in fit.provenance else ""


def _group_of(fit: Fit) -> dict[str, str]:
    """Return the group that an answer is of, where it is of one."""
    return {GROUP: fit.provenance[GROUP]} if GROUP in fit.provenance else {}


def _write(target: Any, frame: pd.DataFrame) -> None:
    from bayes_scaling.files import write_text

    write_text(target, csv_of(frame))
