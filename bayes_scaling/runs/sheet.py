"""Sheet: the header, rows and line numbers of delimited text, and what is wrong with its shape."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.finding import ERROR, INFO, Finding, rejected
from bayes_scaling.runs.labels import display_name, listed

BYTE_ORDER_MARK = "\ufeff"
UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LONGEST_CELL = 131_072
"""Characters of one cell; a quote that is never closed would swallow the rest of the file."""
OTHER_DELIMITERS: Final = {";": ";", "\t": "tab", "|": "|"}
DECIMAL_COMMA = re.compile(r"(^|[;\t|\"])\s*[0-9]+,[0-9]+(e[+-]?[0-9]+)?\s*($|[;\t|\"])", re.I)
NUMBER_LIKE = re.compile(r"[0-9.,]+([eE][+-]?[0-9]+)?")
SAMPLE = 50
"""Records looked at when another delimiter is suspected."""
MOST_COLUMNS = 10_000
TOO_LARGE = "F007"


@dataclass(frozen=True)
class Sheet:
    """Rows of text under a header, the file line each starts at, and findings on its shape."""

    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    findings: tuple[Finding, ...]


def read_sheet(
    data: bytes, source: str, delimiter: str, decimal: str, encoding: str, most_rows: int | None
) -> Sheet:
    """Return the sheet of the bytes of a delimited file.

    Rows of a wrong length are left out and reported as a fault of the file.

    Raises
    ------
    TableError
        Not text in this encoding, no header, repeated names, no rows, another delimiter.
    UsageError
        Unknown encoding or an unusable delimiter.
    """
    text = decode(data, source, encoding)
    findings: list[Finding] = []
    if text.startswith(BYTE_ORDER_MARK):
        text = text.removeprefix(BYTE_ORDER_MARK)
        findings.append(Finding("F006", INFO, (), "byte order mark at the start was removed"))
    records, broken = read_records(text, usable_delimiter(delimiter), most_rows)
    if broken:
        findings.append(broken)
        if broken.code == TOO_LARGE:
            raise rejected(source, findings)
    if not records:
        hint = "write a header line such as run,params,tokens,loss, then one line per run"
        raise rejected(source, [*findings, Finding("F001", ERROR, (), "the file is empty", hint)])
    (line, first), *body = records
    if len(first) > MOST_COLUMNS:
        message = f"{len(first)} columns, above {MOST_COLUMNS}"
        hint = "keep what a run spent and its loss; export one line per run"
        raise rejected(source, [*findings, Finding(TOO_LARGE, ERROR, (line,), message, hint)])
    header = tuple(name.strip() or f"column {i}" for i, name in enumerate(first, start=1))
    faults = [
        *other_delimiter(header, text, delimiter, decimal),
        *repeated_names(header, line),
        *no_header(first, line),
    ]
    if not body:
        faults.append(Finding("F001", ERROR, (), "there is no row below the header", "add runs"))
    if faults:
        raise rejected(source, [*findings, *faults])
    findings += wrong_lengths(body, len(header))
    good = [(line, row) for line, row in body if len(row) == len(header)]
    if not good:
        raise rejected(source, findings)
    return Sheet(header, [row for _, row in good], [line for line, _ in good], tuple(findings))


def decode(data: bytes, source: str, encoding: str) -> str:
    """Return the text of the bytes; the error names the first byte that does not fit."""
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise UsageError(f"encoding '{display_name(encoding)}' is not known; try utf-8") from error
    except UnicodeError as error:
        offset = getattr(error, "start", 0)
        other = "utf-16" if data[:2] in UTF16_MARKS or b"\0" in data[:200] else "latin-1"
        message = f"byte {offset} is not {encoding} text"
        hint = f"save it as UTF-8, or pass --encoding {other} if that is what it is"
        raise rejected(source, [Finding("F002", ERROR, (), message, hint)]) from error


def usable_delimiter(delimiter: str) -> str:
    """Return the delimiter as one character; "tab" and "\\t" name the tab."""
    character = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(character) != 1 or character.isalnum() or character in '\r\n". -+_':
        shown = display_name(delimiter, 20)
        raise UsageError(f"delimiter '{shown}': write one of , ; | or tab")
    return character


def read_records(
    text: str, delimiter: str, most_rows: int | None
) -> tuple[list[tuple[int, list[str]]], Finding | None]:
    """Return the non-empty records, each with its first line, and the fault that ended it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                records.append((start, record))
            start = reader.line_num + 1
            if most_rows is not None and len(records) > most_rows + 1:
                message = f"more than {most_rows} rows"
                return records, Finding(TOO_LARGE, ERROR, (), message, "pass --allow-large")
    except csv.Error as error:
        message = f"the record that starts here cannot be read ({error})"
        hint = "close or double the quotes; a cell holds at most 131072 characters"
        return records, Finding("F004", ERROR, (start,), message, hint)
    return records, None


def other_delimiter(
    header: Sequence[str], text: str, delimiter: str, decimal: str
) -> Iterator[Finding]:
    """F005 where the header did not split but would at another delimiter."""
    if len(header) > 1:
        return
    for character, name in OTHER_DELIMITERS.items():
        if character not in header[0] or character == delimiter:
            continue
        lines = text.splitlines()[1:SAMPLE]
        commas = decimal == "." and any(DECIMAL_COMMA.search(line) for line in lines)
        message = f"fields are split by '{name}', not by '{display_name(delimiter)}'"
        hint = f"pass --delimiter '{name}'"
        if commas:
            message += ", and numbers have a decimal comma"
            hint = f"pass --decimal , --delimiter '{name}'"
        yield Finding("F005", ERROR, (1,), message, hint)
        return
    if delimiter != "," and "," in header[0]:
        message = f"fields are split by ',', not by '{display_name(delimiter)}'"
        yield Finding("F005", ERROR, (1,), message, "pass --delimiter ,")


def repeated_names(header: Sequence[str], line: int) -> Iterator[Finding]:
    """F003 where columns share a name."""
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        message = f"several columns are called {listed(repeated)}"
        yield Finding("F003", ERROR, (line,), message, "give each column its own name")


def no_header(first: Sequence[str], line: int) -> Iterator[Finding]:
    """F003 where the first record holds nothing but numbers."""
    if all(NUMBER_LIKE.fullmatch(cell.strip()) for cell in first):
        message = "the first line holds numbers where column names are expected"
        yield Finding("F003", ERROR, (line,), message, "add a line such as params,tokens,loss")


def wrong_lengths(body: Sequence[tuple[int, list[str]]], width: int) -> Iterator[Finding]:
    """F004 where rows have more or fewer fields than the header."""
    wrong = [(line, len(row)) for line, row in body if len(row) != width]
    if not wrong:
        return
    lines = tuple(line for line, _ in wrong)
    counts = sorted({count for _, count in wrong})
    message = f"{len(wrong)} rows have {listed(counts)} fields where the header has {width}"
    hint = "quote cells that hold the delimiter"
    if len(wrong) == len(body) and counts == [width + 1]:
        hint = "name the first column too (an index?), or remove the delimiter at the line ends"
    yield Finding("F004", ERROR, lines, message.replace("'", ""), hint)
