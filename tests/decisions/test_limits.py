"""Splits under limits, conventions, demand and scarce data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.decisions.convention import (
    SIX_ND,
    Convention,
    active_convention,
    attention_convention,
    power_convention,
)
from bayes_scaling.decisions.limits import Latency, Limits, Linear
from bayes_scaling.decisions.repetition import Repetition
from bayes_scaling.decisions.serving import Serving, serving_weight
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.specs.prior import Prior
from tests.conftest import REPLICATION, make_fit

C = 1e22


def values(fit: Fit, i: int) -> dict[str, float]:
    return {k: float(v.values.ravel()[i]) for k, v in fit.posterior.items() if k in REPLICATION}


def best(fit: Fit, i: int, tokens, low: float = 1e7, high: float = 1e13) -> float:  # type: ignore[no-untyped-def]
    """The least-loss size of one draw on tokens(N), by SciPy."""
    law, u = fit.model.law.curve, values(fit, i)

    def loss(x: float) -> float:
        return float(law(np, np.exp(x), tokens(np.exp(x)), **u))

    ends = (np.log(low), np.log(high))
    found = optimize.minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def first(found: bs.Allocation, name: str = "params") -> float:
    return float(found.draws[name].values[0, 0, 0])


CONVENTIONS = [
    power_convention(6.0),
    power_convention(3.1, p=1.2, q=0.9),
    active_convention(0.25),
    attention_convention(32, 4096, 8192, vocabulary=50_000),
    Convention("mine", lambda N: 8 * N + 1e9),
]


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_any_convention_is_split_as_scipy_would(
    chinchilla_fit: Fit, convention: Convention
) -> None:
    found = bs.allocate(chinchilla_fit, [C], cost=bs.Cost(convention=convention))
    N, D = first(found), first(found, "tokens")
    assert convention.flops(N, D) == pytest.approx(C, rel=1e-12)
    by_hand = best(chinchilla_fit, 0, lambda size: convention.tokens(C, size))
    assert pytest.approx(by_hand, rel=1e-4) == N
    assert found.provenance["flop_convention"] == convention.name
    assert convention.name in found.cost.describe() or convention.name == "6 N^1 D^1"


@pytest.mark.parametrize("model", ["chinchilla-plain", "skaling-plain", "kaplan-plain"])
def test_closed_form_on_any_powers_equals_the_search(model: str) -> None:
    from tests.decisions.test_allocation import many_draws, without_closed_form

    fit = many_draws(model)
    cost = bs.Cost(convention=power_convention(2.5, p=1.3, q=0.8))
    closed = bs.allocate(fit, [1e21, 1e24], cost=cost).draws
    searched = bs.allocate(without_closed_form(fit), [1e21, 1e24], cost=cost).draws
    inner = ~(closed["at_edge"] | searched["at_edge"])
    assert inner.mean() > 0.98
    for name in ("params", "tokens"):
        ratio = (searched[name] / closed[name]).values[inner.values]
        np.testing.assert_allclose(ratio, 1, rtol=1e-6)


def test_attention_counts_what_kaplan_counts() -> None:
    """C = 6 (N + depth context width) D of GPT-3's shape at its own size."""
    found = attention_convention(96, 12288, 2048)
    N = 12 * 96 * 12288**2
    assert found.flops(N, 1.0) == pytest.approx(6 * (N + 96 * 2048 * 12288))


@pytest.mark.parametrize(
    ("limits", "holds", "words"),
    [
        (Limits(max_params=1e9), lambda N, D: N <= 1e9, "at most 1e+09 params"),
        (Limits(min_params=2e10), lambda N, D: N >= 2e10, "at least 2e+10 params"),
        (Limits(max_tokens=1e11), lambda N, D: D <= 1e11, "at most 1e+11 tokens"),
        (Limits(min_tokens_per_param=200), lambda N, D: D / N >= 200, "200 tokens per parameter"),
        (Limits(max_tokens_per_param=2), lambda N, D: D / N <= 2, "2 tokens per parameter"),
        (Limits(latency=Latency(0.01, 0.02)), lambda N, D: N <= 5e8, "latency of 0.01 s"),
        (
            Limits(linear=(Linear(1e27, params_power=3.0, tokens_power=-0.1),)),
            lambda N, D: N**3 * D**-0.1 <= 1e27,
            "params^3 tokens^-0.1 at most 1e+27",
        ),
    ],
)
def test_a_limit_that_binds_is_kept_and_named(
    chinchilla_fit: Fit,
    limits: Limits,
    holds: Callable[[np.ndarray, np.ndarray], np.ndarray],
    words: str,
) -> None:
    found = bs.allocate(chinchilla_fit, [C], limits=limits)
    for N, D in (
        (found.draws["params"].values, found.draws["tokens"].values),
        (found.robust["params"].to_numpy(), found.robust["tokens"].to_numpy()),
    ):
        around = [holds(N * (1 + e), D * (1 - e)) for e in (-1e-9, 0, 1e-9)]
        assert np.any(around, axis=0).all()
        np.testing.assert_allclose(6 * N * D, C, rtol=1e-9)
    assert words in found.robust["limited_by"][0]
    free = bs.allocate(chinchilla_fit, [C])
    assert (found.draws["loss"].values >= free.draws["loss"].values - 1e-12).all()
    assert free.robust["limited_by"][0] == ""


def test_a_limit_that_does_not_bind_changes_nothing(chinchilla_fit: Fit) -> None:
    free = bs.allocate(chinchilla_fit, [C]).draws["params"]
    loose = bs.allocate(chinchilla_fit, [C], limits=Limits(max_params=1e12)).draws["params"]
    np.testing.assert_allclose(loose, free, rtol=1e-6)


def test_only_sizes_of_a_list(chinchilla_fit: Fit) -> None:
    found = bs.allocate(chinchilla_fit, [1e21, C], limits=Limits(sizes=(1e9, 3e9, 8e9, 7e10)))
    assert set(np.unique(found.draws["params"])) <= {1e9, 3e9, 8e9, 7e10}
    free = bs.allocate(chinchilla_fit, [C]).robust["params"][0]
    assert abs(np.log(found.robust["params"][1] / free)) < np.log(8 / 3)


def test_limits_that_leave_nothing_say_which_bind(chinchilla_fit: Fit) -> None:
    both = Limits(min_params=1e11, min_tokens_per_param=1000)
    with pytest.raises(UsageError, match=r"at least 1e\+11 params.*1e\+03 tokens per parameter|"
                       r"1e\+03 tokens per parameter.*at least 1e\+11 params"):  # fmt: skip
        bs.allocate(chinchilla_fit, [C], limits=both)
    with pytest.raises(UsageError, match="at least 1e\\+16 params"):
        bs.allocate(chinchilla_fit, [C], limits=Limits(min_params=1e16))
    with pytest.raises(UsageError, match="none of the sizes"):
        bs.allocate(chinchilla_fit, [C], limits=Limits(sizes=(1e3,)))
    with pytest.raises(UsageError, match=r"max_params = -1.*max_tokens = nan.*sizes = 0") as fault:
        Limits(max_params=-1, max_tokens=float("nan"), sizes=(0,))
    assert fault.value.exit_code == 2
    with pytest.raises(UsageError, match="nothing is left"):
        Limits(min_params=2e9, max_params=1e9)


def test_what_cannot_be_spent_is_said(chinchilla_fit: Fit) -> None:
    found = bs.allocate(chinchilla_fit, [C], limits=Limits(max_params=1e9, max_tokens=1e11))
    assert found.robust["params"][0] == pytest.approx(1e9)
    assert found.robust["tokens"][0] == pytest.approx(1e11)
    assert [f.code for f in found.findings if f.code == "B001"] == ["B001"]
    assert found.budgets["usd"][0] == pytest.approx(found.cost.usd(6e20))


# --- demand ---------------------------------------------------------------------------------


def test_more_demand_makes_models_smaller_and_data_larger(chinchilla_fit: Fit) -> None:
    """Sardana et al. 2024: monotone over four decades of demand, at the same target loss."""
    loss = 2.1
    sizes, tokens = [], []
    for served in np.geomspace(1e10, 1e14, 5):
        serving = Serving(served)
        low, high = 20.0, 28.0
        for _ in range(40):  # the least lifetime budget that reaches the loss
            middle = (low + high) / 2
            found = bs.allocate(chinchilla_fit, [10**middle], serving=serving)
            low, high = (low, middle) if found.robust["loss"][0] < loss else (middle, high)
        sizes.append(found.robust["params"][0])
        tokens.append(found.robust["tokens"][0])
    assert (np.diff(sizes) < 0).all() and (np.diff(tokens) > 0).all()


@pytest.mark.parametrize(
    ("served", "N", "D", "total"),
    [(2e12, 6.103e9, 7.363e11, 5.137e22), (2e13, 3.755e9, 2.590e12, 2.086e23)],
)
def test_lifetime_optimum_of_sardana(served: float, N: float, D: float, total: float) -> None:
    """Least lifetime compute for loss 2.1022 with the replication's parameters (arXiv:2401.00448).

    On its own lifetime budget the same plan is the best, and reaches that loss.
    """
    fit = make_fit("chinchilla-plain", REPLICATION)
    exact = fit.posterior.map(lambda v: v * 0 + float(v.median()))
    exact = exact.assign({k: exact["A"] * 0 + v for k, v in REPLICATION.items()})
    found = bs.allocate(replace(fit, posterior=exact), [total], serving=Serving(served))
    assert first(found) == pytest.approx(N, rel=2e-3)
    assert first(found, "tokens") == pytest.approx(D, rel=2e-3)
    assert first(found, "loss") == pytest.approx(2.1022, abs=1e-4)


def test_uncertain_demand_widens_the_split_and_the_regret(chinchilla_fit: Fit) -> None:
    known = bs.allocate(chinchilla_fit, [C], serving=Serving(3e11))
    prior = Prior("LogNormal", {"q05": 1e11, "q95": 9e11})
    unsure = bs.allocate(chinchilla_fit, [C], serving=Serving(prior))
    spread = [np.log(each.draws["params"]).std() for each in (known, unsure)]
    assert spread[1] > 1.5 * spread[0]
    assert (unsure.draws["regret"] >= -1e-12).all()
    total = 6 * known.draws["params"] * known.draws["tokens"] + 2 * known.draws["params"] * 3e11
    np.testing.assert_allclose(total, C, rtol=1e-9)


def test_a_demand_beyond_the_budget_gets_the_nearest_size(chinchilla_fit: Fit) -> None:
    """In draws whose demand alone exceeds the budget; the plan is that of the median demand."""
    prior = Prior("LogNormal", {"q05": 1e11, "q95": 1e13})
    for limits in (Limits(sizes=(1e9, 3e9)), Limits(min_params=1e9, min_tokens_per_param=100)):
        found = bs.allocate(chinchilla_fit, [5e21], serving=Serving(prior), limits=limits)
        assert np.isfinite(found.draws["params"]).all()
        assert (found.robust["params"] >= 1e9 * (1 - 1e-9)).all()
    with pytest.raises(UsageError, match="none of the sizes"):
        bs.allocate(chinchilla_fit, [5e21], serving=Serving(1e13), limits=Limits(sizes=(1e9,)))


def test_dear_serving_weighs_more(chinchilla_fit: Fit) -> None:
    training, dear = bs.Cost().middle, bs.Cost(mfu=0.1).middle
    weight = serving_weight(training, dear)
    assert weight == pytest.approx(4.0)
    cheap = bs.allocate(chinchilla_fit, [C], serving=Serving(1e11)).robust["params"][0]
    dearer = bs.allocate(chinchilla_fit, [C], serving=Serving(1e11, weight=weight))
    assert dearer.robust["params"][0] < cheap
    with pytest.raises(UsageError, match=r"tokens = -1.*weight = 0"):
        Serving(-1.0, weight=0.0)


# --- scarce data ----------------------------------------------------------------------------


def test_repeated_tokens_are_worth_less_and_less() -> None:
    found = Repetition(1e9, worth=15.387756)
    assert found.effective(5e8, 15.4) == 5e8
    epochs = found.effective(np.array([1e9, 4e9, 44e9, 1e15]), 15.387756) / 1e9
    assert epochs[0] == 1 and epochs[1] == pytest.approx(3.73, abs=0.01)
    assert epochs[2] == pytest.approx(15.45, abs=0.01) and epochs[3] == pytest.approx(16.387756)


def test_scarce_data_makes_the_model_larger_and_the_loss_higher(chinchilla_fit: Fit) -> None:
    free = bs.allocate(chinchilla_fit, [C])
    scarce = bs.allocate(chinchilla_fit, [C], repetition=Repetition(1e10))
    assert scarce.robust["params"][0] > free.robust["params"][0]
    assert scarce.robust["loss"][0] > free.robust["loss"][0]
    plenty = bs.allocate(chinchilla_fit, [C], repetition=Repetition(1e14))
    np.testing.assert_allclose(plenty.draws["params"], free.draws["params"], rtol=1e-6)


MUENNIGHOFF = {
    "L_inf": 1.869144,
    "A": 0.348944,
    "B": 0.346548,
    "alpha": 0.3526596,
    "beta": 0.3526596,
}


def test_a_data_limited_case_of_muennighoff() -> None:
    """25B unique tokens, 9.3e21 FLOP: 6.34B parameters on 242B tokens, not 8.67B on 178B.

    Figure 1 of arXiv:2305.16264: a smaller model than compute-optimal, trained for more epochs.
    The trained plans are of a set of sizes, ours are not: within 10%.
    """
    from bayes_scaling.decisions.budget_line import BudgetLine
    from bayes_scaling.decisions.optimum import best_on_line

    law = bs.load_law("data-constrained")
    known = {**MUENNIGHOFF, "R_D": 15.387756, "R_N": 5.309743}
    unknowns = {name: known[name] for name in law.unknowns}

    def loss(N: np.ndarray, D: np.ndarray) -> np.ndarray:
        return np.asarray(law.curve(np, N, D, np.full_like(N, 25e9), **unknowns))

    N, D, _ = best_on_line(loss, np.array([9.3e21]), BudgetLine(), ())
    base, _ = bs.load_law("chinchilla").optimum(
        np, 9.3e21 / 6, **MUENNIGHOFF, N_ref=1e9, D_ref=2e10
    )
    assert N[0] == pytest.approx(6.34e9, rel=0.1) and D[0] == pytest.approx(242e9, rel=0.1)
    assert base == pytest.approx(8.67e9, rel=0.05)
    assert SIX_ND.flops(N[0], D[0]) == pytest.approx(9.3e21, rel=1e-9)


def test_plans_on_a_limit_do_not_pass_it_by_rounding(chinchilla_fit: Fit) -> None:
    for size in (5e9, 3.3e9, 7.7e8):
        found = bs.allocate(chinchilla_fit, [1e23], limits=bs.Limits(max_params=size)).robust
        assert found["params"].iloc[0] == pytest.approx(size) and found["params"].iloc[0] <= size
    most = bs.Limits(max_tokens=1e11)
    assert bs.allocate(chinchilla_fit, [1e23], limits=most).robust["tokens"].iloc[0] <= 1e11
