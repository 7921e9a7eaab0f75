"""The data for a model, and the model for the data."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from tests.conftest import REPLICATION, make_fit


def test_frontier_is_the_closed_form(chinchilla_fit: Fit) -> None:
    """alpha A n^-alpha = beta B d^-beta, draw by draw."""
    found = bs.frontier(chinchilla_fit, params=[1e9, 7e10])
    p = {k: v.values[..., None] for k, v in chinchilla_fit.posterior.items()}
    n = np.array([1.0, 70.0])
    d = (p["beta"] * p["B"] / (p["alpha"] * p["A"] * n ** -p["alpha"])) ** (1 / p["beta"])
    np.testing.assert_allclose(found.draws["tokens"], 2e10 * d, rtol=1e-6)
    np.testing.assert_allclose(found.draws["params"], np.broadcast_to(1e9 * n, d.shape), rtol=1e-6)
    assert not found.draws["at_edge"].any()


def test_both_ways_meet(chinchilla_fit: Fit) -> None:
    there = bs.frontier(chinchilla_fit, params=[7e9])
    back = bs.frontier(chinchilla_fit, tokens=there.robust["tokens"].tolist())
    assert back.robust["params"][0] == pytest.approx(7e9, rel=1e-6)
    plan = bs.allocate(chinchilla_fit, there.robust["flops"].tolist()).robust
    assert plan["params"][0] == pytest.approx(7e9, rel=1e-6)
    low, high = back.quantiles([0.05, 0.95], of="params").iloc[0]
    assert low < 7e9 < high


def test_scarce_data_ask_for_larger_models(chinchilla_fit: Fit) -> None:
    mixed = {"chinchilla-plain": chinchilla_fit, "chinchilla": make_fit("chinchilla", REPLICATION)}
    scarce = Setting(repetition=bs.Repetition(1e10))
    plenty, few = (bs.frontier(mixed, tokens=[1e11], setting=s).robust for s in (Setting(), scarce))
    assert few["params"][0] > plenty["params"][0]


def test_one_of_both(chinchilla_fit: Fit) -> None:
    for bad in ({}, {"params": [1e9], "tokens": [1e9]}, {"params": [-1.0]}, {"tokens": []}):
        with pytest.raises(UsageError):
            bs.frontier(chinchilla_fit, **bad)  # type: ignore[arg-type]
