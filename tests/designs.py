"""Tables of runs for any model: sensible values in every column that its law reads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.names import (
    FLOPS,
    PARAMS,
    TARGET,
    TOKENS,
    TOKENS_PER_PARAM,
    UNIQUE_TOKENS,
)
from bayes_scaling.quantities import is_weight, quantity
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec, load_model

TARGET_ENDS = {"loss": (2.5, 5.0), "accuracy": (0.2, 0.9), "error": (0.1, 0.8)}
"""Smallest and largest observed value to which floors of unit-free priors refer."""


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
        low, high = quantity(column).trial
        share = rng.uniform(0, 1, rows)
        table[column] = low * (high / low) ** share if low > 0 else low + (high - low) * share
    weights = [column for column in spec.inputs if is_weight(column)]
    if weights:
        table[weights] = rng.dirichlet(np.full(len(weights), 2.0), rows)
    return table


def stated(name: str, rows: int, seed: int) -> tuple[ModelSpec, pd.DataFrame, dict[str, object]]:
    """Return a model stated against a design, the design, and the columns that the law reads."""
    spec = load_model(name)
    spec = spec if spec.inputs else spec.at_resource(TOKENS)
    table = design(spec, rows, seed)
    runs = Runs.from_frame(table.assign(**{spec.target: 0.5}))
    columns = {column: runs.resource(column) for column in spec.inputs}
    ends = {column: (float(v.min()), float(v.max())) for column, v in columns.items()}
    target = TARGET_ENDS.get(spec.target, (1.0, 2.0))
    return spec.against({**ends, TARGET: target}), table, columns
