"""Checkpoints of one run are correlated: the run effect widens intervals to where they cover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.predict import log_likelihood, normal_scores, posterior_predictive
from tests.conftest import REPLICATION

pytestmark = pytest.mark.slow
SEEDS = range(8)
BETWEEN, WITHIN = 0.01, 0.003


def ten_runs(seed: int) -> pd.DataFrame:
    """Ten runs of eight checkpoints each; 1% between runs, .3% within."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, params in enumerate(np.geomspace(5e7, 5e9, 10)):
        effect = BETWEEN * rng.standard_normal()
        for tokens in params * np.geomspace(3, 100, 8) * np.exp(0.3 * rng.standard_normal()):
            curve = bs.load_law("chinchilla").curve(np, params, tokens, **REPLICATION)
            scatter = effect + WITHIN * rng.standard_normal()
            rows.append((f"run {i}", params, tokens, float(curve) * np.exp(scatter)))
    return pd.DataFrame(rows, columns=["run", "params", "tokens", "loss"])


def test_intervals_are_wider_and_cover() -> None:
    inside: dict[str, int] = {"chinchilla-plain": 0, "chinchilla-checkpoints": 0}
    for seed in SEEDS:
        runs = bs.read_runs(ten_runs(seed), checkpoints="all")
        assert len(runs.fitted) == 80
        widths = {}
        for name in inside:
            fit = bs.fit(bs.load_model(name), runs, seed=seed)
            low, high = np.quantile(fit.posterior["L_inf"], [0.05, 0.95])
            inside[name] += low < REPLICATION["L_inf"] < high
            widths[name] = high - low
            warned = [r for r in bs.check(fit).rows if r.name == "table I008"]
            assert len(warned) == (name == "chinchilla-plain")
            assert all("chinchilla-checkpoints" in r.advice for r in warned)
        assert widths["chinchilla-checkpoints"] > 1.2 * widths["chinchilla-plain"]
        assert fit.provenance["worst_rhat"] <= 1.01 and fit.provenance["attempts"] == 1
        low, high = np.quantile(fit.posterior["run_effect"], [0.005, 0.995])
        assert low < BETWEEN < high
    assert inside["chinchilla-checkpoints"] >= 6  # of 8 at 90%: fewer has probability .04
    assert inside["chinchilla-plain"] <= 4
    # given its run's effect, a row scatters as rows within a run do
    gaps = np.log(posterior_predictive(fit)) - np.log(runs.fitted["loss"].to_numpy())
    assert float(np.sqrt((gaps**2).mean())) < 2.5 * WITHIN
    assert np.abs(normal_scores(fit)).mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.2)
    dense = log_likelihood(fit).mean() + np.log(runs.fitted["loss"]).mean()
    assert float(dense) == pytest.approx(-np.log(WITHIN * np.sqrt(2 * np.pi * np.e)), abs=0.4)
