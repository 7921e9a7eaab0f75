"""Leave-one-out by importance sampling against refits, and an outlier that only a refit scores."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.evaluation.left_out import left_out_density, refit_without
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.loo import STEADY_K, psis_loo
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import model_from_text
from tests.trust.left_out import FORMS, GADRE, TOLERANCE, exact_score, example, gadre, simulated

pytestmark = pytest.mark.slow
ROWS = 8
"""Rows of a table that are left out by refits, spread evenly over it."""


@pytest.mark.parametrize("law", FORMS)
@pytest.mark.parametrize("table", ["example", "simulated", "gadre"])
def test_good_khat_means_a_good_score(table: str, law: str, request: pytest.FixtureRequest) -> None:
    """To 0.1 where k-hat is at most .5; runs above it are refitted by `leave_one_out`.

    Between .5 and .7 scores are not steady: an outlying run of the simulated table is scored .16 to
    .39 with five seeds, its refits .22 to .27.
    """
    if table == "gadre":
        folder = request.getfixturevalue("shared_data")
        if not (folder / GADRE).is_file():
            pytest.skip(f"no {GADRE} in ../shared/data")
        runs = gadre(folder)
    else:
        runs = example() if table == "example" else simulated()
    fit = bs.fit(bs.load_model(law), runs)
    loo = psis_loo(fit)
    good = np.flatnonzero(loo.khat <= STEADY_K)
    assert len(good) > 0.5 * len(loo.khat)
    for row in good[:: max(1, len(good) // ROWS)]:
        exact, _ = exact_score(fit, row)
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
