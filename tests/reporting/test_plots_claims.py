"""Plots of a claim and of a diagnosis show the numbers they claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from bayes_scaling.decisions.claim import Claim
from bayes_scaling.decisions.diagnose import diagnose
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.decisions.register import register
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots import plot_claim, plot_diagnosis

POINTS = pd.DataFrame({"params": [1e10, 2e10], "tokens": [2e11, 4e11]})


@pytest.fixture(scope="module")
def claim(fit: Fit) -> Claim:
    return register(forecast(fit, POINTS), date="2026-11-27")


DRAWN: list[Callable[[Fit, Claim, Axes | None], Axes]] = [
    lambda fit, claim, ax: plot_claim(claim, ax=ax),
    lambda fit, claim, ax: plot_claim(claim, 2.1, point=1, ax=ax),
    lambda fit, claim, ax: plot_diagnosis(diagnose(fit), ax=ax),
]


@pytest.mark.parametrize("draw", DRAWN)
def test_axes_are_returned_labelled_and_no_setting_is_changed(
    fit: Fit, claim: Claim, draw: Callable[[Fit, Claim, Axes | None], Axes]
) -> None:
    before = dict(matplotlib.rcParams)
    given = Figure().add_subplot()
    assert draw(fit, claim, given) is given
    own = draw(fit, claim, None)
    assert own.get_xlabel() and own.get_ylabel()
    style.to_svg(own, "own")
    assert dict(matplotlib.rcParams) == before


def test_bars_are_the_claimed_intervals_and_the_line_the_measurement(claim: Claim) -> None:
    q = claim.points[0]["quantiles"]
    for value, color in ((q[60], style.GREEN), (q[98] + 0.02, style.RED)):
        ax = plot_claim(claim, value)
        ends = sorted(tuple(c.get_segments()[0][:, 0]) for c in ax.collections[-2:])
        assert_allclose(ends, [(q[4], q[94]), (q[24], q[74])])
        line = next(x for x in ax.get_lines() if str(x.get_label()).startswith("measured"))
        assert_allclose(line.get_xdata(), value)
        assert to_rgba(line.get_color()) == to_rgba(color)
        assert ax.get_xlim()[0] < q[0] and ax.get_xlim()[1] > value
    with pytest.raises(UsageError, match="above 0"):
        plot_claim(claim, -1.0)
    with pytest.raises(UsageError, match="indices 0 to 1"):
        plot_claim(claim, point=2)


def test_density_of_a_claim_is_centred_and_of_mass_one(claim: Claim) -> None:
    curve = plot_claim(claim).get_lines()[0]
    x, height = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert np.trapezoid(height, x) == pytest.approx(1, abs=0.03)
    assert np.trapezoid(x * height, x) == pytest.approx(claim.points[0]["quantiles"][49], rel=0.01)


def test_a_claim_without_spread_can_be_drawn(claim: Claim) -> None:
    points = [{**p, "quantiles": [0.5] * 99} for p in claim.points]
    plot_claim(Claim({**claim.content, "points": points}, "")).figure.draw_without_rendering()


def test_runs_stand_where_they_were_trained_in_the_colour_of_their_probability(fit: Fit) -> None:
    found = diagnose(fit)
    dots = plot_diagnosis(found).collections[-1]
    assert_allclose(dots.get_offsets(), found.runs[["params", "tokens"]])
    assert_allclose(dots.get_array(), found.runs["p_undertrained"])
    assert dots.get_clim() == (0.0, 1.0)


def test_the_frontier_spends_each_budget_at_its_best_split(fit: Fit) -> None:
    found = diagnose(fit)
    ax = plot_diagnosis(found)
    line = next(x for x in ax.get_lines() if x.get_label() == "median")
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert_allclose(6 * x * y, np.unique(found.runs["flops"]))
    assert set(np.round(x)) <= set(np.round(found.quantiles([0.5], of="params")[0.5]))
    one = fit.runs.to_frame()
    one["tokens"] = 1e20 / one["params"]
    single = replace(fit, runs=type(fit.runs).from_frame(one))
    assert "median" not in plot_diagnosis(diagnose(single)).get_legend_handles_labels()[1]
