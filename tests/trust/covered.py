"""F6: how many branches of the package the tests take, and all of those that read and keep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bayes_scaling.proofs.proof import Proof, Say

ROOT = Path(__file__).parents[2]
LEAST = 95.0
WORST = 8
READ_AND_KEPT = (
    "runs/cells.py", "runs/columns.py", "runs/money.py", "runs/reader.py", "runs/sheet.py",
    "runs/source.py", "runs/units.py", "specs/model_file.py", "specs/strict.py", "batch/study.py",
    "batch/store.py", "inference/store.py", "files.py",
)  # fmt: skip
"""Parsers and stores, of which every line and branch must be taken."""


def branches_are_taken(full: bool, say: Say) -> Proof:
    """F6: branch coverage of the package by the default suite; there is no short form.

    What runs in processes that tests start (workers, the command line in a shell) is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coverage.json"
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=bayes_scaling",
            "--cov-branch", f"--cov-report=json:{target}",
        ]  # fmt: skip
        known = {"COVERAGE_FILE": str(Path(folder) / "data")}
        say(" ".join(command[1:4]))
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **known}, check=False,
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"the suite fails: {done.stdout[-2000:]}")
        found = json.loads(target.read_text())
    share = float(found["totals"]["percent_covered"])
    files = {name: float(f["summary"]["percent_covered"]) for name, f in found["files"].items()}
    worst = sorted(files, key=lambda name: files[name])[:WORST]
    short = {
        name: found["files"][f"bayes_scaling/{name}"]["missing_lines"]
        for name in READ_AND_KEPT
        if files[f"bayes_scaling/{name}"] < 100
    }
    whole = len(READ_AND_KEPT) - len(short)
    left = "".join(f" {name} lines {', '.join(map(str, rows))};" for name, rows in short.items())
    return Proof(
        "F6",
        "The tests take the package's branches",
        int(found["totals"]["num_branches"]),
        f"{share:.1f}% of lines and branches; {whole} of {len(READ_AND_KEPT)} parsers and stores "
        "in whole",
        f"at least {LEAST:g}%, and 100% of parsers and stores",
        share >= LEAST and not short,
        f"What runs in processes that tests start is not counted. Not taken:{left or ' none;'} "
        "least: " + ", ".join(f"{name} {files[name]:.0f}%" for name in worst),
    )
