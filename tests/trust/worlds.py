"""Proof of what the default model's forecasts are worth in worlds that it does not describe.

In each world tables of runs are drawn, the default model is fitted and forecasts one new run of the
same world at ten times the largest run. Nothing is promised of the nominal coverage: the table is
published as it came out, beside how often the check had warned.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.inference.fit import Fit
from bayes_scaling.names import FLOPS, LOSS, PARAMS, RUN, TOKENS
from bayes_scaling.proofs.calibration import design
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.specs.spec import load_model
from bayes_scaling.verdicts import FAIL, WARN
from tests.conftest import REPLICATION
from tests.trust.record import write_table

MODEL = "chinchilla"
TABLES = 200
HOW_MANY = "BAYES_SCALING_WORLD_TABLES"
"""Set to a number, this environment variable says how many tables of each world B4 draws."""
IN_SHORT = (
    "another law (Kaplan's)", "scatter that grows with size", "curvature in log-log",
)  # fmt: skip
"""Worlds in which many tables miss and are warned of, so that a few tables tell."""
TABLES_IN_SHORT = 12
ROWS = 36
RUNS, CHECKPOINTS = 9, 4
SIZES = 6
REACH = 10.0
SCATTER = 0.004
"""Standard deviation of the log loss where a world says nothing else."""
LEAST_COVERAGE, LEAST_WARNED = 0.75, 0.80
SEED = 20261128
OF_THE_FIT = ("residual", "PSIS", "I009", "ESS", "R-hat", "divergences", "table I008")
"""Rows of a check that say that the law or the noise does not suit these runs."""
KAPLAN = {"S": 2.4, "w": 0.5, "p": 0.74, "k": 0.1}

Random = np.random.Generator


@dataclass(frozen=True)
class World:
    """How runs come about: `table` makes the design, `log_loss` the log losses of its rows.

    The last row of what `log_loss` is given is the new run, ten times as large as the largest.
    """

    log_loss: Callable[[Random, pd.DataFrame], np.ndarray]
    table: Callable[[Random], pd.DataFrame] = lambda rng: design(rng, ROWS)


def _curve(rng: Random, at: pd.DataFrame) -> np.ndarray:
    """Log loss by the additive law near its published values, which differ from table to table."""
    values = {name: v * np.exp(0.1 * rng.standard_normal()) for name, v in REPLICATION.items()}
    law = load_model("chinchilla-plain").law
    return np.log(law.curve(np, at[PARAMS].to_numpy(), at[TOKENS].to_numpy(), **values))


def _scatter(rng: Random, at: pd.DataFrame, sd: float | np.ndarray = SCATTER) -> np.ndarray:
    return sd * rng.standard_normal(len(at))


def _log_compute(at: pd.DataFrame) -> np.ndarray:
    """E-folds of compute from the middle of the fitted runs."""
    logs = np.log(at[FLOPS].to_numpy())
    return logs - logs[:-1].mean()


def _as_described(rng: Random, at: pd.DataFrame) -> np.ndarray:
    return _curve(rng, at) + _scatter(rng, at)


def _other_law(rng: Random, at: pd.DataFrame) -> np.ndarray:
    model = load_model("kaplan-plain")
    inputs = (at[PARAMS].to_numpy(), at[TOKENS].to_numpy())
    return np.log(model.curve(np, inputs, KAPLAN)) + _scatter(rng, at)


def _heavy_tails(rng: Random, at: pd.DataFrame) -> np.ndarray:
    return _curve(rng, at) + SCATTER * rng.standard_t(2, len(at))


def _larger_scatter_more(rng: Random, at: pd.DataFrame) -> np.ndarray:
    """Standard deviation .002 at the smallest run, .02 at the largest and beyond."""
    u = _log_compute(at)
    share = np.clip((u - u.min()) / np.ptp(u[:-1]), 0, 1)
    return _curve(rng, at) + _scatter(rng, at, 0.002 * 10**share)


def _diverged(rng: Random, at: pd.DataFrame) -> np.ndarray:
    """One run in twenty, the new one too, ends 5 to 65% above the curve."""
    bad = rng.uniform(size=len(at)) < 0.05
    return _curve(rng, at) + _scatter(rng, at) + bad * rng.uniform(0.05, 0.5, len(at))


def _checkpoints(rng: Random) -> pd.DataFrame:
    """Four checkpoints of each of nine runs, all fitted as if they were runs of their own."""
    last = design(rng, RUNS).loc[np.repeat(np.arange(RUNS), CHECKPOINTS)].reset_index(drop=True)
    share = np.tile(0.5 ** np.arange(CHECKPOINTS), RUNS)
    return last.assign(tokens=last[TOKENS] * share, flops=last[FLOPS] * share)


def _run_effects(rng: Random, at: pd.DataFrame) -> np.ndarray:
    effect = dict(zip(at[RUN].unique(), 0.01 * rng.standard_normal(RUNS + 1), strict=True))
    return _curve(rng, at) + _scatter(rng, at, 0.002) + at[RUN].map(effect).to_numpy()


def _curvature(rng: Random, at: pd.DataFrame) -> np.ndarray:
    bend = 0.002 * rng.standard_normal()
    return _curve(rng, at) + _scatter(rng, at) + bend * _log_compute(at) ** 2 / 2


def _few_sizes(rng: Random) -> pd.DataFrame:
    table = design(rng, ROWS)
    params = np.tile(np.geomspace(3e7, 6e9, SIZES), ROWS // SIZES)
    return table.assign(params=params, flops=train_flop(params, table[TOKENS].to_numpy()))


def _undertuned(rng: Random, at: pd.DataFrame) -> np.ndarray:
    """Each size has lost something by its settings: half-normal, 1% of the loss."""
    lost = dict(
        zip(at[PARAMS].unique(), 0.01 * np.abs(rng.standard_normal(SIZES + 1)), strict=True)
    )
    return _curve(rng, at) + _scatter(rng, at) + at[PARAMS].map(lost).to_numpy()


def _shift(rng: Random, at: pd.DataFrame) -> np.ndarray:
    """Beyond the largest run all losses are moved by an unknown 1%, as by another data mix."""
    beyond = np.arange(len(at)) == len(at) - 1
    return _curve(rng, at) + _scatter(rng, at) + beyond * 0.01 * rng.standard_normal()


CONTROL = "none of these"
"""The additive law with normal noise, for comparison: not one of the eight worlds."""
WORLDS = {
    "another law (Kaplan's)": World(_other_law),
    "Student tails, 2 degrees of freedom": World(_heavy_tails),
    "scatter that grows with size": World(_larger_scatter_more),
    "diverged runs": World(_diverged),
    "run effects": World(_run_effects, _checkpoints),
    "curvature in log-log": World(_curvature),
    "undertuned sizes": World(_undertuned, _few_sizes),
    "a shift at large scale": World(_shift),
    CONTROL: World(_as_described),
}

WHY_NOT = {
    "a shift at large scale": "it begins beyond the runs, where no row of the table can tell of it",
    "diverged runs": "whether the new run diverges is not told by the others",
}
"""Why a world may be one in which forecasts fail without a warning."""


def misspecified_worlds(full: bool, say: Say) -> Proof:
    """B4: coverage of 90% intervals at 10x in eight worlds, and whether the check had warned."""
    tables = int(os.environ.get(HOW_MANY) or TABLES) if full else TABLES_IN_SHORT
    rows: list[dict[str, object]] = []
    bad = []
    for name in WORLDS if full else IN_SHORT:
        say(f"{name}: {tables} tables")
        held, warned = np.array([_seen(name, number) for number in range(tables)]).T
        coverage, of_misses = held.mean(), warned[~held].mean() if (~held).any() else np.nan
        good = coverage >= LEAST_COVERAGE or of_misses >= LEAST_WARNED
        bad += [] if good or name == CONTROL else [name]
        rows.append({
            "world": name, "tables": tables, "coverage90": round(float(coverage), 4),
            "misses": int((~held).sum()), "misses_warned": int((warned & ~held).sum()),
            "hits_warned": int((warned & held).sum()), "kept": bool(good),
        })  # fmt: skip
    if full:
        write_table("B4_worlds", rows)
    said = [
        f"{row['world']} {row['coverage90']:.0%}, {row['misses_warned']} of {row['misses']} misses "
        f"warned, {row['hits_warned']} hits too"
        for row in rows
    ]
    shares = [float(str(row["coverage90"])) for row in rows if row["world"] != CONTROL]
    observed = f"coverage {min(shares):.0%} to {max(shares):.0%} in {len(shares)} worlds, "
    observed += f"{tables} tables each" + (f"; not kept: {', '.join(bad)}" if bad else "")
    limit = f"90% intervals hold >= {LEAST_COVERAGE:.0%} at {REACH:g}x, or the check warned in "
    limit += f">= {LEAST_WARNED:.0%} of the misses"
    said += [f"{name}: {WHY_NOT[name]}" for name in bad if name in WHY_NOT]
    claim = f"In worlds that {MODEL} does not describe, forecasts hold or the check warns"
    return Proof("B4", claim, tables * len(rows), observed, limit, not bad, "; ".join(said))


def _seen(name: str, number: int) -> tuple[bool, bool]:
    """Whether the interval of a table's forecast held, and whether the check of its fit warned."""
    world = WORLDS[name]
    rng = np.random.default_rng([SEED, list(WORLDS).index(name), number])
    table = world.table(rng)
    largest = table.loc[table[FLOPS].idxmax()]
    new = {RUN: "new", **{k: largest[k] * REACH**0.5 for k in (PARAMS, TOKENS)}}
    both = pd.concat([table, pd.DataFrame([{**new, FLOPS: largest[FLOPS] * REACH}])])
    both = both.reset_index(drop=True)
    loss = np.exp(world.log_loss(rng, both))
    rows = both.assign(**{LOSS: loss}).iloc[:-1][[RUN, PARAMS, TOKENS, LOSS]]
    fit = bs.fit(load_model(MODEL), bs.read_runs(rows, checkpoints="all"), seed=number)
    found = bs.forecast(fit, both.iloc[[-1]][[PARAMS, TOKENS]], seed=number)
    low, high = found.quantiles([0.05, 0.95]).to_numpy()[0]
    return bool(low <= loss[-1] <= high), warned_of(fit)


def warned_of(fit: Fit) -> bool:
    """Whether a check says that law or noise do not suit; what the design leaves open apart."""
    rows = bs.check(fit).rows
    return any(row.verdict in (WARN, FAIL) and row.name.startswith(OF_THE_FIT) for row in rows)
