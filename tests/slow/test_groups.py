"""Partial pooling: three runs of a new family are enough for an answer, a factor of 2 is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from tests.conftest import REPLICATION

pytestmark = pytest.mark.slow
RUNS_OF_GROUP = {"base": 12, "better": 12, "steep": 12, "flat": 12, "late": 3}
TRUTH = {
    "base": {},
    # N and D count the square root of two more: the same loss at half the compute
    "better": {"A": 2 ** -(REPLICATION["alpha"] / 2), "B": 2 ** -(REPLICATION["beta"] / 2)},
    "steep": {"alpha": 1.1, "beta": 1.05, "A": 1.1},
    "flat": {"alpha": 0.9, "beta": 0.95, "L_inf": 0.98},
    "late": {"alpha": 1.05, "A": 0.95, "L_inf": 1.01},
}
"""Factors on the replication's values."""


def table() -> pd.DataFrame:
    rng = np.random.default_rng(20261124)
    parts = []
    for name, count in RUNS_OF_GROUP.items():
        values = {k: v * TRUTH[name].get(k, 1.0) for k, v in REPLICATION.items()}
        params = 10 ** rng.uniform(7.7, 9.7, count)
        tokens = params * 10 ** rng.uniform(0.5, 2.2, count)
        loss = bs.load_law("chinchilla").curve(np, params, tokens, **values)
        loss = loss * np.exp(0.003 * rng.standard_normal(count))
        columns = {"params": params, "tokens": tokens, "loss": loss, "group": name}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return bs.fit(bs.load_model("chinchilla-by-family"), bs.read_runs(table()))


def width(fit: Fit, name: str) -> float:
    low, high = np.quantile(np.log(fit.posterior[name]), [0.05, 0.95])
    return float(high - low)


def test_chains_mix_and_truths_are_inside(fit: Fit) -> None:
    assert fit.provenance["attempts"] == 1 and fit.provenance["worst_rhat"] <= 1.01
    for group, factors in TRUTH.items():
        one = fit.at_group(group)
        for name, value in REPLICATION.items():
            low, high = np.quantile(one.posterior[name], [0.005, 0.995])
            assert low < value * factors.get(name, 1.0) < high, (group, name)


def test_three_runs_of_a_new_family_borrow_from_the_others(fit: Fit) -> None:
    """Against the ungrouped model on two more runs than the family has: 5 is its least.

    The laws are compared: only the model by family has a drift.
    """
    frame = table()
    late = frame[frame["group"] == "late"].drop(columns="group")
    more = late.iloc[[0, 2]].assign(params=late["params"].iloc[[0, 2]] * 1.02)
    alone = bs.fit(bs.load_model("chinchilla-plain"), bs.read_runs(pd.concat([late, more])))
    pooled = fit.at_group("late")
    assert width(pooled, "alpha") < 0.5 * width(alone, "alpha")
    at = {"params": np.array([2e10]), "tokens": np.array([4e11])}
    both = [np.quantile(law_at(each, at), [0.05, 0.95]) for each in (pooled, alone)]
    gaps = [high - low for low, high in both]
    assert gaps[0] < 0.5 * gaps[1]
    values = {k: v * TRUTH["late"].get(k, 1.0) for k, v in REPLICATION.items()}
    truth = float(bs.load_law("chinchilla").curve(np, 2e10, 4e11, **values))
    assert both[0][0] < truth < both[0][1]


def test_a_multiplier_of_two_is_recovered(fit: Fit) -> None:
    found = bs.compute_multiplier(fit, "better", "base", flops=[1e20, 1e21])
    low, middle, high = np.quantile(found, [0.05, 0.5, 0.95], axis=(0, 1))
    assert ((low < 2.0) & (high > 2.0)).all()
    assert (np.abs(np.log(middle / 2.0)) < 0.25).all() and (high / low < 2.5).all()


def test_a_new_family_is_less_certain_than_any_of_the_table(fit: Fit) -> None:
    new = width(fit.at_group("new"), "alpha")
    assert all(new > width(fit.at_group(name), "alpha") for name in TRUTH)
