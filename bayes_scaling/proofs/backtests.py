"""Proof that forecasts of real, public tables held: what the record that ships says of them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

import pandas as pd

from bayes_scaling.evaluation.calibration import BOOTSTRAP, FAMILY, OURS, PLAIN
from bayes_scaling.evaluation.evidence import RECORD
from bayes_scaling.names import MODEL
from bayes_scaling.proofs.proof import Proof, Say

LEAST_COVERAGE, MOST_COVERAGE = 0.80, 0.97
FEWEST_TABLES: Final = 10
FEWEST_RUNS: Final = 200
BETTER_SHARE: Final = 0.7
"""Of families of tables, on which our forecasts must score better than the bootstrap."""
COVERAGE, SCORE = "coverage90", "crps"


def record_holds(full: bool, say: Say) -> Proof:
    """B5: fitted below a cut, predicted above it; `bayes-scaling calibration` measures it again."""
    text = files("bayes_scaling.evaluation").joinpath(RECORD).read_text(encoding="utf-8")
    kept: dict[str, Any] = json.loads(text)
    by_family = pd.DataFrame(kept["by_family"]).set_index([MODEL, FAMILY])
    ours, rival, plain = (by_family.loc[name] for name in (OURS, BOOTSTRAP, PLAIN))
    tables, runs = len(kept["provenance"]["tables"]), int(ours["n"].sum())
    share = float(ours[COVERAGE].mean())
    better = ours[SCORE] < rival[SCORE]
    per_run = float((ours[COVERAGE] * ours["n"]).sum() / runs)
    observed = (
        f"{share:.1%} of 90% intervals hold, families counting equally ({per_run:.1%} of runs); "
        f"{tables} tables, {runs} held-out runs; CRPS below the bootstrap's on "
        f"{better.sum()} of {len(better)} families, below the plain law's on "
        f"{(ours[SCORE] < plain[SCORE]).sum()}"
    )
    limit = (
        f"{LEAST_COVERAGE:.0%} to {MOST_COVERAGE:.0%}, at least {FEWEST_TABLES} tables and "
        f"{FEWEST_RUNS} runs, better than the bootstrap on {BETTER_SHARE:.0%}"
    )
    good = (
        LEAST_COVERAGE <= share <= MOST_COVERAGE,
        tables >= FEWEST_TABLES,
        runs >= FEWEST_RUNS,
        float(better.mean()) >= BETTER_SHARE,
    )
    held = zip(ours.index, ours[COVERAGE], ours["n"], strict=True)
    note = "By family: " + ", ".join(f"{name} {each:.0%} of {n}" for name, each, n in held)
    behind = ", ".join(better.index[~better])
    note += f". Behind the bootstrap on {behind}" if behind else ""
    note += (
        ". Read from the record that ships; scores are compared by family, not by table. A line "
        "fitted to log loss by least squares is not among the rivals of the record"
    )
    claim = "Forecasts of public tables from their smaller runs hold, and beat a bootstrap"
    return Proof("B5", claim, runs, observed, limit, all(good), note)
