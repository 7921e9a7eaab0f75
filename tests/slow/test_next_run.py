"""Candidates ranked from draws alone, and by really training, refitting and looking.

Six truths are drawn from the posterior; each simulates the loss of each of eight candidates with
the same noise score (common random numbers), the model is refitted to the table with that row
added, and the spread and the plan of the final run are read from the new posterior.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import bayes_scaling as bs
from bayes_scaling.decisions.final_run import FinalRun, losses_at
from bayes_scaling.decisions.information import lowest
from bayes_scaling.decisions.next_run import next_run
from bayes_scaling.evaluation.averaging import average
from bayes_scaling.inference.predict import curve_at
from bayes_scaling.runs.table import Runs
from tests.conftest import REPLICATION

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chinchilla")]
MODEL = "chinchilla-plain"
FINAL = 6 * 2e10 * 4e11
"""400 times the largest run of the table."""
SHARES, RATIOS = (3e-4, 3e-3, 3e-2, 0.3), (0.1, 4.0)
TRUTHS, DRAWS = 6, 500
SEED = 5
LEAST = 0.8


def test_ranking_agrees_with_refitting() -> None:
    rng = np.random.default_rng(SEED)
    N, D = (m.ravel() for m in np.meshgrid(np.geomspace(5e7, 1e9, 4), np.geomspace(1e9, 2e10, 4)))
    curve = bs.load_law("chinchilla")(np, N, D, **REPLICATION)
    loss = np.asarray(curve) * np.exp(0.004 * rng.standard_normal(N.size))
    frame = pd.DataFrame({"params": N, "tokens": D, "loss": loss})
    spec = bs.load_model(MODEL)
    fit = bs.fit(spec, Runs.from_frame(frame), seed=1)

    plan = next_run(fit, FINAL).plan
    share, ratio = (m.ravel() for m in np.meshgrid(SHARES, RATIOS, indexing="ij"))
    rows = pd.DataFrame(
        {
            "params": plan.params * np.sqrt(share / ratio),
            "tokens": plan.tokens * np.sqrt(share * ratio),
        }
    )
    found = next_run(fit, FINAL, rows).table.sort_index()

    final = {"params": np.array([plan.params]), "tokens": np.array([plan.tokens])}
    order = np.argsort(curve_at(fit, final).ravel())
    truths = order[((np.arange(TRUTHS) + 0.5) / TRUTHS * order.size).astype(int)]
    scores = rng.standard_t(5, size=TRUTHS)
    means = curve_at(fit, {name: rows[name].to_numpy() for name in rows}).reshape(-1, len(rows))
    sigma = fit.posterior["sigma"].values.ravel()
    variance, value = np.empty((2, TRUTHS, len(rows)))
    for i, j in enumerate(truths):
        for c in range(len(rows)):
            y = means[j, c] * np.exp(sigma[j] * scores[i])
            more = pd.concat([frame, rows.iloc[[c]].assign(loss=y)], ignore_index=True)
            after = bs.fit(spec, Runs.from_frame(more), draws=DRAWS, seed=2)
            as_planned = curve_at(after, final).ravel()
            expected = losses_at(average({"a": after}), FinalRun(FINAL), plan.sizes).mean(axis=0)
            variance[i, c] = np.log(as_planned).var()
            value[i, c] = as_planned.mean() - lowest(expected)

    sd = np.sqrt(variance.mean(axis=0))
    print("\n", found.assign(refitted_sd=sd, refitted_value=value.mean(axis=0)).to_string())
    assert spearmanr(sd, found["sd_after"]).statistic >= LEAST
    assert spearmanr(value.mean(axis=0), found["value_nats"]).statistic >= LEAST
    np.testing.assert_allclose(found["sd_after"], sd, rtol=0.15)
