"""Drift and growth in a fit: forecasts beyond the runs, splits, and what the table says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import curve_at, law_at, log_likelihood, predict_at
from tests.conftest import REPLICATION, make_fit, make_grouped_fit

LARGEST = 6 * 5e9 * 1e11
"""Compute of the largest run of the ladder."""


@pytest.fixture(scope="module")
def drifting() -> Fit:
    return make_fit("chinchilla", REPLICATION)


def plan(*ratios: float) -> dict[str, np.ndarray]:
    size = np.sqrt(np.array(ratios))
    return {"params": 5e9 * size, "tokens": 1e11 * size}


def test_drift_multiplies_the_law_beyond_the_largest_run_only(drifting: Fit) -> None:
    at = plan(0.5, 1.0, 10.0, 100.0)
    bend = np.log(curve_at(drifting, at) / law_at(drifting, at))
    assert not bend[..., :2].any() and (bend[..., 2:] != 0).all()
    sd = bend.std(axis=(0, 1))
    assert sd[3] / sd[2] == pytest.approx(2**2, rel=1e-6)
    assert np.corrcoef(bend[..., 2].ravel(), bend[..., 3].ravel())[0, 1] > 0.8  # one for each draw


def test_the_same_bend_from_call_to_call_and_another_with_another_seed(drifting: Fit) -> None:
    far = curve_at(drifting, plan(10.0, 100.0))
    np.testing.assert_array_equal(curve_at(drifting, plan(10.0)), far[..., :1])
    other = replace(drifting, provenance={**drifting.provenance, "seed": 1})
    assert (curve_at(other, plan(10.0)) != far[..., :1]).all()


def test_drift_widens_losses_and_leaves_the_split_to_the_law(drifting: Fit) -> None:
    plain = replace(drifting, spec=replace(drifting.spec, drift=None))
    budget = [10 * LARGEST, 100 * LARGEST]
    with_drift, without = bs.allocate(drifting, budget), bs.allocate(plain, budget)
    for name in ("params", "tokens"):
        np.testing.assert_array_equal(with_drift.draws[name], without.draws[name])
    wide, narrow = (a.quantiles([0.05, 0.95], of="loss") for a in (with_drift, without))
    assert ((wide[0.95] - wide[0.05]) > (narrow[0.95] - narrow[0.05])).all()
    np.testing.assert_allclose(with_drift.robust["params"], without.robust["params"], rtol=0.05)


def test_smaller_runs_scatter_more(drifting: Fit) -> None:
    """growth .1 per e-fold: sigma at a thousandth of the largest run is twice that at it."""
    many = {k: np.repeat(v, 400) for k, v in plan(1.0, 1e-3).items()}
    drawn = predict_at(drifting, many, seed=3)
    gap = np.log(drawn["loss_new"] / drawn["loss_mean"]).to_numpy().reshape(1000, 2, 400)
    near, far = (np.median(np.abs(gap[:, i])) for i in (0, 1))
    assert far / near == pytest.approx(1000**0.1, rel=0.03)


def test_the_table_is_explained_without_drift_and_with_growth(drifting: Fit) -> None:
    p, runs = drifting.posterior, drifting.runs
    C = 6 * runs.resource("params") * runs.resource("tokens")
    sigma = (p["sigma"] * (C.max() / C[7]) ** p["growth"]).to_numpy()
    curve = law_at(drifting, {k: runs.resource(k)[[7]] for k in ("params", "tokens")})[..., 0]
    unknowns = {"sigma": sigma, "nu": p["nu"].to_numpy()}
    by_hand = drifting.model.noise.log_density(drifting.observed[7], curve, 0.0, unknowns)
    np.testing.assert_allclose(log_likelihood(drifting)[..., 7], by_hand, rtol=1e-10)


def test_each_group_drifts_beyond_its_own_largest_run() -> None:
    fit = make_grouped_fit()
    groups = fit.runs.fitted["group"]
    largest = {g: fit.runs.fitted.loc[groups == g].eval("6 * params * tokens").max() for g in "abc"}
    assert len(set(largest.values())) > 1
    at = pd.DataFrame({"group": list("abc"), "params": 3e9, "tokens": 1e11})
    whole = bs.forecast(fit, at).draws["loss_mean"]
    for i, name in enumerate("abc"):
        one = bs.forecast(fit.at_group(name), at.drop(columns="group").iloc[[i]])
        np.testing.assert_array_equal(one.draws["loss_mean"][..., 0], whole[..., i])
