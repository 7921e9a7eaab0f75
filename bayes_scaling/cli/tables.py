"""Tables: the verbs `check` and `example`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import LawOption, Output, Reading, TableOrFit
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes_scaling.runs.table import Runs
    from bayes_scaling.verdicts import Checks

SHORT_DIGEST = 12


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "check")(check)
    verb(app, "example")(example)


def check(
    source: TableOrFit,
    reading: Reading,
    output: Output,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="OTHER.nc",
            help="A fit of the same model to another choice of runs. Repeatable.",
        ),
    ] = None,
    law: LawOption = None,
) -> Outcome:
    """Is this table or fit usable? A table needs no sampling.

    With --also: which answers does the choice of runs decide? Exit code 1: something fails, or
    rows were rejected. 3: nothing usable is left.
    """
    from bayes_scaling.cli.sources import is_fit, read_fit, read_table
    from bayes_scaling.errors import UsageError

    if is_fit(source):
        from bayes_scaling.inference.checks import check as check_fit

        fit = read_fit(source, law, reading)
        others = {path: read_fit(path, law) for path in also or []}
        return _of_fit(fit.runs, check_fit(fit, others=others), fit.spec.name)
    for option, value in (("--law", law), ("--also", also)):
        if value:
            raise UsageError(f"{option} is for saved fits; a table is checked without a law")
    return _of_table(read_table(source, reading))


def _of_table(runs: Runs) -> Outcome:
    import pandas as pd

    from bayes_scaling.cli.answers import checks_record, runs_record, split_findings
    from bayes_scaling.decisions.design import examine, identifiable_models

    design, models = examine(runs), identifiable_models(runs)
    failures, warnings = split_findings(runs.findings)
    frame = pd.DataFrame([finding.to_dict() for finding in runs.findings])
    if len(frame):
        frame["rows"] = [" ".join(map(str, rows)) for rows in frame["rows"]]

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import checks_table, findings_table

        yield headline(runs)
        if runs.findings:
            yield findings_table(runs.findings)
            yield ""
        yield checks_table(design)
        yield from _models(models)

    return Outcome(
        result={
            **runs_record(runs),
            "design": checks_record(design),
            "models": checks_record(models),
        },
        text=text,
        table=frame,
        failures=failures,
        warnings=warnings,
        told=True,
    )


def _models(models: Checks) -> Iterator[str]:
    """One line for the models that fit, one for each reason why others do not, or in part."""
    import textwrap

    from bayes_scaling.verdicts import FAIL, OK, WARN

    good = ", ".join(row.name for row in models.rows if row.verdict == OK)
    yield ""
    yield textwrap.fill(
        f"models this table can identify: {good or 'none'}", 78, break_on_hyphens=False
    )
    for verdict, words in ((WARN, "in part"), (FAIL, "not")):
        reasons: dict[str, list[str]] = {}
        for row in models.rows:
            if row.verdict == verdict:
                reasons.setdefault(row.advice, []).append(row.name)
        for advice, names in sorted(reasons.items(), key=lambda each: each[0].startswith("needs")):
            yield textwrap.fill(
                f"{words}: {', '.join(names)}: {advice}",
                78,
                initial_indent="  ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )


def headline(runs: Runs) -> str:
    """Return one line on a table: its source, its rows, and its digest."""
    from bayes_scaling.cli.answers import rejected_lines

    rejected, held_out = len(rejected_lines(runs)), len(runs.held_out)
    parts = [f"{len(runs.fitted)} runs to fit"]
    parts += [f"{held_out} held out"] if held_out else []
    parts += [f"{rejected} rows rejected"] if rejected else []
    parts += [f"{len(runs.findings)} findings", f"sha256 {(runs.raw_sha256 or '')[:SHORT_DIGEST]}"]
    return f"{runs.source}\n{', '.join(parts)}"


def _of_fit(runs: Runs, checks: Checks, model: str) -> Outcome:
    from bayes_scaling.cli.answers import checks_record, runs_record, split_checks

    failures, warnings = split_checks(checks, runs)

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import checks_table

        yield f"{model} on {headline(runs)}"
        yield checks_table(checks)

    return Outcome(
        result={"model": model, "runs": runs_record(runs), "checks": checks_record(checks)},
        text=text,
        table=checks.to_frame(),
        failures=failures,
        warnings=warnings,
        told=True,
    )


def example(
    output: Output,
    name: Annotated[str, typer.Argument(help="Which one.")] = "overtraining_c4",
) -> Outcome:
    """Print the path of a run table that ships with the package."""
    from bayes_scaling.runs.examples import example_names, example_path

    path = str(example_path(name))
    return Outcome(
        result={"name": name, "path": path, "names": list(example_names())}, text=lambda: [path]
    )
