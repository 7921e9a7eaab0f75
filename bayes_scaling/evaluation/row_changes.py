"""Row changes: which fitted rows two run tables do not share."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_scaling.errors import UsageError
from bayes_scaling.names import HELD_OUT, RUN
from bayes_scaling.runs.canonical import measured, table_digest
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.runs.table import Runs

UNNAMED = re.compile(r"row \d+")
"""Names that rows get by their position; they say nothing about which run it is."""
LISTED = 10
"""Rows named in an error."""


@dataclass(frozen=True)
class RowChanges:
    """Positions among the fitted rows: of new rows, of old ones, and of pairs with other values.

    A changed pair comes with the columns in which it differs.
    """

    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[tuple[int, int, tuple[str, ...]], ...]

    def __bool__(self) -> bool:
        """Return whether any row differs."""
        return bool(self.added or self.removed or self.changed)


def row_changes(old: Runs, new: Runs) -> RowChanges:
    """Return what happened to the fitted rows from one table to another, whatever their order.

    Rows are the same where all measured values are; of the rest, rows of one name are taken for
    the same run with other values, in order. Rows without a name of their own go by their values.
    """
    columns = _columns(old.fitted, new.fitted)
    before, after = _cells(old.fitted, columns), _cells(new.fitted, columns)
    left, right = list(range(len(before))), list(range(len(after)))
    _take_pairs(left, right, before, after, lambda row: row)
    _take_pairs(left, right, before, after, lambda row: row[1:] if _unnamed(row) else None)
    pairs = _take_pairs(left, right, before, after, lambda row: None if _unnamed(row) else row[0])
    changed = [(i, j, _differing(columns, before[i], after[j])) for i, j in sorted(pairs)]
    return RowChanges(tuple(right), tuple(left), tuple(changed))


def _columns(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    there = [name for name in measured([*old.columns, *new.columns]) if name != HELD_OUT]
    return [RUN, *(name for name in there if name != RUN)]


def _cells(frame: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Values of each row as a key; what is not known is None, which equals itself."""
    cells = [
        [None if v != v else v for v in frame[name].tolist()]
        if name in frame
        else [None] * len(frame)
        for name in columns
    ]
    return list(zip(*cells, strict=True))


def _unnamed(row: Sequence[Any]) -> bool:
    return UNNAMED.fullmatch(str(row[0])) is not None


def _take_pairs(
    left: list[int],
    right: list[int],
    before: Sequence[Any],
    after: Sequence[Any],
    key: Callable[[Any], Hashable],
) -> list[tuple[int, int]]:
    """Take rows with equal keys out of both lists, first to first; None equals nothing."""
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for j in right:
        waiting[key(after[j])].append(j)
    pairs = []
    for i in list(left):
        own = key(before[i])
        if own is not None and waiting[own]:
            pairs.append((i, waiting[own].pop(0)))
    taken = {i for i, _ in pairs}, {j for _, j in pairs}
    left[:] = [i for i in left if i not in taken[0]]
    right[:] = [j for j in right if j not in taken[1]]
    return pairs


def _differing(columns: Sequence[str], old: Sequence[Any], new: Sequence[Any]) -> tuple[str, ...]:
    return tuple(c for c, a, b in zip(columns, old, new, strict=True) if a != b)


def require_same_data(fits: Mapping[str, Fit]) -> None:
    """Refuse fits that do not explain the same measurements: UsageError that names what differs."""
    (first, one), *rest = fits.items()
    for name, other in rest:
        pair = f"{display_name(first)} and {display_name(name)}"
        if one.model.target != other.model.target:
            raise UsageError(
                f"{pair} do not compare: one explains the {one.model.target}, the other the "
                f"{other.model.target}"
            )
        if one.runs.loss_unit != other.runs.loss_unit:
            raise UsageError(
                f"{pair} do not compare: one table is in {one.runs.loss_unit}, the other in "
                f"{other.runs.loss_unit}; fit both models to the same table"
            )
        if table_digest(one.runs.fitted) != table_digest(other.runs.fitted):
            lines = list(_differences((first, one.runs), (name, other.runs)))
            more = f"\n  and {len(lines) - LISTED} more" if len(lines) > LISTED else ""
            listed = "\n  ".join(lines[:LISTED])
            raise UsageError(
                f"{pair} do not compare, as they were fitted to different data; fit both models to "
                f"the same table:\n  {listed}{more}"
            )


def _differences(one: tuple[str, Runs], other: tuple[str, Runs]) -> Iterator[str]:
    """Say each difference of two tables, the rows by their names."""
    (first, a), (second, b) = one, other
    first, second = display_name(first), display_name(second)
    changes = row_changes(a, b)
    if not changes:
        yield "the rows are the same, in another order or under other names"
    for i in changes.removed:
        yield f"run '{display_name(a.fitted[RUN].iloc[i])}' only in {first}"
    for j in changes.added:
        yield f"run '{display_name(b.fitted[RUN].iloc[j])}' only in {second}"
    for i, j, columns in changes.changed:
        values = ", ".join(
            f"{name} {_said(a.fitted, name, i)} in {first}, {_said(b.fitted, name, j)} in {second}"
            for name in columns
        )
        yield f"run '{display_name(a.fitted[RUN].iloc[i])}': {values}"


def _said(frame: pd.DataFrame, name: str, row: int) -> str:
    value = frame[name].iloc[row] if name in frame else None
    if value is None or value != value:
        return "unknown"
    return f"{value:.8g}" if isinstance(value, float) else f"'{display_name(value, 40)}'"
