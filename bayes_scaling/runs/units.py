"""Units: "70B", "1e24 FLOP", "6.9 PF-days" to numbers and back, and losses to nats per token.

A quantity is optional space, digits (with `_` or full groups of three split by the thousands
sign), optional decimals, an optional exponent *or* one of the suffixes k K M B b T P E, and an
optional unit word that belongs to the column. Whatever can be read in two ways is refused.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import UsageError
from bayes_scaling.names import (
    FLOPS,
    LOSS,
    LOSS_SD,
    PARAMS,
    PARAMS_NON_EMBEDDING,
    TOKENS,
    UNIQUE_TOKENS,
)
from bayes_scaling.quantities import NUMBER_COLUMNS
from bayes_scaling.runs.compute import PFLOP_S_DAY
from bayes_scaling.runs.labels import display_name

LOSS_UNITS: Final = ("nats", "bits", "ppl", "bpb")
"""Units of loss that can be read: nats or bits per token, perplexity, bits per byte."""
POWER_OF_SUFFIX: Final = {"k": 3, "K": 3, "M": 6, "B": 9, "b": 9, "T": 12, "P": 15, "E": 18}
FLOP_ONLY: Final = frozenset("PE")
"""Suffixes that are read only in front of a FLOP unit."""
SUFFIX_HINTS: Final = {
    "m": "m is ambiguous (milli or million): write M for millions, as in 125M",
    "g": "write B for 1e9",
    "G": "write B for 1e9",
    "t": "write T for 1e12",
    "e": "the exponent has no digits: write 1.3e9",
    "x": "hexadecimal numbers are not read: write the decimal number",
    "X": "hexadecimal numbers are not read: write the decimal number",
}
WRITTEN_SUFFIXES: Final = (("T", 12), ("B", 9), ("M", 6), ("k", 3))
LARGEST_WITH_SUFFIX: Final = 1e15
"""From here on a number is written with an exponent."""
LONGEST_QUANTITY: Final = 64
"""Longest text that is taken for a quantity, in characters."""

_TOKEN_WORDS = dict.fromkeys(("token", "tokens"), 1.0)
_PARAM_WORDS = dict.fromkeys(("param", "params", "parameter", "parameters"), 1.0)
_DAY_WORDS = [f"{p}-day{s}" for p in ("pf", "pf/s", "pflop/s", "pflops") for s in ("", "s")]
_FLOP_WORDS = dict.fromkeys(("flop", "flops"), 1.0) | dict.fromkeys(_DAY_WORDS, PFLOP_S_DAY)
UNIT_WORDS: Final[dict[str, dict[str, float]]] = {
    PARAMS: _PARAM_WORDS,
    PARAMS_NON_EMBEDDING: _PARAM_WORDS,
    TOKENS: _TOKEN_WORDS,
    UNIQUE_TOKENS: _TOKEN_WORDS,
    FLOPS: _FLOP_WORDS,
}
"""Unit words of a column in lower case, and the factor each stands for."""
NO_SUFFIX: Final = frozenset({LOSS, LOSS_SD})
"""Columns in which neither suffixes nor thousands signs are read."""

_SPACE = " \t\u00a0\u2009\u202f"
_NUMBER = re.compile(
    r"(?P<digits>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*)(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?P<exponent>[eE][+-]?[0-9]+)?(?P<rest>.*)",
    re.DOTALL,
)
_SWAP_SIGNS = str.maketrans(",.", ".,")
_POWER_OF_TEN = re.compile(r"(?P<mantissa>[^e]*)e(?P<sign>-?)\+?0*(?P<power>[0-9]+)")


class QuantityError(UsageError):
    """A text that is not one positive number of its column; holds the rule and the remedy."""

    def __init__(self, message: str, rule: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.remedy = remedy


def parse_quantity(text: str, column: str, *, decimal: str = ".") -> float:
    """Return the positive number that a text such as "1.5T tokens" states, in SI numbers.

    Parameters
    ----------
    text
        What a cell or an option holds.
    column
        A column of `names`; its unit words are accepted, other words are not.
    decimal
        "." or ",": the decimal sign; the other one splits thousands.

    Returns
    -------
    float
        Parameters, tokens, FLOP or loss, finite and above zero.

    Raises
    ------
    UsageError
        Says which text breaks which rule and what to write instead.
    """

    def refuse(rule: str, remedy: str) -> NoReturn:
        shown = display_name(text, 40)
        raise QuantityError(f"{column} '{shown}': {rule}; {remedy}", rule, remedy)

    body = text.strip(_SPACE)
    if not body or len(body) > LONGEST_QUANTITY:
        refuse("no number found", "write a number such as 70B or 1.5e12")
    if body[0] in "-\u2212+":
        refuse("a quantity is positive and has no sign", "write the bare number")
    match = _NUMBER.match(body.translate(_SWAP_SIGNS) if decimal == "," else body)
    if match is None:
        refuse("not a finite number in plain digits", "write a number such as 70B or 1.5e12")
    digits, exponent, rest = match["digits"], match["exponent"] or "", match["rest"].strip(_SPACE)
    suffix, factor, problem = _split_rest(rest, column)
    problem = _number_problem(digits, exponent, rest, suffix, column, decimal) or problem
    if problem:
        refuse(*problem)
    plain = digits.replace(",", "").replace("_", "")
    power = f"e{POWER_OF_SUFFIX[suffix]}" if suffix else exponent
    value = float(plain + power) * factor
    if not math.isfinite(value):
        refuse("the number is beyond what a float holds", "check the exponent")
    if value <= 0:
        refuse("a quantity is above zero", "remove the row or correct the number")
    return value


Problem = tuple[str, str]


def _number_problem(
    digits: str, exponent: str, rest: str, suffix: str, column: str, decimal: str
) -> Problem | None:
    """Return the rule and the remedy that the digits break, or None."""
    swapped = "," if decimal == "." else "."
    name = "comma" if swapped == "," else "point"
    ungrouped = "," in digits and (exponent or suffix or column in NO_SUFFIX or rest[:1].isdigit())
    if ungrouped or rest.startswith(","):
        return (
            f"the {name} is neither a decimal sign nor a split into full groups of three",
            f"a decimal {name}? pass --decimal {swapped}; else write no {name}",
        )
    if rest.startswith("."):
        return (
            "more than one decimal sign",
            f"a decimal {name}? pass --decimal {swapped}; else write the digits only",
        )
    if digits[0] == "0" and digits[1:2] not in ("", "."):
        return "a number has no leading zeros", "write the digits without them"
    if suffix and exponent:
        return "a suffix and an exponent together are ambiguous", "write 1.3e12 or 1.3T"
    return None


def _split_rest(rest: str, column: str) -> tuple[str, float, Problem | None]:
    """Return suffix, factor of the unit word and, where both fail, the broken rule."""
    words = UNIT_WORDS.get(column, {})
    if not rest:
        return "", 1.0, None
    if rest.lower() in words:
        return "", words[rest.lower()], None
    suffix, word = rest[0], rest[1:].strip(_SPACE).lower()
    if suffix in POWER_OF_SUFFIX and (not word or word in words):
        if column in NO_SUFFIX:
            return "", 1.0, ("a loss takes no suffix", "write it as a plain number")
        if suffix in FLOP_ONLY and not (word and column == FLOPS):
            rule = f"{suffix} stands only before a FLOP unit"
            return "", 1.0, (rule, "write an exponent such as 2.5e18, or 2.5E FLOP")
        return suffix, words.get(word, 1.0), None
    if suffix in SUFFIX_HINTS and (not word or word in words or suffix in "xX"):
        return "", 1.0, (f"'{display_name(rest, 20)}' is no suffix", SUFFIX_HINTS[suffix])
    if rest[0].isdigit():
        return "", 1.0, ("a space stands inside the number", "write 1300000 or 1_300_000")
    known = ", ".join(words) or "none"
    rule = f"'{display_name(rest, 20)}' is neither a suffix (k M B T) nor a unit of this column"
    return "", 1.0, (rule, f"write 1.3B or 1.3e9; units known here: {known}")


def format_quantity(value: float, column: str | None = None, digits: int = 3) -> str:
    """Return a number as people write it: "70B", "1.5T", "1.00e24 FLOP" (for `flops`), "2.08".

    `parse_quantity` reads the text of a positive number back, to `digits` significant digits.
    """
    rounded = f"{value:.{digits - 1}e}"
    if not math.isfinite(value):
        return str(float(value))
    if column == FLOPS:
        return f"{_short_exponent(rounded)} FLOP"
    number = float(rounded)
    if column in NO_SUFFIX or abs(number) < 1e3:
        return f"{number:.{digits}g}"
    if abs(number) >= LARGEST_WITH_SUFFIX:
        return _short_exponent(rounded)
    suffix, power = next(s for s in WRITTEN_SUFFIXES if abs(number) >= 10.0 ** s[1])
    return f"{number / 10.0**power:.15g}{suffix}"


def _short_exponent(text: str) -> str:
    """Return 1.00e+24 as 1.00e24."""
    return _POWER_OF_TEN.sub(r"\g<mantissa>e\g<sign>\g<power>", text)


def to_nats(
    values: ArrayLike, unit: str, *, bytes_per_token: float | None = None
) -> NDArray[np.float64]:
    """Return losses in nats per token, elementwise: any shape in, the same shape out.

    Parameters
    ----------
    values
        Positive losses in `unit`; perplexities lie above 1.
    unit
        One of `LOSS_UNITS`.
    bytes_per_token
        Bytes of text per token; needed for "bpb" (bits per byte) only.

    Raises
    ------
    UsageError
        Unknown unit, or "bpb" without a positive `bytes_per_token`.
    """
    losses = np.asarray(values, dtype=np.float64)
    if unit == "ppl":
        return np.log(losses)
    return losses * nats_per_unit(unit, bytes_per_token)


def nats_per_unit(unit: str, bytes_per_token: float | None = None) -> float:
    """Return how many nats per token one unit of loss is; 1 for a perplexity, which has none.

    Raises
    ------
    UsageError
        As `to_nats`.
    """
    if unit not in LOSS_UNITS:
        raise UsageError(f"loss unit '{display_name(unit)}': write one of {', '.join(LOSS_UNITS)}")
    if unit != "bpb":
        return math.log(2) if unit == "bits" else 1.0
    if bytes_per_token is None or not (math.isfinite(bytes_per_token) and bytes_per_token > 0):
        raise UsageError(
            "loss unit bpb (bits per byte): bytes_per_token must be a positive number, "
            "for example 4.2 for English text; it turns bytes into tokens"
        )
    return math.log(2) * bytes_per_token


def parse_threshold(text: str) -> dict[str, Any]:
    """Return the arguments of `Runs.train_below` from "1e21" or "params=500M".

    Raises UsageError for a column that holds no numbers and for what is no amount of it.
    """
    column, sign, amount = text.rpartition("=")
    column = column.strip() if sign else FLOPS
    if column not in NUMBER_COLUMNS:
        known = ", ".join(NUMBER_COLUMNS)
        raise UsageError(f"train-below '{display_name(text, 40)}': the column is one of {known}")
    return {"value": parse_quantity(amount, column), "column": column}
