"""Backtests: of data from the model itself, and of hand-made posteriors without sampling."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bayes_scaling.errors import CheckError, InferenceError, UsageError
from bayes_scaling.evaluation import refit
from bayes_scaling.evaluation.backtest import RATIO_LABELS, Backtest, backtest
from bayes_scaling.evaluation.scores import QUANTILES, score_rows
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec, load_model
from tests.conftest import REPLICATION, ladder, make_fit

ROWS = 100
SIGMA, NU = 0.004, 5.0


def simulated(seed: int) -> Runs:
    """A hundred runs over four decades of compute, with noise of the default model."""
    rng = np.random.default_rng(seed)
    params, tokens = 10 ** rng.uniform(7.5, 9.8, ROWS), 10 ** rng.uniform(9, 11.5, ROWS)
    loss = load_model("chinchilla-plain").law.curve(np, params, tokens, **REPLICATION)
    loss = loss * np.exp(SIGMA * rng.standard_t(NU, ROWS))
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    return Runs.from_frame(frame, source="simulated")


@pytest.fixture(scope="module")
def runs() -> Runs:
    return simulated(20261126).hold_out(["row 5", "row 50"])


@pytest.fixture(scope="module")
def sampled(runs: Runs) -> Backtest:
    """Compiles once for this module."""
    return backtest("chinchilla-plain", runs, draws=200, seed=1)


def test_data_from_the_model_fall_into_its_intervals(sampled: Backtest) -> None:
    """Dependent rows, so with room: the 90% interval holds 80 to 98%, that of 50% 30 to 70%."""
    table = sampled.by_model.iloc[0]
    assert len(sampled.rows) == table["n"] >= 180
    assert 0.80 <= table["coverage90"] <= 0.98
    assert 0.30 <= table["coverage50"] <= 0.70
    assert abs(table["bias"]) < 0.01
    assert sampled.checks().verdict in ("ok", "warn")
    for record in sampled.provenance["fits"]:
        assert record["worst_rhat"] < 1.02


def test_the_same_seed_gives_the_same_rows_in_seconds(sampled: Backtest, runs: Runs) -> None:
    started = time.process_time()
    again = backtest("chinchilla-plain", runs, draws=200, seed=1)
    assert time.process_time() - started < 30.0
    pd.testing.assert_frame_equal(again.rows, sampled.rows)
    other = backtest("chinchilla-plain", runs, draws=200, seed=2, cuts=[0.5])
    assert not other.rows["q50"].isin(sampled.rows["q50"]).any()


def test_arguments_of_a_fit_are_refused_as_such(sampled: Backtest, runs: Runs) -> None:
    with pytest.raises(UsageError, match="draws = 3"):
        backtest("chinchilla-plain", runs, draws=3)


Sampled = list[tuple[str, Runs, int]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Sampled:
    """Replace sampling by hand-made posteriors around the truth; returns what was fitted."""
    calls: Sampled = []

    def sample(spec: ModelSpec, runs: Runs, *, seed: int, **_: Any) -> Fit:
        calls.append((spec.name, runs, seed))
        if spec.name == "product":
            raise InferenceError("the sampler stopped: on purpose")
        fit = make_fit("chinchilla-plain", REPLICATION, runs)
        return replace(fit, spec=replace(fit.spec, name=spec.name))

    monkeypatch.setattr(refit, "sample", sample)
    return calls


def test_rows_are_forecasts_of_the_larger_runs(made: Sampled, runs: Runs) -> None:
    found = backtest("chinchilla-plain", runs, seed=7, cuts=[0.5, 0.8])
    assert found.axis == "flops" and found.target == "loss"
    (_, trained, seed), *_ = made
    assert seed == 7
    rows = found.rows[found.rows["cut_quantile"] == 0.5].reset_index(drop=True)
    frame = runs.frame.set_index("run").loc[rows["run"]]
    compute = 6 * frame["params"] * frame["tokens"]
    largest = (6 * trained.fitted["params"] * trained.fitted["tokens"]).max()
    assert_allclose(rows["ratio"], compute / largest)
    assert (rows["trained"] == len(trained.fitted)).all()
    inputs = {name: frame[name].to_numpy() for name in ("params", "tokens")}
    fit = make_fit("chinchilla-plain", REPLICATION, trained)
    draws = predict_at(fit, inputs, seed=7)["loss_new"].values.reshape(1000, -1)
    expected = score_rows(draws, frame["loss"].to_numpy())
    pd.testing.assert_frame_equal(rows[expected.columns], expected)


def test_held_out_rows_are_never_fitted_and_scored_above(made: Sampled, runs: Runs) -> None:
    found = backtest("chinchilla-plain", runs)
    fitted = {name for _, trained, _ in made for name in trained.fitted["run"]}
    assert not {"row 5", "row 50"} & fitted
    for _, trained, _ in made:
        assert len(trained.frame) == ROWS
    assert {"row 5", "row 50"} & set(found.rows["run"])


def test_stated_errors_widen_a_forecast_and_small_ones_do_not(made: Sampled, runs: Runs) -> None:
    plain = backtest("chinchilla-plain", runs, cuts=[0.5])
    widths = {}
    for sd in (1e-6, 0.1):
        noisy = Runs.from_frame(runs.frame.assign(loss_sd=sd))
        rows = backtest("chinchilla-plain", noisy, cuts=[0.5]).rows
        widths[sd] = (rows["q95"] - rows["q05"]).mean()
    assert widths[1e-6] == pytest.approx((plain.rows["q95"] - plain.rows["q05"]).mean(), rel=0.01)
    assert widths[0.1] > 0.3


def test_skipped_cuts_and_models_are_listed(made: Sampled) -> None:
    runs = Runs.from_frame(ladder())
    found = backtest(["chinchilla-plain", "product"], runs, cuts=[0.1, 0.5])
    assert found.models == ("chinchilla-plain",)
    table = found.skipped.set_index(["model", "cut"])["reason"]
    low, high = sorted(found.skipped["cut"].unique())
    assert "fewer than 8" in table["chinchilla-plain", low]
    assert "fewer than 8" in table["product", low]
    assert table["product", high] == "the sampler stopped: on purpose"
    assert table["average", high] == "without product it is another average"
    with pytest.raises(CheckError) as fault:
        backtest("product", runs, cuts=[0.1, 0.5])
    assert "nothing could be backtested" in str(fault.value)
    assert "on purpose" in str(fault.value) and "fewer than 8" in str(fault.value)


def test_the_average_pools_draws_of_all_models(
    made: Sampled, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of draws at 0..999 and 5000..5999 the mixture has medians between the two blocks."""

    def draws_of_runs(fit: Fit, scored: Runs, *, seed: int) -> np.ndarray:
        start = 5000.0 if fit.spec.name == "skaling-plain" else 0.0
        return np.repeat(start + np.arange(1000.0)[:, None], len(scored), axis=1)

    monkeypatch.setattr(refit, "draws_of_runs", draws_of_runs)
    found = backtest(["chinchilla-plain", "skaling-plain"], runs, cuts=[0.5])
    assert found.models == ("chinchilla-plain", "skaling-plain", "average")
    pooled = np.concatenate([np.arange(0.0, 1000, 2), np.arange(5001.0, 6000, 2)])
    row = found.of_model().iloc[0]
    assert row["model"] == "average"
    assert_allclose(row[list(QUANTILES)].astype(float), np.quantile(pooled, [*QUANTILES.values()]))


def test_groups_without_a_small_run_are_forecast_as_new(grouped_fit: Fit) -> None:
    table = grouped_fit.runs.frame.copy()
    scored = Runs.from_frame(table.assign(group=["a"] * 18 + ["never seen"] * 18))
    draws = refit.draws_of_runs(grouped_fit, scored)
    assert draws.shape == (1000, 36) and np.isfinite(draws).all()
    width = np.ptp(np.quantile(draws, (0.05, 0.95), axis=0), axis=0) / scored.frame["loss"]
    assert width[18:].mean() > width[:18].mean()


def test_heavy_tails_leave_numbers(runs: Runs) -> None:
    """With nu of 0.3 some draws overflow: no warning, and finite scores."""
    fit = make_fit("chinchilla-plain", REPLICATION, runs)
    heavy = fit.posterior.assign(nu=fit.posterior["nu"] * 0 + 0.3)
    draws = refit.draws_of_runs(replace(fit, posterior=heavy), runs)
    assert draws.max() == refit.LARGEST
    rows = score_rows(draws, runs.fitted["loss"].to_numpy())
    assert np.isfinite(rows["crps"]).all()


def hand_made(ratios: list[float], hits: list[bool], models: tuple[str, ...] = ("m",)) -> Backtest:
    """Scored rows with chosen ratios, of which some fell into all intervals and others in none."""
    observed = np.where(hits, 2.0, 3.0)
    draws = np.repeat(np.linspace(1.9, 2.1, 101)[:, None], len(hits), axis=1)
    rows = score_rows(draws, observed)
    place = {"cut": 1e20, "cut_quantile": 0.5, "trained": 9, "ratio": ratios}
    names = [f"r{i}" for i in range(len(hits))]
    each = [rows.assign(model=m, run=names, **place) for m in models]
    skipped = pd.DataFrame(columns=["model", "cut", "reason"])
    provenance = {"fits": [{"model": "m", "cut": 1e20, "worst_rhat": 1.0, "worst_ess": 900.0}]}
    return Backtest(pd.concat(each, ignore_index=True), skipped, "flops", "loss", provenance)


def test_scores_by_extrapolation() -> None:
    found = hand_made([1.5, 3.0, 9.9, 2.0, 500.0], [True, False, True, True, False])
    table = found.scores.set_index("ratio_bin")
    assert list(table.index) == ["1-3x", "3-10x", "over 100x"]
    assert set(table.index) <= set(RATIO_LABELS)
    assert table["n"].tolist() == [2, 2, 1]
    assert table["coverage90"].tolist() == [1.0, 0.5, 0.0]
    assert found.by_model.loc[0, "n"] == 5


def test_nearest_rows_speak_for_a_forecast() -> None:
    found = hand_made([1.5, 2.5, 20.0, 25.0], [True, True, True, False])
    assert found.nearest(2.0)["run"].tolist() == ["r0", "r1"]
    assert found.coverage_of(10.0) == (1, 2)
    assert found.coverage_of(1000.0, 0.5) == (1, 2)  # farther than all: the farthest bin
    assert found.coverage_of(0.01) == (2, 2)
    for ratio in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="above 0"):
            found.nearest(ratio)
    with pytest.raises(UsageError, match=r"count 0\.5, 0\.8, 0\.9, 0\.95"):
        found.coverage_of(2.0, 0.99)


def test_which_model_is_meant() -> None:
    several = hand_made([2.0], [True], ("a", "b"))
    with pytest.raises(UsageError, match="this backtest scored a, b; name one"):
        several.nearest(2.0)
    assert len(several.nearest(2.0, model="b")) == 1
    with pytest.raises(UsageError, match="scored a, b"):
        several.of_model("c")


@pytest.mark.parametrize(
    ("hits", "n", "verdict"),
    [(9, 10, "ok"), (8, 10, "ok"), (7, 10, "warn"), (6, 10, "fail"), (0, 4, "warn"), (4, 4, "ok")],
)
def test_verdicts(hits: int, n: int, verdict: str) -> None:
    found = hand_made([2.0] * n, [i < hits for i in range(n)])
    coverage, sampling = found.checks().rows
    assert coverage.verdict == verdict
    assert coverage.value == f"{hits} of {n}"
    assert sampling.verdict == "ok"


def test_faults_of_the_sampler_warn() -> None:
    found = hand_made([2.0], [True])
    bad = {"model": "m", "cut": 1e20, "worst_rhat": 1.2, "worst_ess": 900.0}
    row = replace(found, provenance={"fits": [bad]}).checks().rows[-1]
    assert row.verdict == "warn"
    assert "1 of 1 with faults, such as m at 1e+20: R-hat 1.200" in str(row)


def test_models_that_cannot_be_scored_side_by_side(runs: Runs) -> None:
    with pytest.raises(UsageError, match="name at least one"):
        backtest([], runs)
    with pytest.raises(UsageError, match="each once"):
        backtest(["chinchilla-plain", "chinchilla-plain"], runs)
    by_size = load_model("power-floor-plain", resource="params")
    with pytest.raises(UsageError, match="power-floor-plain extrapolate along params"):
        backtest(["chinchilla-plain", by_size], runs)
    with pytest.raises(UsageError, match="explains the accuracy; the table has no column"):
        backtest(load_model("direct-accuracy", resource="params"), runs)
    with pytest.raises(UsageError, match="along loss, which does not grow with a run"):
        backtest("accuracy-sigmoid", runs)
    with pytest.raises(UsageError, match="in this order"):
        backtest("chinchilla-plain", runs.frame)  # type: ignore[arg-type]
