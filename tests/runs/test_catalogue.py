"""The catalogue of bad inputs, each as a small file with its verdict, code and lines."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.errors import EXIT_INPUT, TableError, UsageError
from bayes_scaling.runs.reader import read_runs

HEAD = "run,params,tokens,loss\n"
ROWS = [
    "a,1e8,1e9,3.9", "b,1e8,1e10,3.2", "c,1e9,1e10,2.8", "d,1e9,1e11,2.5", "e,1e10,1e11,2.3",
    "f,1e10,1e12,2.1", "g,3e8,1e9,3.6", "h,3e8,1e10,3.05", "i,3e9,1e12,2.2", "j,3e9,1e11,2.42",
]  # fmt: skip
BODY = "\n".join(ROWS) + "\n"


class Row(NamedTuple):
    """A table of ten good rows and one bad one at line 12: which code it gets."""

    name: str
    line: str
    code: str
    column: str = "loss"


BAD_ROWS = [
    Row("empty loss", "x,1e8,1e9,", "C001"),
    Row("nan", "x,1e8,1e9,nan", "C001"),
    Row("NA", "x,1e8,1e9,NA", "C001"),
    Row("null tokens", "x,1e8,null,3.9", "C001", "tokens"),
    Row("inf", "x,1e8,1e9,inf", "C002"),
    Row("-inf", "x,1e8,1e9,-inf", "C002"),
    Row("1e999", "x,1e8,1e999,3.9", "C002", "tokens"),
    Row("zero", "x,0,1e9,3.9", "C003", "params"),
    Row("zero loss", "x,1e8,1e9,0.0", "C003"),
    Row("negative", "x,1e8,-1e9,3.9", "C003", "tokens"),
    Row("unicode minus", "x,1e8,1e9,\u22123.9", "C003"),
    Row("arabic digit", "x,\u0663,1e9,3.9", "C004", "params"),
    Row("hex", "x,0x1F,1e9,3.9", "C004", "params"),
    Row("date", "x,2024-01-01,1e9,3.9", "C004", "params"),
    Row("leading zeros", "x,007,1e9,3.9", "C004", "params"),
    Row("milli", "x,125m,1e9,3.9", "C004", "params"),
    Row("decimal comma", 'x,"1,3e9",1e9,3.9', "C004", "params"),
    Row("decimal comma loss", 'x,1e8,1e9,"3,950"', "C004"),
    Row("points", "x,1.300.000.000,1e9,3.9", "C004", "params"),
    Row("nul byte", "x,1\x00e8,1e9,3.9", "C004", "params"),
    Row("words", "x,1e8,1e9,diverged", "C004"),
    Row("true", "x,True,1e9,3.9", "C004", "params"),
    Row("spreadsheet error", "x,1e8,1e9,#DIV/0!", "C004"),
    Row("formula", "x,1e8,1e9,=1+2", "C004"),
]


@pytest.mark.parametrize("case", BAD_ROWS, ids=lambda case: case.name)
def test_bad_row_is_left_out_and_named(case: Row, write: Callable[..., Path]) -> None:
    runs = read_runs(write(HEAD + BODY + case.line + "\n"))
    (finding,) = [f for f in runs.findings if f.severity == "error"]
    assert (finding.code, finding.rows, finding.column) == (case.code, (12,), case.column)
    assert finding.value is not None and finding.hint
    assert len(runs) == 10
    assert runs.digest == read_runs(write(HEAD + BODY)).digest


@pytest.mark.parametrize("case", BAD_ROWS, ids=lambda case: case.name)
def test_bad_rows_only_are_refused_with_all_of_them(case: Row, write: Callable[..., Path]) -> None:
    with pytest.raises(TableError) as caught:
        read_runs(write(HEAD + "\n".join([case.line] * 3 + ROWS[:4]) + "\n"))
    assert caught.value.exit_code == EXIT_INPUT
    codes = {f.code: f for f in caught.value.findings}  # type: ignore[attr-defined]
    assert codes[case.code].rows == (2, 3, 4)
    assert "R001" in codes
    assert "lines 2, 3, 4" in str(caught.value)


class Text(NamedTuple):
    """A whole file that is refused: code, lines and words of the message."""

    name: str
    content: str | bytes
    code: str
    rows: tuple[int, ...]
    words: str
    options: dict[str, Any] = {}  # noqa: RUF012 -- never changed


EUROPEAN = "run;params;tokens;loss\na;1e8;1e9;2,35\nb;1e9;1e10;2,11\n"
REFUSED = [
    Text("empty", "", "F001", (), "empty"),
    Text("blank lines", "\n\n\n", "F001", (), "empty"),
    Text("header only", HEAD, "F001", (), "no row"),
    Text("latin-1", HEAD.encode() + b"\xe9,1e8,1e9,3\n", "F002", (), "byte 23"),
    Text("utf-16", (HEAD + BODY).encode("utf-16"), "F002", (), "--encoding utf-16"),
    Text("duplicate header", "params,tokens,tokens,loss\n1,2,3,4\n", "F003", (1,), "tokens"),
    Text("no header", "1e8,1e9,3.9\n1e9,1e9,3.1\n", "F003", (1,), "column names"),
    Text("index column", "params,tokens\n1,2,3\n4,5,6\n", "F004", (2, 3), "index"),
    Text("long rows", HEAD + "a,1,2,3,4\nb,1,2,3,4\n", "F004", (2, 3), "5 fields"),
    Text("ragged", HEAD + BODY + "x,1e8,1e9\n", "F004", (12,), "3 fields"),
    Text("ragged after blank", HEAD + "\n\n" + BODY + "x,1\n", "F004", (14,), "2 fields"),
    Text("open quote", HEAD + BODY + '"x,1e8,1e9,3\n', "F004", (12,), "quotes"),
    Text("long cell", HEAD + BODY + "x" * 200_000 + ",1,1,1\n", "F004", (12,), "131072"),
    Text("european", EUROPEAN, "F005", (1,), "--decimal ,"),
    Text("semicolons", EUROPEAN.replace(",", "."), "F005", (1,), "--delimiter ';'"),
    Text("tabs", (HEAD + BODY).replace(",", "\t"), "F005", (1,), "--delimiter 'tab'"),
    Text("commas in tsv", HEAD + BODY, "F005", (1,), "--delimiter ,", {"delimiter": "tab"}),
    Text("gzip in csv", gzip.compress(b"params"), "F001", (), "gzip"),
    Text("zip in csv", b"PK\x03\x04abc", "F001", (), "zip"),
    Text("parquet in csv", b"PAR1abc", "F001", (), "Parquet"),
    Text("no loss", "params,tokens,val_loss\n1,2,3\n", "H002", (1,), "--col loss=val_loss"),
    Text("no resource", "N,D,loss\n1,2,3\n", "H002", (1,), "--col params=N"),
    Text("mapped to nothing", HEAD + BODY, "H002", (1,), "nearest: 'loss'",
         {"columns": {"loss": "los"}}),
    Text("constant loss", HEAD + "".join(f"{i},{i}e8,1e9,3\n" for i in range(1, 9)), "L001", (),
         "all 8 losses"),
    Text("accuracy", HEAD + "".join(f"{i},{i}e8,1e9,.{i}\n" for i in range(1, 9)), "L002", (),
         "accuracy"),
    Text("mixed scale", HEAD + BODY + "x,1.3,1e10,2.9\ny,7,1e11,2.4\n", "U004", (12, 13),
         "billions"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_file_is_refused(case: Text, write: Callable[..., Path]) -> None:
    with pytest.raises(TableError) as caught:
        read_runs(write(case.content), **case.options)
    assert caught.value.exit_code == EXIT_INPUT
    found = {f.code: f for f in caught.value.findings}  # type: ignore[attr-defined]
    assert case.code in found
    assert found[case.code].rows == case.rows
    assert case.words in str(caught.value)


KINDS = [
    ("runs.xlsx", "CSV"), ("runs.pkl", "run code"), ("runs.pickle", "run code"),
    ("runs.npy", "run code"), ("runs.pt", "run code"), ("runs.joblib", "run code"),
    ("runs.yaml", "YAML"), ("runs.zip", ".gz"), ("runs.json", "not read"), ("runs", "not read"),
    ("http://host/runs.csv", "addresses"), ("s3://bucket/runs.csv", "addresses"),
    ("file:///runs.csv", "addresses"), ("FILE://runs.csv", "addresses"),
    ("missing.csv", "cannot be opened"), ("bad\0name.csv", "not a path"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), KINDS)
def test_kind_is_refused(name: str, words: str) -> None:
    with pytest.raises(TableError, match="F001") as caught:
        read_runs(name)
    assert words in str(caught.value)


def test_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(TableError, match="not a file"):
        read_runs(tmp_path / "x.csv")


SAME = [
    ("byte order mark", ("\ufeff" + HEAD + BODY).encode(), {}, "F006"),
    ("crlf", (HEAD + BODY).replace("\n", "\r\n").encode(), {}, None),
    ("cr", (HEAD + BODY).replace("\n", "\r").encode(), {}, None),
    ("blank lines", (HEAD + "\n" + BODY.replace("\n", "\n\n")).encode(), {}, None),
    ("comma lines", (HEAD + ",,,\n" + BODY).encode(), {}, None),
    ("spaces", (HEAD + BODY).replace(",", ", ").replace("run, ", "run,").encode(), {}, None),
    ("utf-16", (HEAD + BODY).encode("utf-16"), {"encoding": "utf-16"}, None),
    ("utf-16 without mark", (HEAD + BODY).encode("utf-16-le"), {"encoding": "utf-16-le"}, None),
    ("delimiter", (HEAD + BODY).replace(",", ";").encode(), {"delimiter": ";"}, None),
    ("european", (HEAD + BODY).replace(",", ";").replace(".", ",").encode(),
     {"decimal": ","}, "C005"),
    ("suffixes", (HEAD + BODY).replace("1e8", "100M").replace("1e11", "100B").encode(), {}, "C005"),
    ("groups", (HEAD + BODY).replace("1e8", '"100,000,000"').encode(), {}, "C005"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "options", "code"), SAME, ids=[s[0] for s in SAME])
def test_spelling_does_not_change_the_table(
    name: str, data: bytes, options: dict[str, Any], code: str | None, write: Callable[..., Path]
) -> None:
    plain = read_runs(write(HEAD + BODY))
    runs = read_runs(write(data, "other.csv"), **options)
    assert runs.digest == plain.digest
    assert runs == plain
    assert not [f for f in runs.findings if f.severity == "error"]
    assert code is None or code in {f.code for f in runs.findings}


def test_lines_with_quoted_line_breaks(write: Callable[..., Path]) -> None:
    text = HEAD + 'a,1e8,1e9,3.9\n"b\nb",1e8,1e10,3.2\n\nc,1e8,x,3.1\n' + "\n".join(ROWS[3:]) + "\n"
    runs = read_runs(write(text))
    (finding,) = [f for f in runs.findings if f.code == "C004"]
    assert finding.rows == (6,)
    assert runs.frame["file_line"].tolist()[:3] == [2, 3, 7]
    assert runs.frame["run"][1] == "b\nb"


def test_names_that_look_like_nothing_are_names(write: Callable[..., Path]) -> None:
    names = ["NA", "None", "null", "nan", "../../x", "=cmd", "[/]", "<script>", "\u202eevil", ""]
    rows = [row.split(",", 1)[1] for row in ROWS]
    text = HEAD + "".join(f"{n},{row}\n" for n, row in zip(names, rows, strict=True))
    runs = read_runs(write(text))
    assert runs.frame["run"].tolist() == [*names[:-1], "row 10"]


def test_large_integers_are_floats_with_a_note(write: Callable[..., Path]) -> None:
    lines = [f"{row},{2**63 * 10**i}" for i, row in enumerate(ROWS)]
    runs = read_runs(write(HEAD.replace("loss", "loss,flops") + "\n".join(lines) + "\n"))
    assert runs.frame["flops"].tolist() == [float(2**63 * 10**i) for i in range(10)]
    assert "C008" in {f.code for f in runs.findings}


def test_gzip_is_read_and_bombs_are_not(write: Callable[..., Path]) -> None:
    packed = gzip.compress((HEAD + BODY).encode())
    assert read_runs(write(packed, "r.csv.gz")) == read_runs(write(HEAD + BODY))
    bomb = gzip.compress(HEAD.encode() + b"a,1e8,1e9,3.9\n" * 2_000_000)
    with pytest.raises(TableError, match="F007"):
        read_runs(write(bomb, "bomb.csv.gz"))
    with pytest.raises(TableError, match="damaged"):
        read_runs(write(packed[:-9], "cut.csv.gz"))


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]) -> None:
    monkeypatch.setattr("bayes_scaling.runs.source.MOST_ROWS", 8)
    with pytest.raises(TableError, match="F007"):
        read_runs(write(HEAD + BODY))
    assert len(read_runs(write(HEAD + BODY), allow_large=True)) == 10
    with pytest.raises(TableError, match="F007"):
        read_runs(read_runs(write(HEAD + BODY), allow_large=True).to_frame())


def test_every_fault_is_reported_at_once(write: Callable[..., Path]) -> None:
    text = HEAD + BODY + "x,1e8,1e9\ny,0,nan,inf\nz,abc,1e9,3\n"
    with pytest.raises(TableError) as caught:
        read_runs(write(text))
    found = [(f.code, f.rows) for f in caught.value.findings]  # type: ignore[attr-defined]
    assert {
        ("F004", (12,)),
        ("C003", (13,)),
        ("C001", (13,)),
        ("C002", (13,)),
        ("C004", (14,)),
    } <= {*found}


def test_long_reports_are_cut(write: Callable[..., Path]) -> None:
    lines = "".join(f"x{i},word{i},1e9,3\n" for i in range(300))
    with pytest.raises(TableError, match="more") as caught:
        read_runs(write(HEAD + lines))
    assert len(str(caught.value).splitlines()) <= 25
    assert all(len(line) < 300 for line in str(caught.value).splitlines())
    findings = caught.value.findings  # type: ignore[attr-defined]
    assert sum(len(f.rows) for f in findings if f.code == "C004") == 300


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "klingon"}, {"encoding": "rot13"}, {"delimiter": "ab"}, {"delimiter": "\n"},
        {"decimal": ";"}, {"loss_unit": "joule"}, {"loss_unit": "bpb"}, {"checkpoints": "some"},
        {"columns": {"parms": "params"}}, {"hold_out": ["nope"]},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_options(options: dict[str, Any], write: Callable[..., Path]) -> None:
    with pytest.raises(UsageError):
        read_runs(write(HEAD + BODY), **options)


def test_not_a_table() -> None:
    with pytest.raises(UsageError, match="dict"):
        read_runs({"params": [1]})
    with pytest.raises(TableError, match="no rows"):
        read_runs(pd.DataFrame({"params": [], "loss": []}))
    frame = pd.DataFrame(np.ones((6, 3)), columns=["params", "params", "loss"])
    with pytest.raises(TableError, match="several columns"):
        read_runs(frame)
