"""Money, levels, pairs and thresholds as people type them."""

from __future__ import annotations

import pytest

from bayes_scaling.cli.amounts import (
    parse_columns,
    parse_intervals,
    parse_where,
)
from bayes_scaling.cli.answers import levels_of
from bayes_scaling.errors import UsageError
from bayes_scaling.runs.money import parse_money
from bayes_scaling.runs.units import parse_threshold


@pytest.mark.parametrize(
    ("text", "usd"),
    [("5M", 5e6), ("250k", 2.5e5), ("$1.5B", 1.5e9), ("1e6", 1e6), ("$ 42", 42.0), (" 7K ", 7e3)],
)
def test_money(text: str, usd: float) -> None:
    assert parse_money(text) == pytest.approx(usd)


@pytest.mark.parametrize("text", ["", "5m", "-5M", "1e400", "5 EUR", "1,000", "٣", "nan", "M", "0"])
def test_money_that_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="usd"):
        parse_money(text)


def test_intervals_come_in_order() -> None:
    assert parse_intervals("0.9, 0.5,0.9") == (0.5, 0.9)
    assert levels_of((0.8, 0.9)) == [0.05, 0.1, 0.5, 0.9, 0.95]


@pytest.mark.parametrize("text", ["", "0", "1", "80%", "nan", "inf", ",".join("123456")])
def test_intervals_that_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="interval"):
        parse_intervals(text)


def test_too_many_intervals_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 5"):
        parse_intervals("0.1,0.2,0.3,0.4,0.5,0.6")


def test_pairs() -> None:
    assert parse_columns(["params=n,tokens=d", "loss=a=b"]) == {
        "params": "n", "tokens": "d", "loss": "a=b",
    }  # fmt: skip
    assert parse_where(["set=a,b", "x = 1"]) == {"set": "a,b", "x": "1"}


def test_thresholds() -> None:
    assert parse_threshold("1e21") == {"value": 1e21, "column": "flops"}
    assert parse_threshold("params=500M") == {"value": 5e8, "column": "params"}
