"""Wording: numbers as people write them, the same on the page and in the terminal."""

from __future__ import annotations

import math
from typing import Final

from bayes_scaling.names import FLOPS
from bayes_scaling.quantities import SHARES, unit_of
from bayes_scaling.runs.units import format_quantity

SIZE_DIGITS: Final = 2
"""Digits of parameters and tokens in an answer; its interval is wider than that."""
GIVEN_DIGITS: Final = 4
"""Digits of what was asked or measured."""
SMALLEST_WITH_SUFFIX: Final = 999.5
"""Numbers below are written in full."""
UNKNOWN: Final = "–"
"""Stands for a number that does not exist."""


def say_loss(value: float | None) -> str:
    """Return a loss or a difference of losses [nats/token] with three decimals: 2.053."""
    return UNKNOWN if _missing(value) else f"{value:.3f}"


def say_target(target: str) -> str:
    """Return what a model explains in words: loss, accuracy, error, normalized loss."""
    return target.replace("_", " ")


def unit_in_words(target: str) -> str:
    """Return the unit of what a model explains: nats/token, or share of items."""
    return "share of items" if target in SHARES else unit_of(target)


def say_regret(value: float | None) -> str:
    """Return a small loss difference [nats/token] with two digits: 0.00042."""
    return UNKNOWN if value is None or _missing(value) else f"{_two_digits(value)}"


def _two_digits(value: float) -> str:
    if abs(value) < 1e-6:
        return "under 0.000001"
    return f"{value:.{max(3, 1 - math.floor(math.log10(abs(value))))}f}"


def say_size(value: float | None, digits: int = SIZE_DIGITS) -> str:
    """Return parameters, tokens or their ratio: 38B, 4.4T, 20."""
    if value is None or _missing(value):
        return UNKNOWN
    if abs(value) < SMALLEST_WITH_SUFFIX:
        return f"{float(f'{value:.{digits - 1}e}'):g}"
    return format_quantity(value, digits=digits)


def say_given(value: float | None, column: str) -> str:
    """Return an amount that was asked or measured, with its unit: 1e24 FLOP, 70B parameters."""
    if value is None or _missing(value):
        return UNKNOWN
    if column == FLOPS:
        return f"{say_flop(value)} FLOP"
    return f"{say_size(value, GIVEN_DIGITS)} {unit_of(column)}".strip()


def say_column(column: str) -> str:
    """Return a column in words: finetune tokens, compute."""
    return "compute" if column == FLOPS else column.replace("_", " ")


def say_flop(value: float | None) -> str:
    """Return compute [FLOP] without its unit: 1e24, 5.76e23."""
    if value is None or _missing(value):
        return UNKNOWN
    mantissa, power = f"{value:.{GIVEN_DIGITS - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(power)}"


def say_usd(value: float | None) -> str:
    """Return money: $3.2M, $18B, $420."""
    if value is None or _missing(value):
        return UNKNOWN
    return f"${say_size(value)}" if value >= 1 else f"${value:.2f}"


def say_times(value: float | None) -> str:
    """Return a ratio to the largest run: 3.2x, 76x, 3226x."""
    if value is None or _missing(value):
        return UNKNOWN
    return f"{value:.0f}x" if value >= 10 else f"{value:.2g}x"


def say_share(value: float | None, digits: int = 4) -> str:
    """Return a share as percent: 90%, 97.5%."""
    if value is None or _missing(value):
        return UNKNOWN
    return "under 0.01%" if 0 < value < 1e-4 else f"{100 * value:.{digits}g}%"


def say_number(value: object, digits: int = GIVEN_DIGITS) -> str:
    """Return any number to `digits` digits, a whole number in full, a text as it is."""
    if value is None or (isinstance(value, float) and _missing(value)):
        return UNKNOWN
    if isinstance(value, bool | str | int):
        return str(value)
    number = float(value)  # type: ignore[arg-type]
    if number == round(number) and abs(number) < 1e5:
        return str(round(number))
    head, e, power = f"{number:.{digits}g}".partition("e")
    return f"{head}e{int(power)}" if e else head


def level_name(level: float) -> str:
    """Return the key of a quantile: q05, q50, q975."""
    digits = f"{level:.6f}".split(".")[1].rstrip("0")
    return f"q{digits.ljust(2, '0')}"


def interval_levels(share: float) -> tuple[float, float]:
    """Return the levels that bound the central interval holding `share` of the draws."""
    return round((1 - share) / 2, 9), round((1 + share) / 2, 9)


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
