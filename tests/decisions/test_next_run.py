"""The next run, on hand-made posteriors: what it tells, what it is worth, when to stop."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.candidates import MOST
from bayes_scaling.decisions.final_run import (
    FinalRun,
    losses_at,
    outlook_of,
    plan_of,
    worth_of,
)
from bayes_scaling.decisions.information import lowest
from bayes_scaling.decisions.next_run import NextRun, next_run
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.evaluation.averaging import average
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import curve_at, law_at
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.noise import Noise
from tests.conftest import REPLICATION, ladder, make_fit, make_grouped_fit, posterior_around

FINAL = 1e23
SKALING = {"L_inf": 1.76, "S": 0.77, "w": 0.49, "alpha": 0.40, "beta": 0.41, "k": 0.81}
COLUMNS = [
    "params", "tokens", "flops", "usd", "share_of_final", "sd_now", "sd_after", "shrink",
    "value_nats", "value_usd", "net_usd", "effective_draws",
]  # fmt: skip
TWO = pd.DataFrame({"params": [1e9, 5e9], "tokens": [2e10, 4e11]})


def with_draws(fit: Fit, *, spread: float, draws: int = 1000, **values: float) -> Fit:
    """The fit with a posterior of another width, and normal noise."""
    sigma = values.pop("sigma", 0.004)
    noise = Noise("normal", "log", {"sigma": fit.spec.noise.priors["sigma"]})
    posterior = posterior_around({**REPLICATION, **values}, spread=spread, draws=draws)
    posterior["sigma"] = posterior["alpha"] * 0 + sigma
    return replace(fit, spec=replace(fit.spec, noise=noise), posterior=posterior)


@pytest.fixture(scope="module")
def found(chinchilla_fit: Fit) -> NextRun:
    return next_run(chinchilla_fit, FINAL, budget=2e22)


def test_shrinkage_is_that_of_a_linear_gaussian_posterior(chinchilla_fit: Fit) -> None:
    """Narrow draws make every log loss linear and normal: the variance left is known."""
    fit = with_draws(chinchilla_fit, spread=0.002, sigma=0.001)
    answer = next_run(fit, FINAL, TWO).table
    logs = np.log(curve_at(fit, {n: TWO[n].to_numpy() for n in TWO}).reshape(-1, 2))
    plan = next_run(fit, FINAL, TWO).plan
    final = {"params": np.array([plan.params]), "tokens": np.array([plan.tokens])}
    q = np.log(curve_at(fit, final).ravel())
    for c in range(2):
        cov = np.cov(logs[:, c], q)
        after = np.sqrt(cov[1, 1] - cov[0, 1] ** 2 / (cov[0, 0] + 0.001**2))
        assert answer.loc[c, "sd_after"] == pytest.approx(after, rel=0.04)
        assert answer.loc[c, "sd_now"] == pytest.approx(np.sqrt(cov[1, 1]), rel=1e-3)


def test_the_table_says_what_each_run_is_and_costs(found: NextRun, chinchilla_fit: Fit) -> None:
    table, plan = found.table, found.plan
    assert list(table.columns) == COLUMNS and len(table) == 16
    assert set(table.index) == set(range(16))
    np.testing.assert_allclose(table["flops"], 6 * table["params"] * table["tokens"])
    np.testing.assert_allclose(table["usd"], bs.Cost().usd(table["flops"].to_numpy()))
    np.testing.assert_allclose(table["share_of_final"], table["flops"] / FINAL)
    shares = np.unique(table["share_of_final"].round(9))
    np.testing.assert_allclose(shares, np.geomspace(0.01, 0.3, 4), rtol=1e-6)
    ratios = (table["tokens"] / table["params"]) / (plan.tokens / plan.params)
    np.testing.assert_allclose(np.unique(ratios.round(9)), np.geomspace(0.25, 4, 4), rtol=1e-6)
    np.testing.assert_allclose(table["sd_after"], table["sd_now"] * (1 - table["shrink"]))
    np.testing.assert_allclose(table["net_usd"], table["value_usd"] - table["usd"])
    assert (table["shrink"].diff().dropna() <= 0).all()
    assert (table["shrink"] > 0).all() and (table["value_nats"] >= 0).all()
    pd.testing.assert_frame_equal(found.to_frame(), table)
    again = next_run(chinchilla_fit, FINAL, budget=2e22)
    pd.testing.assert_frame_equal(again.table, table)
    other = next_run(chinchilla_fit, FINAL, seed=1).table
    assert not other["sd_after"].sort_index().equals(table["sd_after"].sort_index())
    np.testing.assert_allclose(
        other["sd_after"].sort_index(), table["sd_after"].sort_index(), rtol=0.1
    )


def test_the_plan_is_the_robust_one_and_value_stays_below_its_regret(
    found: NextRun, chinchilla_fit: Fit
) -> None:
    robust = bs.allocate(chinchilla_fit, [FINAL]).robust.iloc[0]
    assert found.plan.params == pytest.approx(robust["params"], rel=5e-3)
    assert found.plan.loss == pytest.approx(robust["loss"], abs=1e-8)
    assert found.plan.regret == pytest.approx(robust["regret_mean"], rel=0.02)
    assert (found.table["value_nats"] < found.plan.regret).all()


def test_money_is_the_compute_that_lowers_the_loss_as_much(chinchilla_fit: Fit) -> None:
    mixed, run = average({"a": chinchilla_fit}), FinalRun(FINAL)
    plan = plan_of(mixed, run)
    worth = worth_of(mixed, run, plan)
    added = float(worth(np.array([1e-4]))[0])
    more = bs.allocate(chinchilla_fit, [FINAL, FINAL + added]).robust["loss"]
    assert more[0] - more[1] == pytest.approx(1e-4, rel=0.02)
    assert worth(np.array([0.0]))[0] == 0
    assert (np.diff(worth(np.geomspace(1e-6, 1, 30))) > 0).all()


def test_a_lifetime_is_split_between_training_and_serving(chinchilla_fit: Fit) -> None:
    served = 5e12
    found = next_run(chinchilla_fit, 1e24, serve_tokens=served)
    plan = found.plan
    assert plan.flops + 2 * plan.params * served == pytest.approx(1e24)
    sizes = np.geomspace(plan.params / 10, plan.params * 5, 4001)
    sizes = sizes[1e24 / sizes > 2 * served]
    inputs = {"params": sizes, "tokens": (1e24 / sizes - 2 * served) / 6}
    expected = curve_at(chinchilla_fit, inputs).mean(axis=(0, 1))
    assert plan.loss <= expected.min() + 1e-7
    assert plan.params == pytest.approx(sizes[expected.argmin()], rel=0.02)
    assert plan.params < next_run(chinchilla_fit, 1e24).plan.params
    np.testing.assert_allclose(found.table["flops"], plan.flops * found.table["share_of_final"])
    assert found.table["share_of_final"].max() == pytest.approx(0.3)


def test_stop_when_runs_cost_too_much_and_go_on_when_they_are_free(chinchilla_fit: Fit) -> None:
    for by in ("regret", "uncertainty"):
        dear = next_run(chinchilla_fit, FINAL, TWO.assign(usd=1e12), by=by)  # type: ignore[arg-type]
        assert dear.stop and dear.verdict.startswith("Stop: the next run is not worth it.")
        assert (dear.table["net_usd"] < 0).all()
        free = next_run(chinchilla_fit, FINAL, TWO.assign(usd=0.0), by=by)  # type: ignore[arg-type]
        assert not free.stop and free.verdict.startswith("Next: ")
        assert (free.table["net_usd"] > 0).all()
    assert "The forecast gains most from 5B params on 400B tokens" in free.verdict


def test_ranking_by_regret_is_by_net_money(chinchilla_fit: Fit) -> None:
    rows = TWO.assign(usd=[0.0, 1e6])
    regret, sure = (next_run(chinchilla_fit, FINAL, rows, by=b) for b in ("regret", "uncertainty"))  # type: ignore[arg-type]
    assert regret.best is not None and sure.best is not None
    assert regret.best.name == 0 and regret.best["net_usd"] > 0
    assert sure.best.name == int(sure.table["shrink"].idxmax()) == 1
    assert regret.verdict.startswith("Next: 1B params on 20B tokens.")


def test_a_far_noisier_place_tells_less() -> None:
    """Noise grows below the largest run: the same posterior learns less there."""
    fit = make_fit("chinchilla", {**REPLICATION})
    steep = fit.posterior.assign(growth=fit.posterior["growth"] * 0 + 1.0)
    flat = fit.posterior.assign(growth=fit.posterior["growth"] * 0 + 1e-6)
    at = pd.DataFrame({"params": [1e8], "tokens": [2e9]})
    noisy, calm = (next_run(replace(fit, posterior=p), FINAL, at).table for p in (steep, flat))
    assert noisy["shrink"][0] < 0.3 * calm["shrink"][0]
    assert noisy["value_nats"][0] < calm["value_nats"][0]


def test_outcomes_beyond_the_runs_carry_their_drift() -> None:
    fit = make_fit("chinchilla", REPLICATION)
    fit = replace(fit, posterior=fit.posterior.assign(sigma=fit.posterior["sigma"] * 0 + 1e-9))
    mixed, run = average({"a": fit}), FinalRun(1e25)
    at = pd.DataFrame({"params": [1e9, 5e10], "tokens": [1e10, 1e12]})
    inputs = {name: at[name].to_numpy() for name in at}
    seen = outlook_of(mixed, run, plan_of(mixed, run), at, 0).outcomes
    curve, law = (np.log(f(fit, inputs)).reshape(-1, 2) for f in (curve_at, law_at))
    np.testing.assert_allclose(seen, curve, atol=1e-7)
    np.testing.assert_allclose(seen[:, 0], law[:, 0], atol=1e-7)
    assert np.std(seen[:, 1] - law[:, 1]) > 1e-6


def test_an_average_is_read_draw_by_draw_of_its_own_law(chinchilla_fit: Fit) -> None:
    other = make_fit("skaling-plain", SKALING)
    fits = {"chinchilla-plain": chinchilla_fit, "skaling-plain": other}
    alone = next_run(chinchilla_fit, FINAL, TWO).table
    all_of_one = average(fits, {"chinchilla-plain": 1.0, "skaling-plain": 0.0})
    pd.testing.assert_frame_equal(next_run(all_of_one, FINAL, TWO).table, alone)
    both = next_run(fits, FINAL, TWO)
    run = FinalRun(FINAL)
    half = average(fits)
    curves = losses_at(half, run, both.plan.sizes)
    members = half.members().ravel()
    for place, fit in enumerate(fits.values()):
        own = losses_at(average({"x": fit}), run, both.plan.sizes)
        np.testing.assert_array_equal(curves[members == place], own[members == place])
    assert both.plan.regret == pytest.approx(
        curves.mean(axis=0).min() - float(lowest(curves).mean()), abs=2e-6
    )
    assert set(both.provenance["models"]) == set(fits)
    assert (both.table["shrink"] > 0).all() and np.isfinite(both.table.to_numpy()).all()


def test_density_is_that_of_each_draws_own_noise(chinchilla_fit: Fit) -> None:
    """By a loop over draws and outcomes, up to a constant of each outcome."""
    other = make_fit("skaling-plain", SKALING)
    mixed, run = average({"a": chinchilla_fit, "b": other}), FinalRun(FINAL)
    seen = outlook_of(mixed, run, plan_of(mixed, run), TWO, 0)
    fits, members = list(mixed.fits.values()), mixed.members().ravel()
    inputs = {name: TWO[name].to_numpy() for name in TWO}
    curves = [curve_at(fit, inputs).reshape(-1, 2) for fit in fits]
    for c in range(2):
        for outcome in (0, 77, 399):
            y = np.exp(seen.outcomes[seen.origin[outcome], c])
            right = [
                fits[members[j]].model.noise.log_density(
                    y,
                    curves[members[j]][j, c],
                    0.0,
                    {n: fits[members[j]].posterior[n].values.ravel()[j] for n in ("sigma", "nu")},
                )
                for j in range(0, 1000, 37)
            ]
            gap = seen.log_density[c, outcome, ::37] - np.array(right)
            np.testing.assert_allclose(gap, gap[0], atol=1e-3)


def test_sets_are_paid_by_the_budget(found: NextRun, chinchilla_fit: Fit) -> None:
    assert 1 <= len(found.set) <= 5 and found.set["flops"].sum() <= 2e22
    assert found.together["flops"] == pytest.approx(found.set["flops"].sum())
    assert found.together["shrink"] >= found.within["shrink"].max() - 0.01
    assert found.best is not None and found.best["flops"] <= 2e22 < found.table["flops"].max()
    none = next_run(chinchilla_fit, FINAL)
    assert none.set.empty and none.together == {}
    poor = next_run(chinchilla_fit, FINAL, TWO, budget=1e19)
    assert poor.best is None and poor.set.empty and poor.stop
    assert poor.verdict == "No candidate fits the budget of 1e+19 FLOP: the smallest takes 1.2e+20."
    pair = next_run(chinchilla_fit, FINAL, TWO, budget=5e22, by="regret")
    assert set(pair.set.index) <= {0, 1} and pair.together["value_nats"] > 0


def test_stated_compute_and_money_are_kept_and_text_is_read(chinchilla_fit: Fit) -> None:
    rows = pd.DataFrame(
        {"params": ["1B", "5B"], "tokens": ["20B", "0.4T"], "flops": [2e20, 3e22], "usd": [5.0, 7]}
    )
    table = next_run(chinchilla_fit, FINAL, rows).table.sort_index()
    assert table["flops"].tolist() == [2e20, 3e22] and table["usd"].tolist() == [5.0, 7.0]
    assert table["params"].tolist() == [1e9, 5e9]


def test_all_faults_of_candidates_at_once(chinchilla_fit: Fit) -> None:
    bad = pd.DataFrame(
        {
            "params": [-1.0, 1e9, np.nan, "1G"],
            "tokens": [1e10, np.inf, 1e10, 1e10],
            "usd": [1.0, -5.0, 1.0, None],
        }
    )
    bad.loc[4] = [1e13, 1e13, 0.0]
    with pytest.raises(UsageError) as fault:
        next_run(chinchilla_fit, FINAL, bad)
    for words in (
        "candidate 1: params = -1",
        "candidate 2: tokens = inf",
        "candidate 3: params = nan",
        "candidate 4: params '1G'",
        "candidate 2: usd = -5: a finite number from 0",
        "candidate 4: usd",
        "candidate 5: 6e+26 FLOP is not below the final run's 1e+23",
    ):
        assert words in str(fault.value)
    with pytest.raises(UsageError, match=r"lack the column 'tokens'(.|\n)*give 1 to"):
        next_run(chinchilla_fit, FINAL, pd.DataFrame({"params": [1e9] * (MOST + 1)}))
    with pytest.raises(UsageError, match="give 1 to"):
        next_run(chinchilla_fit, FINAL, TWO.head(0))
    with pytest.raises(UsageError, match="not list"):
        next_run(chinchilla_fit, FINAL, [1e21])  # type: ignore[arg-type]


def test_all_faults_of_the_question_at_once(chinchilla_fit: Fit) -> None:
    with pytest.raises(UsageError) as fault:
        next_run(chinchilla_fit, -1.0, serve_tokens=0.0, budget=np.inf, by="luck", seed=-1)  # type: ignore[arg-type]
    for words in (
        "flops: flops = -1",
        "serve_tokens: tokens = 0",
        "budget: flops = inf",
        "by = 'luck'",
        "seed = -1",
    ):
        assert words in str(fault.value)


def test_what_cannot_be_split_is_refused() -> None:
    ray = ladder().assign(tokens=lambda t: 20 * t["params"])
    with pytest.raises(CheckError, match="I001"):
        next_run(make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(ray)), FINAL)
    with pytest.raises(UsageError, match="varies by group"):
        next_run(make_grouped_fit(), FINAL)
    assert len(next_run(make_grouped_fit().at_group("b"), FINAL, TWO).table) == 2


def test_beyond_the_runs_is_said_and_so_are_few_draws(chinchilla_fit: Fit) -> None:
    far = next_run(chinchilla_fit, 1e28, TWO)
    assert any(f.code == "X001" and f.severity == "error" for f in far.findings)
    sharp = with_draws(chinchilla_fit, spread=0.05, sigma=1e-6)
    rough = next_run(sharp, FINAL, TWO)
    assert (rough.table["effective_draws"] < 50).all()
    told = [f for f in rough.findings if f.code == "V001"]
    assert len(told) == 1 and "2 of 2 candidates" in told[0].message


def test_sixteen_candidates_take_seconds(chinchilla_fit: Fit) -> None:
    fit = with_draws(chinchilla_fit, spread=0.02)
    assert fit.posterior["alpha"].size == 4000
    started = time.process_time()
    next_run(fit, FINAL, budget=5e22)
    assert time.process_time() - started < 10
