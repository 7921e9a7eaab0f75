"""Proof that forecasts of public tables hold, table by table, measured anew where they lie.

Beside the bootstrap a line is fitted to log loss by least squares, as in a spreadsheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.evaluation.calibration import BOOTSTRAP, FAMILY, OURS, TABLE, calibrate
from bayes_scaling.evaluation.cuts import RATIO
from bayes_scaling.evaluation.public_tables import public_tables
from bayes_scaling.evaluation.scores import crps, relative
from bayes_scaling.names import LOSS, MODEL, PARAMS, RUN, TOKENS
from bayes_scaling.proofs.backtests import (
    BETTER_SHARE,
    COVERAGE,
    FEWEST_RUNS,
    FEWEST_TABLES,
    LEAST_COVERAGE,
    MOST_COVERAGE,
    SCORE,
    record_holds,
)
from bayes_scaling.proofs.proof import Proof, Say
from tests.conftest import SHARED
from tests.trust.record import write_table

if TYPE_CHECKING:
    from bayes_scaling.evaluation.public_tables import PublicTable

LINE = "log loss by least squares"
INSIDE = "inside90"
DRAWS = 4000
SEED = 20261128


def tables_hold(full: bool, say: Say) -> Proof:
    """B5: fitted below a cut, predicted above it; in short what the record that ships says."""
    if not full:
        return record_holds(full, say)
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    tables = list(public_tables(folder))
    found = calibrate(tables, progress=lambda what, _: say(what))
    rows = found.rows.groupby([FAMILY, TABLE, MODEL])[SCORE].mean().unstack(MODEL)
    line = {(t.family, t.name): _score_of_line(t) for t in tables}
    rows[LINE] = pd.Series(line)
    rivals = (LINE, BOOTSTRAP)
    better = {rival: rows[OURS] < rows[rival] for rival in rivals}
    ours = found.rows[found.rows[MODEL] == OURS]
    families = found.by_family[found.by_family[MODEL] == OURS]
    share, pooled = float(families[COVERAGE].mean()), float(ours[INSIDE].mean())
    misses = _misses(ours)
    write_table("B5_misses", misses)
    wins = ", ".join(f"{b.sum()} of {len(b)} tables against {k}" for k, b in better.items())
    good = (
        LEAST_COVERAGE <= share <= MOST_COVERAGE,
        len(tables) >= FEWEST_TABLES,
        len(ours) >= FEWEST_RUNS,
        *(float(each.mean()) >= BETTER_SHARE for each in better.values()),
    )
    per_family = [
        f"{name} " + ", ".join(f"{each:.4f}" for each in rows.loc[name][[OURS, *rivals]].mean())
        for name in families[FAMILY]
    ]
    held = zip(families[FAMILY], families[COVERAGE], families["n"], strict=True)
    return Proof(
        "B5",
        "Forecasts of public tables from their smaller runs hold, and beat a line and a bootstrap",
        len(ours),
        f"{share:.1%} of 90% intervals hold, families counting equally ({pooled:.1%} of runs); "
        f"{len(tables)} tables, {len(ours)} held-out runs; lower CRPS on {wins}",
        f"{LEAST_COVERAGE:.0%} to {MOST_COVERAGE:.0%}, at least {FEWEST_TABLES} tables and "
        f"{FEWEST_RUNS} runs, better than each on {BETTER_SHARE:.0%}",
        all(good),
        "By family: " + ", ".join(f"{name} {each:.0%} of {n}" for name, each, n in held)
        + f". {len(misses)} misses, all listed below. Mean CRPS (ours, the line, the bootstrap) as "
        "a share of the loss: " + "; ".join(per_family),
    )  # fmt: skip


def _score_of_line(table: PublicTable) -> float:
    """Mean CRPS, as a share of the loss, of log L = a + b log N + c log D with normal noise."""
    rng = np.random.default_rng(SEED)
    trained = table.trained.fitted
    x, at = (_design(frame) for frame in (trained, table.scored))
    y = np.log(trained[LOSS].to_numpy(dtype=float))
    inverse = np.linalg.pinv(x.T @ x)
    line = inverse @ x.T @ y
    free = len(y) - x.shape[1]
    sd = np.sqrt(np.sum((y - x @ line) ** 2) / free)
    scale = sd * np.sqrt(1 + np.sum(at @ inverse * at, axis=1))
    draws = np.exp(at @ line + scale * rng.standard_t(free, (DRAWS, len(at))))
    seen = table.scored[LOSS].to_numpy(dtype=float)
    return float(np.mean(relative(crps(draws, seen), seen)))


def _design(frame: pd.DataFrame) -> np.ndarray:
    logs = np.log(frame[[PARAMS, TOKENS]].to_numpy(dtype=float)) - np.log([1e9, 2e10])
    return np.column_stack([np.ones(len(frame)), logs])


def _misses(ours: pd.DataFrame) -> list[dict[str, object]]:
    """Runs outside of their 90% interval, by table, with the interval and how far they lie."""
    missed = ours[~ours[INSIDE].astype(bool)]
    return [
        {
            "family": str(row[FAMILY]), "table": str(row[TABLE]), "run": str(row[RUN]),
            "times the largest": round(float(row[RATIO]), 1),
            "observed": round(float(row["observed"]), 4),
            "5%": round(float(row["q05"]), 4), "95%": round(float(row["q95"]), 4),
        }
        for _, row in missed.iterrows()
    ]  # fmt: skip
