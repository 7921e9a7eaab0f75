"""Pool: worker processes on this computer, and the one that watches them.

A worker that dies (out of memory, killed) costs its task one try; a task that kills three workers,
or runs longer than it may, has failed. Workers are told a task at a time, of a model that they have
compiled wherever one is left.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from bayes_scaling.batch.runner import Event, State, Tell, perform, record_failure
from bayes_scaling.errors import OutputError
from bayes_scaling.inference.sampling import CORES

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from bayes_scaling.batch.store import Store
    from bayes_scaling.batch.study import Study

MOST_DEATHS = 3
"""Workers that a task may kill before it has failed."""
PATIENCE = 3.0
"""Seconds that a worker has to stop before it is killed."""
TICK = 0.5
"""Seconds between two looks at the clock."""
SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class _Worker:
    number: int
    process: SpawnProcess
    pipe: Connection
    state: State | None = None
    since: float = 0.0
    model: str = ""


def run_pool(
    states: Sequence[State],
    study: Study,
    store: Store,
    *,
    workers: int,
    timeout: float | None,
    keep_fits: bool,
    tell: Tell,
) -> None:
    """Do these tasks in `workers` processes, each of which may take `timeout` seconds for a task.

    Raises OutputError where the folder cannot be written. Workers end with this function, however
    it ends.
    """
    pool = _Pool(list(states), study, store, min(workers, len(states)), timeout, keep_fits, tell)
    try:
        pool.run()
    finally:
        pool.stop()


class _Pool:
    def __init__(
        self,
        todo: list[State],
        study: Study,
        store: Store,
        count: int,
        timeout: float | None,
        keep_fits: bool,
        tell: Tell,
    ) -> None:
        self.todo, self.study, self.store = todo, study, store
        self.timeout, self.keep_fits, self.tell = timeout, keep_fits, tell
        self.cores = max(1, (os.cpu_count() or 1) // max(count, 1))
        self.deaths: Counter[str] = Counter()
        self.workers = [self._start(number) for number in range(count)]

    def run(self) -> None:
        while self.todo or any(worker.state for worker in self.workers):
            for worker in self.workers:
                if worker.state is None and self.todo:
                    self._give(worker)
            busy = {worker.pipe: worker for worker in self.workers if worker.state}
            for pipe in wait(list(busy), timeout=TICK):
                self._hear(busy[pipe])  # type: ignore[index]
            self._look_at_clock()

    def stop(self) -> None:
        for worker in self.workers:
            if worker.state is None:
                _quietly(worker.pipe.send, None)
            else:
                worker.process.terminate()
        until = time.monotonic() + PATIENCE
        for worker in self.workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def _start(self, number: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        known = (theirs, self.study, self.store, self.keep_fits)
        process = context.Process(target=_serve, args=known, daemon=True)
        before = dict(os.environ)
        os.environ.update(dict.fromkeys(SINGLE, "1") | {CORES: str(self.cores)})
        try:
            process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()
        return _Worker(number, process, ours)

    def _give(self, worker: _Worker) -> None:
        """Of the worker's own model, else of one that no other works on, else the longest queue."""
        taken = {each.model for each in self.workers if each is not worker and each.state}
        waiting = Counter(state.task.model for state in self.todo)
        model = min(waiting, key=lambda m: (m != worker.model, m in taken, -waiting[m]))
        state = next(state for state in self.todo if state.task.model == model)
        self.todo.remove(state)
        worker.state, worker.since, worker.model = state, time.monotonic(), model
        if not _quietly(worker.pipe.send, state):
            self._bury(worker)

    def _hear(self, worker: _Worker) -> None:
        assert worker.state is not None
        try:
            kind, what, share = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        name = worker.state.task.name
        if kind == "stage":
            self.tell(Event(worker.number, "stage", name, what, share))
        elif kind == "ended":
            worker.state = None
            self.tell(Event(worker.number, "ended", name))
        else:
            raise OutputError(what)

    def _look_at_clock(self) -> None:
        for worker in self.workers:
            late = self.timeout and time.monotonic() - worker.since > self.timeout
            if worker.state is not None and late:
                worker.process.kill()
                self._fail(worker, f"took longer than {self.timeout:g} seconds", "Timeout")
                self._replace(worker)

    def _bury(self, worker: _Worker) -> None:
        """Give the task of a dead worker to another, unless it has killed too many."""
        state = worker.state
        assert state is not None
        self.deaths[state.identity] += 1
        worker.process.join()
        if self.deaths[state.identity] < MOST_DEATHS:
            self.todo.insert(0, state)
        else:
            code = worker.process.exitcode or 0
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            reason = f"worker killed {MOST_DEATHS} times ({how}): out of memory?"
            self._fail(worker, reason, "WorkerKilled")
        self._replace(worker)

    def _fail(self, worker: _Worker, reason: str, kind: str) -> None:
        assert worker.state is not None
        record_failure(worker.state, self.store, reason, kind, [f"{reason}\n"])
        self.tell(Event(worker.number, "ended", worker.state.task.name))

    def _replace(self, worker: _Worker) -> None:
        worker.process.join()
        worker.pipe.close()
        self.workers[self.workers.index(worker)] = self._start(worker.number)


def _serve(pipe: Connection, study: Study, store: Store, keep_fits: bool) -> None:
    """Do the tasks that come through the pipe until None or its end; runs in the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who watches decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def say(stage: str, share: float | None) -> None:
        pipe.send(("stage", stage, share))

    try:
        while (state := pipe.recv()) is not None:
            try:
                perform(state, study, store, keep_fits=keep_fits, say=say)
            except OutputError as fault:
                pipe.send(("stop", str(fault), None))
                break
            pipe.send(("ended", "", None))
    except (EOFError, OSError):
        pass  # the one who watches is gone
    os._exit(0)  # all is stored; taking numba and Arrow apart takes its time


def _quietly(send: Any, what: object) -> bool:
    try:
        send(what)
    except OSError:
        return False
    return True
