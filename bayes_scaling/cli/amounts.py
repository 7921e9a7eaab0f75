"""Amounts: what people type for quantities, money, levels and pairs, as numbers and names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from bayes_scaling.errors import UsageError
from bayes_scaling.names import TOKENS_PER_PARAM
from bayes_scaling.quantities import is_number, quantity

MOST_TEXT: Final = 40
MOST_INTERVALS: Final = 5


def _shown(text: str) -> str:
    from bayes_scaling.runs.labels import display_name

    return display_name(text, MOST_TEXT)


def gather(texts: Sequence[str], read: Callable[[str], float]) -> list[float]:
    """Read every text; raises one UsageError that holds the faults of all."""
    values, faults = [], []
    for text in texts:
        try:
            values.append(read(text))
        except UsageError as fault:
            faults.append(str(fault))
    if faults:
        raise UsageError("\n".join(faults))
    return values


def parse_amounts(texts: Sequence[str], column: str) -> list[float]:
    """Return quantities of a column, such as "70B" or "1e24 FLOP", as SI numbers."""
    from bayes_scaling.runs.units import parse_quantity

    return gather(texts, lambda text: parse_quantity(text, column))


def parse_uncertain(text: str, name: str, *, column: str = "") -> Any:
    """Return a number, or a `Prior` of a text such as "2..3.5": its 5% and 95% quantiles.

    With `column` the numbers are quantities of it, such as "1T". Raises UsageError for anything
    else.
    """

    def number(part: str) -> float:
        if column:
            return parse_amounts([part], column)[0]
        try:
            return float(part)
        except ValueError:
            raise UsageError(
                f"{name} '{_shown(text)}': write a number, or LOW..HIGH for an uncertain one"
            ) from None

    low, dots, high = text.partition("..")
    if not dots:
        return number(text)
    ends = {"q05": number(low), "q95": number(high)}
    if not 0 < ends["q05"] < ends["q95"] < math.inf:
        raise UsageError(f"{name} '{_shown(text)}': LOW..HIGH must rise and be above 0")
    from bayes_scaling.specs.prior import Prior

    return Prior("LogNormal", ends, why="stated as a range")


def parse_intervals(text: str) -> tuple[float, ...]:
    """Return the levels of intervals, such as (0.8, 0.9), in rising order."""
    levels = set()
    for part in text.split(","):
        try:
            level = float(part)
        except ValueError:
            raise UsageError(f"interval '{_shown(part)}': write levels such as 0.8,0.9") from None
        if not 0 < level < 1 or round(level, 4) != level:
            hint = f"; for {level:g}% write {level / 100:g}" if 1 < level < 100 else ""
            raise UsageError(f"interval '{_shown(part)}': a level lies between 0 and 1{hint}")
        levels.add(level)
    if len(levels) > MOST_INTERVALS:
        raise UsageError(f"interval: at most {MOST_INTERVALS} levels, not {len(levels)}")
    return tuple(sorted(levels))


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Return our column names to theirs from "params=n_params,tokens=d" and the like."""
    pairs: dict[str, str] = {}
    for part in (p for text in texts for p in text.split(",")):
        ours, theirs = _pair(part, "col", "params=n_params")
        if ours in pairs:
            raise UsageError(f"col '{_shown(ours)}': named twice")
        pairs[ours] = theirs
    return pairs


def parse_where(texts: Sequence[str]) -> dict[str, str]:
    """Return column to value from "column=value" texts."""
    pairs: dict[str, str] = {}
    for text in texts:
        column, value = _pair(text, "where", "train_dataset=c4")
        if column in pairs:
            raise UsageError(f"where '{_shown(column)}': named twice; rows cannot equal both")
        pairs[column] = value
    return pairs


def parse_values(texts: Sequence[str]) -> dict[str, float]:
    """Return {name: number} of texts such as "alpha=0.3"."""
    found = {}
    for text in texts:
        name, value = _pair(text, "--at", "alpha=0.3")
        try:
            found[name] = float(value)
        except ValueError:
            raise UsageError(f"--at '{_shown(text)}': {_shown(value)} is no number") from None
    return found


def parse_cell(text: str, column: str) -> float:
    """Return what one text states of a column, such as "70B"; only a share may be zero.

    Raises UsageError for anything else.
    """
    from bayes_scaling.runs.units import parse_quantity

    with suppress(ValueError):
        if quantity(column).closed:
            return float(text)
    return parse_quantity(text, column)


def parse_given(texts: Sequence[str] | None) -> dict[str, float]:
    """Return {column: number} of texts such as "experts=8" or "finetune_tokens=2M".

    Raises UsageError for what is no column and for what is none of its numbers.
    """
    found = {}
    for text in texts or []:
        column, value = _pair(text, "--given", "experts=8")
        if not is_number(column) and column != TOKENS_PER_PARAM:
            raise UsageError(f"--given '{_shown(text)}': {_shown(column)} is no column of runs")
        found[column] = parse_cell(value, column)
    return found


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    left, sign, right = (part.strip() for part in text.partition("="))
    if not (left and sign and right):
        raise UsageError(f"{option} '{_shown(text)}': write a pair such as {example}")
    return left, right
