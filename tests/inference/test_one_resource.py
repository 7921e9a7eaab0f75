"""One compiled graph samples a law of one resource on every resource there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.compiled import _compiled
from bayes_scaling.inference.fit import stated_against
from bayes_scaling.inference.structure import structure
from bayes_scaling.quantities import ONE_RESOURCES, reference_of
from bayes_scaling.runs.table import Runs

TRUTH = {"L_inf": 1.8, "A": 0.4, "alpha": 0.3}


def table_of(resource: str) -> Runs:
    """Thirty runs over three decades around the resource's reference, .4% off the curve."""
    reference = reference_of(resource)
    amounts = reference * np.geomspace(0.03, 30, 30)
    rng = np.random.default_rng(20261124)
    loss = bs.load_law("power-floor")(np, amounts, **TRUTH, x_ref=reference)
    loss = loss * np.exp(0.004 * rng.standard_normal(30))
    return Runs.from_frame(pd.DataFrame({resource: amounts, "loss": loss}))


@pytest.fixture(scope="module", autouse=True)
def compiled_once() -> None:
    bs.fit(bs.load_model("power-floor-plain"), table_of("tokens"), draws=50, chains=2)


@pytest.mark.parametrize("resource", ONE_RESOURCES)
def test_the_truth_is_found_at_the_resources_own_anchor(resource: str) -> None:
    spec, runs = bs.load_model("power-floor-plain"), table_of(resource)
    assert structure(stated_against(spec, runs), stated=False) in _compiled
    fit = bs.fit(spec, runs, draws=400, chains=2, seed=1)
    assert fit.model.inputs == (resource,)
    for name, value in TRUTH.items():
        low, high = np.quantile(fit.posterior[name], [0.005, 0.995])
        assert low < value < high, name
