"""Plots show the numbers they claim, on any axes, and leave no trace behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from bayes_scaling.decisions.allocation import allocate
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.residual_checks import residual_axes
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots import (
    plot_allocation,
    plot_forecast,
    plot_isoflop,
    plot_posterior,
    plot_residuals,
)

BUDGETS = [1e22, 1e23]
GRID = np.geomspace(1e19, 1e25, 30)

DRAW: dict[str, Callable[[Fit, Axes | None], Axes]] = {
    "forecast": lambda fit, ax: plot_forecast(fit, forecast(fit, GRID), ax=ax),
    "points": lambda fit, ax: plot_forecast(fit, forecast(fit, BUDGETS), ax=ax),
    "isoflop": lambda fit, ax: plot_isoflop(fit, BUDGETS, allocation=allocate(fit, BUDGETS), ax=ax),
    "allocation": lambda fit, ax: plot_allocation(allocate(fit, BUDGETS), ax=ax),
    "residuals": lambda fit, ax: plot_residuals(fit, ax=ax),
    "posterior": lambda fit, ax: plot_posterior(fit, "alpha", ax=ax),
}


@pytest.mark.parametrize("name", DRAW)
def test_every_plot_returns_axes_and_changes_no_setting(fit: Fit, name: str) -> None:
    before = dict(matplotlib.rcParams)
    given = Figure().add_subplot()
    assert DRAW[name](fit, given) is given
    assert isinstance(DRAW[name](fit, None), Axes)
    style.to_svg(given, "given")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", DRAW)
def test_axes_say_what_they_show_and_in_which_unit(fit: Fit, name: str) -> None:
    ax = DRAW[name](fit, None)
    ax.figure.draw_without_rendering()
    assert ax.get_xlabel()
    assert ax.get_ylabel() or name == "posterior"
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    low, high = ax.get_xlim()
    inside = [t for t, x in zip(ticks, ax.get_xticks(), strict=True) if low <= x <= high]
    assert len([t for t in inside if t]) >= 2
    assert not any("e+" in t for t in ticks)


def test_fan_is_the_forecast(fit: Fit) -> None:
    ahead = forecast(fit, GRID)
    lines = plot_forecast(fit, ahead).get_lines()
    median = next(line for line in lines if line.get_label() == "median")
    assert_allclose(median.get_xdata(), GRID)
    assert_allclose(median.get_ydata(), ahead.quantiles([0.5])[0.5])


def test_fan_marks_the_largest_run_and_the_horizon(fit: Fit) -> None:
    ax = plot_forecast(fit, forecast(fit, GRID))
    labels = ax.get_legend_handles_labels()[1]
    expected = {"largest fitted run", "held-out run", "fitted run", "beyond 100 times it"}
    assert expected <= set(labels)
    near = plot_forecast(fit, forecast(fit, np.geomspace(1e19, 1e22, 30)))
    assert "beyond 100 times it" not in near.get_legend_handles_labels()[1]


def test_points_out_of_order_are_drawn_one_by_one(fit: Fit) -> None:
    points = pd.DataFrame({"params": [1e10, 1e9], "tokens": [1e11, 1e12]})
    labels = plot_forecast(fit, forecast(fit, points)).get_legend_handles_labels()[1]
    assert "forecast" in labels
    assert "median" not in labels


def test_a_run_far_above_is_marked_at_the_edge(fit: Fit) -> None:
    frame = fit.runs.to_frame()
    frame.loc[0, "loss"] = 40.0
    runs = type(fit.runs).from_frame(frame)
    odd = replace(fit, runs=runs)
    ax = plot_forecast(odd, forecast(odd, GRID))
    assert "1 above, up to 40.00" in ax.get_legend_handles_labels()[1]
    assert ax.get_ylim()[1] < 10


def test_isoflop_curves_have_their_valley_at_the_plan(fit: Fit) -> None:
    plans = allocate(fit, BUDGETS).robust["params"]
    curves = plot_isoflop(fit, BUDGETS).get_lines()
    for curve, plan in zip(curves, plans, strict=True):
        lowest = curve.get_xdata()[np.argmin(curve.get_ydata())]
        assert abs(np.log(lowest / plan)) < 0.15


def test_allocation_strips_lie_on_their_budgets(fit: Fit) -> None:
    ax = plot_allocation(allocate(fit, BUDGETS))
    solid = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    for line, flops in zip(solid, np.repeat(BUDGETS, 2), strict=True):
        assert_allclose(6 * np.prod(line.get_xydata(), axis=1), flops)


def test_allocation_dots_pay_for_serving_too(fit: Fit) -> None:
    """A plan that also pays for its serving lies below C = 6ND, among the draws."""
    served = 2e13
    found = allocate(fit, BUDGETS, serving=Serving(served))
    ax = plot_allocation(found)
    assert not [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    *clouds, star = [np.asarray(each.get_offsets()) for each in ax.collections]
    assert len(clouds) == len(BUDGETS)
    for dots, flops, plan in zip(clouds, BUDGETS, star, strict=True):
        N, D = dots.T
        assert_allclose(6 * N * D + 2 * N * served, flops)
        assert N.min() < plan[0] < N.max() and D.min() < plan[1] < D.max()


def test_residuals_are_percent_of_the_loss_and_far_runs_are_named(fit: Fit) -> None:
    ax = plot_residuals(fit, against="D/N")
    assert "%" in ax.get_ylabel()
    assert {text.get_text().split()[0] for text in ax.texts} == {"far-a", "far-b"}
    values = {text.get_text().split()[0]: float(text.get_text().split()[1]) for text in ax.texts}
    assert values == pytest.approx({"far-a": 9.5, "far-b": -10.5}, abs=1.0)
    with pytest.raises(UsageError, match="choose one of N, D, C, D/N"):
        plot_residuals(fit, against="loss")


def test_residual_axes_leave_out_what_does_not_vary(fit: Fit, one_resource_fit: Fit) -> None:
    assert tuple(residual_axes(fit)) == ("N", "D", "C", "D/N")
    assert tuple(residual_axes(one_resource_fit)) == ("D",)
    frame = fit.runs.to_frame()
    frame["tokens"] = 20 * frame["params"]
    ray = replace(fit, runs=type(fit.runs).from_frame(frame))
    assert tuple(residual_axes(ray)) == ("N", "D", "C")


def test_posterior_density_has_mass_one(fit: Fit) -> None:
    for name in ("alpha", "sigma", "gamma_C"):
        line = plot_posterior(fit, name).get_lines()[0]
        assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(1, abs=0.03)
    with pytest.raises(UsageError, match="this fit has L_inf"):
        plot_posterior(fit, "delta")


def test_a_prior_taller_than_the_posterior_stays_in_view(fit: Fit) -> None:
    rng = np.random.default_rng(5)
    prior = fit.model.all_priors["alpha"]
    draws = prior.sample(rng, 1000).reshape(fit.posterior["alpha"].shape)
    wide = fit.posterior.assign(alpha=(("chain", "draw"), draws * np.linspace(1, 1.5, 250)))
    ax = plot_posterior(replace(fit, posterior=wide), "alpha")
    before = next(line for line in ax.get_lines() if line.get_label() == "prior")
    assert np.max(before.get_ydata()) < ax.get_ylim()[1]


def test_one_budget_and_identical_draws_can_be_drawn(fit: Fit) -> None:
    still = fit.posterior.map(lambda v: v * 0 + v.mean())
    frozen = replace(fit, posterior=still)
    plot_allocation(allocate(frozen, [1e23]))
    plot_isoflop(frozen, [1e23])
    plot_posterior(frozen, "alpha")


def test_split_plots_refuse_tables_without_a_split(ray_fit: Fit, one_resource_fit: Fit) -> None:
    with pytest.raises(CheckError, match="cannot say how to split"):
        plot_isoflop(ray_fit, [1e23])
    with pytest.raises(UsageError, match="joint law"):
        plot_isoflop(one_resource_fit, [1e23])


@pytest.mark.parametrize(
    ("value", "column", "words"),
    [
        (7e10, "params", "70B"),
        (1.5e12, "tokens", "1.5T"),
        (1e21, "flops", "10²¹"),
        (2e21, "flops", "2×10²¹"),
        (0.1, "tokens_per_param", "0.1"),
        (0.0, "params", ""),
    ],
)
def test_ticks_read_like_people_write(value: float, column: str, words: str) -> None:
    assert style.tick_text(value, column) == words


def test_importing_plots_loads_no_matplotlib_and_drawing_no_pyplot() -> None:
    code = (
        "import sys; import bayes_scaling.reporting.plots as p, bayes_scaling.reporting.report; "
        "assert 'matplotlib' not in sys.modules and 'pymc' not in sys.modules; "
        "from bayes_scaling.reporting import style; style.to_svg(style.canvas(None), 'x'); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
