"""Leave-one-out by importance sampling against refits, and an outlier that only a refit scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.evaluation.left_out import left_out_density, refit_without
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.loo import STEADY_K, psis_loo
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import model_from_text
from tests.conftest import ladder

pytestmark = pytest.mark.slow
LAWS = ("chinchilla-plain", "skaling-plain", "kaplan-plain")
TOLERANCE = 0.1
ROWS = 8
"""Rows of a table that are left out by refits, spread evenly over it."""


def example() -> Runs:
    return bs.read_runs(bs.example_path()).select(train_dataset="rpj")


def simulated() -> Runs:
    rng = np.random.default_rng(20261124)
    table = ladder()
    scatter = 0.005 * rng.standard_t(5, len(table))
    return Runs.from_frame(table.assign(loss=table["loss"] * np.exp(scatter)))


def gadre(folder: Path) -> Runs:
    path = folder / "gadre_overtraining.csv"
    if not path.is_file():
        pytest.skip("no gadre_overtraining.csv in ../shared/data")
    table = pd.read_csv(path)
    table = table[(table["train_dataset"] == "c4_original") & (table["eval_set"] == "c4_val")]
    return bs.read_runs(table, columns={"run": "run_id"})


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("table", ["example", "simulated", "gadre"])
def test_good_khat_means_a_good_score(table: str, law: str, request: pytest.FixtureRequest) -> None:
    """To 0.1 where k-hat is at most .5; runs above it are refitted by `leave_one_out`.

    Between .5 and .7 scores are not steady: an outlying run of the simulated table is scored .16 to
    .39 with five seeds, its refits .22 to .27.
    """
    if table == "gadre":
        runs = gadre(request.getfixturevalue("shared_data"))
    else:
        runs = example() if table == "example" else simulated()
    fit = bs.fit(bs.load_model(law), runs)
    loo = psis_loo(fit)
    good = np.flatnonzero(loo.khat <= STEADY_K)
    assert len(good) > 0.5 * len(loo.khat)
    for row in good[:: max(1, len(good) // ROWS)]:
        density = left_out_density(refit_without(fit, row, draws=1000), runs, row).ravel()
        exact = np.logaddexp.reduce(density) - np.log(density.size)
        assert abs(loo.scores[row] - exact) <= TOLERANCE, (row, loo.khat[row])


def test_an_outlier_is_scored_by_a_refit() -> None:
    """Under normal noise a run 3.5% off is beyond importance sampling; the truth by 32,000 draws.

    Further off, refits of 8,000 draws differ by more than the tolerance: at 6%, by 1.4 from seed to
    seed.
    """
    table = simulated().frame.drop(columns=["held_out", "file_line"])
    table.loc[14, "loss"] *= 1.035
    robust = bs.load_model("chinchilla-plain")
    head, _, _ = robust.text.partition("[noise.nu]")
    normal = model_from_text(head.replace('kind = "student_t"', 'kind = "normal"'), "normal")
    runs = Runs.from_frame(table)
    fits: dict[str, Fit] = {"normal": bs.fit(normal, runs), "robust": bs.fit(robust, runs)}
    found = bs.compare(fits)
    assert found.khat.sel(model="normal").values[14] > 0.7
    assert found.table["exact_refits"]["normal"] >= 1
    density = left_out_density(refit_without(fits["normal"], 14, draws=8000), runs, 14)
    truth = np.logaddexp.reduce(density.ravel()) - np.log(density.size)
    score = float(found.pointwise.sel(model="normal").values[14])
    assert score == pytest.approx(truth, abs=1.0)
    assert found.table.index[0] == "robust" and found.weights["robust"] > 0.9
