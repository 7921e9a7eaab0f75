"""Choose scale and power of the drift on public tables, leaving one family out at a time.

    python -m tests.benchmarks.tune_drift ../shared/data > tests/benchmarks/tune_drift.txt

Each default model is fitted once to the smaller runs of each table; the drift lies beyond them, so
that a drift is tried by drawing again: scales, and powers of the table's own scatter that the scale
follows. For each family the pair is chosen by the 90% interval score on the other five (geometric
mean, families equal) and scored on the family left out.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.evaluation.averaging import JOINT, average
from bayes_scaling.evaluation.calibration import FAMILY, PLAIN, TABLE
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.evaluation.public_tables import PublicTable, public_tables
from bayes_scaling.evaluation.scores import score_rows
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.names import LOSS, LOSS_NEW, PARAMS, TOKENS
from bayes_scaling.specs.prior import Prior

SCALES = (0.0001, 0.003, 0.004, 0.005, 0.006, 0.008, 0.012, 0.02)
"""95% quantiles of the HalfNormal prior [log loss per e-fold^2]; the first is no drift."""
FOLLOWS = (0.0, 0.5, 1.0)
"""Powers of the scatter that the scale follows."""
WAY = ["follows", "scale"]
AT_PLAIN = (-1.0, -1.0)
"""Stands in the columns of powers and scales for the plain additive law."""
SEED = 0
SCORES = ("interval_score90", "wis")
COVERED = ("inside50", "inside90", "far90")
"""Shares inside intervals; far: of runs beyond 100 times the largest fitted."""


def with_drift(fit: Fit, follows: float, scale: float) -> Fit:
    drift = fit.spec.drift
    assert drift is not None
    prior = Prior("HalfNormal", {"q95": scale}, unit=drift.scale.unit, why="tried")
    return replace(fit, spec=replace(fit.spec, drift=replace(drift, scale=prior, follows=follows)))


def losses(fit: Fit, table: PublicTable) -> np.ndarray:
    inputs = {name: table.scored[name].to_numpy(dtype=float) for name in (PARAMS, TOKENS)}
    with np.errstate(over="ignore"):
        drawn = predict_at(fit, inputs, seed=SEED)[LOSS_NEW].to_numpy()
    return np.minimum(drawn, 1e100)


def scored(draws: np.ndarray, table: PublicTable) -> dict[str, object]:
    """Mean scores of one table's larger runs, and its family and name."""
    rows = score_rows(draws.reshape(-1, draws.shape[-1]), table.scored[LOSS].to_numpy(dtype=float))
    rows["far90"] = rows["inside90"].where(table.ratio > MAX_EXTRAPOLATION).astype(float)
    return {FAMILY: table.family, TABLE: table.name, **rows[[*SCORES, *COVERED]].mean()}


def tried(folder: str) -> pd.DataFrame:
    """Mean scores of each table at each scale, and of the plain additive law."""
    found = []
    for table in public_tables(folder):
        print(table.family, table.name, file=sys.stderr)
        plain = bs.fit(bs.load_model(PLAIN), table.trained, seed=SEED)
        alone = scored(losses(plain, table), table)
        found.append({**dict(zip(WAY, AT_PLAIN, strict=True)), **alone})
        fits = {name: bs.fit(bs.load_model(name), table.trained, seed=SEED) for name in JOINT}
        mixed = average(fits)
        for way in product(FOLLOWS, SCALES):
            each = {k: losses(with_drift(fit, *way), table) for k, fit in fits.items()}
            together = scored(mixed.pick(each), table)
            found.append({**dict(zip(WAY, way, strict=True)), **together})
    return pd.DataFrame(found)


def main(folder: str) -> None:
    tables = tried(folder)
    families = tables.groupby([FAMILY, *WAY]).mean(numeric_only=True)
    plain = families.xs(AT_PLAIN, level=WAY)
    ratio = np.log(families[list(SCORES)] / plain[list(SCORES)])
    score = ratio["interval_score90"].unstack(WAY).drop(columns=[AT_PLAIN]).sort_index(axis=1)
    print("Interval score relative to the plain law, by power followed and 95% quantile of scale")
    print(np.exp(score).T.round(3).to_string())
    print("\nAll families")
    overall = np.exp(ratio.groupby(WAY).mean())
    covered = families[list(COVERED)].groupby(WAY).mean()
    least = families["inside90"].groupby(WAY).min().rename("least90")
    print(overall.join(covered).join(least).round(3).to_string())
    print("\nChosen on the others, scored on the family left out")
    rows = []
    for family in score.index:
        follows, scale = score.drop(index=family).mean().idxmin()
        own = np.exp(score.loc[family, (follows, scale)])
        rows.append({FAMILY: family, "follows": follows, "scale": scale, "ratio": own})
    chosen = pd.DataFrame(rows)
    print(chosen.round(4).to_string(index=False))
    print(f"geometric mean {np.exp(np.log(chosen['ratio']).mean()):.3f}")
    print("best on all families: follows {:g}, scale {:g}".format(*score.mean().idxmin()))


if __name__ == "__main__":
    main(sys.argv[1])
