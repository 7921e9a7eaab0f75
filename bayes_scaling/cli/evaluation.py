"""Evaluation: the verb `backtest`."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import gather, parse_amounts
from bayes_scaling.cli.options import (
    ChainsOption,
    DrawsOption,
    ForceOption,
    Output,
    Reading,
    ResourceOption,
    SourcesOption,
    TableOrStudy,
)
from bayes_scaling.cli.output import Outcome, csv_of
from bayes_scaling.cli.pricing import Price
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.evaluation.backtest import Backtest
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.specs.spec import ModelSpec

BACKTEST_DRAWS = 500


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "backtest")(backtest)


def backtest(
    runs: TableOrStudy,
    reading: Reading,
    output: Output,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", metavar="NAME|PATH", help="A model to backtest. Repeatable."),
    ] = None,
    cut: Annotated[
        list[str] | None,
        typer.Option(
            "--cut",
            metavar="X",
            help="Fit the runs below: a quantile such as 0.6, or 1e21 FLOP. Repeatable.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="OUT.csv", help="Also write every scored run here."),
    ] = None,
    resource: ResourceOption = None,
    sources: SourcesOption = None,
    draws: DrawsOption = BACKTEST_DRAWS,
    chains: ChainsOption = 4,
    force: ForceOption = False,
) -> Outcome:
    """Would it have foreseen the larger runs? Refits on the smaller ones, scores the larger.

    Two models or more are also averaged. Held-out runs are scored, never fitted. Exit code 1:
    90% intervals held too few runs.
    """
    from bayes_scaling.cli.posterior import load_spec, openly
    from bayes_scaling.cli.progress import Stages
    from bayes_scaling.cli.sources import new_file, read_table
    from bayes_scaling.cli.studies import opened

    target = new_file(out, force, ".csv") if out else None
    start = opened(runs, reading, output, Price(), model=model)
    study = start.study
    specs = [
        load_spec(each, resource or (study.resource if study else None), sources)
        for each in start.model or (None,)
    ]
    table = read_table(start.source, start.reading)
    cuts = cuts_of(cut, specs[0], table) if cut else list(study.data.cuts) if study else []
    chosen: dict[str, Any] = {"draws": draws, "chains": chains}
    if (draws, chains) == (BACKTEST_DRAWS, 4):
        chosen |= start.sampling
    if cuts:
        chosen["cuts"] = cuts
    with Stages(output) as say:
        say("loading the sampler")
        from bayes_scaling.evaluation.backtest import backtest as score

        found = score(
            specs,
            table,
            seed=start.output.seed,
            **chosen,
            progress=lambda stage, share: say(openly(stage), share),
        )
    if target:
        from bayes_scaling.files import write_text

        write_text(target, csv_of(found.rows))
    return _outcome(found, table, [str(target)] if target else [], runs)


def cuts_of(texts: Sequence[str], spec: ModelSpec, table: Runs) -> list[float]:
    """Return cuts as numbers: shares of the rows below 1, amounts of the model's axis from 1 on.

    Raises UsageError that names every text which is neither.
    """
    from bayes_scaling.inference.fit import settled

    axis = settled(spec, table).axis

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            return parse_amounts([text], axis)[0]
        if not (math.isfinite(value) and value > 0):
            raise UsageError(
                f"cut '{display_name(text, 40)}': write a quantile between 0 and 1, such as 0.6, "
                f"or {axis} from 1 on, such as 1e21"
            )
        return value

    return gather(texts, read)


def _outcome(found: Backtest, table: Runs, files: list[str], path: str) -> Outcome:
    from bayes_scaling.cli.answers import checks_record, records, split_checks

    checks = found.checks()
    failures, warnings = split_checks(checks, table)

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import backtest_table, skipped_table

        yield from verdict_lines(found)
        yield ""
        yield backtest_table(found)
        yield ""
        if len(found.skipped):
            yield skipped_table(found)
            yield ""
        yield from (f"wrote {each}" for each in files)

    return Outcome(
        result={
            "models": list(found.models),
            "axis": found.axis,
            "target": found.target,
            "seed": found.provenance["seed"],
            "checks": checks_record(checks),
            "by_model": records(found.by_model),
            "scores": records(found.scores),
            "rows": records(found.rows),
            "skipped": records(found.skipped),
            "findings": [finding.to_dict() for finding in table.findings],
            "provenance": dict(found.provenance),
            "files": files,
        },
        text=text,
        table=found.scores,
        failures=failures,
        warnings=warnings,
        hints=[f"next: {_next(found, path)}"],
    )


def verdict_lines(found: Backtest) -> Iterator[str]:
    """Say for each model how many forecasts of larger runs its 90% intervals held."""
    from bayes_scaling.evaluation.scores import MAIN_LEVEL, inside_column
    from bayes_scaling.reporting.wording import say_times

    for name in found.models:
        inside = found.of_model(name)[inside_column(MAIN_LEVEL)]
        yield (
            f"{display_name(name, 30)}: {MAIN_LEVEL:.0%} intervals held {inside.sum()} of "
            f"{len(inside)} forecasts of larger runs"
        )
    rows = found.rows
    cuts, few, many = rows["cut"].nunique(), rows["trained"].min(), rows["trained"].max()
    yield (
        f"{rows['run'].nunique()} larger runs, up to {say_times(float(rows['ratio'].max()))} the "
        f"largest fitted one; {cuts} cut{'s' if cuts > 1 else ''}, "
        f"{few if few == many else f'{few} to {many}'} runs fitted"
    )


def _next(found: Backtest, path: str) -> str:
    """Name the model with the least weighted interval score among those that held."""
    from bayes_scaling.evaluation.backtest import AVERAGE
    from bayes_scaling.evaluation.coverage import coverage_check
    from bayes_scaling.verdicts import FAIL

    scores = {str(row["model"]): float(row["wis"]) for row in found.by_model.to_dict("records")}
    held = [
        name
        for name in found.models
        if name != AVERAGE and coverage_check(name, found.of_model(name)).verdict != FAIL
    ]
    if not held:
        return "bayes-scaling models lists other laws to backtest; several --model are averaged"
    best = shlex.quote(min(held, key=scores.__getitem__))
    return f"bayes-scaling fit {shlex.quote(path)} --model {best} -o fit.nc"
