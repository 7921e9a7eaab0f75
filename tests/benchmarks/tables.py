"""From table to posterior, everything included, beside a plain script and a bootstrap.

In a first batch no graph is kept yet, but PyTensor's pieces of compiled code are, for both sides;
what a machine takes on which nothing was ever compiled is told too.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.evaluation.public_tables import public_tables
from bayes_scaling.inference.machine_code import FOLDER
from tests.benchmarks.line import Line, seconds
from tests.benchmarks.sampler import MODEL, RIVALS, SHARED, plain

TABLES = 40
SOME = 3
"""Tables on which the slow sides are timed."""
REFITS = 1000
TIMED_REFITS = 50
STUDY = 'tables = ["*.csv"]\nmodels = ["{models}"]\n'


def write_tables(folder: Path, count: int = TABLES) -> list[Path]:
    """Write public tables of many runs as files."""
    tables = [t for t in public_tables(SHARED) if {"params", "tokens"} <= set(t.trained.frame)]
    paths = []
    for number, each in enumerate(tables[:count]):
        path = folder / f"t{number:02d}.csv"
        each.trained.fitted[["run", "params", "tokens", "loss"]].to_csv(path, index=False)
        paths.append(path)
    return paths


def batch(
    folder: Path, models: str, *more: str, graphs: Path | None = None, pieces: Path | None = None
) -> float:
    """Seconds of a batch of all tables of a folder with these models.

    `graphs` is the folder of compiled graphs that earlier batches kept, by default an empty one;
    `pieces` that of what PyTensor keeps of earlier compilations, by default the user's own.
    """
    graphs = graphs or Path(tempfile.mkdtemp(dir=folder))
    (folder / "study.toml").write_text(STUDY.format(models=models))
    out = tempfile.mkdtemp(dir=folder)
    command = [sys.executable, "-m", "bayes_scaling", "batch", str(folder / "study.toml"), "-q",
               "-o", out, *more]  # fmt: skip
    known = {**os.environ, FOLDER: str(graphs), **compiled_in(pieces)}
    return seconds(
        lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=known)
    )


def compiled_in(pieces: Path | None) -> dict[str, str]:
    """Environment in which PyTensor keeps what it compiles in this folder."""
    return {} if pieces is None else {"PYTENSOR_FLAGS": f"base_compiledir={pieces}"}


def refit_seconds(runs: bs.Runs) -> float:
    """Seconds of one bootstrap refit: Huber's loss, L-BFGS, one start, numerical gradient."""
    frame = runs.fitted
    logs = np.log(frame[["params", "tokens", "loss"]].to_numpy(float))
    rng = np.random.default_rng(0)
    start = np.array([6.0, 6.0, 0.5, 0.35, 0.35])

    def refit() -> None:
        x = logs[rng.integers(0, len(logs), len(logs))]

        def objective(v: np.ndarray) -> float:
            terms = [v[0] - v[3] * x[:, 0], v[1] - v[4] * x[:, 1], np.full(len(x), v[2])]
            gap = np.logaddexp.reduce(terms) - x[:, 2]
            size = np.abs(gap)
            return float(np.where(size < 1e-3, gap**2 / 2, 1e-3 * (size - 5e-4)).sum())

        optimize.minimize(objective, start, method="L-BFGS-B")

    return seconds(lambda: [refit() for _ in range(TIMED_REFITS)]) / TIMED_REFITS


def lines() -> list[Line]:
    """Figures of whole tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, graphs = write_tables(folder), folder / "graphs"
        first = batch(folder, MODEL, "--workers", "2", graphs=graphs) / len(paths)
        later = batch(folder, MODEL, "--workers", "2", graphs=graphs) / len(paths)
        new = batch(folder, MODEL, "--workers", "2", pieces=folder / "ours") / len(paths)
        some = paths[:: max(1, len(paths) // SOME)][:SOME]
        scripts = {
            name: float(np.median([seconds(lambda p=p, s=s: plain(p, s)) for p in some]))  # type: ignore[misc]
            for name, s in RIVALS.items()
        }
        alone = seconds(lambda: plain(some[0], None, compiled_in(folder / "theirs")))
        theirs = (alone + (len(paths) - 1) * scripts["pm.sample as installed"]) / len(paths)
        boot = REFITS * float(np.median([refit_seconds(bs.read_runs(p)) for p in some]))
    said = f"ours {new:.2f} s a table, theirs {alone:.1f} s for the first table"
    what = "table to posterior against a script with pm.sample as installed, nothing ever compiled"
    found = [Line(what, theirs / new, "times", math.inf, "at least", said)]
    for ours, when in ((first, "first batch on a machine"), (later, "later batches")):
        said = f"ours {ours:.2f} s a table ({len(paths)} tables, 2 workers)"
        found += [
            Line(f"table to posterior against a script with {name}, {when}", script / ours,
                 "times", 20, "at least", f"{said}, theirs {script:.1f} s")
            for name, script in scripts.items()
        ]  # fmt: skip
        what = f"table to posterior against {REFITS} bootstrap refits, {when}"
        how = f"{said}, theirs {boot:.1f} s scaled from {TIMED_REFITS} refits"
        found.append(Line(what, boot / ours, "times", 10, "at least", how))
    return found
