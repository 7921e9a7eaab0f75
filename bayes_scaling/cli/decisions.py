"""Forecast: the verb `forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_columns, parse_given, parse_intervals
from bayes_scaling.cli.chances import chance_lines, require_possible
from bayes_scaling.cli.mixed import (
    evidence_lines,
    evidence_record,
    given_words,
    group_of,
    in_words,
    with_given,
)
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    AtLeastOption,
    AtMostOption,
    ForceOption,
    GivenOption,
    GroupOption,
    IntervalOption,
    ItemsOption,
    LawOption,
    ModelsOption,
    Output,
    Question,
    Reading,
    TableOrFit,
    ThenOption,
    WeightsOption,
)
from bayes_scaling.cli.output import Outcome, csv_of
from bayes_scaling.cli.questions import points_asked
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import RUN
from bayes_scaling.quantities import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

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
    weights: WeightsOption = "equal",
    interval: IntervalOption = DEFAULT_INTERVALS,
    out: OutFile = None,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
    then: ThenOption = None,
    items: ItemsOption = None,
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
    if items is not None and not then:
        raise UsageError("--items are those of the benchmark that --then forecasts")
    link = read_fit(then, law) if then else None
    more = parse_given(given)
    mixed = mixed_of(source, reading, model, law, group, output, weights=weights)
    reads = {name for fit in mixed.fits.values() for name in fit.model.inputs}
    if link is not None:
        own = {k: v for k, v in more.items() if k not in reads}
        link, more = link.at(**own), {k: v for k, v in more.items() if k not in own}
    mixed = with_given(mixed, more)
    columns = parse_columns(asked.col or []) if is_fit(source) else {}
    first = next(iter(mixed.fits.values()))
    points = points_asked(first.model, asked, columns, first.given)
    return _forecast(mixed, link, items, points, levels, (at_least, at_most), output, target)


def _forecast(
    mixed: Average,
    link: Fit | None,
    items: int | None,
    points: Any,
    levels: Sequence[float],
    mark: tuple[float | None, float | None],
    output: Output,
    target: Any,
) -> Outcome:
    from bayes_scaling.cli.answers import forecast_columns, records, split_findings
    from bayes_scaling.decisions.chain import chain
    from bayes_scaling.decisions.forecast import forecast as predict
    from bayes_scaling.decisions.register import CLAIM_QUANTILES, claim_quantiles
    from bayes_scaling.evaluation.averaging import average

    fit = next(iter(mixed.fits.values()))
    found = predict(mixed, points, seed=output.seed)
    if link is not None:
        found = chain(found, link, items=items, seed=output.seed)
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
            "points": [
                {**row, CLAIM_QUANTILES: each}
                for row, each in zip(records(frame), claim_quantiles(found), strict=True)
            ],
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


def write_table(target: Any, frame: pd.DataFrame) -> None:
    """Write a table of answers as CSV."""
    from bayes_scaling.files import write_text

    write_text(target, csv_of(frame))
