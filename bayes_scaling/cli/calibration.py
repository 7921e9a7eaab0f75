"""Calibration: the verb `calibration`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import ForceOption, Output
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes_scaling.evaluation.calibration import Calibration

LOWEST_COVERAGE = 0.75
"""Share of a family's runs that 90% intervals must hold for the record to pass."""


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "calibration")(calibration)


def calibration(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The public tables.")],
    output: Output,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="OUT.md", help="Also write the record here."),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option("--record", metavar="OUT.json", help="Write the pooled record as shipped."),
    ] = None,
    force: ForceOption = False,
) -> Outcome:
    """How did such forecasts fare on public tables? Ours beside simpler ways; about 10 minutes.

    Each table is fitted below the 60% quantile of compute and scored on runs of 3 times the largest
    fitted one and beyond. Exit code 1: 90% intervals of the default average held too few runs of a
    family.
    """
    from bayes_scaling.cli.answers import records
    from bayes_scaling.cli.progress import Stages
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.files import write_text

    target = new_file(out, force, ".md") if out else None
    kept = new_file(record, force, ".json") if record else None
    with Stages(output) as say:
        say("loading the sampler")
        from bayes_scaling.evaluation.calibration import calibrate, record_text
        from bayes_scaling.evaluation.public_tables import public_tables
        from bayes_scaling.reporting.calibration_page import calibration_markdown

        found = calibrate(public_tables(folder), seed=output.seed, progress=say)
    page = calibration_markdown(found)
    if target:
        write_text(target, page)
    if kept:
        write_text(kept, record_text(found))
    files = [str(path) for path in (target, kept) if path]

    def text() -> Iterator[Any]:
        yield page
        yield from (f"wrote {name}" for name in files)

    return Outcome(
        result={
            "overall": records(found.overall.reset_index()),
            "by_family": records(found.by_family),
            "far": records(found.far.reset_index()),
            "fits": records(found.fits),
            "provenance": dict(found.provenance),
            "files": files,
        },
        text=text,
        table=found.overall.reset_index(),
        failures=failures_of(found),
    )


def failures_of(found: Calibration) -> list[str]:
    """Say which families the default average covered too little."""
    from bayes_scaling.evaluation.calibration import FAMILY, OURS
    from bayes_scaling.names import MODEL

    ours = found.by_family[found.by_family[MODEL] == OURS]
    low = ours[ours["coverage90"] < LOWEST_COVERAGE]
    return [
        f"{row[FAMILY]}: 90% intervals held {row['coverage90']:.0%} of the larger runs"
        for _, row in low.iterrows()
    ]
