"""How well workers share many fits."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

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


def dask_fits_per_second(folder: Path, workers: int) -> float:
    """Rate at which local Dask workers of one core end the fits of a study, start-up excluded."""
    study = folder / "study.toml"
    study.write_text(STUDY.format(models='", "'.join(MODELS)))
    known, store = read_study(study), Store(Path(tempfile.mkdtemp(dir=folder)))
    todo = states_of(tasks_of(known), known, store)
    ended: list[float] = []
    run_dask(todo, known, store, workers=workers, scheduler=None, keep_fits=False,
             tell=lambda _event: ended.append(time.monotonic()))  # fmt: skip
    assert len(ended) == len(todo)
    return (len(ended) - 1) / (ended[-1] - ended[0])


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
        dask_fits_per_second(folder, 2)  # compiles
        one, two = (dask_fits_per_second(folder, workers) for workers in (1, 2))
    return [
        Line(f"{fits} fits on 2 workers against one compilation per law and half the sampling",
             took / ideal, "times", 1.35, "at most", f"{took:.0f} s, ideal {ideal:.0f} s"),
        Line("Dask on 2 workers against 1", two / one, "times", 1.7, "at least",
             f"{one:.2f} and {two:.2f} fits a second, first to last of {len(MODELS) * len(paths)}, "
             "graphs kept"),
    ]  # fmt: skip
