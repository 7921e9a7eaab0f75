"""Tables of runs for any model: sensible values in every column that it reads, and drawn losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.inference.graph import below_largest, run_numbers
from bayes_scaling.inference.grouped import labels_of
from bayes_scaling.names import (
    FLOPS,
    GROUP,
    PARAMS,
    RUN,
    TARGET,
    TOKENS,
    TOKENS_PER_PARAM,
    UNIQUE_TOKENS,
)
from bayes_scaling.quantities import is_weight, quantity
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.noise import RUN_EFFECT
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import ModelSpec, load_model

TARGET_ENDS = {"loss": (2.5, 5.0), "accuracy": (0.2, 0.9), "error": (0.1, 0.8)}
"""Smallest and largest observed value to which floors of unit-free priors refer."""

FAMILIES = 4
ROWS_OF_RUN = 5

RARE = frozenset({
    "annealing", "bounded-envelope", "broken-power", "data-quality", "direct-accuracy",
    "distillation", "farseer", "finetune", "finetune-rectified", "mixture-additive",
    "mixture-continued", "mixture-exp", "moe-granular", "moe-joint", "moe-routing",
    "moe-sparsity", "multi-power", "parallel", "pass-at-k", "precision", "precision-training",
    "sigmoid-compute", "vocabulary", "weight-sparsity",
    "skaling-plain", "kaplan-plain", "power-floor-plain",
})  # fmt: skip
"""Models of rarely used laws, and plain twins of calibrated models: in the slow suite, but
marked `exhaustive`, which the bounded part of it leaves out."""


def each_model() -> list[Any]:
    """Names of the shelf as parameters of a test; one worker gets all tests of a model.

    So each graph is compiled once. Those of `RARE` are marked `exhaustive`.
    """
    marks = {name: [pytest.mark.xdist_group(name)] for name in model_names()}
    for name in RARE:
        marks[name].append(pytest.mark.exhaustive)
    return [pytest.param(name, marks=own) for name, own in marks.items()]


def design(spec: ModelSpec, rows: int, seed: int) -> pd.DataFrame:
    """Runs over two decades of parameters and tokens, the rest varying apart from them."""
    rng = np.random.default_rng(seed)
    params, tokens = 10 ** rng.uniform(7.5, 9.8, rows), 10 ** rng.uniform(9, 11.5, rows)
    table = pd.DataFrame({PARAMS: params, TOKENS: tokens})
    table[UNIQUE_TOKENS] = tokens / 10 ** rng.uniform(0, 1.3, rows)
    table[FLOPS] = 6 * params * tokens * 10 ** rng.uniform(-0.3, 0.3, rows)
    if TOKENS_PER_PARAM in spec.inputs:
        table[FLOPS] = 6 * params * tokens
    for column in (c for c in spec.inputs if c not in (*table, TOKENS_PER_PARAM)):
        table[column] = quantity(column).tried(rng.uniform(0, 1, rows))
    weights = [column for column in spec.inputs if is_weight(column)]
    if weights:
        table[weights] = rng.dirichlet(np.full(len(weights), 2.0), rows)
    return table


def stated(name: str, rows: int, seed: int) -> tuple[ModelSpec, pd.DataFrame, dict[str, object]]:
    """Return a model stated against a design, the design, and the columns that the law reads."""
    spec = load_model(name)
    spec = spec if spec.inputs else spec.at_resource(TOKENS)
    table = suited(spec, design(spec, rows, seed))
    runs = Runs.from_frame(table.assign(**{spec.target: 0.5}))
    columns = {column: runs.resource(column) for column in spec.inputs}
    ends = {column: (float(v.min()), float(v.max())) for column, v in columns.items()}
    target = TARGET_ENDS.get(spec.target, (1.0, 2.0))
    return spec.against({**ends, TARGET: target}, labels_of(spec, runs)), table, columns


def suited(spec: ModelSpec, table: pd.DataFrame) -> pd.DataFrame:
    """The design with what the model's parts need."""
    table = table.copy()
    place = np.arange(len(table))
    if spec.groups is not None:
        table[GROUP] = [f"family {i % FAMILIES}" for i in place]
    if spec.noise.has_run_effect:
        first = place // ROWS_OF_RUN * ROWS_OF_RUN
        table[RUN], table[PARAMS] = [f"run {i}" for i in first], table[PARAMS].to_numpy()[first]
    return table


def drawn_on_scale(
    spec: ModelSpec, rng: np.random.Generator, runs: Runs, truth: dict[str, float]
) -> np.ndarray:
    """Losses of the rows of a table, (row,), from a model stated against it at known unknowns.

    They stand on the scale on which they scatter: where small runs scatter far more than large
    ones, exp() of a draw from the prior may exceed every number.
    """
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
    values = spec.noise.at(np, values, below_largest(spec, runs))
    return spec.noise.sample_on_scale(rng, mean, values, extra, same_runs=True)
