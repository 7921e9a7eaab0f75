"""Cost and budget line: their formulas by hand, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.convention import power_convention
from bayes_scaling.decisions.cost import TAIL, Cost, Price
from bayes_scaling.errors import UsageError

ROUND = Cost(usd_per_gpu_hour=2.0, flops_per_gpu_second=1e15, mfu=0.5, overhead=0.25, devices=10)
HOUR = 1e15 * 0.5 * 3600 / 1.25
"""FLOP of one GPU-hour of ROUND."""
SPREAD = bs.Prior("LogNormal", {"q05": 2.0, "q95": 8.0}, unit="USD", why="quotes")


def test_money_and_time_by_hand() -> None:
    price = ROUND.middle
    assert price.gpu_hours(100 * HOUR) == pytest.approx(100)
    assert ROUND.gpu_hours(100 * HOUR) == pytest.approx(100)
    assert price.usd(100 * HOUR) == ROUND.usd(100 * HOUR) == pytest.approx(200)
    assert price.hours(100 * HOUR) == pytest.approx(10)


def test_budgets_in_money_and_time() -> None:
    price = ROUND.middle
    assert price.flops_of(usd=200.0) == pytest.approx(100 * HOUR)
    assert price.flops_of(gpu_hours=100.0) == pytest.approx(100 * HOUR)
    assert price.flops_of(hours=10.0) == pytest.approx(100 * HOUR)
    for given in ({}, {"usd": 1.0, "hours": 1.0}):
        with pytest.raises(UsageError, match="one of usd, gpu_hours and hours"):
            price.flops_of(**given)
    with pytest.raises(UsageError, match="number of devices"):
        Price(2.0, 1e-18, None).hours(1e21)


def test_priors_of_prices_become_draws() -> None:
    cost = Cost(usd_per_gpu_hour=SPREAD)
    assert cost.uncertain and not ROUND.uncertain
    drawn = cost.drawn((4, 500), seed=3)
    assert drawn.usd_per_gpu_hour.shape == (4, 500, 1)
    assert np.median(drawn.usd_per_gpu_hour) == pytest.approx(4.0, rel=0.1)
    np.testing.assert_array_equal(
        drawn.usd_per_gpu_hour, cost.drawn((4, 500), seed=3).usd_per_gpu_hour
    )
    assert (drawn.usd_per_gpu_hour != cost.drawn((4, 500), seed=4).usd_per_gpu_hour).any()
    assert cost.middle.usd_per_gpu_hour == pytest.approx(4.0)
    share = bs.Prior("LogNormal", {"q05": 0.3, "q95": 0.99}, unit="1", why="wide")
    utilised = Cost(mfu=share).drawn((4, 5000)).gpu_hours_per_flop
    peak = Cost().flops_per_gpu_second * 3600
    assert utilised.min() == pytest.approx(1 / peak) and (utilised > 1.01 / peak).any()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"usd_per_gpu_hour": 0.0}, "usd_per_gpu_hour = 0.0: must be a finite number above 0"),
        ({"usd_per_gpu_hour": -1.0}, "above 0"),
        ({"flops_per_gpu_second": float("nan")}, "finite"),
        ({"overhead": -0.1}, "overhead"),
        ({"mfu": 40.0}, "a share of the peak"),
        ({"mfu": "half"}, "finite number above 0, or a prior"),
        ({"devices": 0}, "devices = 0: a whole number above 0"),
        ({"devices": 2.5}, "devices = 2.5"),
        ({"mfu": bs.Prior("LogNormal", {"q05": 0.5, "q95": 2.0}, unit="1", why="x")}, "at most 1"),
        ({"mfu": bs.Prior("Normal", {"q05": -1.0, "q95": 0.5}, unit="1", why="x")}, "mfu from -"),
    ],
)
def test_values_that_cannot_be(given: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError) as caught:
        Cost(**given)  # type: ignore[arg-type]
    assert word in str(caught.value)


def test_edges_are_allowed_and_all_faults_are_told() -> None:
    assert Cost(mfu=1.0, overhead=0.0, devices=1).middle.devices == 1
    assert len(TAIL) == 2 and 0 < TAIL[0] < 0.01 < 0.99 < TAIL[1] < 1
    with pytest.raises(UsageError, match=r"mfu.*devices"):
        Cost(mfu=-1.0, devices=-1)


def test_assumptions_are_said() -> None:
    assert ROUND.describe() == (
        "2 USD per GPU-hour, 1e+15 FLOP/s peak, 50% utilisation, 25% lost to failures, 10 devices"
    )
    plain = Cost(usd_per_gpu_hour=2.0, flops_per_gpu_second=1e15, mfu=0.5)
    assert plain.describe() == "2 USD per GPU-hour, 1e+15 FLOP/s peak, 50% utilisation"
    other = Cost(convention=power_convention(7.0)).describe()
    assert other.split(", ")[-1].startswith("C = ")
    found = Cost(usd_per_gpu_hour=SPREAD).to_dict()
    assert found["usd_per_gpu_hour"] == {"dist": "LogNormal", "q05": 2.0, "q95": 8.0}
    assert found["overhead"] == 0.0 and found["devices"] is None


def test_a_line_spends_training_and_serving() -> None:
    line = BudgetLine(served=1e12)
    assert BudgetLine().served == 0 and BudgetLine().is_power and BudgetLine().is_usual
    assert not line.is_power and line.unlimited
    assert line.total(1e9, 2e10) == 6e9 * 2e10 + 1e12 * 1e9
    assert line.tokens(line.total(1e9, 2e10), 1e9) == pytest.approx(2e10)
    assert BudgetLine().tokens(1.2e20, 1e9) == pytest.approx(2e10)
    assert line.tokens(1e20, 1e9) < 1e-6 * BudgetLine().tokens(1e20, 1e9)
    assert not BudgetLine(power_convention(7.0)).is_usual


def test_which_budgets_can_be_paid() -> None:
    limits = bs.Limits(min_params=1e9, min_tokens_per_param=20)
    least = 6 * 1e9 * 2e10
    found = BudgetLine(limits=limits).payable(np.array([0.5, 0.99, 1.01, 10]) * least)
    assert found.tolist() == [False, False, True, True]


def test_what_can_be_spent_where_size_and_data_end() -> None:
    both = BudgetLine(limits=bs.Limits(max_params=1e9, max_tokens=2e10))
    budgets = np.array([1e19, 1e21])
    assert both.spendable(budgets).tolist() == [1e19, 6 * 1e9 * 2e10]
    one = BudgetLine(limits=bs.Limits(max_params=1e9))
    assert one.spendable(budgets).tolist() == budgets.tolist()
    assert BudgetLine().spendable(budgets).tolist() == budgets.tolist()


def test_ends_are_where_ratios_and_limits_are() -> None:
    total = np.array([6e20])
    free = BudgetLine().ends(total)
    ratio = np.log(total / 6) - 2 * np.array([free.low[0], free.high[0]])  # log D/N
    np.testing.assert_allclose(np.exp(ratio), [1e5, 1e-4], rtol=1e-6)
    assert (free.low_by, free.high_by) == ("", "")
    cut = BudgetLine(limits=bs.Limits(min_params=1e9, max_tokens_per_param=50)).ends(total)
    assert np.exp(cut.low[0]) == pytest.approx(np.sqrt(1e20 / 50)) and cut.high_by == ""
    assert cut.low_by == "at most 50 tokens per parameter"
    upper = BudgetLine(limits=bs.Limits(max_params=2e9)).ends(total)
    assert np.exp(upper.high[0]) == pytest.approx(2e9) and upper.high_by == "at most 2e+09 params"
