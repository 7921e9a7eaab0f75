"""What reviewers ask: probabilities, cheapest budgets, what more buys, one named plan, regret."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.robust import mean_of_worst
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from bayes_scaling.specs.prior import Prior
from tests.conftest import REPLICATION, make_fit

SKALING = {"L_inf": 1.8, "S": 0.7, "w": 0.5, "alpha": 0.35, "beta": 0.37, "k": 1.0}
C = 1e22


@pytest.fixture(scope="module")
def drifting() -> Fit:
    return make_fit("chinchilla", REPLICATION)


@pytest.fixture(scope="module")
def mixed(drifting: Fit) -> dict[str, Fit]:
    return {"chinchilla": drifting, "skaling": make_fit("skaling", SKALING)}


def test_probability_is_the_share_of_new_runs(drifting: Fit) -> None:
    found = bs.prospects(drifting, [C, 10 * C])
    plan = found.plans[["params", "tokens"]]
    drawn = bs.forecast(drifting, plan).draws["loss_new"]
    np.testing.assert_allclose(found.probability(2.1), (drawn <= 2.1).mean(("chain", "draw")))
    assert found.probability(2.1)[1] > found.probability(2.1)[0]
    assert set(found.to_frame()["variable"]) == {"loss_mean", "loss_new", "usd"}
    with pytest.raises(UsageError, match="target loss nan"):
        found.probability(float("nan"))


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_the_cheapest_budget_reaches_the_loss_and_a_cheaper_one_does_not(
    mixed: dict[str, Fit], probability: float
) -> None:
    found = bs.budget_for(mixed, 2.12, probability)
    budget = float(found.plans["flops"][0])
    assert found.probability(2.12)[0] >= probability
    assert bs.prospects(mixed, [0.97 * budget]).probability(2.12)[0] < probability
    assert found.plans["usd"][0] == pytest.approx(bs.Cost().usd(budget))


def test_a_loss_out_of_reach_says_what_is_reached(drifting: Fit) -> None:
    with pytest.raises(CheckError, match=r"no budget reaches a loss of 1\.7 .* at best \d+%"):
        bs.budget_for(drifting, 1.7)
    for bad in (0.0, 1.0, float("nan")):
        with pytest.raises(UsageError, match="probability"):
            bs.budget_for(drifting, 2.1, bad)


def test_least_lifetime_compute_to_a_loss(chinchilla_fit: Fit) -> None:
    """Serving makes the same loss dearer and its model smaller (Sardana et al. 2024)."""
    plain = bs.budget_for(chinchilla_fit, 2.1, 0.5).plans.iloc[0]
    setting = Setting(serving=Serving(5e12))
    served = bs.budget_for(chinchilla_fit, 2.1, 0.5, setting=setting).plans.iloc[0]
    assert served["flops"] > plain["flops"] and served["params"] < plain["params"]
    naive = plain["train_flops"] + 2 * plain["params"] * 5e12
    assert served["flops"] < naive


def test_best_budget_spends_until_a_dollar_buys_a_dollars_worth(drifting: Fit) -> None:
    worth = 5e7
    budget = float(bs.best_budget(drifting, worth).plans["flops"][0])

    def total(flops: float) -> float:
        found = bs.prospects(drifting, [flops]).plans.iloc[0]
        return float(found["loss"] * worth + found["usd"])

    best = total(budget)
    assert best < total(budget * 1.1) and best < total(budget / 1.1)
    dearer = bs.best_budget(drifting, 10 * worth).plans["flops"][0]
    assert dearer > budget
    with pytest.raises(UsageError, match="usd per nat"):
        bs.best_budget(drifting, -1.0)


def test_improvement_uses_the_same_draws(drifting: Fit) -> None:
    found = bs.prospects(drifting, [C, 2 * C, 10 * C])
    table = found.improvement()
    assert table["mean"].is_monotonic_increasing and table["mean"][0] == 0
    loss = found.draws["loss_mean"].values
    np.testing.assert_allclose(table[0.05][2], np.quantile(loss[..., 0] - loss[..., 2], 0.05))
    independent = np.sqrt(loss[..., 0].var() + loss[..., 2].var())
    assert (loss[..., 0] - loss[..., 2]).std() < 0.9 * independent


def test_a_plan_at_the_optimum_gives_nothing_away(mixed: dict[str, Fit]) -> None:
    best = bs.allocate(mixed, [C]).robust.iloc[0]
    found = bs.plan(mixed, best["params"], best["tokens"])
    assert found.given_away == pytest.approx(0.0, abs=1e-9)
    assert found.near_optimal > 0.99 and 0.2 < found.tokens_first < 0.8
    assert found.flops == pytest.approx(C)
    assert (found.draws["regret"] >= -1e-12).all()


def test_marginal_returns_are_those_of_the_law(chinchilla_fit: Fit) -> None:
    N, D = 7e9, 3e11
    found = bs.plan(chinchilla_fit, N, D)
    p = chinchilla_fit.posterior
    by_hand = p["alpha"] * p["A"] * (N / 1e9) ** -p["alpha"]
    np.testing.assert_allclose(found.draws["return_params"][..., 0], by_hand, rtol=1e-6)
    double = law_at(chinchilla_fit, {"params": np.array([N]), "tokens": np.array([D])}) - law_at(
        chinchilla_fit, {"params": np.array([N]), "tokens": np.array([2 * D])}
    )
    np.testing.assert_allclose(found.draws["double_tokens"], double, rtol=1e-12)
    slope = (found.draws["return_params"] + found.draws["return_tokens"]).values / 2
    price = bs.Cost().usd(6 * N * D * np.expm1(0.01 / slope))
    np.testing.assert_allclose(found.draws["usd_per_hundredth"], price, rtol=1e-12)


def test_an_undertrained_plan_is_told_so(drifting: Fit) -> None:
    found = bs.plan(drifting, 7e10, 3e10)
    assert found.tokens_first == 1.0 and found.near_optimal == 0.0
    assert found.given_away > 0.05
    assert found.robust["params"][0] < 7e10
    assert set(found.to_frame()["variable"]) >= {"loss_new", "regret", "usd"}
    for bad in ((0, 1e10), (1e9, float("inf"))):
        with pytest.raises(UsageError):
            bs.plan(drifting, *bad)


def test_a_plan_on_scarce_tokens_is_forecast_with_their_repetition(mixed: dict[str, Fit]) -> None:
    scarce = Setting(repetition=bs.Repetition(2e10))
    fresh, again = (bs.plan(mixed, 7e9, 3e11, setting=s) for s in (Setting(), scarce))
    gap = again.forecast.draws["loss_mean"] - fresh.forecast.draws["loss_mean"]
    assert (gap > 0).all() and gap.median() > 0.01
    enough = bs.plan(mixed, 7e9, 1e10, setting=scarce).forecast.draws["loss_new"]
    np.testing.assert_allclose(enough, bs.plan(mixed, 7e9, 1e10).forecast.draws["loss_new"])


def test_uncertain_prices_widen_money_and_nothing_else(chinchilla_fit: Fit) -> None:
    unsure = bs.Cost(mfu=Prior("LogNormal", {"q05": 0.3, "q95": 0.5}))
    found = bs.allocate(chinchilla_fit, [C], cost=unsure)
    assert "usd" not in bs.allocate(chinchilla_fit, [C]).draws
    low, high = found.quantiles([0.05, 0.95], of="usd").iloc[0]
    assert high / low == pytest.approx(0.5 / 0.3, rel=0.05)
    np.testing.assert_array_equal(
        found.draws["params"], bs.allocate(chinchilla_fit, [C]).draws["params"]
    )
    both = bs.plan(chinchilla_fit, 7e9, 3e11, setting=Setting(cost=unsure))
    assert both.draws["usd"].std() > 0


def test_cost_translates_both_ways_and_refuses_all_at_once() -> None:
    cost = bs.Cost(usd_per_gpu_hour=2.0, flops_per_gpu_second=1e15, mfu=0.5, overhead=0.1,
                   devices=1000)  # fmt: skip
    price = cost.middle
    assert price.gpu_hours(1e24) == pytest.approx(1e24 / 1.8e18 * 1.1)
    for budget in ({"usd": price.usd(1e24)}, {"gpu_hours": price.gpu_hours(1e24)},
                   {"hours": price.hours(1e24)}):  # fmt: skip
        assert price.flops_of(**budget) == pytest.approx(1e24)
    assert price.hours(1e24) == pytest.approx(price.gpu_hours(1e24) / 1000)
    assert "10% lost to failures" in cost.describe() and "1000 devices" in cost.describe()
    with pytest.raises(UsageError, match=r"usd_per_gpu_hour = -1.*mfu = 1\.4.*overhead.*devices"):
        bs.Cost(usd_per_gpu_hour=-1, mfu=1.4, overhead=float("nan"), devices=0)
    with pytest.raises(UsageError, match="mfu"):
        bs.Cost(mfu=Prior("LogNormal", {"q05": 0.5, "q95": 1.5}))
    with pytest.raises(UsageError, match="number of devices"):
        bs.Cost().middle.hours(1e24)
    with pytest.raises(UsageError, match="in one of"):
        price.flops_of(usd=1, gpu_hours=1)


def test_regret_of_sizes_and_how_likely_they_are_about_as_good(mixed: dict[str, Fit]) -> None:
    table = bs.regret_curve(mixed, C)
    assert len(table) == 81 and (table[["regret_mean", "regret_q05"]] >= -1e-12).all().all()
    best = table.loc[table["loss"].idxmin(), "params"]
    assert abs(np.log(best / bs.allocate(mixed, [C]).robust["params"][0])) < 0.06
    assert table["near"].iloc[0] < 0.05 and table["near"].max() > 0.95
    ((_, rounded),) = bs.regret_curve(mixed, C, [7e9]).iterrows()
    assert rounded["regret_mean"] == pytest.approx(
        float(bs.plan(mixed, 7e9, C / 6 / 7e9).draws["regret"].mean()), rel=1e-6
    )
    limited = Setting(limits=Limits(max_params=1e9))
    assert bs.regret_curve(mixed, C, [1e9], setting=limited)["regret_mean"][0] < 1e-9


def test_planning_for_the_worst_says_so(drifting: Fit) -> None:
    usual, careful = (bs.allocate(drifting, [C], cvar=level) for level in (None, 0.9))
    assert "loss_worst" not in usual.robust and usual.provenance["cvar"] is None
    (row,) = careful.robust.to_dict("records")
    assert row["loss_worst"] > row["loss"] + 0.02
    assert row["loss"] >= usual.robust["loss"][0] - 1e-9


def test_mean_of_worst() -> None:
    values = np.arange(100.0).reshape(4, 25, 1)
    assert mean_of_worst(values, 0.0)[0] == pytest.approx(49.5)
    assert mean_of_worst(values, 0.9)[0] == pytest.approx(94.5)
    with pytest.raises(UsageError, match="cvar"):
        mean_of_worst(values, 1.0)


def simulated(seed: int) -> Fit:
    """A wide posterior with correlated unknowns, as tables of few runs give."""
    fit = make_fit("chinchilla-plain", REPLICATION)
    rng = np.random.default_rng([20261127, seed])
    tilt = rng.normal(scale=0.4, size=(5, 5))
    moved = np.einsum("ij,jcd->icd", tilt, rng.standard_normal((5, 4, 250))) * 0.5
    posterior = fit.posterior.copy()
    for (name, value), step in zip(REPLICATION.items(), moved, strict=True):
        posterior[name] = (("chain", "draw"), value * np.exp(np.clip(step, -1, 1)))
    from dataclasses import replace

    return replace(fit, posterior=posterior)


@pytest.mark.parametrize("cvar", [None, 0.9])
def test_robust_plan_is_never_worse_than_the_plan_of_a_point(cvar: float | None) -> None:
    """Over 50 posteriors: not worse than the plan of the mean parameters, or of the median N*."""
    for seed in range(50):
        fit = simulated(seed)
        found = bs.allocate(fit, [C], cvar=cvar)
        means = {k: float(fit.posterior[k].mean()) for k in REPLICATION}
        law = fit.model.law
        assert law.optimum is not None
        of_mean = float(law.optimum(np, C / 6, **means, **fit.model.numbers)[0])
        of_median = float(np.median(found.draws["params"]))
        sizes = np.array([float(found.robust["params"][0]), of_mean, of_median])
        loss = law_at(fit, {"params": sizes, "tokens": C / 6 / sizes})
        ours, *others = mean_of_worst(loss, cvar or 0.0)
        assert all(ours <= other + 1e-9 for other in others), seed


def test_plans_of_a_table_carry_evidence(drifting: Fit) -> None:
    found = bs.plan(drifting, 7e9, 3e11)
    assert found.forecast.evidence and isinstance(found.robust, pd.DataFrame)
