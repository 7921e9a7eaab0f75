"""Units: what is read, what is refused and why, and that writing and reading agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_scaling.errors import BayesScalingError, UsageError
from bayes_scaling.names import EPOCHS, FLOPS, LOSS, PARAMS, TOKENS
from bayes_scaling.quantities import NUMBER_COLUMNS
from bayes_scaling.runs.compute import PFLOP_S_DAY
from bayes_scaling.runs.units import LOSS_UNITS, format_quantity, parse_quantity, to_nats

READ = [
    ("1.3B", PARAMS, 1.3e9),
    ("70B", PARAMS, 7e10),
    ("7b", PARAMS, 7e9),
    (" 7 B ", PARAMS, 7e9),
    ("7\u00a0B", PARAMS, 7e9),
    ("7B params", PARAMS, 7e9),
    ("7e9 parameters", PARAMS, 7e9),
    ("1.3T", TOKENS, 1.3e12),
    ("7M", TOKENS, 7e6),
    ("300k", TOKENS, 3e5),
    ("300K", TOKENS, 3e5),
    ("1.5T tokens", TOKENS, 1.5e12),
    ("1.5Ttokens", TOKENS, 1.5e12),
    ("3.1e23 FLOPs", FLOPS, 3.1e23),
    ("1e21FLOPs", FLOPS, 1e21),
    ("1e21 FLOPS", FLOPS, 1e21),
    ("2.5E FLOP", FLOPS, 2.5e18),
    ("2 PFLOP", FLOPS, 2e15),
    ("6.9 PF/s-days", FLOPS, 6.9 * PFLOP_S_DAY),
    ("6.9 PF-days", FLOPS, 6.9 * PFLOP_S_DAY),
    ("1 PFLOP/s-day", FLOPS, PFLOP_S_DAY),
    ("2k PFLOP/s-days", FLOPS, 2000 * PFLOP_S_DAY),
    ("1,300,000", TOKENS, 1.3e6),
    ("1,300,000 tokens", TOKENS, 1.3e6),
    ("1_000", TOKENS, 1000.0),
    ("1e+24", FLOPS, 1e24),
    ("2.35", LOSS, 2.35),
    (".5", LOSS, 0.5),
    ("4", EPOCHS, 4.0),
    ("18446744073709551616", FLOPS, 2.0**64),
]

REFUSED = [
    ("125m", PARAMS, "ambiguous"),
    ("1,3e9", PARAMS, "--decimal ,"),
    ("1,3", PARAMS, "--decimal ,"),
    ("1,300B", PARAMS, "--decimal ,"),
    ("12,3456", PARAMS, "full groups"),
    ("2,350", LOSS, "--decimal ,"),
    ("0,300,000", TOKENS, "leading zeros"),
    ("1.300.000", TOKENS, "--decimal ,"),
    ("2.5E", PARAMS, "FLOP unit"),
    ("2.5E", FLOPS, "FLOP unit"),
    ("2.5P tokens", TOKENS, "FLOP unit"),
    ("0x10", PARAMS, "hexadecimal"),
    ("1.3e", PARAMS, "exponent"),
    ("1.3t", TOKENS, "write T"),
    ("1.3G", PARAMS, "write B"),
    ("1e3k", PARAMS, "ambiguous"),
    ("007", PARAMS, "leading zeros"),
    ("1 300 000", TOKENS, "space"),
    ("7B tokens", PARAMS, "neither"),
    ("7B params", TOKENS, "neither"),
    ("1e21 FLOP/s", FLOPS, "neither"),
    ("1.3 billion", PARAMS, "1.3B"),
    ("2.3 nats", LOSS, "neither"),
    ("2.3k", LOSS, "no suffix"),
    ("inf", PARAMS, "finite"),
    ("nan", PARAMS, "finite"),
    ("1e999", FLOPS, "float"),
    ("1e-999", FLOPS, "above zero"),
    ("0", LOSS, "above zero"),
    ("-1B", PARAMS, "no sign"),
    ("\u22121", PARAMS, "no sign"),
    ("+1", PARAMS, "no sign"),
    ("\u0663", PARAMS, "plain digits"),
    ("", PARAMS, "no number"),
    ("9" * 1000, FLOPS, "no number"),
    ("2024-01-01", PARAMS, "neither"),
    ("11%", PARAMS, "neither"),
    ("1__0", PARAMS, "neither"),
    ("$5M", FLOPS, "plain digits"),
    ("1.2.3", PARAMS, "decimal sign"),
]


@pytest.mark.parametrize(("text", "column", "value"), READ)
def test_reads(text: str, column: str, value: float) -> None:
    assert parse_quantity(text, column) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(("text", "column", "words"), REFUSED)
def test_refuses_with_rule_and_remedy(text: str, column: str, words: str) -> None:
    with pytest.raises(UsageError, match=column) as caught:
        parse_quantity(text, column)
    assert words in str(caught.value)
    assert ";" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "value"), [("1,3e9", 1.3e9), ("1,3B", 1.3e9), ("1.300.000,5", 1300000.5)]
)
def test_decimal_comma_on_request(text: str, value: float) -> None:
    assert parse_quantity(text, TOKENS, decimal=",") == value


@pytest.mark.parametrize("text", ["2.35", "1.3B", "1.3e9"])
def test_point_refused_under_decimal_comma(text: str) -> None:
    with pytest.raises(UsageError, match=r"--decimal \."):
        parse_quantity(text, LOSS if text == "2.35" else PARAMS, decimal=",")


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (7e10, None, "70B"),
        (1.5e12, TOKENS, "1.5T"),
        (1e24, FLOPS, "1.00e24 FLOP"),
        (5.0, FLOPS, "5.00e0 FLOP"),
        (999.9e9, PARAMS, "1T"),
        (123456, PARAMS, "123k"),
        (2.0812, LOSS, "2.08"),
        (1300.0, LOSS, "1.3e+03"),
        (3.25e16, TOKENS, "3.25e16"),
        (math.inf, FLOPS, "inf"),
    ],
)
def test_writes(value: float, column: str | None, text: str) -> None:
    assert format_quantity(value, column) == text


@given(
    st.floats(min_value=1e-12, max_value=1e40),
    st.sampled_from([*NUMBER_COLUMNS, None]),
    st.integers(min_value=1, max_value=8),
)
def test_round_trip(value: float, column: str | None, digits: int) -> None:
    back = parse_quantity(format_quantity(value, column, digits), column or PARAMS)
    assert back == pytest.approx(float(f"{value:.{digits - 1}e}"), rel=1e-12)


@given(st.text(max_size=40), st.sampled_from(NUMBER_COLUMNS), st.sampled_from(".,"))
def test_any_text_is_a_positive_number_or_refused(text: str, column: str, decimal: str) -> None:
    try:
        value = parse_quantity(text, column, decimal=decimal)
    except BayesScalingError:
        return
    assert 0 < value < math.inf


@given(st.from_regex(r"[0-9.,_eE+ kKMBbTPEmGx-]{1,14}", fullmatch=True))
def test_never_reads_more_than_python_does(text: str) -> None:
    """Where both read a text, they agree: one meaning each."""
    try:
        ours = parse_quantity(text, PARAMS)
        theirs = float(text)
    except (UsageError, ValueError):
        return
    assert ours == theirs


def test_losses_to_nats() -> None:
    nats = np.array([[2.0, 3.0]])
    np.testing.assert_allclose(to_nats(nats, "nats"), nats)
    np.testing.assert_allclose(to_nats(nats / math.log(2), "bits"), nats)
    np.testing.assert_allclose(to_nats(np.exp(nats), "ppl"), nats)
    per_byte = nats / math.log(2) / 4.2
    np.testing.assert_allclose(to_nats(per_byte, "bpb", bytes_per_token=4.2), nats)
    assert set(LOSS_UNITS) == {"nats", "bits", "ppl", "bpb"}


@pytest.mark.parametrize(
    ("unit", "size", "words"),
    [("nat", None, "nats, bits"), ("bpb", None, "bytes_per_token"), ("bpb", -1.0, "positive")],
)
def test_loss_unit_refused(unit: str, size: float | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        to_nats([1.0], unit, bytes_per_token=size)
