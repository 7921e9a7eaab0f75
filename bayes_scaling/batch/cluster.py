"""Cluster: the tasks of a study on Dask workers, here or on many computers that share a folder."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.batch.runner import Event, State, Tell, perform, record_failure
from bayes_scaling.batch.store import Store
from bayes_scaling.errors import BatchError, BayesScalingError, OutputError, UsageError
from bayes_scaling.inference.sampling import CORES

if TYPE_CHECKING:
    from bayes_scaling.batch.study import Study

CONNECT_SECONDS = 10
KILLED = "KilledWorker"


def run_dask(
    states: Sequence[State],
    study: Study,
    store: Store,
    *,
    workers: int,
    scheduler: str | None,
    keep_fits: bool,
    tell: Tell,
) -> None:
    """Do these tasks on a scheduler by its address, or on `workers` local processes.

    A worker that dies costs its tasks a try; a task that kills four has failed. Raises UsageError
    where Dask is not installed or no scheduler answers, BatchError where the scheduler goes away:
    what is done stays done.
    """
    with _client(scheduler, min(workers, len(states))) as client:
        folder = str(store.folder.resolve())
        futures = {
            client.submit(
                _remote, state, study, folder, keep_fits, key=f"{state.identity}-task",
                pure=False, priority=-number,
            ): state
            for number, state in enumerate(in_turns(states))
        }  # fmt: skip
        waiting = dict(futures)
        try:
            for future in _distributed().as_completed(list(futures)):
                state = waiting.pop(future)
                _account(future, state, store)
                tell(Event(0, "ended", state.task.name))
        except BayesScalingError:
            raise
        except Exception as fault:
            _gone(fault)
        if waiting or client.status != "running":
            _gone(None)


def in_turns(states: Sequence[State]) -> list[State]:
    """Order tasks so that each model's first comes before any model's second, and so on.

    Workers then start on models of their own, and find what another has compiled already.
    """
    turn: Counter[str] = Counter()
    turns = []
    for state in states:
        turns.append((turn[state.task.model], state))
        turn[state.task.model] += 1
    return [state for _, state in sorted(turns, key=lambda each: each[0])]


def _account(future: Any, state: State, store: Store) -> None:
    """Keep the reason of a failure; what a dead worker had returned is in the folder."""
    fault = future.exception() if future.status == "error" else None
    if isinstance(fault, OutputError):
        raise fault
    if store.result(state.identity) is not None or store.failure(state.identity) is not None:
        return
    if fault is None:
        _gone(None)
    name = type(fault).__name__
    reason = f"worker killed: {fault}" if name == KILLED else f"the worker failed: {fault}"
    record_failure(state, store, reason, name, [f"{reason}\n"])


def _gone(fault: Exception | None) -> None:
    why = f" ({fault})" if fault else ""
    raise BatchError(f"the scheduler went away{why}; what is done is kept: run the same again")


def _remote(state: State, study: Study, folder: str, keep_fits: bool) -> str:
    """Do one task; runs on a worker, which sees the folder by the same path."""
    os.environ.setdefault(CORES, str(_distributed().get_worker().state.nthreads))
    perform(state, study, Store(Path(folder)), keep_fits=keep_fits, say=lambda _stage, _share: None)
    return state.identity


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise UsageError("--engine dask needs Dask: pip install 'bayes-scaling[cluster]'") from None


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Any]:
    dask = _distributed()
    if scheduler is None:
        own = {"n_workers": workers, "threads_per_worker": 1, "processes": True,
               "silence_logs": logging.CRITICAL}  # fmt: skip
        with (
            dask.LocalCluster(**own, dashboard_address=None) as cluster,
            dask.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = dask.Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as fault:
        raise UsageError(f"--scheduler {scheduler}: no scheduler answers ({fault})") from None
    try:
        yield client
    finally:
        client.close(timeout=CONNECT_SECONDS)
