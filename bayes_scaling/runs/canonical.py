"""Canonical: the one text form of a run table, and its digest."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.errors import TableError
from bayes_scaling.names import FILE_LINE, GROUP, HELD_OUT, RUN, SEED
from bayes_scaling.quantities import NUMBER_COLUMNS, TEXT_COLUMNS, is_number, is_weight

MEASURED: Final = (RUN, *NUMBER_COLUMNS, SEED, GROUP, HELD_OUT)
"""Columns that a digest covers besides the weights of data sources, in the order of writing."""
TRUE, FALSE = "true", "false"


def measured(names: Iterable[Any]) -> list[str]:
    """Return which names are columns of the vocabulary, in canonical order: weights last."""
    there = set(names)
    return [name for name in MEASURED if name in there] + sorted(filter(is_weight, there))


def canonical_csv(frame: pd.DataFrame, *, with_lines: bool = True) -> str:
    """Return the vocabulary columns of a table as CSV text in a fixed order and spelling.

    Numbers are written so that reading them back gives the same float64; an empty cell is an
    unknown number. Rows keep their order. Columns outside the vocabulary are left out.
    """
    names = measured(frame)
    names += [FILE_LINE] if with_lines and FILE_LINE in frame else []
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(names)
    writer.writerows(zip(*(_cells(frame[name]) for name in names), strict=True))
    return sheet.getvalue()


def _cells(column: pd.Series) -> list[str]:
    if is_number(column.name):
        return ["" if np.isnan(x) else repr(float(x)) for x in column.to_numpy(dtype=np.float64)]
    if column.name == HELD_OUT:
        return [TRUE if x else FALSE for x in column]
    return [str(x) for x in column]


def table_digest(frame: pd.DataFrame) -> str:
    """Return the sha256 of the measured columns: without file lines, extra columns, their order."""
    text = canonical_csv(frame, with_lines=False)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def read_canonical(text: str) -> pd.DataFrame:
    """Return the table that `canonical_csv` wrote.

    Raises
    ------
    TableError
        The text was not written by `canonical_csv`.
    """
    try:
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        columns = dict(zip(header, zip(*rows, strict=True), strict=True))
        return pd.DataFrame({name: _parsed(name, cells) for name, cells in columns.items()})
    except (ValueError, csv.Error) as error:
        raise TableError(f"stored run table is damaged: {error}") from error


def _parsed(name: str, cells: tuple[str, ...]) -> pd.Series:
    if is_number(name):
        return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    if name == HELD_OUT:
        return pd.Series([cell == TRUE for cell in cells], dtype=bool)
    if name == FILE_LINE:
        return pd.Series([int(cell) for cell in cells], dtype=np.int64)
    if name in TEXT_COLUMNS:
        return pd.Series(list(cells), dtype="str")
    raise ValueError(f"column '{name}' is not known")
