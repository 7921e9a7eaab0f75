"""How long commands take to start, and a first report on a machine."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import bayes_scaling as bs
from bayes_scaling.inference.machine_code import FOLDER
from tests.benchmarks.line import Line, command_seconds, seconds
from tests.benchmarks.rows import table
from tests.benchmarks.sampler import MODEL

PROGRAM = str(Path(sys.executable).parent / "bayes-scaling")


def lines() -> list[Line]:
    """Figures of start-up; medians of five after one warm-up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = table(1000)
        runs.fitted.to_csv(folder / "runs.csv", index=False)
        table(60).fitted.to_csv(folder / "small.csv", index=False)
        bs.fit(bs.load_model(MODEL), table(60)).save(folder / "fit.nc")
        fit = str(folder / "fit.nc")
        commands = {
            "--help": (["--help"], 0.6),
            "models": (["models"], 0.8),
            "forecast from a saved fit": (["forecast", fit, "--flops", "1e23"], 2.5),
            "check of 1,000 rows": (["check", str(folder / "runs.csv")], 2.5),
        }
        found = [
            Line(what, command_seconds([PROGRAM, *command]), "s", bound, "at most", "median of 5")
            for what, (command, bound) in commands.items()
        ]
        fresh = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={folder / 'cache'}",
                 "NUMBA_CACHE_DIR": str(folder / "numba"),
                 FOLDER: str(folder / "graphs")}  # fmt: skip
        for what, bound in (("first", 60), ("second", 30)):
            command = [PROGRAM, "report", str(folder / "small.csv"), "--model", MODEL, "--flops",
                       "1e22", "-o", str(folder / f"{what}.html")]  # fmt: skip
            took = seconds(lambda c=command: _run(c, fresh))  # type: ignore[misc]
            found.append(Line(f"table to report, {what} time on a machine", took, "s", bound,
                              "at most", "caches of compiled code empty at first"))  # fmt: skip
    return found


def _run(command: list[str], environment: dict[str, str]) -> None:
    import subprocess

    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip
