"""How many effective draws a second of sampling gives, beside plain scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import arviz as az

import bayes_scaling as bs
from tests.benchmarks.line import Line

SHARED = Path(__file__).parents[3] / "shared" / "data"
PLAIN = Path(__file__).parent / "plain.py"
MODEL = "chinchilla-plain"
RIVALS = {"pm.sample of PyMC's own NUTS": "pymc", "pm.sample as installed": None}
UNKNOWNS = ("L_inf", "A", "alpha", "B", "beta")


def points() -> bs.Runs:
    """The runs of the Chinchilla paper, as read off its figure by Epoch AI."""
    return bs.read_runs(SHARED / "chinchilla_epoch.csv")


def plain(
    path: Path, sampler: str | None = None, more: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Run the plain script with `more` in its environment; returns seconds, wall, ess, rhat."""
    return script(str(PLAIN), str(path), *([sampler] if sampler else []), more=more)


def script(*arguments: str, more: Mapping[str, str] | None = None) -> dict[str, float]:
    """Run Python with these arguments; returns the numbers in the last line that it says."""
    command = [sys.executable, *arguments]
    known = {**os.environ, **(more or {})}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=known).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def effective(fit: bs.Fit) -> float:
    """Effective draws of the worst unknown of the law."""
    ess: Any = az.ess(fit.posterior, var_names=list(UNKNOWNS))
    return min(float(ess[name]) for name in UNKNOWNS)


def lines() -> list[Line]:
    """Figures of the sampler."""
    runs = points()
    spec = bs.load_model(MODEL)
    bs.fit(spec, runs, seed=1)  # compiles
    fits = [bs.fit(spec, runs, seed=seed) for seed in range(3)]
    per_second = sorted(effective(fit) / fit.seconds["sample"] for fit in fits)[1]
    steps = sorted(float(fit.sampling["n_steps"].sum()) / effective(fit) for fit in fits)[1]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"
        runs.fitted.to_csv(path, index=False)
        for name, sampler in (
            ("pm.sample of PyMC's own NUTS", "pymc"),
            ("pm.sample as installed", None),
        ):
            other = plain(path, sampler)
            theirs = other["ess"] / other["seconds"]
            how = (
                f"ours {per_second:.0f}, theirs {theirs:.1f} effective draws a second "
                f"(R-hat {other['rhat']:.2f}), {len(runs.fitted)} runs, {MODEL}"
            )
            what = f"effective draws a second against {name}"
            found.append(Line(what, per_second / theirs, "times", 40, "at least", how))
        if find_spec("numpyro") is None:
            print(
                "no NumPyro: uv run --group benchmarks python -m tests.benchmarks", file=sys.stderr
            )
        else:
            other = script("-m", "tests.benchmarks.numpyro_rival", str(path), MODEL)
            theirs = other["ess"] / other["seconds"]
            how = f"ours {per_second:.0f}, theirs {theirs:.0f}, on the density of our own graph"
            what = "effective draws a second against NumPyro's NUTS, dense metric"
            found.append(Line(what, per_second / theirs, "times", 10, "at least", how))
    found.append(Line("gradient evaluations per effective draw", steps, "", 10, "at most", MODEL))
    return found
