"""How well workers share many fits."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import numpy as np
import psutil

import bayes_scaling as bs
from bayes_scaling.batch.cluster import run_dask
from bayes_scaling.batch.runner import states_of
from bayes_scaling.batch.store import Store
from bayes_scaling.batch.study import read_study
from bayes_scaling.batch.task import tasks_of
from bayes_scaling.inference.machine_code import FOLDER
from tests.benchmarks.line import Line
from tests.benchmarks.tables import STUDY, batch, write_tables

MODELS = ("chinchilla-plain", "skaling-plain", "kaplan-plain", "chinchilla-tied", "product")
MANY, FEW = 40, 12
EVERY = 30.0
"""Seconds between two kills."""
LONG = 20_000
"""Draws of tasks that are killed."""


class Ended(NamedTuple):
    """When a batch began and each task ended [monotonic seconds], and workers killed."""

    began: float
    ended: list[float]
    kills: int

    @property
    def seconds(self) -> float:
        """From the beginning to the last task."""
        return self.ended[-1] - self.began

    @property
    def first(self) -> float:
        """From the beginning to the first task: start, compilation and one task."""
        return self.ended[0] - self.began

    @property
    def per_second(self) -> float:
        """Rate at which tasks ended, start-up excluded."""
        return (len(self.ended) - 1) / (self.ended[-1] - self.ended[0])


def on_dask(folder: Path, workers: int, *, draws: int = 1000, kill: bool = False) -> Ended:
    """Do a study on local Dask workers of one core; with `kill`, one dies every 30 seconds."""
    study = folder / "study.toml"
    text = STUDY.format(models='", "'.join(MODELS))
    study.write_text(f"{text}[sampling]\ndraws = {draws}\n")
    known, store = read_study(study), Store(Path(tempfile.mkdtemp(dir=folder)))
    todo = states_of(tasks_of(known), known, store)
    began, ended, kills, done = time.monotonic(), [], [], Event()

    def killer() -> None:
        while not done.wait(EVERY):
            running = psutil.Process().children(recursive=True)
            found = [each for each in running if "spawn_main" in " ".join(each.cmdline())]
            min(found, key=psutil.Process.create_time).kill()
            kills.append(time.monotonic())

    thread = Thread(target=killer, daemon=True)
    if kill:
        thread.start()
    run_dask(todo, known, store, workers=workers, scheduler=None, keep_fits=False,
             tell=lambda _event: ended.append(time.monotonic()))  # fmt: skip
    done.set()
    states = states_of(tasks_of(known), known, store)
    assert all(state.status == "done" for state in states), "a killed worker cost a task"
    return Ended(began, ended, len(kills))


def lines() -> list[Line]:
    """Figures of two workers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_tables(folder, MANY)
        compiled, sampled = [], []
        os.environ[FOLDER] = ""  # compile in this process, as a first batch does
        for model in MODELS:
            spec = bs.load_model(model)
            runs = [bs.read_runs(path) for path in paths]
            first = bs.fit(spec, runs[0])
            compiled.append(first.seconds["compile"])
            fits = [bs.fit(spec, each).seconds for each in runs]
            sampled += [each["sample"] + each["check"] for each in fits]
        ideal = float(np.sum(compiled) + np.sum(sampled) / 2)
        took = batch(folder, '", "'.join(MODELS), "--workers", "2")
    fits = len(MODELS) * len(paths)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[FOLDER] = str(folder / "graphs")
        paths = write_tables(folder, FEW)
        on_dask(folder, 2)  # compiles
        one, two = (on_dask(folder, workers).per_second for workers in (1, 2))
        quiet, killed = (on_dask(folder, 2, draws=LONG, kill=kill) for kill in (False, True))
    lost = killed.seconds - quiet.seconds
    least = killed.kills * quiet.first / 2
    return [
        Line(f"{fits} fits on 2 workers against one compilation per law and half the sampling",
             took / ideal, "times", 1.35, "at most", f"{took:.0f} s, ideal {ideal:.0f} s"),
        Line("Dask on 2 workers against 1", two / one, "times", 1.7, "at least",
             f"{one:.2f} and {two:.2f} fits a second, first to last of {len(MODELS) * len(paths)}, "
             "graphs kept"),
        Line("time lost to a Dask worker killed every 30 s, against kills x (start + compile + one "
             "task) / 2", lost / least, "times", 1.2, "at most",
             f"{killed.kills} kills, {killed.seconds:.0f} s, undisturbed {quiet.seconds:.0f} s; "
             f"first task after {quiet.first:.1f} s"),
    ]  # fmt: skip
