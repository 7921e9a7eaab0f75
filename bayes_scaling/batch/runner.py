"""Runner: does the tasks of a study that are not done yet, and accounts for all of them."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayes_scaling.batch.claims import drop_dead, foreign
from bayes_scaling.batch.results import rows_of, write_summary
from bayes_scaling.batch.store import Store
from bayes_scaling.batch.task import VERSIONS_NOW, Task
from bayes_scaling.batch.work import work
from bayes_scaling.errors import BayesScalingError, OutputError
from bayes_scaling.names import FAULTY, FINISHED, WAITING

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.batch.study import Study
    from bayes_scaling.inference.fit import Fit

Say = Callable[[str, float | None], None]
"""Told the stage at work and the share of it that is done."""


@dataclass(frozen=True)
class State:
    """Where one task stands: not run, done or failed, and why."""

    task: Task
    identity: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Event:
    """What a worker just did with a task: is at a stage (and the share of it done), or ended it."""

    worker: int
    kind: Literal["stage", "ended"]
    task: str
    stage: str = ""
    share: float | None = None


Tell = Callable[[Event], None]


def states_of(tasks: Sequence[Task], study: Study, store: Store) -> list[State]:
    """Say of each task where it stands, by what is in the folder."""
    found = []
    for task in tasks:
        identity = task.identity(study)
        if store.result(identity) is not None:
            found.append(State(task, identity, FINISHED))
        elif (failure := store.failure(identity)) is not None:
            found.append(State(task, identity, FAULTY, str(failure.get("reason", ""))))
        else:
            found.append(State(task, identity, WAITING))
    return found


def to_do(states: Sequence[State], *, retry_failed: bool) -> list[State]:
    """Return the tasks that are not done, and where asked those that failed."""
    wanted = {WAITING, FAULTY} if retry_failed else {WAITING}
    return [state for state in states if state.status in wanted]


def run_batch(
    states: Sequence[State], study: Study, store: Store, *, keep_fits: bool, tell: Tell
) -> None:
    """Do these tasks one after another in this process.

    A task that another process holds is left to it. A fault of one task never stops the others;
    only a folder that cannot be written does, with OutputError.
    """
    for state in states:
        name = state.task.name

        def said(stage: str, share: float | None, name: str = name) -> None:
            tell(Event(0, "stage", name, stage, share))

        perform(state, study, store, keep_fits=keep_fits, say=said)
        tell(Event(0, "ended", name))


def abandoned(states: Sequence[State], store: Store, tell: Tell) -> list[State]:
    """Return the tasks that another computer claimed and will not finish; watches for a minute."""
    waiting = [state for state in states if store.result(state.identity) is None]
    held = {store.place(s.identity): s for s in waiting if foreign(store.place(s.identity))}
    for state in list(held.values())[:1]:
        tell(Event(0, "stage", state.task.name, "watching another computer's claim", None))
    return [held[place] for place in drop_dead(list(held))]


def perform(
    state: State,
    study: Study,
    store: Store,
    *,
    keep_fits: bool,
    say: Say,
) -> None:
    """Do one task, unless another process holds it or has done it, and store what became of it."""
    with store.claimed(state.identity) as mine:
        if mine and store.result(state.identity) is None:
            store.sweep(state.identity)
            _do(state, study, store, keep_fits, say)


def _do(state: State, study: Study, store: Store, keep_fits: bool, say: Say) -> None:
    task, log = state.task, [f"{state.task.name}\n"]

    def tell(stage: str, share: float | None) -> None:
        line = f"{stage}\n"
        if log[-1] != line:
            log.append(line)
        say(stage, share)

    try:
        if task.runs is None:
            raise TableFault(task.fault)
        result, fit = work(task, study, tell)
        store.finish(state.identity, result, "".join(log), _bytes(fit) if keep_fits else None)
    except (KeyboardInterrupt, SystemExit, OutputError):
        raise
    except BaseException as fault:  # a worker's panic is a BaseException
        known = isinstance(fault, BayesScalingError | TableFault)
        log.append("" if known else traceback.format_exc())
        record_failure(state, store, str(fault) or type(fault).__name__, type(fault).__name__, log)


def record_failure(
    state: State, store: Store, reason: str, kind: str, log: Sequence[str] = ()
) -> None:
    """Keep in the folder why a task failed."""
    task = state.task
    known = {"table": task.table, "model": task.model, "cut": task.cut}
    store.fail(state.identity, {**known, "reason": reason, "kind": kind}, "".join(log))


class TableFault(Exception):
    """A table that could not be read, said where its task is run."""


def _bytes(fit: Fit) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return Path(fit.save(Path(folder) / "fit.nc")).read_bytes()


def summarise(states: Sequence[State], study: Study, store: Store) -> tuple[Path, ...]:
    """Write the summary of a batch: every table and model has a row, whatever became of it.

    The manifest, written last, says what was asked, with which versions, and where each task
    stands; done + failed + not run are all.
    """
    rows: list[dict[str, Any]] = []
    for state in states:
        result = store.result(state.identity) if state.status == FINISHED else None
        if result is not None:
            rows += [{**row, "id": state.identity} for row in rows_of(result)]
            continue
        task = state.task
        rows.append(
            {
                "table": task.table,
                "model": task.model,
                "cut": task.cut,
                "status": state.status,
                "question": "",
                "fault": state.reason,
                "id": state.identity,
            }
        )
    files = write_summary(store.folder, rows)
    listed = [
        {"id": s.identity, "task": s.task.name, "status": s.status, "reason": s.reason}
        for s in states
    ]
    asked = study.model_dump(mode="json", exclude={"tables", "models"})  # named by the tasks
    manifest = {"study": asked, "versions": VERSIONS_NOW, "tasks": listed}
    return (*files, store.keep_manifest(manifest))


def overview(states: Sequence[State]) -> pd.DataFrame:
    """Count the tasks of each model by where they stand."""
    import pandas as pd

    frame = pd.DataFrame([{"model": s.task.model, "status": s.status} for s in states])
    counts = frame.groupby(["model", "status"], sort=False).size().unstack(fill_value=0)
    return counts.reindex(columns=[FINISHED, FAULTY, WAITING], fill_value=0).reset_index()
