"""The plot of a backtest shows every scored run, and tells hits from misses."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from rich.console import Console

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.backtest import Backtest
from bayes_scaling.evaluation.scores import score_rows
from bayes_scaling.reporting import style
from bayes_scaling.reporting.plots import plot_backtest
from bayes_scaling.reporting.tables import backtest_table, skipped_table


def scored(*, rows: int = 60, models: tuple[str, ...] = ("m",), misses: int = 3) -> Backtest:
    """Forecasts around 2.5, the first of which missed by a lot."""
    rng = np.random.default_rng(1)
    draws = 2.5 + 0.02 * rng.standard_normal((400, rows))
    observed = np.where(np.arange(rows) < misses, 2.6, 2.51)
    place = {
        "cut": 1e20,
        "cut_quantile": 0.5,
        "trained": 9,
        "run": [f"[/]run {i}" for i in range(rows)],
        "ratio": np.geomspace(1.1, 800.0, rows),
    }
    each = [score_rows(draws, observed).assign(model=m, **place) for m in models]
    skipped = pd.DataFrame(
        [("m", 1e19, "[/] too few"), ("n", 1e19, "[/] too few")],
        columns=["model", "cut", "reason"],
    )
    return Backtest(pd.concat(each, ignore_index=True), skipped, "flops", "loss", {"fits": []})


@pytest.mark.parametrize("rows", [3, 60])
def test_hits_and_misses_are_told_apart(rows: int) -> None:
    found = scored(rows=rows, misses=2)
    ax = plot_backtest(found)
    hits, misses = ax.collections[-2:]
    assert [len(each.get_offsets()) for each in (hits, misses)] == [rows - 2, 2]
    assert to_hex(misses.get_facecolor()[0]).upper() == style.RED
    assert to_hex(hits.get_facecolor()[0]) != to_hex(misses.get_facecolor()[0])
    assert_allclose(misses.get_offsets()[:, 1], 4.0, atol=0.2)  # 2.6 against 2.5, in percent
    labels = ax.get_legend_handles_labels()[1]
    assert f"{rows - 2} of {rows} inside 90%" in labels and "2 outside" in labels
    assert ax.get_xlabel() == "times the largest fitted run" and ax.get_xscale() == "log"
    assert ax.get_ylabel() == "measured minus forecast loss [%]"
    low, high = ax.get_ylim()
    assert low < misses.get_offsets()[:, 1].min() and misses.get_offsets()[:, 1].max() < high


def test_given_axes_and_unchanged_settings() -> None:
    before, given = dict(matplotlib.rcParams), Figure().add_subplot()
    assert plot_backtest(scored(misses=0), ax=given) is given
    assert isinstance(plot_backtest(scored()), Axes)
    style.to_svg(given, "given")
    assert dict(matplotlib.rcParams) == before


def test_one_model_is_shown_at_a_time() -> None:
    both = scored(models=("m", "n", "average"))
    assert plot_backtest(both).get_title(loc="right") == "average"
    assert plot_backtest(both, model="n").get_title(loc="right") == "n"
    with pytest.raises(UsageError, match="scored m, n; name one"):
        plot_backtest(scored(models=("m", "n")))


def test_tables_say_each_reason_once_and_read_no_markup() -> None:
    found = scored(models=("m", "average"))
    console = Console(width=80, file=io.StringIO())
    for each in (backtest_table(found), skipped_table(found)):
        console.print(each)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count("[/] too few") == 1 and "m, n" in text
    assert "over 100x" in text and "1e19 FLOP" in text
    assert max(map(len, text.splitlines())) <= 80
