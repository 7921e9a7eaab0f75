"""Generated pages: the reference, from its one home in the package; never edited, never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _generate.api import api_pages
from _generate.codes import codes_page, exits_page
from _generate.commands import command_pages
from _generate.schemas import schema_pages
from _generate.shelf import shelf_pages
from _generate.trust import trust_page

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_all"]


def write_all(folder: Path) -> None:
    """Write every generated page below `folder`; those that did not change keep their time."""
    for pages in (api_pages, command_pages, schema_pages, codes_page, exits_page, trust_page):
        for name, text in pages().items():
            write(folder / name, text)
    for name, text in shelf_pages(folder / "shelf").items():
        write(folder / name, text)


def write(path: Path, text: str) -> None:
    """Write a page where it is not there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
