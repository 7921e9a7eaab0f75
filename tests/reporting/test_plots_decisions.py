"""Plots of budgets and plans draw on given axes, say their units, and survive the smallest case."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling.inference.fit import Fit


def fresh() -> Axes:
    return Figure().add_subplot()


def test_regret_marks_the_valley(chinchilla_fit: Fit) -> None:
    curve = bs.regret_curve(chinchilla_fit, 1e22)
    ax = fresh()
    assert bs.plot_regret(curve, ax=ax) is ax
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "parameters N"
    assert "nats" in ax.get_ylabel() and ax.get_ylim()[1] >= curve["regret_q95"].max()
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["about as good", "90%", "median", "least mean regret"]
    flat = curve.assign(regret_q05=0.0, regret_q50=0.0, regret_q95=0.0, near=0.0)
    bs.plot_regret(flat)
    bs.plot_regret(bs.regret_curve(chinchilla_fit, 1e22, [7e9]))


@pytest.mark.parametrize("count", [1, 2, 12])
def test_loss_and_chance_against_cost(chinchilla_fit: Fit, count: int) -> None:
    found = bs.prospects(chinchilla_fit, np.geomspace(1e22, 1e23, count).tolist())
    front, chance = fresh(), fresh()
    assert bs.plot_pareto(found, ax=front) is front
    assert bs.plot_probability(found, 2.1, ax=chance) is chance
    for ax in (front, chance):
        assert "USD" in ax.get_xlabel()
        low, high = ax.get_xlim()
        assert low < found.plans["usd"].min() and high > found.plans["usd"].max()
    (line, _) = chance.get_lines()
    np.testing.assert_allclose(line.get_ydata(), found.probability(2.1))


def test_returns_show_both_doublings(chinchilla_fit: Fit) -> None:
    ax = fresh()
    found = bs.plan(chinchilla_fit, 7e9, 3e11)
    assert bs.plot_returns(found, ax=ax) is ax
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["twice the parameters", "twice the tokens"]
    assert "nats" in ax.get_xlabel()
