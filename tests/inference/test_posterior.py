"""Sampled posteriors: public tables against published values, simulated truth, PyMC itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference import machine_code
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.graph import OBSERVED
from bayes_scaling.runs.table import Runs
from tests.conftest import ladder

OUTLIERS = tuple(f"svg00{i}" for i in range(5))
"""The five rows that Besiroglu et al. 2024 drop."""
PUBLISHED = {
    "alpha": 0.3478, "beta": 0.3658, "L_inf": 1.8172, "A_at_1": 482.0, "B_at_1": 2085.0, "a": 0.513,
}  # fmt: skip
GOLDEN_PLAN = pd.DataFrame({"params": [7e9, 7e10], "tokens": [1.4e11, 1.4e12]})


@pytest.fixture(scope="module")
def points(shared_data: Path) -> Runs:
    return bs.read_runs(shared_data / "chinchilla_epoch.csv", columns={"run": "run_id"})


@pytest.fixture(scope="module")
def fits(points: Runs) -> list[Fit]:
    spec = bs.load_model("chinchilla-plain")
    return [bs.fit(spec, points, seed=seed) for seed in range(5)]


@pytest.mark.parametrize("seed", range(5))
def test_chinchilla_points_give_the_published_values(fits: list[Fit], seed: int) -> None:
    table = fits[seed].summary()
    for name, value in PUBLISHED.items():
        assert table.loc[name, "q05"] <= value <= table.loc[name, "q95"], name
    assert table["rhat"].max() <= 1.01
    assert table[["ess_bulk", "ess_tail"]].min().min() >= 1600
    assert int(fits[seed].sampling["diverging"].sum()) == 0
    assert fits[seed].provenance["attempts"] == 1


def test_five_outliers_move_beta_by_less_than_one_sd(points: Runs, fits: list[Fit]) -> None:
    without = bs.fit(bs.load_model("chinchilla-plain"), points.hold_out(OUTLIERS))
    assert len(without.runs.fitted) == 240
    all_rows, fewer = fits[0].summary().loc["beta"], without.summary().loc["beta"]
    assert abs(all_rows["mean"] - fewer["mean"]) < min(all_rows["sd"], fewer["sd"])


def test_tokens_per_parameter_at_chinchillas_budget(fits: list[Fit]) -> None:
    found = bs.allocate(fits[0], [5.76e23]).quantiles([0.5], of="tokens_per_param")
    assert 14 < found.loc[0, 0.5] < 26


def test_a_second_table_does_not_compile(points: Runs, tmp_path: Path) -> None:
    """Time from table to posterior: the second at most a quarter of the first."""
    code = (
        "import sys, time, bayes_scaling as bs\n"
        "spec, seconds = bs.load_model('chinchilla-plain'), []\n"
        "for cut in (None, 1e21):\n"
        "    start = time.perf_counter()\n"
        "    runs = bs.read_runs(sys.argv[1], columns={'run': 'run_id'})\n"
        "    bs.fit(spec, runs if cut is None else runs.train_below(cut))\n"
        "    seconds.append(time.perf_counter() - start)\n"
        "print(*seconds)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, points.source],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ) | {machine_code.FOLDER: str(tmp_path)},
    )
    first, second = map(float, done.stdout.split())
    assert second <= first / 4, done.stdout


def test_same_seed_in_two_processes(tmp_path: Path) -> None:
    """Identical files, byte for byte, from two processes; another seed gives others."""
    code = (
        "import sys, bayes_scaling as bs\n"
        "runs = bs.read_runs(bs.example_path()).select(train_dataset='rpj')\n"
        "bs.fit(bs.load_model('chinchilla-plain'), runs, seed=int(sys.argv[2])).save(sys.argv[1])\n"
    )
    files = []
    for name, seed in (("a.nc", "5"), ("b.nc", "5"), ("c.nc", "6")):
        path = tmp_path / name
        subprocess.run([sys.executable, "-c", code, str(path), seed], check=True, cwd=tmp_path)
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]


def test_forecast_is_pymcs_own_posterior_predictive(fits: list[Fit]) -> None:
    """Quantiles of `loss_new` against `pm.sample_posterior_predictive` at new points."""
    from bayes_scaling.inference.backend import import_pymc

    pm = import_pymc()
    fit = fits[0]
    n, d = (GOLDEN_PLAN[c].to_numpy() for c in ("params", "tokens"))
    with pm.Model():  # the same curve and noise, over the unknowns instead of free coordinates
        unknowns = {name: pm.Flat(name) for name in map(str, fit.posterior)}
        curve = fit.model.law.curve(
            pm.math, n, d, **{k: unknowns[k] for k in fit.model.law.unknowns}, **fit.model.numbers
        )
        center = fit.model.noise.to_scale(pm.math, curve)
        fit.model.noise.observe(pm, OBSERVED, center, np.zeros(2), unknowns, np.zeros(2))
        theirs = pm.sample_posterior_predictive(
            fit.posterior, random_seed=1, progressbar=False, var_names=[OBSERVED]
        )
    ours = bs.forecast(fit, GOLDEN_PLAN, seed=2)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    log_losses = theirs["posterior_predictive"][OBSERVED].to_numpy().reshape(-1, 2)
    expected = np.exp(np.quantile(log_losses, levels, axis=0)).T
    found = ours.quantiles(levels).to_numpy()
    width = (expected[:, -1] - expected[:, 0])[:, None]
    # two independent samples of 4,000: a 5% quantile has a standard error near 2% of the width
    assert (np.abs(found - expected) < 0.06 * width).all()


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        (
            "skaling-plain",
            {"L_inf": 1.6, "S": 0.8, "w": 0.5, "alpha": 0.34, "beta": 0.36, "k": 0.8},
        ),
        ("kaplan-plain", {"S": 2.4, "w": 0.7, "p": 0.74, "k": 0.1}),
        ("power-floor-plain", {"L_inf": 1.7, "A": 0.5, "alpha": 0.3}),
    ],
)  # fmt: skip
def test_simulated_truth_is_recovered(model: str, truth: dict[str, float]) -> None:
    """Truth inside the 99% interval of each unknown, chains mixed, one attempt."""
    spec = bs.load_model(model, resource="tokens" if model.startswith("power") else None)
    grid = np.meshgrid(np.geomspace(2e7, 3e9, 7), np.geomspace(5e8, 1e11, 7))
    table = pd.DataFrame({"params": grid[0].ravel(), "tokens": grid[1].ravel()})
    inputs = tuple(table[c].to_numpy() for c in spec.inputs)
    rng = np.random.default_rng(20261124)
    table["loss"] = spec.curve(np, inputs, truth) * np.exp(0.004 * rng.standard_t(5, 49))
    fit = bs.fit(spec, bs.read_runs(table[[*spec.inputs, "loss"]]))
    for name, value in truth.items():
        low, high = np.quantile(fit.posterior[name], [0.005, 0.995])
        assert low < value < high, name
    table = fit.summary()
    assert table["rhat"].max() <= 1.01
    assert table[["ess_bulk", "ess_tail"]].min().min() >= 400
    assert fit.provenance["attempts"] == 1
    assert bs.check(fit).verdict != "fail"


def test_arguments_are_checked(points: Runs) -> None:
    spec = bs.load_model("chinchilla-plain")
    for wrong in ({"draws": 49}, {"chains": 1}, {"seed": -1}, {"seed": 2**32}, {"seed": 1.0}):
        with pytest.raises(UsageError, match="a whole number from"):
            bs.fit(spec, points, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="in this order"):
        bs.fit(points, spec)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"choose one.*--resource"):
        bs.fit(bs.load_model("power-floor-plain"), points)
    only_tokens = bs.read_runs(points.to_frame()[["tokens", "loss"]])
    with pytest.raises(UsageError, match="params"):
        bs.fit(spec, only_tokens)


def test_few_draws_are_quick_and_say_so(points: Runs, fits: list[Fit]) -> None:
    start = time.perf_counter()
    fit = bs.fit(bs.load_model("chinchilla-plain"), points, draws=50, chains=2)
    assert fit.posterior.sizes == {"chain": 2, "draw": 50}
    assert time.perf_counter() - start < 30
    assert bs.check(fit).verdict == "fail"  # a hundred draws are not 400 effective ones


def test_a_table_too_long_to_fit_is_refused_with_advice(
    points: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_scaling.inference.sampling.MOST_ROWS", 20)
    with pytest.raises(UsageError, match="rows to fit, at most 20: keep the last checkpoint"):
        bs.fit(bs.load_model("chinchilla-plain"), points)


def test_fewer_than_five_rows_are_not_fitted() -> None:
    runs = bs.read_runs(ladder())
    few = runs.hold_out_rows(range(4, len(runs.fitted)))
    with pytest.raises(UsageError, match="4 rows to fit: fewer than 5"):
        bs.fit(bs.load_model("kaplan-plain"), few)
