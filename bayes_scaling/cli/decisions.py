"""Forecast: the verb `forecast`, and how its questions are put."""

from __future__ import annotations

from dataclasses import replace
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
from bayes_scaling.cli.mixed import evidence_lines, evidence_record, given_words, group_of, in_words
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    AtLeastOption,
    AtMostOption,
    ForceOption,
    GivenOption,
    GroupOption,
    IntervalOption,
    LawOption,
    ModelsOption,
    Output,
    Price,
    Question,
    Reading,
    TableOrFit,
    ThenOption,
)
from bayes_scaling.cli.output import Outcome, csv_of
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, PARAMS, RUN, TOKENS
from bayes_scaling.quantities import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.inference.fit import Fit

OutFile = Annotated[
    str | None, typer.Option("-o", "--out", metavar="OUT.csv", help="Also write the table here.")
]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "forecast")(forecast)


def forecast(
    source: TableOrFit,
    asked: Question,
    reading: Reading,
    output: Output,
    model: ModelsOption = None,
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
    """What loss will these runs reach?

    From a saved fit, without sampling; or from a run table, to which the default models (or those
    of --model) are fitted, backtested and averaged. At a budget (--flops) each draw is read at its
    own best split of C = 6ND. With --then the loss goes draw by draw through a second fit, which
    says what a benchmark will measure. Exit code 1: a question lies beyond what the fitted runs
    support, or the table's own backtest failed.
    """
    from bayes_scaling.cli.mixed import mixed_of
    from bayes_scaling.cli.sources import is_fit, new_file, read_fit

    levels = parse_intervals(interval)
    target = new_file(out, force, ".csv") if out else None
    asked.require_one_way()
    if asked.col and not asked.at and is_fit(source):
        raise UsageError("--col names columns of a plan; give the plan with --at")
    if at_least is not None and at_most is not None:
        raise UsageError("choose one of --at-least and --at-most")
    link = read_fit(then, law) if then else None
    more = parse_given(given)
    mixed = mixed_of(source, reading, model, law, group, output)
    reads = {name for fit in mixed.fits.values() for name in fit.model.inputs}
    if link is not None:
        own = {k: v for k, v in more.items() if k not in reads}
        link, more = link.at(**own), {k: v for k, v in more.items() if k not in own}
    mixed = replace(mixed, fits={name: fit.at(**more) for name, fit in mixed.fits.items()})
    columns = parse_columns(asked.col or []) if is_fit(source) else {}
    points = _points(next(iter(mixed.fits.values())), asked, columns)
    return _forecast(mixed, link, points, levels, (at_least, at_most), output, target)


def _points(fit: Fit, asked: Question, columns: dict[str, str]) -> Any:
    """Return what is asked: a table of points, or budgets."""
    from bayes_scaling.cli.sources import read_plan

    if asked.at:
        return read_plan(asked.at, columns)
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
    mixed: Average,
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
    from bayes_scaling.evaluation.averaging import average

    fit = next(iter(mixed.fits.values()))
    found = predict(mixed, points, seed=output.seed)
    if link is not None:
        found = chain(found, link, seed=output.seed)
    frame = forecast_columns(found, levels)
    if mark != (None, None):
        require_possible(found, mark)
        frame["probability"] = found.probability(at_least=mark[0], at_most=mark[1])
    if hasattr(points, "columns") and RUN in points:
        frame.insert(0, RUN, points[RUN])
    if target:
        write_table(target, frame)
    failures, warnings = split_findings(found.findings)

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import forecast_table
        from bayes_scaling.reporting.wording import say_target, unit_in_words

        yield from evidence_lines(found)
        yield forecast_table(found, intervals=levels)
        if "probability" in frame:
            yield from chance_lines(found.target, mark, frame["probability"])
        models = [in_words(mixed), *([in_words(average({"link": link}))] if link else [])]
        yield (
            f"model {', then '.join(models)}, seed {output.seed}; {given_words(fit)}"
            f"{say_target(found.target)} of one new run, {unit_in_words(found.target)}"
        )

    return Outcome(
        result={
            "model": " + ".join(mixed.fits),
            "then": link.spec.name if link else None,
            "target": found.target,
            "unit": unit_of(found.target),
            "at_least": mark[0],
            "at_most": mark[1],
            "given": dict(fit.given),
            **group_of(fit),
            "evidence": [evidence_record(each) for each in found.evidence],
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


def budgets_of(flops: Sequence[str] | None, usd: Sequence[str] | None, cost: Cost) -> list[float]:
    """Return budgets in FLOP, those in money converted at the price of compute."""
    budgets = parse_amounts(flops or [], FLOPS)
    budgets += [money / cost.usd(1.0) for money in gather(usd or [], parse_money)]
    if not budgets:
        raise UsageError("name a budget with --flops 1e24 or --usd 5M")
    return budgets


def write_table(target: Any, frame: pd.DataFrame) -> None:
    """Write a table of answers as CSV."""
    from bayes_scaling.files import write_text

    write_text(target, csv_of(frame))
