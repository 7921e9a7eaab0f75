"""Sixty hostile names on the page, in its CSV, on the terminal and in figures: none runs."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from rich.console import Console

from bayes_scaling.reporting.plots_posterior import plot_residuals
from bayes_scaling.reporting.report import Report, report
from bayes_scaling.reporting.style import to_svg
from bayes_scaling.reporting.tables import findings_table
from bayes_scaling.runs.finding import WARN, Finding
from bayes_scaling.runs.table import Runs
from tests.reporting.conftest import BUDGETS, make_fit, make_runs
from tests.reporting.payloads import MARK, PAYLOADS


@pytest.fixture(scope="module")
def made() -> Report:
    """Sixty held-out runs with these names, each in a row of the page; a source named so too."""
    frame = make_runs(held_out=False).to_frame()
    far = pd.concat([frame] * 3, ignore_index=True).head(len(PAYLOADS))
    far = far.assign(run=list(PAYLOADS), held_out=True)
    far["params"] *= 1 + 1e-3 * far.index.to_numpy()
    runs = Runs.from_frame(pd.concat([frame, far], ignore_index=True), source=PAYLOADS[0])
    return report(make_fit(runs), BUDGETS, command=PAYLOADS[8])


def test_sixty_names_are_shown_and_none_runs(browser: Any, made: Report, tmp_path: Path) -> None:
    path = made.save(tmp_path / "report.html")[0]
    page = browser.new_page()
    dialogs: list[str] = []
    requests: list[str] = []
    page.on("dialog", lambda each: (dialogs.append(each.message), each.dismiss()))
    page.on("request", lambda each: requests.append(each.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    for cell in page.locator("#held_out td.name").all():
        cell.hover()
    assert page.evaluate(f"window.{MARK}") is None
    assert not dialogs and requests == [path.as_uri()] and page.url == path.as_uri()
    shown = page.locator("#held_out td.name").all_inner_texts()
    assert len(shown) == len(PAYLOADS) == 60
    plain = [text for text in PAYLOADS if text.isprintable()]
    assert {text.strip() for text in plain} <= {text.strip() for text in shown}
    assert page.locator("script").count() == 2 and page.locator("main img, iframe").count() == 0
    page.close()


def test_no_cell_of_the_csv_is_a_formula(made: Report, tmp_path: Path) -> None:
    table = made.save(tmp_path / "report.html")[2]
    cells = [cell for row in csv.reader(io.StringIO(table.read_text())) for cell in row]
    formulas = [cell for cell in cells if cell.strip()[:1] in ("=", "+", "@")]
    assert not formulas
    assert not [c for c in cells if c.startswith("-") and not c[1:2].isdigit() and c != "-"]


@pytest.mark.parametrize("text", PAYLOADS)
def test_terminals_print_the_text_as_it_is(text: str) -> None:
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(findings_table([Finding("X001", WARN, (), text, "")]))
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b]8" not in said and "😄" not in said
    assert text.strip().split()[0][:20] in said


def test_figures_hold_no_markup_of_names() -> None:
    frame = make_runs().to_frame()
    for start in range(0, len(PAYLOADS), len(frame)):
        names = [*PAYLOADS[start : start + len(frame)]]
        named = frame.assign(run=[*names, *frame["run"][len(names) :]])
        svg = to_svg(plot_residuals(make_fit(Runs.from_frame(named))), "residuals")
        for node in ElementTree.fromstring(svg).iter():
            assert node.tag.rpartition("}")[2] not in ("script", "foreignObject", "image", "a")
            assert not [name for name in node.attrib if name.lower().startswith("on")]
            assert "example.invalid" not in str(node.attrib)
