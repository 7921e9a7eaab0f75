"""Imports: the verbs `import mlflow` and `import wandb`: run tables from experiment trackers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_columns, parse_where
from bayes_scaling.cli.options import ForceOption, Output
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import TableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes_scaling.runs.table import Runs
    from bayes_scaling.runs.tracked import Tracked, TrackedTable

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
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="THEIRS=VALUE", help="Only runs with this value. Repeatable."),
]
UrlOption = Annotated[
    bool, typer.Option("--allow-url", help="Read from another computer, over the network.")
]


@dataclass(frozen=True)
class _Wanted:
    """What the options ask for: the file to write, the columns, the runs."""

    target: Path
    columns: dict[str, str]
    statuses: list[str]
    where: dict[str, str]


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
    where: WhereOption = None,
    status: StatusOption = None,
    allow_url: UrlOption = False,
    force: ForceOption = False,
) -> Outcome:
    """Write the runs of an MLflow store as a run table, with where they come from beside it.

    One row for each run: parameters, the last value of each metric, tags. Runs that lack a value
    are left out and named. The store is only read. Exit code 1: the table cannot be fitted as it
    is.
    """
    from bayes_scaling.runs.stores import is_remote
    from bayes_scaling.runs.trackers import read_mlflow

    wanted = _wanted(out, force, col, status, where)
    _refuse_remote(is_remote(store), store, allow_url)
    return _write("mlflow", store, read_mlflow(store, experiment or []), wanted)


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
    where: WhereOption = None,
    status: StatusOption = None,
    allow_url: UrlOption = False,
    force: ForceOption = False,
) -> Outcome:
    """Write runs of Weights & Biases as a run table, with where they come from beside it.

    One row for each run: its config and its summary, nested names joined with dots. Runs that lack
    a value are left out and named. Exit code 1: the table cannot be fitted as it is.
    """
    from bayes_scaling.runs.exports import SUFFIXES, read_wandb_export
    from bayes_scaling.runs.trackers import PROJECT, read_wandb

    wanted = _wanted(out, force, col, status, where)
    if "://" not in source and Path(source).suffix.lower() in SUFFIXES:
        return _write("wandb", source, read_wandb_export(source), wanted)
    if not PROJECT.fullmatch(source) or Path(source).exists():
        files = f"an exported file ends in {', '.join(SUFFIXES)}"
        raise UsageError(f"{source}: {files}; a project is ENTITY/PROJECT")
    _refuse_remote(True, source, allow_url)
    return _write("wandb", source, read_wandb(source), wanted)


def _wanted(
    out: str,
    force: bool,
    col: list[str] | None,
    status: list[str] | None,
    where: list[str] | None,
) -> _Wanted:
    from bayes_scaling.runs.tracked import FINISHED, check_statuses

    statuses = [each.lower() for each in status or [FINISHED]]
    check_statuses(statuses)
    columns, wheres = parse_columns(col or []), parse_where(where or [])
    return _Wanted(_target(out, force), columns, statuses, wheres)


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


def _write(tracker: str, source: str, tracked: Tracked, wanted: _Wanted) -> Outcome:
    from bayes_scaling.cli.answers import runs_record
    from bayes_scaling.files import to_json, write_bytes
    from bayes_scaling.runs.reader import read_runs
    from bayes_scaling.runs.tracked import tabulate

    table = tabulate(source, tracked.runs, wanted.columns, wanted.statuses, wanted.where)
    data = table.to_csv().encode("utf-8", "backslashreplace")
    known = _provenance(tracker, source, tracked, table, wanted)
    known["sha256"] = hashlib.sha256(data).hexdigest()
    files = [str(wanted.target), str(_beside(wanted.target))]
    write_bytes(wanted.target, data)
    write_bytes(_beside(wanted.target), to_json(known).encode("utf-8", "backslashreplace"))
    try:
        made, faults = read_runs(wanted.target), []
    except TableError as fault:
        made, faults = None, [str(fault)]
    return Outcome(
        result={**known, "files": files, "table": None if made is None else runs_record(made)},
        text=lambda: _words(table, len(tracked.runs), made, files),
        table=None if made is None else made.frame,
        failures=faults,
        warnings=_warnings(tracked, table),
        hints=[f"next: bayes-scaling check {wanted.target}"],
    )


def _provenance(
    tracker: str, source: str, tracked: Tracked, table: TrackedTable, wanted: _Wanted
) -> dict[str, Any]:
    """Return where a table comes from; nothing in it depends on when it is made."""
    from importlib.metadata import version

    from bayes_scaling.runs.tracked import TRACKED_ID

    return {
        "bayes_scaling": version("bayes-scaling"),
        "tracker": tracker,
        "source": source,
        **tracked.about,
        "columns": dict(table.mapping),
        "status": wanted.statuses,
        "where": wanted.where,
        "runs": [row[TRACKED_ID] for row in table.rows],
        "left_out": [{"run": run, "why": why} for run, why in table.left_out],
    }


def _warnings(tracked: Tracked, table: TrackedTable) -> list[str]:
    from bayes_scaling.cli.answers import split_findings
    from bayes_scaling.runs.tracked import STATUS

    unknown = sum(not row[STATUS] for row in table.rows)
    stated = [f"{unknown} runs without a status were taken as finished"] if unknown else []
    return [*tracked.notes, *split_findings(table.findings)[1], *stated]


def _words(table: TrackedTable, runs: int, made: Runs | None, files: list[str]) -> Iterator[str]:
    from bayes_scaling.cli.tables import headline

    yield f"{len(table.rows)} of {runs} runs"
    for run, why in table.left_out[:MOST_NAMED]:
        yield f"left out: {run}: {why}"
    if len(table.left_out) > MOST_NAMED:
        yield f"and {len(table.left_out) - MOST_NAMED} more"
    if made is not None:
        yield headline(made)
    yield f"wrote {', '.join(files)}"
