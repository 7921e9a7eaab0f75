"""Bounds of what is read: files, rows and columns beyond them are refused, each by its rule."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import TableError
from bayes_scaling.runs import sheet, source
from bayes_scaling.runs.cells import cells_equal

ROWS = "run,params,tokens,loss\n" + "".join(f"r{i},{i}e7,2e9,3.{i}\n" for i in range(1, 7))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Lower a bound, wherever it is kept."""

    def lower(name: str, value: int) -> None:
        for module in (sheet, source):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)

    return lower


def refusal(path: Path, **more: object) -> str:
    with pytest.raises(TableError) as caught:
        bs.read_runs(path, **more)  # type: ignore[arg-type]
    return str(caught.value)


def test_too_many_rows(tmp_path: Path, few: Callable[[str, int], None]) -> None:
    few("MOST_ROWS", 5)
    text, packed, columns = (tmp_path / n for n in ("r.csv", "r.csv.gz", "r.parquet"))
    text.write_text(ROWS)
    packed.write_bytes(gzip.compress(ROWS.encode()))
    frame = pd.read_csv(text)
    frame.to_parquet(columns)
    for path in (text, packed, columns):
        said = refusal(path)
        assert "F007" in said and "5" in said and "--allow-large" in said, said
        assert bs.read_runs(path, allow_large=True).fitted.shape[0] == 6
    with pytest.raises(TableError, match="allow_large=True"):
        bs.read_runs(frame)


def test_rows_are_counted_as_records_too() -> None:
    """Where bytes were not counted as they came, as in a frame's text."""
    with pytest.raises(TableError, match="more than 4 rows"):
        sheet.read_sheet(ROWS.encode(), "r.csv", ",", ".", "utf-8", 4)


def test_too_many_columns(tmp_path: Path, few: Callable[[str, int], None]) -> None:
    few("MOST_COLUMNS", 3)
    text, columns = tmp_path / "r.csv", tmp_path / "r.parquet"
    text.write_text(ROWS)
    pd.read_csv(text).to_parquet(columns)
    for path in (text, columns):
        said = refusal(path)
        assert "F007" in said and "4 columns, above 3" in said, said


def test_lines_without_end(tmp_path: Path, few: Callable[[str, int], None]) -> None:
    few("LONGEST_LINE", 20)
    path = tmp_path / "r.csv"
    path.write_text("run,params,tokens,loss" * 3)
    assert "a line of more than 20 bytes" in refusal(path)


def test_files_beyond_a_size(tmp_path: Path, few: Callable[[str, int], None]) -> None:
    few("LARGEST_FILE", 40)
    path = tmp_path / "r.csv"
    path.write_text(ROWS)
    said = refusal(path)
    assert f"{len(ROWS)} bytes, above 40" in said and "--allow-large" in said
    assert len(bs.read_runs(path, allow_large=True).fitted) == 6


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "r.csv").mkdir()
    assert "this is not a file" in refusal(tmp_path / "r.csv")
    assert "cannot be opened" in refusal(tmp_path / "other.csv")


def test_empty_and_split_by_a_comma(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("\n \n")
    assert "the file is empty" in refusal(path)
    path.write_text(ROWS)
    said = refusal(path, delimiter=";")
    assert "fields are split by ','" in said and "--delimiter ," in said
    path.write_text(ROWS.replace(",", " "))
    assert "F005" not in refusal(path)


def test_a_read_that_fails_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.csv"
    path.write_text(ROWS)

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(source.Lines, "add", broken)
    assert "cannot be opened: Input/output error" in refusal(path)


def test_cells_are_equal_as_text_or_as_numbers() -> None:
    numbers = pd.Series([1.0, 2.0, np.nan])
    assert cells_equal(numbers, "1").tolist() == [True, False, False]
    assert cells_equal(pd.Series(["1.0", "x", "1"]), 1).tolist() == [True, False, True]
    assert cells_equal(pd.Series([True, False]), 1).tolist() == [False, False]
    assert cells_equal(pd.Series([True, False]), True).tolist() == [True, False]
