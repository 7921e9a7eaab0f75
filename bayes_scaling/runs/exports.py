"""Exports: files of runs that Weights & Biases wrote, or a script with its public API."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.finding import rejected
from bayes_scaling.runs.labels import display_name
from bayes_scaling.runs.source import load, read_bytes
from bayes_scaling.runs.tracked import Tracked, TrackedRun, flat

SUFFIXES: Final = (".json", ".jsonl", ".csv")
FAULTS_SHOWN: Final = 20
NAME, STATE, ID = "Name", "State", "ID"
"""Columns that the web page writes for every run."""


def read_wandb_export(path: str | Path) -> Tracked:
    """Return the runs of an exported file: .json, .jsonl or .csv.

    JSON holds run records (id, name, state, config, summary), as the public API gives them; a
    record without `state` has the status "". Raises UsageError with every record that is none,
    TableError for a table that cannot be read.
    """
    where = str(path)
    if where.lower().endswith(".csv"):
        return _of_table(where)
    data = read_bytes(where, allow_large=False)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UsageError(f"{where}: byte {fault.start} is not UTF-8 text") from None
    lines = where.lower().endswith(".jsonl")
    records, faults = _records(text, lines=lines)
    place = "line" if lines else "record"
    faults += [f"{place} {n}: {what}" for n, record in records for what in _not_a_run(record)]
    if not faults:
        faults += _repeated(records, place)
    if faults:
        more = [f"and {len(faults) - FAULTS_SHOWN} more"] if len(faults) > FAULTS_SHOWN else []
        shown = [*faults[:FAULTS_SHOWN], *more]
        raise UsageError("\n  ".join([f"{where}: cannot be read as run records:", *shown]))
    sha = hashlib.sha256(data).hexdigest()
    return Tracked(tuple(_of_record(record) for _, record in records), {"source_sha256": sha})


def _records(text: str, *, lines: bool) -> tuple[list[tuple[int, Any]], list[str]]:
    """Return numbered records and the faults of the JSON; numbers stay as they are written."""
    found: list[tuple[int, Any]] = []
    faults = []
    parts = enumerate(text.split("\n"), start=1) if lines else [(1, text)]
    for n, part in ((n, part) for n, part in parts if part.strip() or not lines):
        try:
            found.append((n, json.loads(part, parse_float=str, parse_int=str)))
        except (ValueError, RecursionError) as fault:
            why = "nested too deeply" if isinstance(fault, RecursionError) else fault
            faults.append(f"{f'line {n}: ' if lines else ''}not valid JSON: {why}")
    if not lines and found and isinstance(found[0][1], list):
        found = list(enumerate(found[0][1], start=1))
    return found, faults


def _not_a_run(record: Any) -> Iterator[str]:
    if not isinstance(record, dict):
        yield "no object of id, config and summary"
        return
    if not record.get("id") and not record.get("name"):
        yield "neither id nor name"
    if "config" not in record and "summary" not in record:
        yield "neither config nor summary"
    for key in ("config", "summary"):
        if not isinstance(record.get(key, {}), dict):
            yield f"{key} is no object"


def _repeated(records: list[tuple[int, Any]], place: str) -> Iterator[str]:
    lines: dict[str, list[int]] = {}
    for n, record in records:
        lines.setdefault(_id(record), []).append(n)
    for own, where in lines.items():
        if len(where) > 1:
            listed = ", ".join(map(str, where))
            yield f"{place}s {listed}: one id, {display_name(own, 40)}: keep one of them"


def _id(record: Mapping[str, Any]) -> str:
    return str(record.get("id") or record["name"])


def _of_record(record: Mapping[str, Any]) -> TrackedRun:
    name = str(record.get("name") or record.get("display_name") or "")
    values = {key: flat(record.get(key, {})) for key in ("config", "summary")}
    return TrackedRun(_id(record), name, str(record.get("state") or ""), values)


def _of_table(where: str) -> Tracked:
    """Return the rows of the table that the web page exports: Name, State, the columns shown."""
    raw = load(where)
    if any(finding.fatal for finding in raw.findings):
        raise rejected(where, raw.findings)
    columns = {name: list(map(str, cells)) for name, cells in raw.columns.items()}
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    names = Counter(row.get(NAME, "") for row in rows)
    runs = []
    for line, row in zip(raw.lines, rows, strict=True):
        name, place = row.get(NAME, ""), f"line {line}"
        own = row.get(ID) or (name if name and names[name] == 1 else f"{name} ({place})".strip())
        values = {key: value for key, value in row.items() if key not in (NAME, STATE, ID)}
        runs.append(TrackedRun(own, name, row.get(STATE, ""), {"columns": values}))
    return Tracked(tuple(runs), {"source_sha256": raw.raw_sha256})
