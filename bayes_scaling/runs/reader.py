"""Reader: from a file or a frame to Runs, with every fault found on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.errors import UsageError
from bayes_scaling.names import (
    FILE_LINE,
    FLOPS,
    HELD_OUT,
    LOSS,
    LOSS_SD,
    NORMALIZED_LOSS,
    NORMALIZED_LOSS_SD,
    PARAMS,
    RUN,
    SOURCE_LOSS,
    TEACHER_LOSS,
    TOKENS,
)
from bayes_scaling.quantities import RESOURCES, TEXT_COLUMNS, is_number
from bayes_scaling.runs.canonical import MEASURED, measured
from bayes_scaling.runs.cells import Fault, cell_findings, read_flags, read_numbers, texts_of
from bayes_scaling.runs.columns import resolve, target_of
from bayes_scaling.runs.compute import FLOP_CONVENTION, train_flop
from bayes_scaling.runs.finding import INFO, WARN, Finding, rejected
from bayes_scaling.runs.identifiability import earlier_checkpoints, row_count
from bayes_scaling.runs.labels import default_names
from bayes_scaling.runs.plausibility import duplicated_rows
from bayes_scaling.runs.source import RawTable, load
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.units import nats_per_unit, to_nats

CHECKPOINTS: Final = ("last", "all")


@dataclass
class _Draft:
    """A table in the making: raw columns, what was read of them, which rows are still good."""

    raw: RawTable
    mapping: Mapping[str, str]
    findings: list[Finding]
    columns: dict[str, Any] = field(default_factory=dict)
    good: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, dtype=np.bool_))

    def reject(self, faults: list[Fault], column: str) -> None:
        self.good[[fault.index for fault in faults]] = False
        self.findings += cell_findings(faults, column, self.raw.lines)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns whose cells must hold a number; a gap elsewhere is allowed."""
        return (*RESOURCES, target_of(self.mapping))

    def lines(self, indices: Iterable[int]) -> tuple[int, ...]:
        return tuple(int(self.raw.lines[i]) for i in indices)


def read_runs(
    source: object,
    *,
    columns: Mapping[str, str] | None = None,
    loss_unit: str = "nats",
    bytes_per_token: float | None = None,
    decimal: str = ".",
    delimiter: str | None = None,
    encoding: str = "utf-8",
    checkpoints: Literal["last", "all"] = "last",
    hold_out: Iterable[str] = (),
    allow_large: bool = False,
    strict: bool = False,
) -> Runs:
    """Return the usable runs of a table, with losses in nats per token.

    Parameters
    ----------
    source
        Path of a .csv, .tsv, .csv.gz, .tsv.gz or .parquet file, a pandas frame, or an object
        with `to_pandas()` such as a polars frame.
    columns
        Our column name to theirs, where they differ.
    loss_unit, bytes_per_token
        Unit of every loss in the source, one of `units.LOSS_UNITS`; "bpb" needs bytes per token.
    decimal, delimiter, encoding
        How numbers, fields and characters are written in a text file.
    checkpoints
        "last" keeps the row of most tokens of each run, "all" keeps every row.
    hold_out
        Names of runs that are to be scored but never fitted.
    allow_large
        Read more than 1,000,000 rows or 1 GiB.
    strict
        Refuse the table on warnings and rejected rows too.

    Raises
    ------
    TableError
        The table cannot be used; `findings` of the error holds every fault, the message the
        first twenty with line, column, value, rule and remedy.
    UsageError
        An argument is wrong.

    Examples
    --------
    >>> table = pd.DataFrame({"params": ["70M"] * 6, "tokens": range(10**9, 7 * 10**9, 10**9)})
    >>> found = bs.read_runs(table.assign(loss=[3.9, 3.7, 3.6, 3.5, 3.5, 3.4]))
    >>> float(found.fitted["params"][0])
    70000000.0
    """
    _check_options(loss_unit, bytes_per_token, decimal, checkpoints)
    raw = load(
        source, decimal=decimal, delimiter=delimiter, encoding=encoding, allow_large=allow_large
    )
    mapping, findings = resolve(list(raw.columns), columns)
    draft = _Draft(raw, mapping, [*raw.findings, *findings])
    if any(finding.code == "H002" for finding in findings):
        raise rejected(raw.source, draft.findings)
    draft.good = np.ones(len(raw.lines), dtype=np.bool_)
    _read_columns(draft, decimal)
    _convert_losses(draft, loss_unit, bytes_per_token)
    frame = _drop_checkpoints(draft, _drop_duplicates(draft, _assemble(draft)), checkpoints)
    if frame.empty:
        raise rejected(raw.source, [*draft.findings, *row_count(frame)])
    runs = Runs.from_frame(
        frame.reset_index(drop=True),
        source=raw.source,
        loss_unit=loss_unit,
        raw_sha256=raw.raw_sha256,
        findings=draft.findings,
    )
    _refuse_unusable(runs, strict=False)
    names = [hold_out] if isinstance(hold_out, str) else list(hold_out)
    runs = runs.hold_out(names) if names else runs
    _refuse_unusable(runs, strict)
    return runs


def _check_options(
    loss_unit: str, bytes_per_token: float | None, decimal: str, checkpoints: str
) -> None:
    nats_per_unit(loss_unit, bytes_per_token)
    if decimal not in (".", ","):
        raise UsageError(f"decimal '{decimal}': write . or ,")
    if checkpoints not in CHECKPOINTS:
        raise UsageError(f"checkpoints '{checkpoints}': write one of {', '.join(CHECKPOINTS)}")


def _refuse_unusable(runs: Runs, strict: bool) -> None:
    if any(finding.fatal for finding in runs.findings):
        raise rejected(runs.source, runs.findings)
    if strict and any(finding.severity != INFO for finding in runs.findings):
        raise rejected(runs.source, runs.findings, "is refused because of --strict")


def _read_columns(draft: _Draft, decimal: str) -> None:
    for name in filter(is_number, draft.mapping):
        _read_number_column(draft, name, decimal)
    for name in (column for column in TEXT_COLUMNS if column in draft.mapping):
        cells = texts_of(draft.raw.columns[draft.mapping[name]])
        draft.columns[name] = pd.Series(cells, dtype="str")
    names = pd.Series(default_names(len(draft.good)), dtype="str")
    if RUN in draft.columns:
        given = draft.columns[RUN]
        names = given.where(given.str.strip() != "", names)
    draft.columns[RUN] = names
    if HELD_OUT in draft.mapping:
        flags, faults = read_flags(draft.raw.columns[draft.mapping[HELD_OUT]])
        draft.columns[HELD_OUT] = flags
        draft.reject(faults, draft.mapping[HELD_OUT])


def _read_number_column(draft: _Draft, name: str, decimal: str) -> None:
    theirs = draft.mapping[name]
    numbers = read_numbers(draft.raw.columns[theirs], name, decimal)
    gaps = [fault for fault in numbers.faults if fault.code == "C001"]
    others = [fault for fault in numbers.faults if fault.code != "C001"]
    spare = name == FLOPS and PARAMS in draft.mapping and TOKENS in draft.mapping
    if (spare or name not in draft.needed) and len(gaps) == len(numbers.values):
        message = f"no row has a value for {name}: the column is left out"
        draft.findings.append(Finding("H003", INFO, (), message, "", theirs))
        return
    draft.columns[name] = numbers.values
    if spare:
        _fill_flops(draft, gaps)
        draft.reject(others, theirs)
    elif name in draft.needed:
        draft.reject(numbers.faults, theirs)
    else:
        for finding in cell_findings(others, theirs, draft.raw.lines):
            message = finding.message.split(": row")[0] + ": cell left empty"
            draft.findings.append(replace(finding, code="C006", severity=WARN, message=message))
    texts, large = draft.lines(numbers.read_texts), draft.lines(numbers.large_integers)
    if texts:
        message = f"{len(texts)} numbers written as text were read, such as 1.3B or 1_000"
        draft.findings.append(Finding("C005", INFO, texts, message, "", theirs))
    if large:
        message = f"{len(large)} integers above 2^63 are held as floats of 15 to 17 digits"
        draft.findings.append(Finding("C008", INFO, large, message, "", theirs))


def _fill_flops(draft: _Draft, gaps: list[Fault]) -> None:
    if not gaps:
        return
    where = [fault.index for fault in gaps]
    flops = train_flop(draft.columns[PARAMS][where], draft.columns[TOKENS][where])
    draft.columns[FLOPS][where] = flops
    message = f"{len(gaps)} empty cells: computed as {FLOP_CONVENTION}"
    hint = "state FLOP in all rows or in none"
    theirs = draft.mapping[FLOPS]
    draft.findings.append(Finding("C007", WARN, draft.lines(where), message, hint, theirs))


def _convert_losses(draft: _Draft, unit: str, bytes_per_token: float | None) -> None:
    """Turn every loss of the table into nats per token, as `loss_unit` says of all of them."""
    for name in (LOSS, SOURCE_LOSS, TEACHER_LOSS):
        if name in draft.columns:
            _convert_loss(draft, name, unit, bytes_per_token)
    differences = [n for n in (NORMALIZED_LOSS, NORMALIZED_LOSS_SD) if n in draft.columns]
    if differences and unit == "ppl":
        raise UsageError(f"{differences[0]} is a difference of losses, which no perplexity is")
    for name in differences:
        draft.columns[name] = draft.columns[name] * nats_per_unit(unit, bytes_per_token)


def _convert_loss(draft: _Draft, name: str, unit: str, bytes_per_token: float | None) -> None:
    loss = draft.columns[name]
    if unit == "ppl":
        low = np.flatnonzero(loss <= 1)
        remedy = "is the column really a perplexity?"
        rule = "a perplexity is above 1"
        faults = [Fault(int(i), "C003", f"{loss[i]:.6g}", rule, remedy) for i in low]
        draft.reject(faults, draft.mapping[name])
    good = draft.good & ~np.isnan(loss)
    if name == LOSS and LOSS_SD in draft.columns:
        factor = nats_per_unit(unit, bytes_per_token)
        # the derivative of the log carries an error of the perplexity over
        draft.columns[LOSS_SD] = draft.columns[LOSS_SD] * (1 / loss if unit == "ppl" else factor)
    draft.columns[name] = np.full(len(loss), np.nan)
    draft.columns[name][good] = to_nats(loss[good], unit, bytes_per_token=bytes_per_token)


def _assemble(draft: _Draft) -> pd.DataFrame:
    """Return the good rows: our columns, the rest of the source, the file line."""
    ours: dict[str, Any] = {name: draft.columns[name] for name in measured(draft.columns)}
    used = set(draft.mapping.values())
    reserved = {*MEASURED, FILE_LINE}
    extra = {
        f"original_{name}" if name in reserved else name: column
        for name, column in draft.raw.columns.items()
        if name not in used and name != FILE_LINE
    }
    return pd.DataFrame({**ours, **extra, FILE_LINE: draft.raw.lines})[draft.good]


def _drop_duplicates(draft: _Draft, frame: pd.DataFrame) -> pd.DataFrame:
    again = duplicated_rows(frame if RUN in draft.mapping else frame.drop(columns=RUN))
    if again.any():
        rows = tuple(frame[FILE_LINE][again].tolist())
        message = f"{len(rows)} rows repeat earlier ones exactly: left out"
        draft.findings.append(Finding("R003", WARN, rows, message, "count each run once"))
    return frame[~again]


def _drop_checkpoints(draft: _Draft, frame: pd.DataFrame, checkpoints: str) -> pd.DataFrame:
    earlier = earlier_checkpoints(frame) if checkpoints == "last" else np.zeros(len(frame), bool)
    if earlier.any():
        rows = tuple(frame[FILE_LINE][earlier].tolist())
        message = f"{len(rows)} rows are earlier checkpoints of runs kept at their end: left out"
        hint = "separate runs? give each its own name; else --checkpoints all keeps them"
        draft.findings.append(Finding("R004", WARN, rows, message, hint))
    return frame[~earlier]
