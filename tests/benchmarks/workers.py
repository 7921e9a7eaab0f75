"""How well workers share many fits."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

import bayes_scaling as bs
from bayes_scaling.inference.machine_code import FOLDER
from tests.benchmarks.line import Line
from tests.benchmarks.tables import batch, write_tables

MODELS = ("chinchilla-plain", "skaling-plain", "kaplan-plain", "chinchilla-tied", "product")
MANY, FEW = 40, 12


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
        count = len(write_tables(folder, FEW))
        five = '", "'.join(MODELS)
        one = batch(folder, five, "--engine", "dask", "--workers", "1")
        two = batch(folder, five, "--engine", "dask", "--workers", "2")
    return [
        Line(f"{fits} fits on 2 workers against one compilation per law and half the sampling",
             took / ideal, "times", 1.35, "at most", f"{took:.0f} s, ideal {ideal:.0f} s"),
        Line("Dask on 2 workers against 1", one / two, "times", 1.7, "at least",
             f"{one:.0f} s and {two:.0f} s for {count * len(MODELS)} fits"),
    ]  # fmt: skip
