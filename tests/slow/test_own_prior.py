"""Every model fits a table drawn from its own prior: the chains mix, and the truth is inside."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.checks import MAX_DIVERGENT_SHARE, MAX_RHAT, MIN_ESS
from bayes_scaling.inference.graph import below_largest
from bayes_scaling.names import TOKENS
from bayes_scaling.quantities import quantity
from bayes_scaling.runs.table import Runs
from tests.designs import drawn_on_scale, each_model, stated

pytestmark = pytest.mark.slow
SEED = 20261124
ROWS = 60
MOST_SCATTER = 0.5
"""Noise of the smallest run [log loss] above which a table is no table of losses any more: a growth
near 1 over eleven e-folds. Floors relative to the smallest loss would mean nothing."""
LEAST_RISE = 0.3
"""How much a share of items must change over a table that shall tell something about its law."""


@pytest.mark.parametrize("name", each_model())
def test_chains_mix_on_a_table_of_its_own(name: str) -> None:
    spec = bs.load_model(name)
    model, table, _columns = stated(name, ROWS, SEED)
    rng = np.random.default_rng(SEED)
    share = quantity(spec.target).closed
    runs = Runs.from_frame(table.assign(**{model.target: 0.5}))
    while True:
        truth = {k: float(p.sample(rng, 1)[0]) for k, p in model.all_priors.items()}
        scatter = model.noise.at(np, truth, below_largest(model, runs))["sigma"]
        if np.max(scatter) > MOST_SCATTER:
            continue
        measured = model.noise.from_scale(drawn_on_scale(model, rng, runs, truth))
        if not share or np.ptp(measured) > LEAST_RISE:
            break
    if share:  # none is reported outside 0 to 1: fold back what is
        measured = np.clip(1 - np.abs(1 - np.abs(measured)), 0.0, 1.0)
    spec = spec if spec.inputs else spec.at_resource(TOKENS)
    fit = bs.fit(spec, Runs.from_frame(table.assign(**{spec.target: measured})))
    assert fit.provenance["worst_rhat"] <= MAX_RHAT
    assert fit.provenance["worst_ess"] >= MIN_ESS
    assert fit.provenance["divergent_share"] <= MAX_DIVERGENT_SHARE
    for unknown, value in truth.items():
        low, high = np.quantile(fit.posterior[unknown], [0.0005, 0.9995])
        assert low <= value <= high, unknown
