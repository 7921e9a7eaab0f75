"""F5: whether the tests see slips, in the modules of maths, stores and parsers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

import bayes_scaling
from bayes_scaling.proofs.proof import Proof, Say
from tests.trust.mutants import SURVIVED, mutants

ROOT = Path(__file__).parents[2]
PACKAGE = Path(bayes_scaling.__file__).parent
SEED = 20261128
SHORT, FULL = 4, 12
"""Mutants of each module that are tried."""
FIRST = ("evaluation/quantile_scores.py", "evaluation/stacking.py", "runs/units.py")
"""Modules of the short form."""
LEAST = 0.85
PATIENCE, SPARE = 4.0, 20.0
"""A mutant is late after so many times what the tests take, and so many seconds more."""
MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "laws/single.py": ("tests/laws/test_laws.py", "tests/laws/test_fixtures.py"),
    "decisions/optimum.py": (
        "tests/decisions/test_optimum.py",
        "tests/decisions/test_allocation.py",
    ),
    "decisions/budget_line.py": ("tests/decisions/test_cost.py", "tests/decisions/test_limits.py"),
    "decisions/cost.py": ("tests/decisions/test_cost.py",),
    "evaluation/scores.py": ("tests/evaluation/test_scores.py",),
    "evaluation/quantile_scores.py": ("tests/evaluation/test_quantile_scores.py",),
    "evaluation/stacking.py": ("tests/evaluation/test_stacking.py",),
    "specs/prior.py": ("tests/specs/test_prior.py", "tests/specs/test_models.py"),
    "specs/noise.py": ("tests/specs/test_noise.py",),
    "specs/coordinate.py": ("tests/specs", "tests/inference/test_graph.py"),
    "inference/store.py": ("tests/inference/test_store.py",),
    "files.py": ("tests/inference/test_store.py", "tests/batch/test_faults.py"),
    "batch/store.py": ("tests/batch/test_batch.py", "tests/batch/test_faults.py"),
    "runs/units.py": ("tests/runs/test_units.py",),
    "runs/reader.py": ("tests/runs",),
    "runs/money.py": ("tests/runs", "tests/cli/test_amounts.py"),
    "specs/strict.py": ("tests/batch/test_study.py", "tests/specs/test_models.py"),
}
"""Modules below the package, and the tests that must see a slip in them."""


def slips_are_seen(full: bool, say: Say) -> Proof:
    """F5: the share of a random sample of mutants that the modules' tests kill."""
    rng = np.random.default_rng(SEED)
    tried, survivors = 0, []
    command = [sys.executable, "-m", "tests.trust.mutants"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        for name in MODULES if full else FIRST:
            tests = MODULES[name]
            path = PACKAGE / name
            source = path.read_text(encoding="utf-8")
            task = {"path": str(path), "source": source, "tests": tests, "seconds": 600.0}
            started = time.monotonic()
            if _ask(server, task) != SURVIVED:
                raise RuntimeError(f"the tests of {name} fail without a mutant")
            task["seconds"] = SPARE + PATIENCE * (time.monotonic() - started)
            every = list(mutants(source))
            chosen = rng.permutation(len(every))[: FULL if full else SHORT]
            for line, text in (every[i] for i in sorted(chosen)):
                tried += 1
                if _ask(server, task | {"source": text}) == SURVIVED:
                    survivors.append(f"{name}:{line}")
                    say(f"{survivors[-1]} survived")
            say(f"{name} done: {tried - len(survivors)} of {tried} killed")
        assert server.stdin is not None
        server.stdin.close()
    share = 1 - len(survivors) / tried
    return Proof(
        "F5",
        "The tests see slips in the modules of maths, stores and parsers",
        tried,
        f"{share:.0%} of {tried} mutants of {len(MODULES if full else FIRST)} modules killed",
        f"at least {LEAST:.0%}",
        share >= LEAST,
        f"A random sample of {FULL if full else SHORT} a module, by the module's own tests alone "
        f"(mutmut tries all mutants; these kinds are its own). Survived: {', '.join(survivors)}"
        if survivors
        else "",
    )


def _ask(server: subprocess.Popen[str], task: Mapping[str, object]) -> str:
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(json.dumps(task) + "\n")
    server.stdin.flush()
    return server.stdout.readline().strip()
