"""Averages: how draws are mixed, and what forecasts and splits are made of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.averaging import (
    JOINT,
    ONE_RESOURCE,
    REPEATED,
    average,
    default_models,
)
from bayes_scaling.evaluation.weights import weigh
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from bayes_scaling.names import MODEL
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import model_names
from tests.conftest import REPLICATION, ladder, make_fit

JOINED = {"L_inf": 1.75, "S": 0.75, "w": 0.5, "alpha": 0.4, "beta": 0.4, "k": 0.9}


@pytest.fixture(scope="module")
def fits() -> dict[str, Fit]:
    return {
        "chinchilla": make_fit("chinchilla", REPLICATION),
        "skaling": make_fit("skaling", JOINED),
    }


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_each_model_gives_as_many_draws_as_its_weight_says(
    fits: dict[str, Fit], weight: float
) -> None:
    mixed = average(fits, {"chinchilla": weight, "skaling": 1 - weight})
    members = mixed.members()
    assert members.shape == (4, 250)
    assert np.mean(members == 0) == pytest.approx(weight, abs=1e-3)
    assert np.array_equal(members, mixed.members())
    for chain in members:  # every chain has all models
        assert np.mean(chain == 0) == pytest.approx(weight, abs=0.1)


def test_a_draw_of_a_forecast_is_a_draw_of_one_law(fits: dict[str, Fit]) -> None:
    plan = pd.DataFrame({"params": [1e9, 7e10], "tokens": [2e10, 1.4e12]})
    mixed = bs.forecast(fits, plan)
    assert mixed.weights == {"chinchilla": 0.5, "skaling": 0.5}
    for name, fit in fits.items():
        own = (mixed.draws[MODEL] == name).to_numpy()
        alone = bs.forecast(fit, plan).draws
        for variable in ("loss_mean", "loss_new"):
            picked, all_of_it = mixed.draws[variable].to_numpy(), alone[variable].to_numpy()
            np.testing.assert_array_equal(picked[own], all_of_it[own])


def test_a_split_is_that_of_the_draws_own_law_and_the_plan_is_best_over_both(
    fits: dict[str, Fit],
) -> None:
    budget = 1e24
    mixed = bs.allocate(average(fits, {"chinchilla": 0.25, "skaling": 0.75}), [budget])
    apart = {name: bs.allocate(fit, [budget]) for name, fit in fits.items()}
    own = average(fits, {"chinchilla": 0.25, "skaling": 0.75}).members() == 0
    params = mixed.draws["params"].to_numpy()[..., 0]
    for place, name in ((own, "chinchilla"), (~own, "skaling")):
        np.testing.assert_array_equal(
            params[place], apart[name].draws["params"].to_numpy()[..., 0][place]
        )
    sizes = np.geomspace(1e10, 1e12, 4001)
    inputs = {"params": sizes, "tokens": budget / 6 / sizes}
    walk = {  # the drift at one budget is one factor per draw
        n: (a.draws["loss"].to_numpy() / law_at(f, {k: a.draws[k].to_numpy() for k in inputs}))
        for (n, f), a in zip(fits.items(), apart.values(), strict=True)
    }
    expected = sum(
        w * (law_at(fits[n], inputs) * walk[n]).mean(axis=(0, 1))
        for n, w in (("chinchilla", 0.25), ("skaling", 0.75))
    )
    assert mixed.robust["params"][0] == pytest.approx(sizes[expected.argmin()], rel=2e-3)
    assert (mixed.draws["regret"] >= -1e-12).all()


def test_what_cannot_be_averaged_is_refused(fits: dict[str, Fit]) -> None:
    with pytest.raises(UsageError, match="at least one"):
        average({})
    with pytest.raises(UsageError, match="weights name"):
        average(fits, {"chinchilla": 1.0})
    for weights in ((-1.0, 2.0), (0.0, 0.0), (float("nan"), 1.0)):
        with pytest.raises(UsageError, match="weights"):
            average(fits, dict(zip(fits, weights, strict=True)))
    other = Runs.from_frame(ladder().iloc[:30])
    with pytest.raises(UsageError, match="different tables"):
        average({**fits, "other": make_fit("chinchilla", REPLICATION, other)})
    with pytest.raises(UsageError, match="not list"):
        bs.forecast([1, 2], [1e22])  # type: ignore[arg-type]


def test_default_models_follow_what_the_table_states() -> None:
    table = ladder()
    assert default_models(Runs.from_frame(table)) == JOINT
    once = Runs.from_frame(table.assign(unique_tokens=table["tokens"]))
    assert default_models(once) == JOINT
    often = Runs.from_frame(table.assign(unique_tokens=table["tokens"] / 4))
    assert default_models(often) == REPEATED
    assert default_models(Runs.from_frame(table[["tokens", "loss"]])) == ONE_RESOURCE
    assert {*JOINT, *REPEATED, *ONE_RESOURCE} <= set(model_names())


def test_weights_are_equal_stacked_or_by_backtest(fits: dict[str, Fit]) -> None:
    assert weigh(fits) == {"chinchilla": 0.5, "skaling": 0.5}
    stacked = weigh(fits, "loo")
    assert sum(stacked.values()) == pytest.approx(1.0)
    assert stacked["chinchilla"] > 0.9  # the table lies exactly on its curve
    scores = pd.DataFrame({"model": ["chinchilla", "skaling", "average"], "crps": [0.1, 0.2, 0.1]})
    past = SimpleNamespace(by_model=scores)
    assert weigh(fits, "backtest", backtest=past) == pytest.approx(  # type: ignore[arg-type]
        {"chinchilla": 0.8, "skaling": 0.2}
    )
    with pytest.raises(UsageError, match="no backtest of chinchilla"):
        weigh(fits, "backtest")
    with pytest.raises(UsageError, match="equal, loo, backtest"):
        weigh(fits, "best")
