"""The PDF: the page's own sentences and tables, set as data."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_scaling.errors import UsageError
from bayes_scaling.reporting.pdf import _Blocks, page_to_pdf
from bayes_scaling.reporting.report import Report


def blocks_of(made: Report) -> list[dict[str, object]]:
    reader = _Blocks(made.formula)
    reader.feed(made.page)
    return reader.found


def test_every_heading_table_and_figure_of_the_page_is_set(page: Report) -> None:
    found = blocks_of(page)
    kinds = [each["kind"] for each in found]
    without_sliders = re.sub(r'<section id="what_if">.*?</section>', "", page.page, flags=re.DOTALL)
    assert kinds.count("heading") == len(re.findall(r"<h[1-3]", without_sliders))
    assert kinds.count("table") == page.page.count("<table>")
    figures = {str(each["file"]) for each in found if each["kind"] in ("figure", "half")}
    assert figures == {f"{name}.svg" for name in page.figures}
    for each in found:
        if each["kind"] == "table":
            width = len(each["head"])  # type: ignore[arg-type]
            assert all(len(row) == width for row in each["rows"])  # type: ignore[attr-defined]


def test_the_file_is_a_pdf_that_says_the_answer(page: Report, tmp_path: Path) -> None:
    path = page.save_pdf(tmp_path / "report.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    if (reader := shutil.which("pdftotext")) is None:
        return
    text = subprocess.run([reader, path, "-"], capture_output=True, text=True, check=True).stdout
    heading = next(each for each in blocks_of(page) if each["kind"] == "heading")
    assert str(heading["text"])[:40] in " ".join(text.split())


def test_hostile_names_are_set_as_text(hostile_page: Report) -> None:
    assert page_to_pdf(hostile_page.page, hostile_page.figures, "#panic()").startswith(b"%PDF")


def test_refusals(page: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"like report\.pdf"):
        page.save_pdf(tmp_path / "report.html")
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError, match=r"bayes-scaling\[pdf\]"):
        page.save_pdf(tmp_path / "report.pdf")
    assert not list(tmp_path.iterdir())
