"""Terminal tables fit 80 columns and put the verdict first; numbers read like numbers."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bayes_scaling.decisions.allocation import allocate
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.inference.checks import check
from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting import wording
from bayes_scaling.reporting.tables import (
    allocation_table,
    checks_table,
    findings_table,
    forecast_table,
    summary_table,
)
from bayes_scaling.verdicts import Check, Checks


def lines_of(table: object) -> list[str]:
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_tables_fit_80_columns(fit: Fit) -> None:
    budgets = [1e22, 1.25e23, 1e25]
    points = pd.DataFrame({"params": [7.05e10], "tokens": [1.455e12]})
    tables = [
        forecast_table(forecast(fit, budgets)),
        forecast_table(forecast(fit, points)),
        allocation_table(allocate(fit, budgets)),
        summary_table(fit),
        checks_table(check(fit)),
        findings_table(fit.runs.findings),
    ]
    for table in tables:
        lines = lines_of(table)
        assert max(map(len, lines)) <= 80
        assert not any("…" in line for line in lines)


def test_forecast_table_says_its_quantiles(fit: Fit) -> None:
    asked = forecast(fit, [1e23])
    q = asked.quantiles([0.05, 0.5, 0.95]).iloc[0]
    line = lines_of(forecast_table(asked))[-1]
    assert wording.say_loss(q[0.5]) in line
    assert f"[{q[0.05]:.3f}, {q[0.95]:.3f}]" in line
    assert "!" in lines_of(forecast_table(forecast(fit, [1e26])))[-1]


def test_checks_put_failures_first_and_count_the_rest() -> None:
    rows = [Check("fine", "ok", 1.0, "<= 2"), Check("broken", "fail", 3.0, "<= 2", "mend it")]
    lines = lines_of(checks_table(Checks(tuple(rows)), 1))
    assert lines[2].startswith("FAIL")
    assert "mend it" in lines[2]
    assert "and 1 more" in lines[3]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (wording.say_loss(2.0529), "2.053"),
        (wording.say_size(3.81e10), "38B"),
        (wording.say_size(4.36e12), "4.4T"),
        (wording.say_size(701.0), "700"),
        (wording.say_size(0.163), "0.16"),
        (wording.say_usd(3.2e6), "$3.2M"),
        (wording.say_usd(420.0), "$420"),
        (wording.say_usd(0.5), "$0.50"),
        (wording.say_given(1e24, "flops"), "1e24 FLOP"),
        (wording.say_given(5.76e23, "flops"), "5.76e23 FLOP"),
        (wording.say_given(7e10, "params"), "70B parameters"),
        (wording.say_given(1.2e12, "tokens"), "1.2T tokens"),
        (wording.say_times(3226.4), "3226x"),
        (wording.say_times(7.71), "7.7x"),
        (wording.say_share(0.975), "97.5%"),
        (wording.say_regret(0.000421), "0.00042"),
        (wording.say_regret(0.0153), "0.015"),
        (wording.say_regret(0.0), "under 0.000001"),
        (wording.say_number(1e9), "1e9"),
        (wording.say_number(0.36541), "0.3654"),
        (wording.say_number(12.0), "12"),
        (wording.say_number("text"), "text"),
        (wording.say_number(None), "–"),
        (wording.say_loss(float("nan")), "–"),
        (wording.level_name(0.05), "q05"),
        (wording.level_name(0.5), "q50"),
        (wording.level_name(0.975), "q975"),
    ],
)
def test_numbers_read_like_numbers(words: str, expected: str) -> None:
    assert words == expected


def test_interval_levels_are_central() -> None:
    assert wording.interval_levels(0.9) == (0.05, 0.95)
    for share in np.linspace(0.01, 0.99, 50):
        low, high = wording.interval_levels(float(share))
        assert high - low == pytest.approx(share)
        assert low + high == pytest.approx(1)
