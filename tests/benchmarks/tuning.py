"""How many tuning steps a fit needs: what fewer of them cost and save on public tables.

    python -m tests.benchmarks.tuning ../shared/data > tests/benchmarks/tuning.txt

One line for each number of steps and model: fits that had to be sampled again, effective draws of
the worst quantity, gradient evaluations of all attempts beside those with the most steps.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

import bayes_scaling as bs
from bayes_scaling.evaluation.public_tables import PublicTable, public_tables
from bayes_scaling.inference import sampling
from bayes_scaling.inference.checks import WORST_ESS
from bayes_scaling.names import FLOPS

STEPS = (1500, 1000, 500, 300)
MODELS = ("chinchilla-plain", "chinchilla", "skaling", "kaplan", "power-floor")
DRAWS = 1000


def evaluations(fit: bs.Fit, steps: int) -> float:
    """Gradient evaluations of all attempts, tuning at the rate of the draws that were kept."""
    attempts = sampling.LONGER[: fit.provenance["attempts"]]
    drawn = sum(steps * tuned + DRAWS * longer for tuned, longer in attempts)
    return drawn * float(fit.sampling["n_steps"].mean()) * fit.shape[0]


def line(name: str, steps: int, tables: Sequence[PublicTable]) -> tuple[str, float]:
    """What fits with this many steps came to, and their gradient evaluations."""
    sampling.TUNE = steps
    spec = bs.load_model(name)
    spec = spec if spec.inputs else spec.at_resource(FLOPS)
    fits = [bs.fit(spec, table.trained, seed=0) for table in tables]
    ess = [fit.provenance[WORST_ESS] for fit in fits]
    again = sum(fit.provenance["attempts"] > 1 for fit in fits)
    said = (
        f"{again} of {len(fits)} again, effective draws {np.median(ess):.0f} (least {min(ess):.0f})"
    )
    return said, sum(evaluations(fit, steps) for fit in fits)


def main(folder: str) -> None:
    tables = list(public_tables(folder))
    for name in MODELS:
        most = None
        for steps in STEPS:
            said, work = line(name, steps, tables)
            most = most or work
            print(f"{name}, {steps} steps: {said}, work {work / most:.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
