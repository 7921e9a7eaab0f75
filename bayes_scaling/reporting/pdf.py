"""pdf: the page of a report as a PDF for print, set by Typst from the very same page.

The page is read as blocks (headings, sentences, tables, figures); a Typst template sets them. Text
reaches Typst as data, never as markup, so that nothing in a run's name is code there either.
"""

from __future__ import annotations

import json
import tempfile
from html.parser import HTMLParser
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE_FOLDER: Final = "bayes_scaling.reporting.page"
HEADINGS: Final = {"h1": 1, "h2": 2, "h3": 3}
LEFT_OUT: Final = ("style", "script", "noscript", "form", "head")
"""Elements that print has no use for."""
SECTIONS_LEFT_OUT: Final = ("what_if",)
TEXTS: Final = {"p": "text", "li": "item"}
STARTS: Final = ("p", "li", "dt", "dd", "td", "th", "caption", "figcaption", "pre", *HEADINGS)
"""Elements whose text is a block, or a cell."""
HALVES: Final = ("residuals_", "posterior_")
"""Figures that stand two to a line."""
FIGURE: Final = "-figure_1"
"""What the id of the outermost group of a figure ends with; it begins with the figure's name."""
VOID: Final = ("meta", "br", "input", "img", "link")


def page_to_pdf(page: str, figures: Mapping[str, str], formula: str) -> bytes:
    """Return the PDF of a report's page; `figures` are its SVGs by name, `formula` the law as text.

    Raises UsageError where Typst is not installed.
    """
    try:
        typst = import_module("typst")
    except ImportError:
        raise UsageError("--pdf needs Typst: pip install 'bayes-scaling[pdf]'") from None
    blocks = _Blocks(formula)
    blocks.feed(page)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, svg in figures.items():
            (folder / f"{key}.svg").write_text(svg, encoding="utf-8")
        (folder / "blocks.json").write_text(json.dumps(blocks.found), encoding="utf-8")
        template = (files(PAGE_FOLDER) / "report.typ").read_text(encoding="utf-8")
        (folder / "report.typ").write_text(template, encoding="utf-8")
        return bytes(typst.compile(str(folder / "report.typ"), root=str(folder), format="pdf"))


class _Blocks(HTMLParser):
    """Reads the page into blocks, in their order."""

    def __init__(self, formula: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[dict[str, Any]] = []
        self._formula, self._in_svg = formula, False
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text: list[str] = []
        self._table: dict[str, Any] | None = None
        self._term = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag in VOID:
            self._text.append(" ")
            return
        self._open.append((tag, known))
        if tag in STARTS or (tag == "strong" and self._heads_a_notice()):
            self._text = []
        if tag == "table":
            self._table = {"kind": "table", "caption": "", "head": [], "right": [], "rows": []}
        elif tag == "tr" and self._table is not None:
            self._table["rows"].append([])
        elif tag == "svg":
            self._in_svg = not self._skipped()
        elif self._in_svg and known.get("id", "").endswith(FIGURE):
            name = known["id"].removesuffix(FIGURE)
            half = name.startswith(HALVES)
            kind = "half" if half else "figure"
            self.found.append({"kind": kind, "file": f"{name}.svg", "caption": ""})
            self._in_svg = False

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or not any(tag == each for each, _ in self._open):
            return
        skipped, within = self._skipped(), {each for each, _ in self._open}
        style = next((a.get("class", "") for t, a in reversed(self._open) if t == tag), "")
        while self._open and self._open.pop()[0] != tag:
            pass
        text = " ".join("".join(self._text).split())
        if skipped or "svg" in within:
            return
        if self._table is not None:
            self._in_table(tag, text, style)
        elif tag in HEADINGS:
            self.found.append({"kind": "heading", "level": HEADINGS[tag], "text": text})
        elif tag == "figcaption" and self.found and self.found[-1]["kind"] == "figure":
            self.found[-1]["caption"] = text
        elif tag == "dt":
            self._term = text
        elif tag == "strong" and self._heads_a_notice():
            self.found.append({"kind": "text", "text": text, "style": "lead"})
        elif tag == "dd":
            self.found.append({"kind": "pair", "term": self._term, "text": text})
        elif tag == "pre":
            self.found.append({"kind": "code", "text": "".join(self._text).strip()})
        elif tag == "div" and style == "formula":
            self.found.append({"kind": "code", "text": self._formula})
        elif tag in ("p", "li") and text:
            self.found.append({"kind": TEXTS[tag], "text": text, "style": style})
        if tag in (*STARTS, "div"):
            self._text = []

    def _in_table(self, tag: str, text: str, style: str) -> None:
        assert self._table is not None
        if tag == "caption":
            self._table["caption"] = text
        elif tag == "th":
            self._table["head"].append(text)
            self._table["right"].append("num" in style)
        elif tag == "td":
            self._table["rows"][-1].append(text)
        elif tag == "table":
            self._table["rows"] = [row for row in self._table["rows"] if row]
            self.found.append(self._table)
            self._table = None

    def handle_data(self, data: str) -> None:
        if not any(tag in ("svg", "math") for tag, _ in self._open):
            self._text.append(data)

    def _heads_a_notice(self) -> bool:
        """Whether what is open is the first line of a notice, in no paragraph of its own."""
        tags = [tag for tag, _ in self._open]
        notices = [known for tag, known in self._open if "notice" in known.get("class", "")]
        return bool(notices) and not {"p", "li"} & set(tags)

    def _skipped(self) -> bool:
        tags = {tag for tag, _ in self._open}
        ids = {known.get("id") for _, known in self._open}
        return bool(tags & set(LEFT_OUT)) or bool(ids & set(SECTIONS_LEFT_OUT))
