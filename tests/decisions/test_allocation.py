"""Allocation: closed form against search, robust plan against brute force, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.allocation import loss_on_budget
from bayes_scaling.decisions.optimum import USUAL, best_on_line, per_draw_optimum
from bayes_scaling.decisions.robust import TOLERANCE
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import curve_at
from bayes_scaling.laws.law import Law
from bayes_scaling.runs.table import Runs
from tests.conftest import REPLICATION, ladder, make_fit, posterior_around

VALUES = {
    "chinchilla-plain": REPLICATION,
    "skaling-plain": {
        "L_inf": 1.76, "S": 0.77, "w": 0.49, "alpha": 0.40, "beta": 0.41, "k": 0.81,
    },
    "kaplan-plain": {"S": 2.53, "w": 0.58, "p": 0.76, "k": 0.12},
}  # fmt: skip
BUDGETS = [1e21, 5.76e23, 1e25]


def many_draws(model: str) -> Fit:
    """A posterior of 10,000 widely scattered draws."""
    fit = make_fit(model, VALUES[model])
    wide = posterior_around({**VALUES[model], "sigma": 0.004, "nu": 5.0}, spread=0.1, draws=2500)
    return replace(fit, posterior=wide)


def without_closed_form(fit: Fit) -> Fit:
    law: Law = replace(fit.spec.law, optimum=None)
    return replace(fit, spec=replace(fit.spec, law=law))


@pytest.mark.parametrize("model", VALUES)
def test_closed_form_and_search_agree_on_10_000_draws(model: str) -> None:
    fit = many_draws(model)
    flops = np.array(BUDGETS)
    closed = per_draw_optimum(fit, flops)
    searched = per_draw_optimum(without_closed_form(fit), flops)
    assert closed[0].shape == (4, 2500, 3)
    seen = ~(closed[2] | searched[2])
    assert seen.mean() > 0.99
    for exact, found in zip(closed[:2], searched[:2], strict=True):
        np.testing.assert_allclose(found[seen], exact[seen], rtol=1e-6)


def test_budget_is_spent_exactly(chinchilla_fit: Fit) -> None:
    draws = bs.allocate(chinchilla_fit, BUDGETS).draws
    spent = 6 * draws["params"] * draws["tokens"]
    np.testing.assert_allclose(spent, np.broadcast_to(BUDGETS, spent.shape), rtol=1e-12)


def test_robust_plan_is_the_best_of_a_fine_grid(chinchilla_fit: Fit) -> None:
    """A slow, obvious search finds no better plan and the same near-optimal range."""
    found = bs.allocate(chinchilla_fit, [1e23])
    plan = found.robust.iloc[0]
    sizes = np.geomspace(plan["params"] / 30, plan["params"] * 30, 20_001)
    expected = loss_on_budget(chinchilla_fit, 1e23, sizes).mean(("chain", "draw")).to_numpy()
    assert plan["loss"] <= expected.min() + 1e-12
    assert plan["params"] == pytest.approx(sizes[expected.argmin()], rel=1e-3)
    near = sizes[expected <= plan["loss"] + TOLERANCE]
    assert plan["params_low"] == pytest.approx(near[0], rel=2e-3)
    assert plan["params_high"] == pytest.approx(near[-1], rel=2e-3)


def test_regret_is_never_negative_and_zero_without_doubt(chinchilla_fit: Fit) -> None:
    regret = bs.allocate(chinchilla_fit, BUDGETS).draws["regret"]
    assert float(regret.min()) >= -1e-12
    certain = replace(
        chinchilla_fit, posterior=chinchilla_fit.posterior.map(lambda v: v * 0 + float(v[0, 0]))
    )
    sure = bs.allocate(certain, BUDGETS)
    assert float(sure.draws["regret"].max()) < 1e-12
    np.testing.assert_allclose(sure.robust["params"], sure.draws["params"][0, 0], rtol=1e-6)


def test_raising_a_budget_never_raises_the_loss(chinchilla_fit: Fit) -> None:
    found = bs.allocate(chinchilla_fit, np.geomspace(1e20, 1e26, 25))
    assert (np.diff(found.robust["loss"]) < 0).all()
    assert (found.draws["loss"].diff("budget") < 0).all()


def test_marginal_returns_balance_at_the_optimum(chinchilla_fit: Fit) -> None:
    params, tokens, _ = per_draw_optimum(chinchilla_fit, np.array([1e24]))
    step = 1e-4

    def elasticity(N: float, D: float) -> np.ndarray:
        up = curve_at(
            chinchilla_fit,
            {"params": params * np.exp(step * N), "tokens": tokens * np.exp(step * D)},
        )
        down = curve_at(
            chinchilla_fit,
            {"params": params * np.exp(-step * N), "tokens": tokens * np.exp(-step * D)},
        )
        return (up - down) / (2 * step)

    np.testing.assert_allclose(elasticity(1, 0), elasticity(0, 1), rtol=1e-6)


def test_money_and_quantiles(chinchilla_fit: Fit) -> None:
    cost = bs.Cost(usd_per_gpu_hour=2.0, flops_per_gpu_second=1e15, mfu=0.5)
    found = bs.allocate(chinchilla_fit, [3.6e24], cost=cost)
    assert found.budgets.loc[0, "gpu_hours"] == pytest.approx(2e6)
    assert found.budgets.loc[0, "usd"] == pytest.approx(4e6)
    table = found.quantiles([0.05, 0.5], of="tokens_per_param")
    assert list(table.columns) == [0.05, 0.5] and len(table) == 1
    long = found.to_frame()
    assert set(long["variable"]) == {"params", "tokens", "tokens_per_param", "loss", "regret"}
    with pytest.raises(UsageError, match="no draws of"):
        found.quantiles([0.5], of="price")
    with pytest.raises(UsageError, match="between 0 and 1"):
        found.quantiles([5])


def test_optimum_at_an_edge_is_marked() -> None:
    def always_bigger(N: np.ndarray, D: np.ndarray) -> np.ndarray:
        return 1 + N**-0.1

    _, _, at_edge = best_on_line(always_bigger, np.array([1e22]), USUAL, ())
    assert at_edge.all()


def test_a_table_on_one_ray_is_not_split() -> None:
    table = ladder().assign(tokens=lambda t: 20 * t["params"])
    fit = make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(table))
    with pytest.raises(CheckError, match=r"I001.*20 tokens per parameter"):
        bs.allocate(fit, [1e23])
    with pytest.raises(CheckError, match="ask for"):
        bs.forecast(fit, [1e23])
    along = pd.DataFrame({"params": [1e10], "tokens": [2e11]})
    assert len(bs.forecast(fit, along).quantiles()) == 1


def test_one_resource_laws_have_no_split() -> None:
    values = {"L_inf": 1.8, "A": 0.7, "alpha": 0.18}
    table = pd.DataFrame({"flops": np.geomspace(1e18, 1e21, 20)})
    table["loss"] = 1.8 + 0.7 * (table["flops"] / 1.2e20) ** -0.18
    fit = make_fit("power-floor-plain", values, Runs.from_frame(table))
    with pytest.raises(UsageError, match="joint law"):
        bs.allocate(fit, [1e23])
    assert float(bs.forecast(fit, [1e22]).quantiles([0.5]).iloc[0, 0]) == pytest.approx(
        2.12, abs=0.05
    )


@pytest.mark.parametrize(
    ("budgets", "word"),
    [([], "at least one"), ([0.0], "above 0"), ([-1e25], "above 0"), ([float("nan")], "finite"),
     ([float("inf")], "finite"), ([1e35], "refused"), ([1e24, 0.0], "above 0")],
)  # fmt: skip
def test_impossible_budgets(chinchilla_fit: Fit, budgets: list[float], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        bs.allocate(chinchilla_fit, budgets)
    with pytest.raises(UsageError, match=word):
        bs.forecast(chinchilla_fit, budgets)


@pytest.mark.parametrize(
    "wrong",
    [{"mfu": 1.2}, {"mfu": 0}, {"usd_per_gpu_hour": -2.5}, {"flops_per_gpu_second": float("nan")}],
)
def test_impossible_costs(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        bs.Cost(**wrong)


def test_all_faults_of_a_cost_at_once() -> None:
    with pytest.raises(UsageError, match=r"usd_per_gpu_hour.*flops_per_gpu_second"):
        bs.Cost(usd_per_gpu_hour=0, flops_per_gpu_second=-1)


def test_a_frame_is_no_source() -> None:
    for answer in (bs.allocate, bs.forecast):
        with pytest.raises(UsageError, match=r"from a fit, fits by name, or a run table"):
            answer(ladder(), [1e24])  # type: ignore[arg-type]
