"""Source: a file or a frame as raw columns with their file lines; nothing is interpreted here."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.finding import ERROR, Finding, RejectedTable, rejected
from bayes_scaling.runs.sheet import MOST_COLUMNS, Sheet, read_sheet, repeated_names

LARGEST_FILE = 2**30
"""Bytes of a file, packed or unpacked, that are read without `allow_large`."""
LARGEST_RATIO = 100
"""Unpacked over packed bytes beyond which a packed file counts as a bomb ..."""
HARMLESS_SIZE = 10_000_000
"""... unless it is at most this many bytes."""
MOST_ROWS = 1_000_000
LONGEST_LINE = 10_000_000
"""Bytes of one line of text; a cell holds at most 131072 characters."""
CHUNK = 1 << 20
URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
DELIMITER_OF_SUFFIX: Final = {".csv": ",", ".tsv": "\t"}
EXPORT = "save it as CSV: a header line with params, tokens, loss, then one line per run"
REFUSED: Final = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "spreadsheets are not read"),
    **dict.fromkeys(
        (".pkl", ".pickle", ".npy", ".npz", ".pt", ".pth", ".joblib"),
        "files that can run code when opened are never read",
    ),
    **dict.fromkeys((".yaml", ".yml"), "YAML is not read: it turns 1e21 into text"),
    **dict.fromkeys((".zip", ".xz", ".bz2", ".zst"), "only .gz is unpacked"),
}
MAGIC: Final = {
    b"\x1f\x8b": "gzip data: name it .csv.gz",
    b"PK\x03\x04": "a zip or spreadsheet file",
    b"PAR1": "Parquet data: name it .parquet",
    b"\x89HDF": "an HDF5 or netCDF file",
}
"""First bytes of files that are no text, whatever they are called."""


@dataclass(frozen=True)
class RawTable:
    """Columns as they were found: text from files, any type from frames; lines count from 1."""

    columns: Mapping[str, pd.Series]
    lines: NDArray[np.int64]
    source: str
    findings: tuple[Finding, ...] = ()
    raw_sha256: str | None = None


def refuse(source: str, code: str, message: str, hint: str = EXPORT) -> Exception:
    """Return the error for a source that is not read at all."""
    return rejected(source, [Finding(code, ERROR, (), message, hint)])


def load(
    source: object,
    *,
    decimal: str = ".",
    delimiter: str | None = None,
    encoding: str = "utf-8",
    allow_large: bool = False,
) -> RawTable:
    """Return the raw columns of a path, a pandas frame or anything with `to_pandas()`.

    Raises
    ------
    TableError
        The source cannot be read or is of a kind that is not read.
    UsageError
        The argument is neither a path nor a frame, or an option is wrong.
    """
    if isinstance(source, pd.DataFrame):
        return from_frame(source, "frame", None, allow_large)
    if hasattr(source, "to_pandas"):
        return from_frame(source.to_pandas(), "frame", None, allow_large)
    if not isinstance(source, str | Path):
        raise UsageError(f"runs: expected a path or a frame, got {type(source).__name__}")
    name = str(source)
    kind = kind_of(name)
    packed = name.lower().endswith(".gz")
    lines = None if allow_large or packed or kind == ".parquet" else Lines(name)
    data = read_bytes(name, allow_large, lines)
    sha = hashlib.sha256(data).hexdigest()
    if kind == ".parquet":
        return from_frame(parquet(data, name, allow_large), name, sha, allow_large)
    if packed:
        data = unpack(data, name, allow_large)
    magic = next((text for head, text in MAGIC.items() if data.startswith(head)), None)
    if magic:
        raise refuse(name, "F001", f"this is {magic}")
    default = ";" if decimal == "," and kind == ".csv" else DELIMITER_OF_SUFFIX[kind]
    most = None if allow_large else MOST_ROWS
    sheet = read_sheet(data, name, delimiter or default, decimal, encoding, most)
    return from_sheet(sheet, name, sha)


def kind_of(name: str) -> str:
    """Return .csv, .tsv or .parquet, refusing addresses and other kinds of files."""
    if "\0" in name:
        raise refuse(name, "F001", "this is not a path", "pass the path of one table")
    if URL.match(name):
        raise refuse(name, "F001", "addresses are not fetched", "download it, then pass the path")
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    last = suffixes[-1] if suffixes else ""
    if last in REFUSED:
        raise refuse(name, "F001", REFUSED[last])
    kind = suffixes[-2] if last == ".gz" and len(suffixes) > 1 else last
    if kind in DELIMITER_OF_SUFFIX or (kind == ".parquet" and last == kind):
        return kind
    read = "read are .csv, .tsv, .csv.gz, .tsv.gz and .parquet"
    raise refuse(name, "F001", f"files ending in '{last}' are not read; {read}")


@dataclass
class Lines:
    """Counts the lines of a text while its bytes arrive, so that most of a flood is never read."""

    source: str
    count: int = 0
    length: int = 0

    def add(self, part: bytes) -> None:
        """Take the next bytes; raises TableError for too many lines, or one that does not end."""
        self.count += max(part.count(b"\n"), part.count(b"\r"))
        end = max(part.rfind(b"\n"), part.rfind(b"\r"))
        self.length = self.length + len(part) if end < 0 else len(part) - end - 1
        if self.count > MOST_ROWS + 1:
            raise refuse(self.source, "F007", f"more than {MOST_ROWS} rows", "pass --allow-large")
        if self.length > LONGEST_LINE:
            message = f"a line of more than {LONGEST_LINE} bytes"
            raise refuse(self.source, "F007", message, "put each run on a line of its own")


def read_bytes(name: str, allow_large: bool, lines: Lines | None = None) -> bytes:
    """Return the bytes of a file of bounded size, and if `lines` are counted, of few lines."""
    path = Path(name)
    try:
        if path.exists() and not path.is_file():
            raise refuse(name, "F001", "this is not a file", "pass the path of one table")
        size = path.stat().st_size
        if size > LARGEST_FILE and not allow_large:
            raise refuse(name, "F007", f"{size} bytes, above {LARGEST_FILE}", "pass --allow-large")
        parts = []
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                parts.append(part)
                if lines is not None:
                    lines.add(part)
        return b"".join(parts)
    except OSError as error:
        message = f"cannot be opened: {error.strerror}"
        raise refuse(name, "F001", message, "check the path") from error


def unpack(data: bytes, name: str, allow_large: bool) -> bytes:
    """Return unpacked gzip data, giving up early on files that grow without end."""
    cap = (
        LARGEST_FILE
        if allow_large
        else min(LARGEST_FILE, max(HARMLESS_SIZE, LARGEST_RATIO * len(data)))
    )
    parts, total = [], 0
    lines = None if allow_large else Lines(name)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while part := stream.read(CHUNK):
                parts.append(part)
                total += len(part)
                if total > cap:
                    message = f"unpacks to more than {cap} bytes from {len(data)}"
                    raise refuse(name, "F007", message, "unpack it yourself if you trust it")
                if lines is not None:
                    lines.add(part)
    except (OSError, EOFError, zlib.error) as error:
        raise refuse(name, "F001", f"damaged gzip data: {error}", "pack it again") from error
    return b"".join(parts)


def parquet(data: bytes, name: str, allow_large: bool) -> pd.DataFrame:
    """Return the frame of Parquet bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        shape = pq.read_metadata(io.BytesIO(data))
        if shape.num_columns > MOST_COLUMNS:
            raise refuse(name, "F007", f"{shape.num_columns} columns, above {MOST_COLUMNS}")
        rows = shape.num_rows
        if rows > MOST_ROWS and not allow_large:
            message = f"{rows} rows, above {MOST_ROWS}"
            raise refuse(name, "F007", message, "pass --allow-large")
        # no threads: those of damaged files were seen to abort the process as it ends
        table = pq.read_table(io.BytesIO(data), use_threads=False, pre_buffer=False)
        table.validate(full=True)  # damaged text would raise later, wherever it is touched
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
        return frame
    except RejectedTable:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise refuse(
            name, "F001", f"unreadable Parquet data: {reason}", "write it again"
        ) from error


def from_frame(
    frame: pd.DataFrame, source: str, raw_sha256: str | None, allow_large: bool
) -> RawTable:
    """Return the columns of a frame; row i counts as line i + 1, as if written under a header."""
    names = [str(name).strip() for name in frame.columns]
    faults = list(repeated_names(names, 1))
    if not len(frame) or not names:
        faults.append(Finding("F001", ERROR, (), "the frame has no rows", "pass one row per run"))
    if len(frame) > MOST_ROWS and not allow_large:
        message = f"{len(frame)} rows, above {MOST_ROWS}"
        faults.append(Finding("F007", ERROR, (), message, "pass allow_large=True"))
    if faults:
        raise rejected(source, faults)
    columns = {
        name: frame.iloc[:, i].reset_index(drop=True).rename(name) for i, name in enumerate(names)
    }
    lines = np.arange(2, len(frame) + 2, dtype=np.int64)
    return RawTable(columns, lines, source, (), raw_sha256)


def from_sheet(sheet: Sheet, source: str, raw_sha256: str) -> RawTable:
    """Return the text columns of a CSV file."""
    columns = {
        name: pd.Series([row[i] for row in sheet.rows], dtype=object, name=name)
        for i, name in enumerate(sheet.header)
    }
    lines = np.array(sheet.lines, dtype=np.int64)
    return RawTable(columns, lines, source, sheet.findings, raw_sha256)
