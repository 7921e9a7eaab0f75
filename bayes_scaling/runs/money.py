"""Money and hours: "5M", "$1.5B", "100k" to numbers."""

from __future__ import annotations

import math
import re
from typing import Final

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.labels import display_name

SCALED: Final = re.compile(r"(?P<number>\d+(\.\d*)?(e\+?\d+)?)\s*(?P<suffix>[kKMB]?)", re.ASCII)
SCALED_POWER: Final = {"": 0, "k": 3, "K": 3, "M": 6, "B": 9}
MOST_TEXT: Final = 40


def parse_money(text: str) -> float:
    """Return USD of a text such as "5M", "250k", "$1.5B" or "1e6".

    Raises UsageError for anything else, and for amounts that are not above 0 and finite.
    """
    return _scaled(text, text.strip().removeprefix("$").lstrip(), "usd")


def parse_hours(text: str) -> float:
    """Return hours of a text such as "100k" or "1.5e6"; UsageError as for `parse_money`."""
    return _scaled(text, text.strip(), "hours")


def _scaled(text: str, amount: str, name: str) -> float:
    shown = f"{name} '{display_name(text, MOST_TEXT)}'"
    match = SCALED.fullmatch(amount)
    if match is None:
        raise UsageError(f"{shown}: write an amount such as 250k, 5M or 1.5B")
    if match["suffix"] and "e" in match["number"]:
        raise UsageError(f"{shown}: a suffix beside an exponent is ambiguous")
    found = float(match["number"]) * 10.0 ** SCALED_POWER[match["suffix"]]
    if not (math.isfinite(found) and found > 0):
        raise UsageError(f"{shown}: an amount is finite and above 0")
    return found
