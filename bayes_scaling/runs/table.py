"""Runs: a table of training runs, checked, with its digest and what was found in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.errors import UsageError
from bayes_scaling.names import FILE_LINE, FLOPS, HELD_OUT, RUN, TOKENS_PER_PARAM, WEIGHT
from bayes_scaling.quantities import ONE_RESOURCES, RESOURCES, is_number, is_weight
from bayes_scaling.runs.canonical import canonical_csv, measured, read_canonical, table_digest
from bayes_scaling.runs.cells import cells_equal
from bayes_scaling.runs.derived import derive, sources_of
from bayes_scaling.runs.finding import Finding, RejectedTable, worst_first
from bayes_scaling.runs.findings import table_findings
from bayes_scaling.runs.identifiability import lines_of
from bayes_scaling.runs.labels import default_names, display_name, lines_text, listed
from bayes_scaling.runs.units import format_quantity, parse_quantity

READING_CODES: Final = frozenset({"R003", "R004"})
"""Findings of reading outside the letters F, H and C; they stay when rows are selected."""


@dataclass(frozen=True, eq=False, repr=False)
class Runs:
    """A run table: `frame` has numbers in SI units, loss in nats per token, one row per run.

    Two tables are equal where their digests are. `loss_unit` is the unit the source was in.

    Examples
    --------
    >>> small = runs.train_below(1e20)
    >>> small.resources, len(small.fitted), len(small.held_out)
    (('params', 'tokens'), 29, 6)
    """

    frame: pd.DataFrame
    source: str
    digest: str
    findings: tuple[Finding, ...]
    loss_unit: str = "nats"
    raw_sha256: str | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        source: str = "",
        loss_unit: str = "nats",
        raw_sha256: str | None = None,
        findings: Iterable[Finding] = (),
    ) -> Runs:
        """Return the runs of a clean frame, with its digest and the findings added to the given.

        Raises
        ------
        UsageError
            A column has the wrong type; foreign tables go through `read_runs`.
        """
        table = frame.reset_index(drop=True)
        if RUN not in table:
            table.insert(0, RUN, pd.Series(default_names(len(table)), dtype="str"))
        if HELD_OUT not in table:
            table[HELD_OUT] = False
        if FILE_LINE not in table:
            table[FILE_LINE] = np.arange(2, len(table) + 2, dtype=np.int64)
        ours = measured(table)
        extra = [name for name in table if name not in (*ours, FILE_LINE)]
        table = table[[*ours, *extra, FILE_LINE]]
        for name in filter(is_number, table):
            if table[name].dtype != np.float64:
                raise UsageError(f"column '{name}' must be float64; use read_runs for raw tables")
        found = worst_first((*findings, *table_findings(table)))
        return cls(table, source, table_digest(table), found, loss_unit, raw_sha256)

    @classmethod
    def from_csv(
        cls,
        text: str,
        *,
        source: str = "",
        loss_unit: str = "nats",
        raw_sha256: str | None = None,
        findings: Iterable[Finding | Mapping[str, Any]] = (),
        digest: str | None = None,
    ) -> Runs:
        """Return the runs that `to_csv` and `metadata` wrote; columns outside names.py are gone.

        Raises
        ------
        TableError
            The text is damaged, or does not have the digest it is said to have.
        """
        frame = read_canonical(text)
        found = table_digest(frame)
        if digest not in (None, found):
            raise RejectedTable(f"stored run table is damaged: digest {found}, expected {digest}")
        known = [f if isinstance(f, Finding) else Finding.from_dict(f) for f in findings]
        return cls(frame, source, found, tuple(known), loss_unit, raw_sha256)

    def to_csv(self) -> str:
        """Return the canonical text of the table, for storing; not protected for spreadsheets."""
        return canonical_csv(self.frame)

    def metadata(self) -> dict[str, Any]:
        """Return what `from_csv` needs beside the text, as plain values that JSON can hold."""
        return {
            "source": self.source,
            "digest": self.digest,
            "findings": [finding.to_dict() for finding in self.findings],
            "loss_unit": self.loss_unit,
            "raw_sha256": self.raw_sha256,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the table."""
        return self.frame.copy()

    def __len__(self) -> int:
        """Return the number of rows, held-out ones included."""
        return len(self.frame)

    def __repr__(self) -> str:
        """Return source, size, findings and digest on one line."""
        held, found = int(self.frame[HELD_OUT].sum()), len(self.findings)
        rows = f"{len(self)} rows, {held} held out, {found} findings"
        return f"Runs({display_name(self.source)}: {rows}, sha256 {self.digest[:12]})"

    def __eq__(self, other: object) -> bool:
        """Return whether the other table has the same measured values."""
        return self.digest == other.digest if isinstance(other, Runs) else NotImplemented

    def __hash__(self) -> int:
        """Return the hash of the digest."""
        return hash(self.digest)

    @property
    def fitted(self) -> pd.DataFrame:
        """The rows to fit, index 0..n-1."""
        return self.frame[~self.frame[HELD_OUT]].reset_index(drop=True)

    @property
    def held_out(self) -> pd.DataFrame:
        """The rows that are drawn and scored but never fitted, index 0..n-1."""
        return self.frame[self.frame[HELD_OUT]].reset_index(drop=True)

    @property
    def resources(self) -> tuple[str, ...]:
        """Which of params, tokens, flops the table states, else what else a law of x can read."""
        spent = tuple(name for name in RESOURCES if name in self.frame)
        return spent or tuple(name for name in ONE_RESOURCES if name in self.frame)

    @property
    def sources(self) -> tuple[str, ...]:
        """Sorted names of the data sources of a mixture, of the `weight_<source>` columns."""
        return tuple(sorted(str(c).removeprefix(WEIGHT) for c in self.frame if is_weight(c)))

    def resource(self, name: str) -> NDArray[np.float64]:
        """Return a number column of the fitted rows: (row,) in SI units; FLOP may be 6ND.

        Raises UsageError where the column is missing or has gaps.
        """
        return resource_values(self.fitted, name)

    def select(self, **equals: object) -> Runs:
        """Return the rows in which each named column equals the value, as number or as text.

        Raises
        ------
        TableError
            A column is unknown or no row is left; lists what there is.
        """
        keep = np.ones(len(self), dtype=np.bool_)
        for name, value in equals.items():
            self._require(name)
            keep &= cells_equal(self.frame[name], value)
            if not keep.any():
                there = listed(self.frame[name].unique().tolist())
                wanted = display_name(value, 40)
                raise RejectedTable(
                    f"{self.source}: no row left with {name} = '{wanted}'; values of "
                    f"'{name}': {there}"
                )
        label = ", ".join(f"{name} = {display_name(value, 40)}" for name, value in equals.items())
        return self._with(self.frame[keep], f"{self.source} where {label}") if label else self

    def split(self, by: str) -> dict[str, Runs]:
        """Return one table per value of a column, in order of appearance.

        Raises
        ------
        TableError
            The column is unknown.
        """
        self._require(by)
        texts = self.frame[by].map(str)
        return {
            text: self._with(
                self.frame[(texts == text).to_numpy(dtype=np.bool_)],
                f"{self.source} where {by} = {display_name(text, 40)}",
            )
            for text in texts.unique().tolist()
        }

    def hold_out(self, names: Iterable[str]) -> Runs:
        """Return the table with the runs of these names held out as well.

        Raises
        ------
        UsageError
            A name is not in the table.
        TableError
            Nothing is left to fit.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        known = set(self.frame[RUN])
        for name in wanted:
            if name not in known:
                near = get_close_matches(name, known, n=3) or sorted(known)[:3]
                raise UsageError(
                    f"hold_out: no run '{display_name(name, 40)}' among the usable rows of "
                    f"{self.source}; nearest: {listed(near)}"
                )
        return self._held_out(self.frame[RUN].isin(wanted).to_numpy(dtype=np.bool_))

    def hold_out_rows(self, rows: Iterable[int]) -> Runs:
        """Return the table with these rows of `fitted`, by position, held out as well.

        For names that several rows share. Raises TableError where nothing is left to fit.
        """
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[np.flatnonzero(~self.frame[HELD_OUT].to_numpy(dtype=bool))[list(rows)]] = True
        return self._held_out(mask)

    def with_columns(self, **values: NDArray[np.float64]) -> Runs:
        """Return the table with number columns added or replaced, (row,) in SI units."""
        return self._with(self.frame.assign(**values), self.source)

    def train_below(self, value: float | str, column: str = FLOPS) -> Runs:
        """Return the table with rows from `value` [SI unit] of a number column on held out.

        Raises
        ------
        UsageError
            The value is not a positive number, or the column is missing.
        TableError
            Nothing is left to fit.
        """
        if isinstance(value, str):
            value = parse_quantity(value, column)
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"train_below: {value} is not a positive number")
        values = resource_values(self.frame, column)
        if not (values < value).any():
            raise RejectedTable(
                f"{self.source}: no run has {column} below {format_quantity(value, column)}; "
                f"the smallest has {format_quantity(float(values.min()), column)}"
            )
        return self._held_out(values >= value)

    def _held_out(self, mask: NDArray[np.bool_]) -> Runs:
        frame = self.frame.assign(**{HELD_OUT: self.frame[HELD_OUT].to_numpy(dtype=bool) | mask})
        if frame[HELD_OUT].all():
            raise RejectedTable(f"{self.source}: all runs are held out, none is left to fit")
        return self._with(frame, self.source)

    def _with(self, frame: pd.DataFrame, source: str) -> Runs:
        kept = [f for f in self.findings if f.code[0] in "FHC" or f.code in READING_CODES]
        return Runs.from_frame(
            frame,
            source=source,
            loss_unit=self.loss_unit,
            raw_sha256=self.raw_sha256,
            findings=kept,
        )

    def _require(self, name: str) -> None:
        if name not in self.frame:
            there = listed([str(column) for column in self.frame])
            raise RejectedTable(
                f"{self.source}: no column '{display_name(name)}'; there are {there}"
            )


def resource_values(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a number column of any frame: (row,) in SI units.

    What is not stated follows from parameters and tokens where it can (`derived`): FLOP, tokens per
    parameter, unique tokens. Text such as "70B" is read.

    Raises
    ------
    UsageError
        The column is missing, has gaps or holds something that is no number.
    """
    computed = sources_of(name, frame)
    if computed and (name not in frame or name == TOKENS_PER_PARAM):
        known = {column: resource_values(frame, column) for column in computed}
        return np.asarray(derive(name, known), dtype=np.float64)
    if name not in frame:
        raise UsageError(f"no column '{name}'; there are {listed([str(c) for c in frame])}")
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return np.array([parse_quantity(str(cell), name) for cell in column], dtype=np.float64)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    gaps = np.flatnonzero(np.isnan(values))
    if len(gaps):
        where = lines_text(lines_of(frame)[gaps].tolist())
        raise UsageError(f"column '{name}' has no value in {where}; fill or leave out these rows")
    return values
