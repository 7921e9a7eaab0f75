"""Cells: the numbers, texts and flags in a raw column, and the cells that hold none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.quantities import SHARES, quantity
from bayes_scaling.runs.finding import ERROR, Finding
from bayes_scaling.runs.labels import display_name
from bayes_scaling.runs.units import QuantityError, parse_quantity

PLAIN: Final = {
    ".": re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"),
    ",": re.compile(r"(?:0|[1-9][0-9]*)(?:[eE][+-]?[0-9]+)?"),
}
"""Numbers that read the same everywhere, by decimal sign; all others go to the strict parser."""
NEGATIVE = re.compile(r"[-\u2212][0-9].*")
MISSING: Final = frozenset({"", "nan", "na", "n/a", "#n/a", "null", "none", "nat", "<na>", "-"})
INFINITE: Final = frozenset({"inf", "infinity"})
YES: Final = frozenset({"true", "1", "1.0", "yes"})
NO: Final = frozenset({"false", "0", "0.0", "no", ""})
LARGEST_INT = 2.0**63
SMALLEST_NUMBER, LARGEST_NUMBER = 1e-60, 1e60
"""Numbers outside cannot be measured, and their products would leave the range of floats."""
MOST_VALUES = 100
"""Distinct bad values of a column that are reported one by one."""
LONGEST_SHOWN = 40

_MISSING = ("C001", "there is no value", "fill the cell or remove the row")
_INFINITE = ("C002", "the number is not finite", "correct it or remove the row")
_OUT_OF_RANGE = ("C002", "the number is below 1e-60 or above 1e60", "check its exponent")
PERCENT = "a percentage? divide the column by 100"
_NOT_POSITIVE = ("C003", "the number is not above zero", "correct it or remove the row")
_REAL: Final = {
    ".": re.compile(r"[-\u2212]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
    ",": re.compile(r"[-\u2212]?(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)(?:[eE][+-]?[0-9]+)?"),
}
"""Plain numbers with a sign, by decimal sign, for columns that may hold zero or less."""


@dataclass(frozen=True)
class Fault:
    """One bad cell: position of its row, code, what it holds, the rule and the remedy."""

    index: int
    code: str
    value: str
    rule: str
    remedy: str


@dataclass(frozen=True)
class Numbers:
    """A column as float64 (NaN where faulty), its faults and the rows of texts that were read."""

    values: NDArray[np.float64]
    faults: list[Fault]
    read_texts: list[int] = field(default_factory=list)
    large_integers: list[int] = field(default_factory=list)


def read_numbers(cells: pd.Series, column: str, decimal: str = ".") -> Numbers:
    """Return the numbers of a raw column that its quantity can take: (row,) -> (row,)."""
    numeric = pd.api.types.is_numeric_dtype(cells.dtype) and cells.dtype.kind in "iuf"
    return (
        _from_numbers(cells, column) if numeric else _from_texts(texts_of(cells), column, decimal)
    )


def _from_numbers(cells: pd.Series, column: str) -> Numbers:
    values = cells.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    faults: list[Fault] = []
    each = quantity(column)
    fine = (values >= SMALLEST_NUMBER) & (values <= min(LARGEST_NUMBER, each.high))
    for i in np.flatnonzero(~fine):
        value = float(values[i])
        if problem := _value_problem(value, column):
            faults.append(Fault(int(i), *_split(problem, f"{value:.6g}")))
            values[i] = np.nan
    return Numbers(values, faults)


def _from_texts(texts: Sequence[str], column: str, decimal: str) -> Numbers:
    values = np.full(len(texts), np.nan)
    found = Numbers(values, [])
    plain = PLAIN[decimal].fullmatch
    wide, real = quantity(column).holds(0.0), _REAL[decimal]
    for i, text in enumerate(texts):
        bare = text.strip(" \t")
        is_plain = plain(bare) is not None or (wide and real.fullmatch(bare) is not None)
        try:
            if is_plain:
                value = float(bare.replace("\u2212", "-").replace(decimal, "."))
            else:
                value = parse_quantity(bare, column, decimal=decimal)
        except QuantityError as error:
            kind = _kind_of(bare) or ("C004", error.rule, error.remedy)
            found.faults.append(Fault(i, *_split(kind, text)))
            continue
        if problem := _value_problem(value, column):
            found.faults.append(Fault(i, *_split(problem, text)))
            continue
        values[i] = value
        if not is_plain:
            found.read_texts.append(i)
        elif value >= LARGEST_INT and bare.isdigit():
            found.large_integers.append(i)
    return found


def _value_problem(value: float, column: str) -> tuple[str, str, str] | None:
    """Return code, rule and remedy of a number that is no measurement, or None."""
    each = quantity(column)
    sized = SMALLEST_NUMBER <= abs(value) <= LARGEST_NUMBER or value == 0
    if each.holds(value) and sized:
        return None
    if np.isfinite(value) and sized and (value > 0 or each.low < 0 or each.closed):
        rule = f"the number does not lie between {each.low:g} and {each.high:g}"
        percent = column in SHARES and 1 < value <= 100
        return "C003", rule, PERCENT if percent else "correct it or remove the row"
    if np.isnan(value):
        return _MISSING
    if value <= 0:
        return _NOT_POSITIVE if np.isfinite(value) else _INFINITE
    return _OUT_OF_RANGE if np.isfinite(value) else _INFINITE


def _split(kind: tuple[str, str, str], text: str) -> tuple[str, str, str, str]:
    code, rule, remedy = kind
    return code, display_name(text, LONGEST_SHOWN), rule, remedy


def _kind_of(text: str) -> tuple[str, str, str] | None:
    lower = text.strip().lower()
    if lower in MISSING:
        return _MISSING
    if lower.lstrip("+-\u2212") in INFINITE:
        return _INFINITE
    return _NOT_POSITIVE if NEGATIVE.fullmatch(lower) else None


def texts_of(cells: pd.Series) -> list[str]:
    """Return cells as text; empty where there is no value, whole floats without decimals."""
    if cells.dtype.kind == "f":
        return [
            "" if np.isnan(x) else str(int(x)) if float(x).is_integer() else repr(float(x))
            for x in cells.to_numpy(dtype=np.float64, na_value=np.nan)
        ]
    empty = cells.isna().to_numpy(dtype=np.bool_)
    texts = ["" if no else str(cell) for cell, no in zip(cells.tolist(), empty, strict=True)]
    # half a surrogate pair is no character and could not be stored
    return [text.encode("utf-8", "backslashreplace").decode("utf-8") for text in texts]


def read_flags(cells: pd.Series) -> tuple[NDArray[np.bool_], list[Fault]]:
    """Return true and false of a raw column: (row,) -> (row,); empty is false."""
    flags = np.zeros(len(cells), dtype=np.bool_)
    faults = []
    for i, text in enumerate(texts_of(cells)):
        lower = text.strip().lower()
        flags[i] = lower in YES
        if lower not in YES and lower not in NO:
            shown = display_name(text, LONGEST_SHOWN)
            faults.append(Fault(i, "C004", shown, "neither true nor false", "write true or false"))
    return flags, faults


def cell_findings(
    faults: Sequence[Fault], column: str, lines: NDArray[np.int64]
) -> Iterator[Finding]:
    """One finding per code and value of a column; beyond 100 values the rest is put together."""
    groups: dict[tuple[str, str, str, str], list[int]] = {}
    for fault in faults:
        key = (fault.code, fault.value, fault.rule, fault.remedy)
        if key not in groups and len(groups) >= MOST_VALUES:
            key = ("C004", "", "no number above zero", "correct or remove these rows")
        groups.setdefault(key, []).append(int(lines[fault.index]))
    for (code, value, rule, remedy), rows in groups.items():
        message = f"{rule}: row{'s' if len(rows) > 1 else ''} left out"
        yield Finding(code, ERROR, tuple(rows), message, remedy, column, value)


def cells_equal(column: pd.Series, value: object) -> NDArray[np.bool_]:
    """Return the rows where a column equals a value, as text or as a number where both are one."""
    same = (column.map(str) == str(value)).to_numpy(dtype=np.bool_)
    try:
        number = float(str(value))
    except ValueError:
        return same
    if pd.api.types.is_bool_dtype(column.dtype):
        return same
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(same | (numbers == number), dtype=np.bool_)
