"""The prior's picture: lines that fit a terminal, and a figure."""

from __future__ import annotations

from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.reporting.prior_picture import (
    BAND,
    COLUMNS,
    MEDIAN,
    ROWS,
    plot_prior,
    prior_text,
    save_prior,
)
from bayes_scaling.specs.prior_predictive import prior_predictive


@pytest.mark.parametrize("name", bs.model_names())
def test_lines_fit_a_terminal(name: str) -> None:
    found = prior_predictive(bs.load_model(name))
    lines = prior_text(found)
    assert max(map(len, lines)) <= 80
    picture = [line.partition("│")[2] for line in lines if "│" in line]
    assert len(picture) == ROWS
    assert "".join(picture).count(MEDIAN) == COLUMNS  # one in each column
    assert "".join(picture).count(BAND) > COLUMNS
    text = " ".join(lines)
    low, high = found.limits
    possible = f"physically possible ({found.target} {low:g} to {high:g}"
    assert possible in " ".join(text.split())


def test_the_median_is_where_the_axis_says() -> None:
    found = prior_predictive(bs.load_model("chinchilla-plain"))
    rows = [line for line in prior_text(found) if "│" in line]
    top, bottom = float(rows[0].split("│")[0]), float(rows[-1].split("│")[0])
    first = next(i for i, row in enumerate(rows) if row.partition("│")[2].startswith(MEDIAN))
    step = (top - bottom) / (ROWS - 1)
    assert abs(top - first * step - found.quantiles[0.5].iloc[0]) <= step / 2 + 0.01


def test_figure(tmp_path: Path) -> None:
    found = prior_predictive(bs.load_model("power-floor-plain"))
    ax = plot_prior(found)
    assert ax.get_xscale() == "log" and ax.get_ylim()[0] == 0
    assert "tokens" in ax.get_xlabel()
    saved = save_prior(found, tmp_path / "prior.png").read_bytes()
    assert (
        saved.startswith(b"\x89PNG") and saved == save_prior(found, tmp_path / "b.png").read_bytes()
    )
