"""Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788): ranks of simulated truths.

Unknowns are drawn from the prior, losses from the model, and the posterior is sampled; the rank of
each true value among the draws must be uniform: for every unknown, the joint log likelihood (Modrak
et al. 2022, arXiv:2211.02383), the log density of the largest run, the loss at 10 and 1,000 times
the largest run, and the optimal number of parameters. The ends of the table to which relative
priors refer are held fixed. Of a model with groups, the unknowns of the population are ranked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_scaling.inference import graph
from bayes_scaling.inference.compiled import over_table
from bayes_scaling.inference.sampling import (
    CAREFUL_ACCEPT,
    LONGER,
    TARGET_ACCEPT,
    TUNE,
    _sample,
    adaptation_of,
)
from bayes_scaling.inference.trace import columns_of
from bayes_scaling.names import LOSS
from bayes_scaling.quantities import grows
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import shelf_folder
from bayes_scaling.specs.spec import ModelSpec
from tests.designs import drawn_on_scale, stated
from tests.trust.record import PACKAGE, SHORT

SEED = 20261124
ROWS = 40
DRAWS, CHAINS = 500, 4
MOST = 2
"""Attempts to mix at most; `fit` makes two more, which take minutes."""
MIXED = 1.02
"""R-hat of so few draws up to which they count as mixed: 1.01 is for twice as many."""
KEPT = 99
"""Draws kept of each posterior, thinned so that they are nearly independent."""
HUGE = 300.0
"""Losses are ranked as if no further than this from zero on their scale; fitted as they are."""
PARTS = ("laws", "specs", "inference")
"""Folders of the package that ranks depend on."""
AFTER = {
    "checks.py", "identifiability_rows.py", "loo.py", "predict.py",
    "prior_sensitivity.py", "residual_checks.py", "store.py", "support.py",
}  # fmt: skip
"""Modules in them that work on draws once they are there."""

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Simulation:
    """A table drawn from a model at unknowns drawn from its prior; `data` is that of its graph."""

    spec: ModelSpec
    runs: Runs
    inputs: tuple[np.ndarray, ...]
    truth: Values
    scaled: np.ndarray
    data: Values
    seed: int
    split: np.random.Generator

    @property
    def loss(self) -> np.ndarray:
        return self.spec.noise.from_scale(np.clip(self.scaled, -HUGE, HUGE))


@cache
def prepared(name: str) -> tuple[ModelSpec, tuple[np.ndarray, ...], pd.DataFrame]:
    spec, table, columns = stated(name, ROWS, SEED)
    return spec, tuple(columns.values()), table


def simulation(name: str, number: int, seed: int) -> Simulation:
    """The table of a number; each has generators of its own, so that any can be made alone."""
    spec, inputs, table = prepared(name)
    rng, split = (np.random.default_rng([seed, number, part]) for part in (0, 1))
    truth = {k: p.sample(rng, 1) for k, p in spec.all_priors.items()}
    runs = Runs.from_frame(table.assign(**{spec.target: 0.5}))
    scaled = drawn_on_scale(spec, rng, runs, truth)
    data = graph.data_for(spec, runs) | {LOSS: scaled}
    return Simulation(spec, runs, inputs, truth, scaled, data, seed + number, split)


def posterior(
    found: Simulation, spec: ModelSpec | None = None, data: Values | None = None
) -> Values:
    """All draws of the unknowns, (draw,) each, given the simulated data or others.

    Chains that have not mixed are sampled again as `fit` does.
    """
    from arviz_stats.base import array_stats

    spec, data = spec or found.spec, found.data if data is None else data
    compiled = over_table(spec, data)
    for attempt, (tuned, factor) in enumerate(LONGER[:MOST]):
        size = (DRAWS * factor, TUNE * tuned, CHAINS)
        accept = CAREFUL_ACCEPT if attempt else TARGET_ACCEPT
        batches = _sample(compiled, size, found.seed, lambda _: None, adaptation_of(spec), accept)
        every = columns_of(batches, spec.all_priors)
        columns = {name: every[name][:, factor - 1 :: factor] for name in spec.all_priors}
        stacked = np.stack(list(columns.values()))
        if np.max(array_stats.rhat(stacked, chain_axis=1, draw_axis=2)) <= MIXED:
            break
    return {name: values.ravel() for name, values in columns.items()}


def quantities(found: Simulation, values: Values) -> Values:
    """What is ranked, (draw,) each; `values` has one (draw,) array per unknown."""
    spec, inputs = found.spec, found.inputs
    column = {k: v[:, None] for k, v in values.items()}
    along = spec.along(dict(zip(spec.inputs, inputs, strict=True)))
    scatter = spec.noise.at(np, column, np.log(along.max() / along))
    density = spec.noise.log_density(found.loss, spec.curve(np, inputs, column), 0.0, scatter)
    ranked = {**values, "log likelihood": density.sum(axis=1)}
    ranked["density of the largest run"] = density[:, np.argmax(along)]
    for factor in (10.0, 1000.0):
        far = tuple(
            float(x.max()) * (factor ** (1 / len(inputs)) if grows(c) else 1)
            for c, x in zip(spec.inputs, inputs, strict=True)
        )
        ranked[f"loss at {factor:g}x"] = spec.curve(np, far, values)
    if spec.law.optimum is not None:
        unknowns = {name: values[name] for name in spec.law.unknowns}
        ranked["N*"] = spec.law.optimum(np, 1e22, **unknowns, **spec.numbers)[0]
    return ranked


def ranks_of(found: Simulation, draws: Values) -> dict[str, int]:
    """Rank of each true quantity among draws thinned to `KEPT`; ties are broken at random."""
    thin = np.linspace(0, len(next(iter(draws.values()))) - 1, KEPT).astype(int)
    ours = quantities(found, {k: v[thin] for k, v in draws.items()})
    true = quantities(found, found.truth)
    ranks = {}
    for key, values in ours.items():
        ties = int(np.sum(values == true[key]))  # both ends of a share are reached
        ranks[key] = int(np.sum(values < true[key])) + int(found.split.integers(0, ties + 1))
    return ranks


def rank(name: str, number: int, seed: int) -> dict[str, int]:
    found = simulation(name, number, seed)
    return ranks_of(found, posterior(found))


@cache
def source_of(name: str) -> str:
    """First digits of the SHA-256 of everything that a model's ranks depend on."""
    known = hashlib.sha256((shelf_folder() / f"{name}.toml").read_bytes())
    paths = [path for part in PARTS for path in sorted((PACKAGE / part).rglob("*.py"))]
    paths = [path for path in paths if path.name not in AFTER]
    for path in (*paths, Path(__file__), Path(__file__).parents[1] / "designs.py"):
        known.update(path.read_bytes())
    return known.hexdigest()[:SHORT]
