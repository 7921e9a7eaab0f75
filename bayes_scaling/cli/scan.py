"""Scan: the verb `scan`."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.decisions import OutFile, write_table
from bayes_scaling.cli.options import (
    ChainsOption,
    DrawsOption,
    ForceOption,
    Output,
    Question,
    Reading,
    ResourceOption,
    SourcesOption,
    Table,
)
from bayes_scaling.cli.output import LINE, Outcome
from bayes_scaling.cli.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes_scaling.decisions.scan import Scan
    from bayes_scaling.runs.table import Runs

DEFAULT_MODEL = "chinchilla"


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "scan")(scan)


def scan(
    runs: Table,
    reading: Reading,
    asked: Question,
    output: Output,
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", metavar="NAME|PATH", help="A model of the shelf, or a file (.toml)."
        ),
    ] = DEFAULT_MODEL,
    out: OutFile = None,
    resource: ResourceOption = None,
    sources: SourcesOption = None,
    draws: DrawsOption = 500,
    chains: ChainsOption = 4,
    force: ForceOption = False,
) -> Outcome:
    """How far does a forecast move with the choices that nobody reports?

    Refits the model without the smallest and the largest runs, within bounds of tokens per
    parameter, and with compute and parameters counted otherwise. Exit code 1: the chains of the
    fit to all runs did not mix, or a question lies beyond what they support.
    """
    from bayes_scaling.cli.posterior import load_spec, openly
    from bayes_scaling.cli.progress import Stages
    from bayes_scaling.cli.questions import points_asked
    from bayes_scaling.cli.sources import new_file, read_table

    target = new_file(out, force, ".csv") if out else None
    asked.require_one_way()
    spec = load_spec(model, resource, sources)
    table = read_table(runs, reading)
    with Stages(output) as say:
        say("loading the sampler")
        from bayes_scaling.decisions.scan import scan as scan_choices
        from bayes_scaling.inference.fit import settled

        spec = settled(spec, table)
        found = scan_choices(
            spec,
            table,
            points_asked(spec, asked, {}),
            seed=output.seed,
            draws=draws,
            chains=chains,
            progress=lambda stage, share: say(openly(stage), share),
        )
    if target:
        write_table(target, found.rows)
    following = f"bayes-scaling backtest {shlex.quote(runs)} --model {shlex.quote(model)}"
    return _outcome(found, table, [str(target)] if target else [], following)


def _outcome(found: Scan, table: Runs, files: list[str], following: str) -> Outcome:
    from bayes_scaling.cli.answers import records, rejected_lines, split_findings

    failures, warnings = split_findings(found.findings)
    if rejected := rejected_lines(table):
        failures.append(f"{len(rejected)} rows of the table were rejected")
    return Outcome(
        result={
            "sentence": found.sentence,
            "model": found.provenance["model"],
            "base": found.base,
            "target": found.target,
            "seed": found.provenance["seed"],
            "rows": records(found.rows),
            "skipped": records(found.skipped),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": files,
        },
        text=lambda: _text(found, files),
        table=found.rows,
        failures=failures,
        warnings=warnings,
        hints=[f"next: {following}"],
    )


def _text(found: Scan, files: list[str]) -> Iterator[Any]:
    from bayes_scaling.decisions.scan import place_of
    from bayes_scaling.reporting.scan_table import left_out_table, scan_table

    yield textwrap.fill(found.sentence, LINE)
    for _, row in found.rows[found.rows["choice"] == found.base].iterrows():
        yield ""
        yield f"at {place_of(row)}"
        yield scan_table(found, int(row["point"]))
    yield ""
    meanings = found.rows[found.rows["choice"] != found.base].drop_duplicates("choice")
    for name, words in zip(meanings["choice"], meanings["meaning"], strict=True):
        yield textwrap.fill(f"{name}: {words}", LINE, subsequent_indent="  ")
    if len(found.skipped):
        yield ""
        yield left_out_table(found)
    yield ""
    yield textwrap.fill(
        f"model {found.provenance['model']}, seed {found.provenance['seed']}; shift: of the "
        "median; /half: in half widths of the 90% interval of all runs"
        + ("; N*: best size of the budget, median" if "params_q50" in found.rows else ""),
        LINE,
    )
    yield from (f"wrote {each}" for each in files)
