"""Every model fits a table drawn from its own prior: the chains mix, and the truth is inside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.checks import MAX_DIVERGENT_SHARE, MAX_RHAT, MIN_ESS
from bayes_scaling.inference.grouped import labels_of
from bayes_scaling.names import FLOPS, LOSS, PARAMS, TOKENS, UNIQUE_TOKENS
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import model_names
from tests.slow.tables import drawn_losses, suited

pytestmark = pytest.mark.slow
SEED = 20261124
ROWS = 60


def design() -> pd.DataFrame:
    """Sixty runs over two decades of parameters and tokens, repeated up to twenty times."""
    rng = np.random.default_rng(SEED)
    params, tokens = 10 ** rng.uniform(7.5, 9.8, ROWS), 10 ** rng.uniform(9, 11.5, ROWS)
    table = pd.DataFrame({PARAMS: params, TOKENS: tokens})
    table[UNIQUE_TOKENS] = tokens / 10 ** rng.uniform(0, 1.3, ROWS)
    table[FLOPS] = 6 * params * tokens * 10 ** rng.uniform(-0.3, 0.3, ROWS)
    return table


@pytest.mark.parametrize("name", model_names())
def test_chains_mix_on_a_table_of_its_own(name: str) -> None:
    spec = bs.load_model(name)
    spec = spec if spec.inputs else spec.at_resource(TOKENS)
    table = suited(spec, design())
    runs = Runs.from_frame(table.assign(loss=3.0))
    columns = {column: runs.resource(column) for column in spec.inputs}
    ends = {column: (float(v.min()), float(v.max())) for column, v in columns.items()}
    stated = spec.against({LOSS: (2.5, 5.0), **ends}, labels_of(spec, runs))
    rng = np.random.default_rng(SEED)
    truth = {k: float(p.sample(rng, 1)[0]) for k, p in stated.all_priors.items()}
    losses = drawn_losses(stated, rng, runs, truth)
    fit = bs.fit(spec, bs.read_runs(table.assign(loss=losses), checkpoints="all"))
    assert fit.provenance["worst_rhat"] <= MAX_RHAT
    assert fit.provenance["worst_ess"] >= MIN_ESS
    assert fit.provenance["divergent_share"] <= MAX_DIVERGENT_SHARE
    for unknown, value in truth.items():
        low, high = np.quantile(fit.posterior[unknown], [0.0005, 0.9995])
        assert low <= value <= high, unknown
