"""Tables of the records: the page of the documentation, and the short form of the README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.trust.record import FOLDER, Record, digest, records

README = Path(__file__).parents[2] / "README.md"
EVERY = frozenset(
    f"{group}{number}"
    for group, count in {"A": 8, "B": 8, "C": 3, "D": 5, "E": 7, "F": 6}.items()
    for number in range(1, count + 1)
)
"""Promises of the whole plan."""
BEGIN, END = "<!-- trust -->", "<!-- end of trust -->"
PLACE = "trust.md"
GROUPS = {
    "A": "Numbers",
    "B": "Calibration",
    "C": "Determinism and versions",
    "D": "Inputs",
    "E": "Faults",
    "F": "Interface and tests",
}
BESIDE = {
    "B4_worlds": "Worlds that the model does not describe (B4)",
    "B5_misses": "Runs of public tables outside of their 90% intervals (B5)",
}
"""Tables that are measured with a record, and their titles."""
HEAD = """# Trust

What this package promises, how often it was tried, and what was seen. Every row was measured by the
command beside it, with the code whose digest it names (the first digits of the SHA-256 of source
and model files). No limit was loosened to be kept: where one was not, the row says so, and why.

Short forms of these proofs run in the test suite, and `bayes-scaling selftest` runs those that need
nothing but the package on your own machine.
"""


def trust_page() -> dict[str, str]:
    """Return the page by path."""
    found = records()
    old = [r.id for r in found if r.digest != digest()]
    missing = sorted(EVERY - {r.id for r in found})
    parts = [
        HEAD,
        f"{sum(r.kept for r in found)} of the {len(found)} promises that were measured in full are "
        f"kept. The code at hand has the digest `{digest()}`; "
        f"measured before its last changes: {', '.join(old) or 'none'}. "
        f"Not measured in full: {', '.join(missing) or 'none'}.\n",
    ]
    for letter, title in GROUPS.items():
        own = [record for record in found if record.id.startswith(letter)]
        if own:
            parts += [f"## {title}\n", table(own), notes(own)]
    parts += [beside(name, title) for name, title in BESIDE.items()]
    return {PLACE: "\n".join(part for part in parts if part)}


def table(found: list[Record]) -> str:
    """Return one row for each record."""
    rows = [
        "| id | promise | cases | observed | limit | kept | command | digest, date |",
        "|---|---|---:|---|---|---|---|---|",
    ]
    for r in found:
        claim, observed, limit = map(cell, (r.claim, r.observed, r.limit))
        rows.append(
            f"| {r.id} | {claim} | {r.cases:,} | {observed} | {limit} | {kept(r)} | "
            f"`{r.command}` | `{r.digest}`, {r.date} |"
        )
    return "\n".join(rows) + "\n"


def short_table() -> str:
    """Return the rows that the README shows: one for each promise, without command and limit."""
    rows = ["| promise | cases | observed | kept |", "|---|---:|---|---|"]
    rows += [
        f"| {r.id} {cell(r.claim)} | {r.cases:,} | {cell(r.observed)} | {kept(r)} |"
        for r in records()
    ]
    return "\n".join(rows)


def notes(found: list[Record]) -> str:
    """Return what must be said beside the rows."""
    lines = [f"- {r.id}: {cell(r.note)}" for r in found if r.note]
    return "\n".join(lines) + "\n" if lines else ""


def beside(name: str, title: str) -> str:
    """Return the table that was measured with a record, or nothing where it was not."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return ""
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    keys = list(rows[0])
    lines = [f"## {title}\n"]
    lines += ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(cell(row[key]) for key in keys) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def with_short_table(readme: str) -> str:
    """Return the text of the README with the short table between its two marks."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{short_table()}\n{END}{after}"


def kept(record: Record) -> str:
    """Say whether a limit was kept, so that it is seen where it was not."""
    return "yes" if record.kept else "**no**"


def cell(value: Any) -> str:
    """Return text for one cell of a table."""
    return " ".join(str(value).split()).replace("|", "\\|")
