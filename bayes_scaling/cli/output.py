"""Output: an outcome as text, JSON, CSV or Markdown, and the exit code that goes with it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

from bayes_scaling.errors import EXIT_BATCH, EXIT_CHECK_FAILED, EXIT_OK, OutputError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from bayes_scaling.cli.options import Output

SCHEMA_VERSION: Final = 1
"""Version of the JSON object that `--json` prints."""
STATUS_OF_CODE: Final = {EXIT_OK: "ok", EXIT_CHECK_FAILED: "fail", EXIT_BATCH: "fail"}
LINE: Final = 78
"""Columns of flowing text."""
LINE_LIMIT: Final = 2000
"""Longest line of a message, in characters."""


def _nothing() -> Sequence[Any]:
    return ()


@dataclass(frozen=True)
class Outcome:
    """What a verb found.

    `result` goes into the JSON object, `table` is what `--csv` and `--md` write, `text` gives the
    rich renderables that people see. `failures` set exit code 1; `warnings` do so under
    `--strict`. Both go to stderr, unless `told` says that the text shows them itself. `hints` say
    what to do next.
    """

    result: Mapping[str, Any]
    text: Callable[[], Iterable[Any]] = _nothing
    table: pd.DataFrame | None = None
    failures: Sequence[str] = ()
    warnings: Sequence[str] = ()
    hints: Sequence[str] = field(default=())
    told: bool = False
    tasks_failed: bool = False

    def exit_code(self, strict: bool) -> int:
        """Return 5 where tasks failed, 1 where a check did or warned under `--strict`, else 0."""
        if self.tasks_failed:
            return EXIT_BATCH
        bad = self.failures or (strict and self.warnings)
        return EXIT_CHECK_FAILED if bad else EXIT_OK


def emit(command: str, outcome: Outcome, output: Output) -> int:
    """Print an outcome and return its exit code.

    Raises OutputError where stdout cannot be written.
    """
    code = outcome.exit_code(output.strict)
    if output.json:
        write_out(f"{json_of(envelope(command, outcome, code))}\n")
        return code
    as_table = output.csv or output.md
    if not outcome.told or as_table:
        tell(outcome.failures, "FAIL", no_color=output.no_color)
        if not output.quiet:
            tell(outcome.warnings, "WARN", no_color=output.no_color)
    if as_table:
        if outcome.table is None:
            raise UsageError(f"{command} has no table; use --json")
        write_out((csv_of if output.csv else markdown_of)(outcome.table))
        return code
    print_text(outcome.text(), output)
    if not output.quiet:
        tell(outcome.hints, "", no_color=output.no_color)
    return code


def envelope(command: str, outcome: Outcome, code: int) -> dict[str, Any]:
    """Return the JSON object of an outcome."""
    status = STATUS_OF_CODE[code]
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "status": "warn" if code == EXIT_OK and outcome.warnings else status,
        "exit_code": code,
        "warnings": [*outcome.failures, *outcome.warnings],
        "result": dict(outcome.result),
    }


def error_envelope(
    command: str, message: str, code: int, findings: Sequence[Any]
) -> dict[str, Any]:
    """Return the JSON object of an error; `findings` are those of a refused table."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "status": "error",
        "exit_code": code,
        "warnings": [],
        "result": None,
        "error": {"message": message, "findings": [each.to_dict() for each in findings]},
    }


def json_of(value: Any) -> str:
    """Return strict JSON."""
    from bayes_scaling.files import to_json

    return to_json(value)


def csv_of(table: pd.DataFrame) -> str:
    """Return a table as CSV whose text cells no spreadsheet takes for formulas."""
    from bayes_scaling.reporting.tables import csv_safe

    return str(csv_safe(table).to_csv(index=False))


def markdown_of(table: pd.DataFrame) -> str:
    """Return a table as a Markdown pipe table; text cells are shown, never interpreted."""
    rows = [[str(name) for name in table], ["---"] * table.shape[1]]
    rows += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(value: object) -> str:
    from bayes_scaling.runs.labels import display_name

    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    text = display_name(value, LINE_LIMIT)
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}" if sign not in "<>" else f"&{'lg'[sign == '>']}t;")
    return text


def console(stream: TextIO, *, no_color: bool = False) -> Console:
    """Return a rich console on a stream that never reads markup into plain text."""
    from rich.console import Console

    return Console(
        file=stream,
        no_color=no_color or None,
        highlight=False,
        markup=True,
        emoji=False,
        soft_wrap=False,
    )


def print_text(parts: Iterable[Any], output: Output) -> None:
    """Print renderables on stdout; plain texts are shown verbatim on lines of their own."""
    out = console(sys.stdout, no_color=output.no_color)
    with _stdout_faults():
        for part in parts:
            if isinstance(part, str):
                out.print(clean(part), markup=False, soft_wrap=True)
            else:
                out.print(part)
        sys.stdout.flush()


def write_out(text: str) -> None:
    """Write text to stdout; raises OutputError where that fails."""
    with _stdout_faults():
        sys.stdout.write(text)
        sys.stdout.flush()


def tell(messages: Iterable[str], mark: str, *, no_color: bool = False) -> None:
    """Say messages on stderr, each after its mark."""
    styles = {"FAIL": "bold red", "ERROR": "bold red", "WARN": "yellow"}
    err = console(sys.stderr, no_color=no_color)
    for message in messages:
        if mark:
            err.print(f"{mark} ", style=styles.get(mark), end="")
        err.print(clean(message), markup=False, soft_wrap=True)


def clean(message: str) -> str:
    """Return a message with the control characters of each line escaped."""
    from bayes_scaling.runs.labels import display_name

    return "\n".join(display_name(line, LINE_LIMIT) for line in message.split("\n"))


class _stdout_faults:
    """A closed pipe is the reader's choice and no fault; any other failure is an OutputError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> bool:
        if not isinstance(fault, OSError):
            return False
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, sys.stdout.fileno())
        if fault.errno != errno.EPIPE:
            raise OutputError(f"cannot write to stdout: {fault.strerror or fault}") from None
        return True
