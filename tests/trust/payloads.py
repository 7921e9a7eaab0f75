"""Sixty payloads through the outputs that need no browser; each function returns the faults."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pandas as pd

from bayes_scaling.cli.output import tell
from bayes_scaling.reporting.report import Report, report
from bayes_scaling.runs.table import Runs
from tests.reporting.conftest import BUDGETS, make_fit, make_runs
from tests.reporting.payloads import PAYLOADS

RUNS_CODE = ("script", "iframe", "object", "embed", "base", "link", "meta", "form", "video",
             "audio", "foreignobject", "animate", "math", "textarea")  # fmt: skip


def made(names: tuple[str, ...] = PAYLOADS) -> Report:
    """A report of sixty held-out runs with these names, from a table named so too."""
    frame = make_runs(held_out=False).to_frame()
    far = pd.concat([frame] * 3, ignore_index=True).head(len(PAYLOADS))
    far = far.assign(run=list(names), held_out=True)
    far["params"] *= 1 + 1e-3 * far.index.to_numpy()
    runs = Runs.from_frame(pd.concat([frame, far], ignore_index=True), source=names[0])
    return report(make_fit(runs), BUDGETS, command=names[8])


class _Page(HTMLParser):
    """Counts elements that could run code, and attributes that do or that lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.bad: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attrs:
            leads = name in ("src", "href", "xlink:href", "action", "data", "srcdoc", "srcset")
            if name.startswith("on") or (leads and not (value or "").startswith(("#", "data:"))):
                self.bad.append(f"<{tag} {name}={value!r}>")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def on_page(made_of: Report) -> list[str]:
    page, plain = _Page(), _Page()
    page.feed(made_of.page)
    plain.feed(made(tuple(f"run {i}" for i in range(len(PAYLOADS)))).page)
    faults = list(page.bad)
    faults += [f"{page.counts[tag]} elements {tag}" for tag in RUNS_CODE
               if page.counts.get(tag, 0) != plain.counts.get(tag, 0)]  # fmt: skip
    said = "".join(page.texts)
    faults += [f"{text!r} is not shown" for text in PAYLOADS
               if text.isprintable() and text not in said]  # fmt: skip
    if "default-src 'none'" not in made_of.page:
        faults.append("no content security policy")
    return faults


def in_csv(made_of: Report) -> list[str]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        text = made_of.save(Path(folder) / "r.html")[2].read_text()
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    faults = [cell for cell in cells if cell.strip()[:1] in ("=", "+", "@")]
    faults += [c for c in cells if c[:1] == "-" and not c[1:2].isdigit() and c != "-"]
    return faults + [text for text in PAYLOADS if not any(text in cell for cell in cells)]


def in_pdf(made_of: Report) -> list[str]:
    from bayes_scaling.reporting.pdf import _Blocks

    reader = _Blocks(made_of.formula)
    reader.feed(made_of.page)
    cells = {str(cell) for block in reader.found for row in block.get("rows", ()) for cell in row}
    said = "\n".join(cells)
    return [f"{text!r} is not set as data" for text in PAYLOADS
            if text.isprintable() and text not in said]  # fmt: skip


def on_terminals(_: Report) -> list[str]:
    """Tables that people see: no control character, no link, no emoji; the text as it is."""
    from rich.console import Console

    from bayes_scaling.reporting.tables import findings_table
    from bayes_scaling.runs.finding import WARN, Finding

    faults = []
    for text in PAYLOADS:
        console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
        console.print(findings_table([Finding("X001", WARN, (), text, "")]))
        said = console.file.getvalue()  # type: ignore[attr-defined]
        if "\x1b]8" in said or "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" in said:
            faults.append(f"{text!r} was interpreted")
        if text.strip().split()[0][:20] not in said:
            faults.append(f"{text!r} is not shown")
    return faults


def in_logs(_: Report) -> list[str]:
    """Messages on stderr, which schedulers keep as logs: one line each, nothing interpreted."""
    faults = []
    for text in PAYLOADS:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            tell([f"run {text}\x1b[31m\u202e"], "WARN", no_color=True)
        line = said.getvalue()
        if "\x1b" in line or "\u202e" in line:
            faults.append(f"{text!r}: control characters pass")
        if "".join(text.split())[:20] not in "".join(line.split()):
            faults.append(f"{text!r} is not said: {line!r}")
    return faults


OUTPUTS: dict[str, Callable[[Any], list[str]]] = {
    "page": on_page,
    "CSV": in_csv,
    "PDF data": in_pdf,
    "terminal": on_terminals,
    "logs": in_logs,
}
