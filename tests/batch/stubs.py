"""Tasks that need no sampler, some of them hostile, in this process or wherever they are sent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.runner import State
from bayes_scaling.batch.task import Task, tasks_of
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec
from tests.conftest import REPLICATION, ladder, make_fit

SKALING = {"L_inf": 1.8, "S": 0.7, "w": 0.5, "alpha": 0.35, "beta": 0.37, "k": 1.0}
VALUES = {"chinchilla-plain": REPLICATION, "skaling-plain": SKALING}
HEALTH = {"worst_rhat": 1.0, "worst_ess": 900.0, "divergent_share": 0.0, "attempts": 1}
SMALL = """
tables = ["t-*.csv"]
models = ["chinchilla-plain", "skaling-plain"]
[forecast]
flops = ["1e22"]
"""


def sample(spec: ModelSpec, runs: Runs, **_: object) -> Fit:
    """Hand-made fit instead of a sampled one."""
    fit = make_fit(spec.name, VALUES[spec.name], runs)
    fit.provenance.update(HEALTH)  # type: ignore[attr-defined]
    return fit


def small_study(folder: Path, tables: int = 2) -> Path:
    """Write a study of a few tables and two models; return its path."""
    for number in range(tables):
        table = ladder()
        table["loss"] *= 1 + number / 1000
        table.to_csv(folder / f"t-{number}.csv", index=False)
    (folder / "study.toml").write_text(SMALL)
    return folder / "study.toml"


class SentTask(Task):
    """A task that does something first where it is sent: its `deed`.

    That is kill, loop, wait, eat (more memory than there is) or nothing.
    It kills its process as often as there are lines to take from the file `lives`.
    """

    deed: str = ""
    lives: str = ""
    home: int = 0

    def spec(self, study: Any) -> ModelSpec:
        away = os.getpid() != self.home
        if away and self.deed == "loop":
            time.sleep(1e6)
        if away and self.deed == "wait":
            time.sleep(0.3)
        if away and self.deed == "eat":
            np.ones(1 << 50)
        if away and self.deed == "kill":
            path = Path(self.lives)
            left = int(path.read_text())
            path.write_text(str(left - 1))
            if left > 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().spec(study)

    def __reduce__(self) -> Any:
        known = (self.table, self.model, self.cut, self.runs, self.fault)
        return _arrive, (known, self.deed, self.lives, self.home)


def _arrive(known: tuple[Any, ...], deed: str, lives: str, home: int) -> SentTask:
    if os.getpid() != home:
        work_module.sample = sample  # type: ignore[attr-defined]
    return sent(Task(*known), deed, lives, home)


def sent(task: Task, deed: str = "", lives: str = "", home: int = 0) -> SentTask:
    """Return a task that does `deed` first wherever it is sent from this process."""
    found = SentTask(task.table, task.model, task.cut, task.runs, task.fault)
    for name, value in {"deed": deed, "lives": lives, "home": home or os.getpid()}.items():
        object.__setattr__(found, name, value)
    return found


def sent_tasks(study: Any, deeds: Sequence[tuple[str, str]] = ()) -> list[Task]:
    """Tasks of a study, the first of them with these deeds."""
    tasks = tasks_of(study)
    given = [*deeds, *[("", "")] * (len(tasks) - len(deeds))]
    return [sent(task, *each) for task, each in zip(tasks, given, strict=True)]


def statuses(states: Sequence[State]) -> list[str]:
    """Where each task stands."""
    return [state.status for state in states]
