"""Tracked: runs as an experiment tracker kept them, and the run table that they make."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayes_scaling.errors import UsageError
from bayes_scaling.names import RUN
from bayes_scaling.quantities import is_number
from bayes_scaling.runs.columns import resolve
from bayes_scaling.runs.finding import ERROR, rejected

TRACKED_ID, TRACKED_NAME, STATUS = "tracker_id", "tracker_name", "tracker_status"
FINISHED = "finished"
PRIVATE = "_"
"""First letter of what a tracker keeps for itself."""


@dataclass(frozen=True)
class TrackedRun:
    """One run of a tracker: what it calls it, how it ended, and its values by flat names."""

    id: str
    name: str
    status: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class TrackedTable:
    """The table that tracked runs make: `rows` of texts, `mapping` of our columns to theirs.

    `left_out` says of each run that is not in it why.
    """

    rows: tuple[Mapping[str, str], ...]
    mapping: Mapping[str, str]
    left_out: tuple[tuple[str, str], ...]

    def to_csv(self) -> str:
        """Return the table as CSV; values stand as the tracker has them."""
        sheet = io.StringIO(newline="")
        names = [RUN, *(name for name in self.mapping if name != RUN), TRACKED_ID, STATUS]
        writer = csv.DictWriter(sheet, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return sheet.getvalue()


def tabulate(
    source: str,
    runs: Sequence[TrackedRun],
    columns: Mapping[str, str],
    statuses: Sequence[str] = (FINISHED,),
) -> TrackedTable:
    """Return the run table of tracked runs.

    `columns` are ours to theirs, as for `read_runs`; names that are ours stand for themselves.
    Runs of another status, and those that lack a value of a column, are left out and named.
    Raises UsageError where no run is left, TableError where a column is missing, with the names
    that were found.
    """
    kept = [run for run in runs if run.status.lower() in statuses]
    left = [(run.id, f"status {run.status}") for run in runs if run.status.lower() not in statuses]
    if not kept:
        seen = ", ".join(f"{n} {status}" for status, n in Counter(r.status for r in runs).items())
        raise UsageError(
            f"{source}: no run with status {' or '.join(statuses)} among {len(runs)}"
            + (f" ({seen}); name others with --status" if runs else "")
        )
    found = sorted({name for run in kept for name in run.values})
    mapping, findings = resolve(found, columns)
    if any(finding.severity == ERROR for finding in findings):
        names = f"they hold {', '.join(found)}" if found else "they hold no values"
        raise rejected(source, findings, f"cannot be made a run table; {names}")
    names_differ = len({run.name for run in kept} - {""}) == len(kept)
    rows = []
    for run in kept:
        lacking = [*_lacking(run, mapping)]
        if lacking:
            left.append((run.id, "; ".join(lacking)))
            continue
        row = {ours: _text(run.values[theirs]) for ours, theirs in mapping.items()}
        own = {RUN: run.name if names_differ else run.id} | row
        rows.append({**own, TRACKED_ID: run.id, STATUS: run.status})
    if not rows:
        why = "; ".join(f"{run}: {reason}" for run, reason in left[:5])
        raise UsageError(f"{source}: every run lacks something: {why}")
    return TrackedTable(tuple(rows), mapping, tuple(left))


def _lacking(run: TrackedRun, mapping: Mapping[str, str]) -> Iterator[str]:
    for ours, theirs in mapping.items():
        value = run.values.get(theirs)
        shown = theirs if theirs == ours else f"{ours} ({theirs})"
        if value is None or value == "":
            yield f"no {shown}"
        elif is_number(ours) and isinstance(value, int | float) and not math.isfinite(value):
            yield f"{shown} is {value}"
        elif isinstance(value, dict | list):
            yield f"{shown} is no single value"


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values by names with dots; a dict of "value" and "desc" is its value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if not before and str(name).startswith(PRIVATE):
            continue
        own = f"{before}{name}"
        if isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "desc"}:
            value = value["value"]
        if isinstance(value, Mapping):
            found |= flat(value, f"{own}.")
        else:
            found[own] = value
    return found


def together(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return values of several kinds in one; names that two kinds have are told apart by kind."""
    count = Counter(name for values in parts.values() for name in values)
    return {
        (name if count[name] == 1 else f"{kind}.{name}"): value
        for kind, values in parts.items()
        for name, value in values.items()
    }


def read_wandb_export(path: str | Path) -> list[TrackedRun]:
    """Return the runs of a file exported from Weights & Biases: .json, .jsonl or .csv.

    JSON holds run records (id, name, state, config, summary), as the public API gives them. Raises
    UsageError with every record that is none.
    """
    where = Path(path)
    try:
        text = where.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"cannot read {where}: {fault}") from None
    if where.suffix.lower() == ".csv":
        return [_of_row(n, row) for n, row in enumerate(csv.DictReader(io.StringIO(text)), start=2)]
    try:
        if where.suffix.lower() == ".jsonl":
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            records = json.loads(text)
            records = records if isinstance(records, list) else [records]
    except ValueError as fault:
        raise UsageError(f"{where}: not valid JSON: {fault}") from None
    faults = [f"record {n}: no id, config and summary" for n, record in enumerate(records, start=1)
              if not _is_record(record)]  # fmt: skip
    if faults:
        raise UsageError("\n  ".join([f"{where}: not run records:", *faults[:20]]))
    return [_of_record(record) for record in records]


def _is_record(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and ("id" in record or "name" in record)
        and all(isinstance(record.get(key, {}), dict) for key in ("config", "summary"))
        and ("config" in record or "summary" in record)
    )


def _of_record(record: Mapping[str, Any]) -> TrackedRun:
    name = str(record.get("name") or record.get("display_name") or "")
    parts = {"config": flat(record.get("config", {})), "summary": flat(record.get("summary", {}))}
    return TrackedRun(
        str(record.get("id") or name), name, str(record.get("state", FINISHED)), together(parts)
    )


def _of_row(number: int, row: Mapping[str, Any]) -> TrackedRun:
    """A row of the table that the web page exports: Name, State, and the columns shown."""
    values = {k: v for k, v in row.items() if k and k not in ("Name", "State", "ID")}
    name = str(row.get("Name") or "")
    return TrackedRun(
        str(row.get("ID") or name or f"line {number}"),
        name,
        str(row.get("State") or FINISHED),
        values,
    )
