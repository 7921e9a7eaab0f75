"""Batch: the verb `batch`: many tables and models, resumable, with one row for each answer."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import Output
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FAULTY, FINISHED, WAITING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.batch.runner import State, Tell
    from bayes_scaling.batch.store import Store
    from bayes_scaling.batch.study import Study
    from bayes_scaling.batch.task import Task

ENGINES = ("serial", DASK := "dask")
MOST_WORKERS = 64
MOST_PLANNED = 50
"""Tasks of a dry run that are named on the terminal; --json has all."""
NEW = "not done with these runs, questions and versions"
MOST_FAULTS = 20
"""Failed tasks named on the terminal; the summary has all."""


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "batch")(batch)


def batch(
    study: Annotated[str, typer.Argument(metavar="STUDY.toml", help="A study file.")],
    output: Output,
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Folder of the results.")],
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=MOST_WORKERS, help="Processes at once.")
    ] = 1,
    engine: Annotated[
        str, typer.Option("--engine", metavar="serial|dask", help="What runs the tasks.")
    ] = "serial",
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="tcp://...", help="With dask: a scheduler that is running."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="S", min=0.1, help="Most seconds for one task, in its own process."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only the Ith of N parts, for job arrays."),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option("--select", metavar="GLOB", help="Only tasks named so: '*c4* chinchilla'."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try tasks again that failed.")
    ] = False,
    keep_fits: Annotated[
        bool, typer.Option("--keep-fits", help="Keep each fit beside its result (fit.nc).")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> Outcome:
    """Fit every table of a study with every model, and answer its questions.

    Finished tasks are never done again, so that the same command resumes after any interruption.
    With --workers, a process that dies costs its task one of three tries. Writes DIR/summary.csv,
    summary.parquet and results.jsonl, one row for each table, model and question, and a page of
    pictures, overview.html. Exit code 5: some tasks failed; each has its reason there and its log
    in DIR/tasks.
    """
    from bayes_scaling.batch.runner import abandoned, run_batch, states_of, summarise, to_do
    from bayes_scaling.batch.store import Store
    from bayes_scaling.batch.study import read_study
    from bayes_scaling.batch.task import tasks_of
    from bayes_scaling.cli.progress import Workers

    way = _Way(engine, workers, scheduler, timeout, keep_fits)
    known = read_study(study)
    part = _part(shard)
    whole = tasks_of(known)
    own = _share(_selected(whole, select), part)
    store = Store(Path(out))
    states = states_of(own, known, store)
    if dry_run:
        return _outcome(states, [], [], planned=to_do(states, retry_failed=retry_failed))
    warnings = _other_versions(store)
    todo = to_do(states, retry_failed=retry_failed)
    if todo:
        with Workers(output, len(todo), way.lines) as tell:
            way.run(todo, known, store, tell)
            if left := abandoned(todo, store, tell):
                run_batch(left, known, store, keep_fits=keep_fits, tell=tell)
        states = states_of(own, known, store)
    everything = states if len(own) == len(whole) else states_of(whole, known, store)
    files = [str(path) for path in (*summarise(everything, known, store), _page(study, store))]
    return _outcome(states, files, warnings)


def _page(study: str, store: Store) -> Path:
    from bayes_scaling.batch.results import read_results
    from bayes_scaling.files import write_text
    from bayes_scaling.reporting.overview import overview_page

    page = overview_page(read_results(store.folder), Path(study).stem)
    return write_text(store.folder / "overview.html", page)


@dataclass(frozen=True)
class _Way:
    """How tasks are run. Raises UsageError for options that do not go together."""

    engine: str
    workers: int
    scheduler: str | None
    timeout: float | None
    keep_fits: bool

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise UsageError(f"--engine {self.engine}: one of {', '.join(ENGINES)}")
        if self.scheduler is not None and self.engine != DASK:
            raise UsageError("--scheduler goes with --engine dask")
        if self.timeout is not None and self.engine == DASK:
            raise UsageError("--timeout goes with --engine serial")

    @property
    def lines(self) -> int:
        """Workers that say at which stage they are."""
        return 1 if self.engine == DASK else self.workers

    def run(self, todo: Sequence[State], study: Study, store: Store, tell: Tell) -> None:
        common: dict[str, Any] = {"keep_fits": self.keep_fits, "tell": tell}
        if self.engine == DASK:
            from bayes_scaling.batch.cluster import run_dask

            common |= {"workers": self.workers, "scheduler": self.scheduler}
            run_dask(todo, study, store, **common)
        elif self.workers > 1 or self.timeout is not None:
            from bayes_scaling.batch.pool import run_pool

            common |= {"workers": self.workers, "timeout": self.timeout}
            run_pool(todo, study, store, **common)
        else:
            from bayes_scaling.batch.runner import run_batch

            run_batch(todo, study, store, **common)


def _other_versions(store: Store) -> list[str]:
    """Say where what is in the folder was made by other versions."""
    from bayes_scaling.batch.task import VERSIONS_NOW

    before = store.manifest().get("versions", VERSIONS_NOW)
    changed = [f"{name} {before.get(name)} to {now}" for name, now in VERSIONS_NOW.items()
               if before.get(name) != now]  # fmt: skip
    if not changed:
        return []
    return [
        f"{', '.join(changed)}: all tasks are new; the old results stay in {store.folder}/tasks"
    ]


def _part(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    left, sign, right = text.partition("/")
    if not (sign and left.isdigit() and right.isdigit() and 1 <= int(left) <= int(right)):
        raise UsageError(f"--shard '{text}': write the part and their number, such as 2/8")
    return int(left), int(right)


def _selected(tasks: Sequence[Task], pattern: str | None) -> list[Task]:
    found = [task for task in tasks if pattern is None or fnmatch.fnmatch(task.name, pattern)]
    if not found:
        raise UsageError(f"--select '{pattern}': no task is named so, such as '{tasks[0].name}'")
    return found


def _share(tasks: list[Task], part: tuple[int, int] | None) -> list[Task]:
    """A run of neighbouring tasks, so that few models are compiled in each part."""
    if part is None:
        return tasks
    index, count = part
    ends = [round(k * len(tasks) / count) for k in (index - 1, index)]
    return tasks[ends[0] : ends[1]]


def _outcome(
    states: Sequence[State],
    files: list[str],
    warnings: list[str],
    planned: Sequence[State] = (),
) -> Outcome:
    from bayes_scaling.batch.runner import overview
    from bayes_scaling.cli.answers import records

    counts = {name: sum(s.status == name for s in states) for name in (FINISHED, FAULTY, WAITING)}
    failed = [s for s in states if s.status == FAULTY]
    table = overview(states)

    def text() -> Iterator[Any]:
        yield (
            f"{len(states)} tasks: {counts[FINISHED]} done, {counts[FAULTY]} failed, "
            f"{counts[WAITING]} not run"
        )
        for state in planned[:MOST_PLANNED]:
            again = state.status == FAULTY
            why = f"failed before: {state.reason}" if again else state.task.fault
            verb = "would fail" if state.task.fault and not again else "would run"
            yield f"{verb}: {state.task.name}: {why or NEW}"
        if len(planned) > MOST_PLANNED:
            yield f"and {len(planned) - MOST_PLANNED} more"
        for state in failed[:MOST_FAULTS]:
            yield f"failed: {state.task.name}: {state.reason}"
        if len(failed) > MOST_FAULTS:
            yield f"and {len(failed) - MOST_FAULTS} more"
        yield from (f"wrote {path}" for path in files)

    return Outcome(
        result={
            "tasks": len(states),
            **{name.replace(" ", "_"): count for name, count in counts.items()},
            "by_model": records(table),
            "states": [
                {"task": s.task.name, "id": s.identity, "status": s.status, "reason": s.reason}
                for s in states
            ],
            "files": files,
        },
        text=text,
        table=table,
        warnings=warnings,
        tasks_failed=bool(failed),
    )
