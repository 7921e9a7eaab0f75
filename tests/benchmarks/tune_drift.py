"""Choose the scale of the drift on public tables, leaving one family out at a time.

    python -m tests.benchmarks.tune_drift ../shared/data > tests/benchmarks/tune_drift.txt

Each default model is fitted once to the smaller runs of each table; the drift lies beyond them, so
that a scale is tried by drawing again. For each family the scale is chosen by the 90% interval
score on the other five (geometric mean, families equal) and scored on the family left out.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.evaluation.averaging import JOINT, average
from bayes_scaling.evaluation.calibration import FAMILY, PLAIN, TABLE
from bayes_scaling.evaluation.public_tables import PublicTable, public_tables
from bayes_scaling.evaluation.scores import score_rows
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.names import LOSS, LOSS_NEW, PARAMS, TOKENS
from bayes_scaling.specs.prior import Prior

SCALES = (0.0001, 0.002, 0.004, 0.006, 0.007, 0.008, 0.01, 0.014, 0.02, 0.03)
"""95% quantiles of the HalfNormal prior [log loss per e-fold^1.5]; the first is no drift."""
AT_PLAIN = -1.0
"""Stands in the column of scales for the plain additive law."""
SEED = 0
SCORES = ("interval_score90", "wis")
COVERED = ("inside50", "inside90")


def with_scale(fit: Fit, scale: float) -> Fit:
    drift = fit.spec.drift
    assert drift is not None
    prior = Prior("HalfNormal", {"q95": scale}, unit=drift.scale.unit, why="tried")
    return replace(fit, spec=replace(fit.spec, drift=replace(drift, scale=prior)))


def losses(fit: Fit, table: PublicTable) -> np.ndarray:
    inputs = {name: table.scored[name].to_numpy(dtype=float) for name in (PARAMS, TOKENS)}
    with np.errstate(over="ignore"):
        drawn = predict_at(fit, inputs, seed=SEED)[LOSS_NEW].to_numpy()
    return np.minimum(drawn, 1e100)


def scored(draws: np.ndarray, table: PublicTable, scale: float) -> dict[str, object]:
    rows = score_rows(draws.reshape(-1, draws.shape[-1]), table.scored[LOSS].to_numpy(dtype=float))
    means = rows[[*SCORES, *COVERED]].mean()
    return {FAMILY: table.family, TABLE: table.name, "scale": scale, **means}


def tried(folder: str) -> pd.DataFrame:
    """Mean scores of each table at each scale, and of the plain additive law."""
    found = []
    for table in public_tables(folder):
        print(table.family, table.name, file=sys.stderr)
        plain = bs.fit(bs.load_model(PLAIN), table.trained, seed=SEED)
        found.append(scored(losses(plain, table), table, AT_PLAIN))
        fits = {name: bs.fit(bs.load_model(name), table.trained, seed=SEED) for name in JOINT}
        mixed = average(fits)
        for scale in SCALES:
            each = {k: losses(with_scale(fit, scale), table) for k, fit in fits.items()}
            found.append(scored(mixed.pick(each), table, scale))
    return pd.DataFrame(found)


def main(folder: str) -> None:
    tables = tried(folder)
    families = tables.groupby([FAMILY, "scale"], sort=False).mean(numeric_only=True)
    plain = families.xs(AT_PLAIN, level="scale")
    ratio = np.log(families[list(SCORES)] / plain[list(SCORES)])
    score = ratio["interval_score90"].unstack("scale").drop(columns=AT_PLAIN)
    print("Interval score relative to the plain additive law, by family and 95% quantile of scale")
    print(np.exp(score).round(3).to_string())
    print("\nAll families")
    overall = np.exp(ratio.groupby("scale").mean())
    covered = families[list(COVERED)].groupby("scale").mean()
    print(overall.join(covered).round(3).to_string())
    print("\nChosen on the others, scored on the family left out")
    rows = []
    for family in score.index:
        best = score.drop(index=family).mean().idxmin()
        rows.append({FAMILY: family, "chosen": best, "ratio": np.exp(score.loc[family, best])})
    chosen = pd.DataFrame(rows)
    print(chosen.round(3).to_string(index=False))
    print(f"geometric mean {np.exp(np.log(chosen['ratio']).mean()):.3f}")
    print(f"best on all families: {score.mean().idxmin():g}")


if __name__ == "__main__":
    main(sys.argv[1])
