"""The plot of candidate runs shows the numbers it claims."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bayes_scaling.decisions.next_run import NextRun, next_run
from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots import plot_next_run
from bayes_scaling.reporting.plots_next import LEAST_USD, MOST_ROWS

ROWS = pd.DataFrame(
    {"params": [1e9, 3e9, 2e9], "tokens": [2e10, 6e10, 4e10], "usd": [3.0, 500.0, 0.0]}
)


@pytest.fixture(scope="module")
def found(fit: Fit) -> NextRun:
    return next_run(fit, 1e23, ROWS)


def test_bars_are_value_and_cost_best_on_top(found: NextRun) -> None:
    ax = plot_next_run(found)
    ends = [[bar.get_x() + bar.get_width() for bar in group] for group in ax.containers]
    for mine, column in zip(ends, ("value_usd", "usd"), strict=True):
        np.testing.assert_allclose(mine, np.maximum(found.table[column], LEAST_USD))
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert len(names) == 3 and "3B, 60B" in names
    low, high = ax.get_ylim()
    assert low > high  # the first row is on top
    beside = [text.get_text() for text in ax.texts]
    assert beside[:3] == [f"{-each:+.0%}" for each in found.table["shrink"]]
    assert ax.get_xlabel() == "USD" and ax.get_xscale() == "log"


def test_given_axes_are_used_and_long_tables_cut(fit: Fit, found: NextRun) -> None:
    given = Figure().add_subplot()
    assert plot_next_run(found, given) is given
    many = pd.concat([ROWS] * 7, ignore_index=True)
    ax = plot_next_run(next_run(fit, 1e23, many))
    assert len(ax.get_yticks()) == MOST_ROWS
    assert style.to_svg(ax, "next").startswith("<svg")
