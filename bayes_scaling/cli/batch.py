"""Batch: the verb `batch`: many tables and models, resumable, with one row for each answer."""

from __future__ import annotations

import fnmatch
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import Output
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.batch.runner import State
    from bayes_scaling.batch.task import Task

MOST_WORKERS = 64
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
    Writes DIR/summary.csv, summary.parquet and results.jsonl: one row for each table, model and
    question. Exit code 5: some tasks failed; each has its reason there and its log in DIR/tasks.
    """
    from bayes_scaling.batch.runner import run_batch, states_of, summarise
    from bayes_scaling.batch.store import Store
    from bayes_scaling.batch.study import read_study
    from bayes_scaling.batch.task import tasks_of
    from bayes_scaling.cli.progress import Stages

    known = read_study(study)
    part = _part(shard)
    tasks = _selected(tasks_of(known), select)
    own = _share(tasks, part)
    store = Store(Path(out))
    if dry_run:
        return _outcome(states_of(own, known, store), [])
    if workers > 1:
        again = ["--retry-failed"] * retry_failed + ["--keep-fits"] * keep_fits
        again += ["--select", select] if select else []
        _spread(study, out, workers, again)
    with Stages(output) as say:
        states = run_batch(
            own,
            known,
            store,
            retry_failed=retry_failed and workers == 1,
            keep_fits=keep_fits,
            say=say,
        )
    whole = states if part is None and select is None else states_of(tasks_of(known), known, store)
    files = [str(path) for path in summarise(whole, store)]
    return _outcome(states, files)


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


def _spread(study: str, out: str, workers: int, more: list[str]) -> None:
    """Run the parts of a study in processes of their own; what they leave is done afterwards."""
    command = [sys.executable, "-m", "bayes_scaling", "batch", study, "-o", out, "-q", *more]
    running = [
        subprocess.Popen([*command, "--shard", f"{k + 1}/{workers}"], stdout=subprocess.DEVNULL)
        for k in range(workers)
    ]
    try:
        for each in running:
            each.wait()
    except KeyboardInterrupt:
        for each in running:
            each.terminate()
        raise


def _outcome(states: Sequence[State], files: list[str]) -> Outcome:
    from bayes_scaling.batch.runner import FAULTY, FINISHED, WAITING, overview
    from bayes_scaling.cli.answers import records

    counts = {name: sum(s.status == name for s in states) for name in (FINISHED, FAULTY, WAITING)}
    failed = [s for s in states if s.status == FAULTY]
    table = overview(states)

    def text() -> Iterator[Any]:
        yield (
            f"{len(states)} tasks: {counts[FINISHED]} done, {counts[FAULTY]} failed, "
            f"{counts[WAITING]} not run"
        )
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
        tasks_failed=bool(failed),
    )
