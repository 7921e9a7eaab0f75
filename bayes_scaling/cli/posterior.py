"""Posterior: the verbs `fit` and `show`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import (
    ChainsOption,
    DrawsOption,
    ForceOption,
    LawOption,
    ModelOption,
    Output,
    Reading,
    ResourceOption,
    SavedFit,
    SourcesOption,
    Table,
)
from bayes_scaling.cli.output import SCHEMA_VERSION, Outcome
from bayes_scaling.cli.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.verdicts import Checks

CHECKS_SHOWN = 12


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "fit")(fit)
    verb(app, "show")(show)


def fit(
    runs: Table,
    reading: Reading,
    output: Output,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FIT.nc", help="File to write.")],
    model: ModelOption = None,
    resource: ResourceOption = None,
    sources: SourcesOption = None,
    draws: DrawsOption = 1000,
    chains: ChainsOption = 4,
    force: ForceOption = False,
    no_backtest: Annotated[
        bool,
        typer.Option("--no-backtest", help="Leave out how forecasts of this table's runs fared."),
    ] = False,
) -> Outcome:
    """Sample the posterior of a model on a table; writes FIT.nc and FIT.json.

    The model is also refitted to the smaller runs and scored on the larger ones, so that forecasts
    from FIT.nc can say how such forecasts fared. The first fit of a process compiles the model,
    which takes about ten seconds.
    """
    from bayes_scaling.cli.sources import new_file, read_table

    target = new_file(out, force, ".nc")
    record = new_file(str(target.with_suffix(".json")), force, ".json")
    spec = load_spec(model, resource, sources)
    table = read_table(runs, reading)
    found, checks = sample(
        spec, table, output, draws=draws, chains=chains, backtest=not no_backtest
    )
    found.save(target)
    write_record(found, checks, target, record)
    return _outcome(found, checks, [str(target), str(record)])


def load_spec(model: str | None, resource: str | None, sources: str | None = None) -> Any:
    """Return the model that was asked for; raises UsageError listing the shelf if none was."""
    from bayes_scaling.errors import UsageError
    from bayes_scaling.specs.shelf import model_names
    from bayes_scaling.specs.spec import load_model

    if model is None:
        raise UsageError(f"name a model with --model; the shelf has {', '.join(model_names())}")
    named = [each.strip() for each in sources.split(",")] if sources else None
    return load_model(model, resource=resource, sources=named)


def sample(
    spec: Any,
    table: Any,
    output: Output,
    *,
    draws: int = 1000,
    chains: int = 4,
    backtest: bool = True,
) -> tuple[Fit, Checks]:
    """Fit, backtest and check, saying each stage on stderr."""
    from bayes_scaling.cli.progress import Stages

    with Stages(output) as say:
        say("loading the sampler")
        from bayes_scaling.decisions.source import with_own_backtest
        from bayes_scaling.inference.checks import check
        from bayes_scaling.inference.sampling import fit as sample_posterior

        def tell(stage: str, share: float | None) -> None:
            say(openly(stage), share)

        found = sample_posterior(
            spec, table, seed=output.seed, draws=draws, chains=chains, progress=tell
        )
        if backtest:
            found = with_own_backtest(found, output.seed, tell)
        say("checking the posterior")
        return found, check(found)


def openly(stage: str) -> str:
    """Say how long compiling takes where it begins."""
    return f"{stage}; about ten seconds" if "compiling" in stage else stage


def write_record(found: Fit, checks: Checks, target: Path, record: Path) -> None:
    """Write the numbers of a fit beside it, with the command and the time."""
    import hashlib
    import shlex
    from datetime import UTC, datetime

    from bayes_scaling.cli.answers import fit_record
    from bayes_scaling.cli.output import json_of
    from bayes_scaling.files import write_text

    body = {
        "schema_version": SCHEMA_VERSION,
        **fit_record(found, checks),
        "seconds": dict(found.seconds),
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": shlex.join(["bayes-scaling", *sys.argv[1:]]),
        "fit_file": target.name,
        "fit_sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
    }
    write_text(record, f"{json_of(body)}\n")


def _outcome(found: Fit, checks: Checks, files: list[str]) -> Outcome:
    from bayes_scaling.cli.answers import fit_record, split_checks

    failures, warnings = split_checks(checks, found.runs)

    def text() -> Iterator[Any]:
        from bayes_scaling.cli.tables import headline
        from bayes_scaling.reporting.tables import checks_table, summary_table

        yield f"{found.spec.name} on {headline(found.runs)}, seed {found.provenance.get('seed')}"
        yield checks_table(checks, limit_rows=CHECKS_SHOWN)
        yield ""
        yield summary_table(found)
        yield f"wrote {' and '.join(files)}"

    return Outcome(
        result={**fit_record(found, checks), "seconds": dict(found.seconds), "files": files},
        text=text,
        table=found.summary().rename_axis("name").reset_index(),
        failures=failures,
        warnings=warnings,
        hints=[f"next: {next_step(found, files[0])}"],
        told=True,
    )


def next_step(found: Fit, path: str) -> str:
    """Return the command line that forecasts with a saved fit."""
    from bayes_scaling.decisions.horizon import axis_of
    from bayes_scaling.runs.identifiability import split_refusal

    if len(found.model.inputs) > 1 and split_refusal(found.runs.findings):
        return f"bayes-scaling forecast {path} --params N --tokens D, along the table's own ratio"
    largest = float(found.runs.resource(axis_of(found)).max())
    option = "flops" if axis_of(found) == "flops" else "amount"
    return f"bayes-scaling forecast {path} --{option} {10 * largest:.1e}".replace("e+", "e")


def show(source: SavedFit, output: Output, law: LawOption = None) -> Outcome:
    """Show the unknowns and derived quantities of a fit, and what reproduces it."""
    from bayes_scaling.cli.answers import fit_record
    from bayes_scaling.cli.sources import read_fit
    from bayes_scaling.evaluation.evidence import BACKTEST, backtest_of, held_words

    found = read_fit(source, law)

    def text() -> Iterator[Any]:
        from bayes_scaling.cli.tables import headline
        from bayes_scaling.reporting.tables import summary_table

        yield f"{found.spec.name} on {headline(found.runs)}"
        yield found.spec.answers
        yield summary_table(found)
        yield ""
        for key, value in found.provenance.items():
            if key == BACKTEST:
                held = backtest_of({key: value}) or ()
                yield f"{key}: {'; '.join(map(held_words, held))}"
                continue
            shown = value if not isinstance(value, dict) else _pairs(value)
            yield f"{key}: {shown}"

    return Outcome(
        result=fit_record(found),
        text=text,
        table=found.summary().rename_axis("name").reset_index(),
    )


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())
