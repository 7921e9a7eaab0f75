"""Tables drawn from a model, with whatever its parts need: groups, repeated rows, noisy inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.inference.graph import run_numbers
from bayes_scaling.names import FLOPS, GROUP, PARAMS, RUN, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.noise import RUN_EFFECT
from bayes_scaling.specs.spec import ModelSpec

FAMILIES = 4
ROWS_OF_RUN = 5


def suited(spec: ModelSpec, table: pd.DataFrame) -> pd.DataFrame:
    """The design with what the model's parts need."""
    table = table.copy()
    place = np.arange(len(table))
    if TOKENS_PER_PARAM in spec.inputs:
        table[FLOPS] = 6 * table[PARAMS] * table[TOKENS]
    if spec.groups is not None:
        table[GROUP] = [f"family {i % FAMILIES}" for i in place]
    if spec.noise.has_run_effect:
        first = place // ROWS_OF_RUN * ROWS_OF_RUN
        table[RUN], table[PARAMS] = [f"run {i}" for i in first], table[PARAMS].to_numpy()[first]
    return table


def drawn_losses(
    spec: ModelSpec, rng: np.random.Generator, runs: Runs, truth: dict[str, float]
) -> np.ndarray:
    """Losses of the rows of a table, (row,), from a model stated against it at known unknowns."""
    columns = {name: runs.resource(name) for name in spec.inputs}
    values = dict(truth)
    if spec.groups is not None:
        z = {name: rng.standard_normal(FAMILIES) for name in spec.groups.spread}
        row = spec.groups.numbers(runs.fitted[GROUP])
        own = spec.groups.values(np, spec.priors, values, z)
        values |= {name: each[row] for name, each in own.items()}
    outcome = lambda at: spec.noise.to_scale(np, spec.curve(np, tuple(at.values()), values))  # noqa: E731
    mean = outcome(columns)
    if spec.noise.has_run_effect:
        effects = truth[RUN_EFFECT] * rng.standard_normal(len(mean))
        mean = mean + effects[run_numbers(runs)]
    extra = np.sqrt(variance_of_inputs(outcome, columns, spec.input_sds))
    curve = np.asarray(spec.noise.from_scale(mean))
    return spec.noise.sample(rng, curve, values, extra, same_runs=True)
