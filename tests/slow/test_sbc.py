"""Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788) of every model on the shelf.

Unknowns are drawn from the prior, losses from the model, and the posterior is sampled; the rank of
each true value among the draws must be uniform: for every unknown, the joint log likelihood, the
loss at 10 and 1,000 times the largest run, and the optimal number of parameters. The ends of the
table to which relative priors refer are held fixed. Of a model with groups, the unknowns of the
population are ranked. 60 simulations find gross faults only; BAYES_SCALING_SBC=500 asks for more.
A failure is tried once more, with fresh seeds and twice as many simulations.
"""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from bayes_scaling.inference import graph
from bayes_scaling.inference.compiled import over_table
from bayes_scaling.inference.sampling import TUNE, _sample, adaptation_of
from bayes_scaling.inference.trace import columns_of
from bayes_scaling.names import LOSS
from bayes_scaling.quantities import grows
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec
from tests.designs import drawn_on_scale, each_model, stated

pytestmark = pytest.mark.slow
SIMULATIONS = int(os.environ.get("BAYES_SCALING_SBC", "60"))
SEED = 20261124
KEPT = 99
"""Draws kept of each posterior, thinned so that they are nearly independent."""
ROWS = 40
ALPHA = 0.001
HUGE = 300.0
"""Losses are ranked as if no further than this from zero on their scale; fitted as they are."""


def prepared(name: str) -> tuple[ModelSpec, tuple[np.ndarray, ...], pd.DataFrame]:
    spec, table, columns = stated(name, ROWS, SEED)
    return spec, tuple(columns.values()), table


def quantities(
    spec: ModelSpec, inputs: tuple[np.ndarray, ...], loss: np.ndarray, values: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What is ranked, (draw,) each; `values` has one (draw,) array per unknown."""
    column = {k: v[:, None] for k, v in values.items()}
    along = spec.along(dict(zip(spec.inputs, inputs, strict=True)))
    scatter = spec.noise.at(np, column, np.log(along.max() / along))
    density = spec.noise.log_density(loss, spec.curve(np, inputs, column), 0.0, scatter).sum(axis=1)
    found = {**values, "log likelihood": density}
    for factor in (10.0, 1000.0):
        far = tuple(
            float(x.max()) * (factor ** (1 / len(inputs)) if grows(c) else 1)
            for c, x in zip(spec.inputs, inputs, strict=True)
        )
        found[f"loss at {factor:g}x"] = spec.curve(np, far, values)
    if spec.law.optimum is not None:
        unknowns = {name: values[name] for name in spec.law.unknowns}
        found["N*"] = spec.law.optimum(np, 1e22, **unknowns, **spec.numbers)[0]
    return found


def ranks(name: str, simulations: int, seed: int) -> dict[str, np.ndarray]:
    spec, inputs, table = prepared(name)
    rng = np.random.default_rng([seed, simulations])
    split = np.random.default_rng([seed, simulations, 1])
    found: dict[str, list[int]] = {}
    for i in range(simulations):
        truth = {k: p.sample(rng, 1) for k, p in spec.all_priors.items()}
        runs = Runs.from_frame(table.assign(**{spec.target: 0.5}))
        scaled = drawn_on_scale(spec, rng, runs, truth)
        data = graph.data_for(spec, runs) | {LOSS: scaled}
        loss = spec.noise.from_scale(np.clip(scaled, -HUGE, HUGE))
        compiled = over_table(spec, data)
        batches = _sample(compiled, (500, TUNE, 4), seed + i, lambda _: None, adaptation_of(spec))
        draws = {k: v.ravel() for k, v in columns_of(batches, spec.all_priors).items()}
        thin = np.linspace(0, 1999, KEPT).astype(int)
        ours = quantities(spec, inputs, loss, {k: v[thin] for k, v in draws.items()})
        true = quantities(spec, inputs, loss, truth)
        for key, values in ours.items():
            ties = int(np.sum(values == true[key]))  # both ends of a share are reached
            below = int(np.sum(values < true[key])) + int(split.integers(0, ties + 1))
            found.setdefault(key, []).append(below)
    return {key: np.array(each) for key, each in found.items()}


def band(simulations: int) -> float:
    """Largest distance of the ranks' distribution from uniform, exceeded with probability ALPHA."""
    rng = np.random.default_rng(SEED)
    uniform = rng.integers(0, KEPT + 1, (20_000, simulations))
    return float(np.quantile([distance(row) for row in uniform], 1 - ALPHA))


def distance(found: np.ndarray) -> float:
    counts = np.bincount(found, minlength=KEPT + 1).cumsum() / len(found)
    return float(np.max(np.abs(counts - np.arange(1, KEPT + 2) / (KEPT + 1))))


def failures(name: str, simulations: int, seed: int) -> list[str]:
    limit = band(simulations)
    low, high = stats.chi2(simulations).ppf([ALPHA / 2, 1 - ALPHA / 2])
    bad = []
    for key, found in ranks(name, simulations, seed).items():
        spread = float(np.sum(special.ndtri((found + 0.5) / (KEPT + 1)) ** 2))
        if distance(found) > limit or not low < spread < high:
            bad.append(f"{key}: distance {distance(found):.3f} (limit {limit:.3f}), "
                       f"z^2 {spread:.1f} ({low:.1f} to {high:.1f})")  # fmt: skip
    return bad


@pytest.mark.parametrize("name", each_model())
def test_ranks_are_uniform(name: str) -> None:
    first = failures(name, SIMULATIONS, SEED)
    if first:
        again = failures(name, 2 * SIMULATIONS, SEED + 100_000)
        assert not again, {"first": first, "again": again}
