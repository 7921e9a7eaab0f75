"""Runner: does the tasks of a study that are not done yet, and accounts for all of them."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.batch.results import rows_of, write_summary
from bayes_scaling.batch.store import Store
from bayes_scaling.batch.task import Task
from bayes_scaling.batch.work import work
from bayes_scaling.errors import BayesScalingError, OutputError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.batch.study import Study
    from bayes_scaling.inference.fit import Fit

WAITING, FINISHED, FAULTY = "not run", "done", "failed"
Say = Callable[[str, float | None], None]


@dataclass(frozen=True)
class State:
    """Where one task stands: not run, done or failed, and why."""

    task: Task
    identity: str
    status: str
    reason: str = ""


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


def run_batch(
    tasks: Sequence[Task],
    study: Study,
    store: Store,
    *,
    retry_failed: bool = False,
    keep_fits: bool = False,
    say: Say | None = None,
) -> list[State]:
    """Do what is not done; returns where each task stands then.

    Finished tasks are not done again, failed ones only where that is asked. A task that another
    process holds is left to it. A fault of one task never stops the others; only a folder that
    cannot be written does, with OutputError.
    """
    states = states_of(tasks, study, store)
    todo = [s for s in states if s.status == WAITING or (retry_failed and s.status == FAULTY)]
    for number, state in enumerate(todo):
        if say:
            say(f"{number + 1}/{len(todo)} {state.task.name}", number / len(todo))
        with store.claimed(state.identity) as mine:
            if mine and store.result(state.identity) is None:
                _do(state, study, store, keep_fits, say)
    return states_of(tasks, study, store)


def _do(state: State, study: Study, store: Store, keep_fits: bool, say: Say | None) -> None:
    task, log = state.task, [f"{state.task.name}\n"]

    def tell(stage: str, share: float | None) -> None:
        log.append(f"{stage}\n")
        if say:
            say(f"{task.name}: {stage}", share)

    try:
        if task.runs is None:
            raise TableFault(task.fault)
        result, fit = work(task, study, tell)
        store.finish(state.identity, result, "".join(log), _bytes(fit) if keep_fits else None)
    except (KeyboardInterrupt, OutputError):
        raise
    except BaseException as fault:  # a worker's panic is a BaseException
        known = isinstance(fault, BayesScalingError | TableFault)
        log.append("" if known else traceback.format_exc())
        reason = {
            "table": task.table,
            "model": task.model,
            "cut": task.cut,
            "reason": str(fault) or type(fault).__name__,
            "kind": type(fault).__name__,
        }
        store.fail(state.identity, reason, "".join(log))


class TableFault(Exception):
    """A table that could not be read, said where its task is run."""


def _bytes(fit: Fit) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return Path(fit.save(Path(folder) / "fit.nc")).read_bytes()


def summarise(states: Sequence[State], store: Store) -> tuple[Path, ...]:
    """Write the summary of a batch: every table and model has a row, whatever became of it."""
    rows: list[dict[str, Any]] = []
    for state in states:
        result = store.result(state.identity) if state.status == FINISHED else None
        if result is not None:
            rows += rows_of(result)
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
            }
        )
    return write_summary(store.folder, rows)


def overview(states: Sequence[State]) -> pd.DataFrame:
    """Count the tasks of each model by where they stand."""
    import pandas as pd

    frame = pd.DataFrame([{"model": s.task.model, "status": s.status} for s in states])
    counts = frame.groupby(["model", "status"], sort=False).size().unstack(fill_value=0)
    return counts.reindex(columns=[FINISHED, FAULTY, WAITING], fill_value=0).reset_index()
