"""Imports: the verbs `import mlflow` and `import wandb`: run tables from experiment trackers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_columns
from bayes_scaling.cli.options import ForceOption, Output
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import TableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.runs.tracked import TrackedRun

GROUP = "import"
MOST_NAMED = 10
"""Runs left out that are named on the terminal; the provenance file has all."""

OutOption = Annotated[
    str, typer.Option("-o", "--out", metavar="RUNS.csv", help="The run table to write.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--col", metavar="OURS=THEIRS", help="What they call our column: params=n_params."
    ),
]
StatusOption = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="S", help="Runs that ended so (finished). Repeatable."),
]
UrlOption = Annotated[
    bool, typer.Option("--allow-url", help="Read from another computer, over the network.")
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    imports = typer.Typer(help="Write a run table from an experiment tracker.")
    verb(imports, "mlflow", group=GROUP)(mlflow)
    verb(imports, "wandb", group=GROUP)(wandb)
    app.add_typer(imports, name=GROUP)


def mlflow(
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="A folder or SQLite file of MLflow.")
    ],
    output: Output,
    out: OutOption,
    experiment: Annotated[
        list[str] | None,
        typer.Option("--experiment", metavar="NAME", help="Only of this one. Repeatable."),
    ] = None,
    col: ColumnsOption = None,
    status: StatusOption = None,
    allow_url: UrlOption = False,
    force: ForceOption = False,
) -> Outcome:
    """Write the runs of an MLflow store as a run table, with where they come from beside it.

    One row for each run: parameters, the last value of each metric, tags. Runs that lack a value
    are left out and named. Exit code 1: the table cannot be fitted as it is.
    """
    from bayes_scaling.runs.trackers import is_remote, read_mlflow

    _refuse_remote(is_remote(store), store, allow_url)
    target = _target(out, force)
    runs = read_mlflow(store, experiment or [])
    return _write("mlflow", store, runs, target, col, status)


def wandb(
    source: Annotated[
        str,
        typer.Argument(
            metavar="EXPORT|ENTITY/PROJECT",
            help="Exported runs: .json, .jsonl or .csv; or a project, with --allow-url.",
        ),
    ],
    output: Output,
    out: OutOption,
    col: ColumnsOption = None,
    status: StatusOption = None,
    allow_url: UrlOption = False,
    force: ForceOption = False,
) -> Outcome:
    """Write runs of Weights & Biases as a run table, with where they come from beside it.

    One row for each run: its config and its summary, nested names joined with dots. Runs that lack
    a value are left out and named.
    """
    from bayes_scaling.runs.tracked import read_wandb_export
    from bayes_scaling.runs.trackers import read_wandb

    is_file = Path(source).suffix.lower() in (".json", ".jsonl", ".csv")
    _refuse_remote(not is_file, source, allow_url)
    target = _target(out, force)
    runs = read_wandb_export(source) if is_file else read_wandb(source)
    return _write("wandb", source, runs, target, col, status)


def _refuse_remote(remote: bool, source: str, allowed: bool) -> None:
    if remote and not allowed:
        raise UsageError(f"{source} is on another computer; --allow-url reads it from there")


def _target(out: str, force: bool) -> Path:
    from bayes_scaling.cli.sources import new_file

    target = new_file(out, force, ".csv")
    new_file(str(_beside(target)), force, ".json")
    return target


def _beside(target: Path) -> Path:
    return target.with_suffix(".provenance.json")


def _write(
    tracker: str,
    source: str,
    runs: Sequence[TrackedRun],
    target: Path,
    col: list[str] | None,
    status: list[str] | None,
) -> Outcome:
    import hashlib

    from bayes_scaling.cli.tables import headline
    from bayes_scaling.files import to_json, write_text
    from bayes_scaling.runs.reader import read_runs
    from bayes_scaling.runs.tracked import FINISHED, TRACKED_ID, tabulate

    statuses = [each.lower() for each in status or [FINISHED]]
    table = tabulate(source, runs, parse_columns(col or []), statuses)
    text = table.to_csv()
    known: dict[str, Any] = {
        "tracker": tracker,
        "source": source,
        "columns": dict(table.mapping),
        "status": statuses,
        "runs": [row[TRACKED_ID] for row in table.rows],
        "left_out": [{"run": run, "why": why} for run, why in table.left_out],
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    write_text(target, text)
    write_text(_beside(target), to_json(known))
    try:
        made, faults = read_runs(target), []
    except TableError as fault:
        made, faults = None, [str(fault)]
    files = [str(target), str(_beside(target))]

    def words() -> Iterator[Any]:
        yield f"{len(table.rows)} of {len(runs)} runs"
        for run, why in table.left_out[:MOST_NAMED]:
            yield f"left out: {run}: {why}"
        if len(table.left_out) > MOST_NAMED:
            yield f"and {len(table.left_out) - MOST_NAMED} more"
        if made is not None:
            yield headline(made)
        yield f"wrote {', '.join(files)}"

    return Outcome(
        result={**known, "files": files},
        text=words,
        table=None if made is None else made.frame,
        failures=faults,
        hints=[f"next: bayes-scaling check {target}"],
    )
