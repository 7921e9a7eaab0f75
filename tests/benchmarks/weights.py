"""Which weights forecast larger runs best: equal, by leave-one-out scores, or by a backtest.

    python -m tests.benchmarks.weights ../shared/data > tests/benchmarks/weights.txt

The default models are fitted to the smaller runs of each public table; weights come from these runs
alone, by their leave-one-out scores or by a backtest inside them, and the mixtures are scored on
the larger runs. Scores are relative to equal weights: geometric means, families equal.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.evaluation.averaging import JOINT, average
from bayes_scaling.evaluation.calibration import FAMILY
from bayes_scaling.evaluation.public_tables import public_tables
from bayes_scaling.evaluation.weights import WAYS, weigh
from tests.benchmarks.tune_drift import COVERED, SCORES, SEED, losses, scored

CUTS = (0.5, 0.7)
"""Where the smaller runs are cut for the weights by backtest."""


def tried(folder: str) -> pd.DataFrame:
    """Mean scores of each table with each way of weighting."""
    found = []
    for table in public_tables(folder):
        print(table.family, table.name, file=sys.stderr)
        fits = {name: bs.fit(bs.load_model(name), table.trained, seed=SEED) for name in JOINT}
        drawn = {name: losses(fit, table) for name, fit in fits.items()}
        try:
            past = bs.backtest(list(JOINT), table.trained, cuts=CUTS, seed=SEED, draws=250)
        except BayesScalingError:
            past = None
        for way in WAYS:
            used = way if way != "backtest" or past is not None else "equal"
            weights = weigh(fits, used, backtest=past)
            means = scored(average(fits, weights).pick(drawn), table)
            found.append({"weights": way, f"weight of {JOINT[0]}": weights[JOINT[0]], **means})
    return pd.DataFrame(found)


def main(folder: str) -> None:
    tables = tried(folder)
    families = tables.groupby([FAMILY, "weights"], sort=False).mean(numeric_only=True)
    equal = families.xs("equal", level="weights")
    ratio = np.log(families[list(SCORES)] / equal[list(SCORES)])
    print("Scores relative to equal weights, and shares inside, families equal")
    overall = np.exp(ratio.groupby("weights", sort=False).mean())
    print(overall.join(families[list(COVERED)].groupby("weights").mean()).round(3).to_string())
    print("\nInterval score relative to equal weights, by family")
    print(np.exp(ratio["interval_score90"].unstack("weights")).round(3).to_string())


if __name__ == "__main__":
    main(sys.argv[1])
