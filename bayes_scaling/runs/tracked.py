"""Tracked: runs as an experiment tracker kept them, and the run table that they make."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final

from bayes_scaling.errors import UsageError
from bayes_scaling.names import RUN
from bayes_scaling.quantities import RESOURCES, TARGETS, is_number
from bayes_scaling.runs.columns import resolve, target_of
from bayes_scaling.runs.finding import ERROR, Finding, rejected
from bayes_scaling.runs.labels import display_name, listed
from bayes_scaling.runs.spelling import Spelling, choices, in_two_kinds, two_columns

TRACKED_ID, TRACKED_NAME, STATUS = "tracker_id", "tracker_name", "tracker_status"
FINISHED: Final = "finished"
STATUSES: Final = (
    FINISHED, "running", "scheduled", "failed", "killed", "crashed", "pending", "preempting",
    "preempted",
)  # fmt: skip
"""How runs may stand, of all trackers; a run whose tracker does not say has the status ""."""
PRIVATE: Final = "_"
"""First letter of what a tracker keeps for itself."""
NO_VALUE: Final = frozenset({"", "none", "null", "na", "n/a", "-"})
NEEDED: Final = (*RESOURCES, *TARGETS)
REASONS_SHOWN: Final = 5


@dataclass(frozen=True)
class TrackedRun:
    """One run of a tracker: its id and name, how it ended, its values by kind and flat name."""

    id: str
    name: str
    status: str
    values: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Tracked:
    """The runs of a source, what is known `about` it, and `notes` on what could not be read."""

    runs: tuple[TrackedRun, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackedTable:
    """The table that tracked runs make: `rows` of texts, `mapping` of our columns to theirs.

    `left_out` says of each run that is not in it why; `findings` are warnings on the mapping.
    """

    rows: tuple[Mapping[str, str], ...]
    mapping: Mapping[str, str]
    left_out: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...] = ()

    def to_csv(self) -> str:
        """Return the table as CSV; values stand as the tracker has them."""
        sheet = io.StringIO(newline="")
        names = [RUN, *(name for name in self.mapping if name != RUN)]
        names += [TRACKED_ID, TRACKED_NAME, STATUS]
        writer = csv.DictWriter(sheet, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return sheet.getvalue()


def tabulate(
    source: str,
    runs: Sequence[TrackedRun],
    columns: Mapping[str, str],
    statuses: Collection[str] = (FINISHED,),
    where: Mapping[str, str] | None = None,
) -> TrackedTable:
    """Return the run table of tracked runs.

    `columns` are ours to theirs, as for `read_runs`; names that are ours stand for themselves.
    `where` keeps the runs of which these values hold. Other runs, those of another status, and
    those that lack a value of a column are left out and named. Raises UsageError where no run is
    left, TableError where a column is missing or two may be meant, with the names found.
    """
    chosen, left = _select(source, runs, statuses, where or {})
    spelling = Spelling.of([run.values for run in chosen])
    mapping, findings = _map(source, spelling, columns)
    needed = {*RESOURCES, target_of(mapping), *columns}
    names = {run.name for run in chosen}
    named = "" not in names and len(names) == len(chosen)
    rows = []
    for run in chosen:
        cells = {ours: spelling.value(run.values, name) for ours, name in mapping.items()}
        if lacking := [*_lacking(cells, mapping, needed)]:
            left.append((run.id, "; ".join(lacking)))
            continue
        row = {ours: "" if value is None else _text(value) for ours, value in cells.items()}
        row[RUN] = row.get(RUN) or (run.name if named else run.id)
        rows.append({**row, TRACKED_ID: run.id, TRACKED_NAME: run.name, STATUS: run.status})
    if not rows:
        raise UsageError(f"{source}: no run has all that is needed: {_reasons(left)}")
    return TrackedTable(tuple(rows), mapping, tuple(left), findings)


def check_statuses(statuses: Sequence[str]) -> None:
    """Raise UsageError for words that are no status of any tracker."""
    if unknown := [each for each in statuses if each not in STATUSES]:
        near = get_close_matches(unknown[0], STATUSES, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; write {', '.join(STATUSES)}"
        raise UsageError(f"--status {listed(unknown)}: no status of a run{hint}")


def _select(
    source: str,
    runs: Sequence[TrackedRun],
    statuses: Collection[str],
    where: Mapping[str, str],
) -> tuple[list[TrackedRun], list[tuple[str, str]]]:
    """Return the runs that are wanted, and the others with the reason."""
    kept = [run for run in runs if run.status.lower() in {*statuses, ""}]
    others = [run for run in runs if run.status.lower() not in {*statuses, ""}]
    left = [(run.id, f"status {run.status}") for run in others]
    if not kept:
        seen = Counter(run.status for run in runs)
        counts = ", ".join(f"{n} {display_name(status, 40)}" for status, n in seen.items())
        raise UsageError(
            f"{source}: no run with status {' or '.join(statuses)} among {len(runs)}"
            + (f" ({counts}); name others with --status" if runs else "")
        )
    spelling = Spelling.of([run.values for run in kept])
    if faults := [*spelling.faults(where)]:
        raise UsageError("\n".join(f"{source}: --where {fault}" for fault in faults))
    chosen = []
    for run in kept:
        held = {name: spelling.value(run.values, name) for name in where}
        differs = [name for name, value in held.items() if not _equals(value, where[name])]
        if differs:
            left.append((run.id, "; ".join(f"{n} is {_shown(held[n])}" for n in differs)))
        else:
            chosen.append(run)
    if not chosen:
        raise UsageError(f"{source}: no run holds what --where asks for: {_reasons(left)}")
    return chosen, left


def _map(
    source: str, spelling: Spelling, columns: Mapping[str, str]
) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return our names to theirs and the warnings; raises TableError with every fault."""
    found = spelling.known(columns.values())
    mapping, findings = resolve(found, columns)
    double = [*in_two_kinds(spelling, columns), *two_columns(found, mapping, columns)]
    hints = choices(found, mapping, {*columns, *spelling.several})
    offered = " ".join(each.hint for each in (*double, *hints))
    faults = [
        replace(each, rows=(), hint="" if _offers(offered, each.hint) else each.hint)
        for each in findings
        if each.severity == ERROR
    ]
    if faults or double:
        names = f"its runs hold {listed(found)}" if found else "its runs hold no values"
        everything = [*faults, *double, *hints]
        raise rejected(source, everything, f"cannot be made a run table; {names}")
    return mapping, tuple(hints)


def _offers(offered: str, hint: str) -> bool:
    """Return whether one of our names in a hint is spoken of in what is offered."""
    return any(f"--col {ours}=" in hint and f"--col {ours}=" in offered for ours in NEEDED)


def _lacking(
    cells: Mapping[str, Any], mapping: Mapping[str, str], needed: Collection[str]
) -> Iterator[str]:
    """Say what forbids a row: a needed value that is missing, or one that is no number at all."""
    for ours, value in cells.items():
        theirs = display_name(mapping[ours], 40)
        shown = theirs if theirs == ours else f"{ours} ({theirs})"
        if isinstance(value, dict | list):
            yield f"{shown} is no single value"
        elif ours in needed and (value is None or str(value).strip().lower() in NO_VALUE):
            yield f"no {shown}"
        elif ours in needed and is_number(ours) and not _may_be_finite(value):
            yield f"{shown} is {value}"


def _may_be_finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return True  # a text such as 1.3B, which the reader of tables judges
    except OverflowError:
        return False


def _equals(value: Any, wanted: str) -> bool:
    if value is None:
        return False
    if str(value) == wanted:
        return True
    try:
        return float(value) == float(wanted)
    except (TypeError, ValueError, OverflowError):
        return False


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _shown(value: Any) -> str:
    return "not there" if value is None else display_name(_text(value), 40)


def _reasons(left: Sequence[tuple[str, str]]) -> str:
    count = Counter(why for _, why in left).most_common()
    parts = [f"{n} runs: {why}" for why, n in count[:REASONS_SHOWN]]
    return "; ".join([*parts, *(["..."] if len(count) > REASONS_SHOWN else [])])


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values by names with dots; a dict of "value" and "desc" is its value.

    Raises UsageError where two values get one name.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if not before and str(name).startswith(PRIVATE):
            continue
        own = f"{before}{name}"
        if isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "desc"}:
            value = value["value"]
        more = flat(value, f"{own}.") if isinstance(value, Mapping) else {own: value}
        if twice := found.keys() & more.keys():
            raise UsageError(f"two values are called {listed(sorted(twice))}")
        found |= more
    return found
