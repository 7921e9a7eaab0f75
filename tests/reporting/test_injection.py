"""Text from data is shown and never run: on the page, in figures, in CSV and in terminals."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bayes_scaling.inference.checks import check
from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting.plots import plot_residuals
from bayes_scaling.reporting.report import Report, report
from bayes_scaling.reporting.style import to_svg
from bayes_scaling.reporting.tables import checks_table, csv_safe, findings_table
from bayes_scaling.runs.finding import Finding

HOSTILE = (
    "<script>alert(1)</script>",
    "[/]",
    r"$\frac$",
    "_x",
    "=cmd|' /C calc'!A0",
    "[red]x:smile:",
)


def rendered(table: object) -> str:
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_no_markup_of_a_run_name_reaches_the_page(hostile_page: Report) -> None:
    assert HOSTILE[0] not in hostile_page.page and hostile_page.page.count("<script") == 2
    assert escape(f"{HOSTILE[0]} two") in hostile_page.page
    assert "&lt;b&gt;--flops&lt;/b&gt;" in hostile_page.page
    assert not re.search(r"\{\{|\{%", hostile_page.page)


def test_figures_name_hostile_runs_without_markup(hostile_fit: Fit) -> None:
    ax = plot_residuals(hostile_fit)
    shown = {text.get_text().rpartition(" ")[0] for text in ax.texts}
    assert shown == {"<script>alert(1)</s...", "[/]"}
    svg = to_svg(ax, "residuals")
    assert "<script" not in svg
    assert "alert" not in svg


@pytest.mark.parametrize("name", [r"$\frac$", "_hidden", "a" * 500, "", "日本", "\x1b[31m", "‮evil"])
def test_any_name_can_be_drawn(hostile_fit: Fit, name: str) -> None:
    frame = hostile_fit.runs.to_frame()
    frame["run"] = [name if i == 3 else f"run {i}" for i in range(len(frame))]
    renamed = type(hostile_fit.runs).from_frame(frame)
    fit = replace(hostile_fit, runs=renamed)
    ax = plot_residuals(fit)
    assert len(ax.texts) == 2
    assert to_svg(ax, "r").startswith("<svg")


def test_csv_makes_text_cells_inert() -> None:
    frame = pd.DataFrame(
        {
            "run": ["=1+1", "+1", "-2", "@SUM(A1)", "\tx", "\0x", "\rx", "fine", None],
            "value": [-1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            "=head": 0,
        }
    )
    safe = csv_safe(frame)
    assert safe["run"].tolist()[:8] == [
        "'=1+1", "'+1", "'-2", "'@SUM(A1)", "'\tx", "'\0x", "'\rx", "fine",
    ]  # fmt: skip
    assert safe["value"].tolist() == frame["value"].tolist()
    assert list(safe) == ["run", "value", "'=head"]
    assert frame["run"][0] == "=1+1"


def test_saved_csv_has_no_formulas(hostile_fit: Fit, tmp_path: Path) -> None:
    frame = hostile_fit.runs.to_frame()
    frame.loc[24, "run"] = HOSTILE[4]
    runs = type(hostile_fit.runs).from_frame(frame)
    fit = replace(hostile_fit, runs=runs)
    path = report(fit, [1e23]).save(tmp_path / "r.html")[2]
    runs_named = {row["run"] for row in csv.DictReader(io.StringIO(path.read_text()))}
    assert f"'{HOSTILE[4]}" in runs_named
    assert not any(name.startswith("=") for name in runs_named)


def test_terminal_tables_show_markup_as_text(hostile_fit: Fit) -> None:
    text = rendered(checks_table(check(hostile_fit)))
    assert "[/]" in text
    finding = Finding("C001", "error", (2,), "name '[/]' and [red]x:smile: \x1b[31m stay", "ok")
    shown = rendered(findings_table([finding]))
    assert "[/]" in shown
    assert "[red]x:smile:" in shown
    assert "\x1b" not in shown
