"""Case: one bad input as a file, the command that reads it, and the verdict that it must get."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bayes_scaling.cli.entry import main

FAULT_OF_OURS = ("Traceback", "fault of bayes-scaling")
CHECK = ("check", "{file}", "--json")
Lines = tuple[int, ...]
ANY: Lines = (-1,)
"""Stands for whatever lines a finding names."""

HEAD = "run,params,tokens,loss"
SIZES = [(n, d) for n in (1e7, 1e8, 1e9, 1e10) for d in (1e9, 1e10, 1e11, 1e12)]


def exact_loss(params: float, tokens: float) -> float:
    """The loss of the sound table at a size [nats/token]."""
    return float(1.8 + 0.36 * (params / 1e9) ** -0.35 + 0.35 * (tokens / 2e10) ** -0.37)


def sound_rows() -> list[list[str]]:
    """Sixteen rows, lines 2 to 17 of a file, in which nothing is found but notes."""
    return [
        [f"r{i}", f"{n:.0f}", f"{d:.0f}", f"{exact_loss(n, d):.6f}"]
        for i, (n, d) in enumerate(SIZES)
    ]


def table(
    edits: Mapping[tuple[int, int], str] | None = None,
    more: Sequence[str] = (),
    head: str = HEAD,
    each: Callable[[int, list[str]], list[str]] = lambda _, row: row,
) -> str:
    """The sound table, with cells (line, column from 0) replaced and lines added below it.

    `each` remakes every row, given its index and its cells.
    """
    rows = [each(i, row) for i, row in enumerate(sound_rows())]
    for (line, column), text in (edits or {}).items():
        rows[line - 2][column] = text
    return "\n".join([head, *map(",".join, rows), *more]) + "\n"


@dataclass(frozen=True)
class Case:
    """One bad input.

    `item` is its number in the catalogue; `content` the text or bytes of the file `name`, or a
    function that makes what is needed in the folder. `code` is the exit code. `found` holds the
    findings of a table: every error and warning, and no other, each with its file lines; notes of
    the table are listed only where they are the verdict. `says` must be in what is printed,
    `never` must not (of a table: in the table). `command` may name {file} and {folder}.
    """

    item: int
    title: str
    content: str | bytes | Callable[[Path], Any] | None
    code: int
    found: Mapping[str, Lines] | None = None
    name: str = "runs.csv"
    options: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    command: tuple[str, ...] = CHECK
    after: Callable[[Path], list[str]] = field(default=lambda _: [])
    """Faults of what the command left behind in the folder."""

    @property
    def id(self) -> str:
        return f"{self.item:02d} {self.title}"


@dataclass(frozen=True)
class Ran:
    """What a command line did in this process."""

    code: int
    out: str
    err: str


def run(arguments: Sequence[str]) -> Ran:
    """Run the command line here; an exception that leaves it is raised."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return Ran(code, out.getvalue(), err.getvalue())


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def faults_of(case: Case, folder: Path) -> list[str]:
    """Make the case in an empty folder, run its command, and say what was not as it must be."""
    file = folder / case.name
    if callable(case.content):
        case.content(folder)
    elif case.content is not None:
        data = case.content.encode() if isinstance(case.content, str) else case.content
        file.write_bytes(data)
    arguments = [part.format(file=file, folder=folder) for part in (*case.command, *case.options)]
    try:
        ran = run(arguments)
    except BaseException as left:  # nothing may leave the command line
        return [f"{type(left).__name__} left the command line: {left}"]
    said = ran.out + ran.err
    faults = [f"{word!r} in what was said: {said[-400:]}" for word in FAULT_OF_OURS if word in said]
    if ran.code != case.code:
        faults.append(f"exit code {ran.code}, not {case.code}: {said[-600:]}")
    faults += [f"does not say {words!r}: {said[-600:]}" for words in case.says if words not in said]
    shown = ran.out if {"--csv", "--md"} & {*arguments} else said
    faults += [f"says {words!r}" for words in case.never if words in shown]
    if "--json" in arguments:
        faults += _faults_of_json(case, ran)
    return faults + case.after(folder)


def _faults_of_json(case: Case, ran: Ran) -> list[str]:
    try:
        told = json.loads(ran.out, parse_constant=_refuse)
    except ValueError as fault:
        return [f"stdout is not strict JSON ({fault}): {ran.out[:200]}"]
    if told["exit_code"] != ran.code:
        return [f"the JSON says exit code {told['exit_code']}, the process {ran.code}"]
    if case.found is None:
        return []
    place = told["error"] if told["result"] is None else told["result"]
    return _faults_of_findings(case.found, place["findings"])


def _faults_of_findings(expected: Mapping[str, Lines], found: list[dict[str, Any]]) -> list[str]:
    rows: dict[str, set[int]] = {}
    for each in found:
        rows.setdefault(each["code"], set()).update(each["rows"])
    severe = {each["code"] for each in found if each["severity"] != "info"}
    faults = [f"{code} was not found, but {sorted(rows)}" for code in expected if code not in rows]
    faults += [f"{code} was found too: {sorted(rows[code])}" for code in severe - set(expected)]
    for code, lines in expected.items():
        if code in rows and lines != ANY and rows[code] != set(lines):
            faults.append(f"{code} names the lines {sorted(rows[code])}, not {sorted(lines)}")
    return faults
