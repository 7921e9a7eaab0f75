"""Errors in variables: tokens known to 15% only, and intervals that know it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from tests.conftest import REPLICATION

pytestmark = pytest.mark.slow
SD = 0.15
SEEDS = range(8)
UNKNOWNS = ("L_inf", "A", "alpha", "B", "beta")


def imputed(seed: int) -> pd.DataFrame:
    """Runs whose losses are those of other tokens than the table says; .2% noise beside it."""
    rng = np.random.default_rng(seed)
    params, tokens = 10 ** rng.uniform(7.7, 9.7, 60), 10 ** rng.uniform(9, 11, 60)
    loss = bs.load_law("chinchilla").curve(np, params, tokens, **REPLICATION)
    loss = loss * np.exp(0.002 * rng.standard_normal(60))
    stated = tokens * np.exp(SD * rng.standard_normal(60))
    return pd.DataFrame({"params": params, "tokens": stated, "loss": loss})


def test_errors_of_tokens_are_not_taken_for_the_curve(tmp_path: Path) -> None:
    path = tmp_path / "chinchilla-imputed.toml"
    path.write_text(bs.load_model("chinchilla-imputed").text.replace("sd = 0.03", f"sd = {SD}"))
    models = {"plain": bs.load_model("chinchilla-plain"), "imputed": bs.load_model(path)}
    inside, error, sigma = ({name: 0.0 for name in models} for _ in range(3))
    for seed in SEEDS:
        runs = bs.read_runs(imputed(seed))
        for name, model in models.items():
            fit = bs.fit(model, runs, seed=seed)
            assert fit.provenance["worst_rhat"] <= 1.01 and fit.provenance["attempts"] == 1
            for unknown in UNKNOWNS:
                low, middle, high = np.quantile(fit.posterior[unknown], [0.05, 0.5, 0.95])
                inside[name] += low < REPLICATION[unknown] < high
                error[name] += abs(np.log(middle / REPLICATION[unknown]))
            sigma[name] += float(fit.posterior["sigma"].median()) / len(SEEDS)
    assert inside["imputed"] >= 0.75 * len(SEEDS) * len(UNKNOWNS)
    assert error["imputed"] < 0.8 * error["plain"]
    assert sigma["imputed"] < 0.5 * sigma["plain"]  # what is left is the noise of the losses
