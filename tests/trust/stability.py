"""C1 and C2: the same bytes from the same input, and saved fits of earlier releases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.inference.store import load_fit
from bayes_scaling.proofs.proof import Proof, Say
from tests.conftest import ladder
from tests.trust.counted import proof_of

ROOT = Path(__file__).parents[2]
OLD_FITS = ROOT / "tests" / "golden" / "fits"
CLOSE = 1e-12
STUDY = """
tables = ["t-*.csv"]
models = {models}
[sampling]
chains = 2
draws = 100
seed = 20261128
[forecast]
flops = ["1e22"]
"""


def twice(full: bool, say: Say) -> Proof:
    """C1: the same batch of sampled fits in two processes."""
    tables, models = (10, ["chinchilla-plain", "skaling-plain"]) if full else (3, ["kaplan-plain"])
    written: list[dict[str, bytes]] = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(2):
            folder = Path(name) / str(number)
            folder.mkdir()
            rng = np.random.default_rng(20261128)
            for i in range(tables):
                frame = ladder()
                frame["loss"] *= np.exp(0.005 * rng.standard_normal(len(frame)))
                frame.to_csv(folder / f"t-{i}.csv", index=False)
            (folder / "study.toml").write_text(STUDY.format(models=json.dumps(models)))
            command = [sys.executable, "-m", "bayes_scaling", "batch", "study.toml", "-o", "out",
                       "--keep-fits", "-q"]  # fmt: skip
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                                 env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
            found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*"))
                     if p.name in ("result.json", "fit.nc")}  # fmt: skip
            if ran.returncode != 0 or len(found) != 2 * tables * len(models):
                raise RuntimeError(f"{len(found)} files, exit code {ran.returncode}: {ran.stderr}")
            written.append(found)
            say(f"process {number + 1} of 2: {len(found)} files")
    first, second = written
    faults = [path for path in first if first[path] != second.get(path)]
    if first.keys() != second.keys():
        faults.append("other tasks")
    claim = "the same seed on the same computer gives the same bytes in every process"
    note = "result.json and the saved fit of each fit"
    return proof_of("C1", claim, tables * len(models), faults, "identical files", note)


def old_fits(full: bool, say: Say) -> Proof:
    """C2: a saved fit of each release, and the forecast that release made from it."""
    faults, count = [], 0
    for path in sorted(OLD_FITS.glob("*.json")):
        count += 1
        wanted = json.loads(path.read_text())
        try:
            found = answer(path.with_suffix(".nc"), wanted["flops"])
        except Exception as fault:
            faults.append(f"{path.stem}: {type(fault).__name__}: {fault}")
            continue
        for name, values in found.items():
            if not np.allclose(values, wanted[name], rtol=CLOSE, atol=0):
                faults.append(f"{path.stem}: {name} differs")
    claim = "saved fits of every release load and forecast what they forecast then"
    if not count:
        raise FileNotFoundError(f"no saved fit in {OLD_FITS}")
    return proof_of("C2", claim, count, faults, f"equal to {CLOSE:g}")


def answer(path: Path, flops: list[float]) -> dict[str, Any]:
    """Quantiles of the curve and of a new run at budgets, from a saved fit."""
    found = forecast(load_fit(path), flops, seed=7)
    levels = [0.05, 0.5, 0.95]
    return {name: found.quantiles(levels, of=name).to_numpy().tolist()
            for name in (found.mean, found.new)}  # fmt: skip


def keep() -> Path:
    """Store a fit of this release beside the others; an existing one is never written again."""
    from importlib.metadata import version

    from bayes_scaling import fit, load_model
    from bayes_scaling.runs.examples import example_path
    from bayes_scaling.runs.reader import read_runs

    target = OLD_FITS / f"{version('bayes-scaling')}.nc"
    if target.exists():
        raise FileExistsError(f"{target} is kept as that release wrote it")
    runs = read_runs(example_path()).select(train_dataset="rpj")
    fit(load_model("chinchilla-plain"), runs, chains=2, draws=50, seed=20261128).save(target)
    flops = [1e20, 1e21, 1e22]
    told = {"flops": flops, **answer(target, flops)}
    target.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    return target


if __name__ == "__main__":
    print(keep())
