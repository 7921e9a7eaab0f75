"""Sphinx: how the pages of docs/ become a site. Nothing is fetched while it is built or read."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

project = "bayes-scaling"
author = "The bayes-scaling authors"
version = release = installed_version("bayes-scaling")
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "_generate", "Thumbs.db", ".DS_Store"]
root_doc = "index"
default_role = "code"
highlight_language = "none"
smartquotes = False

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "bayes-scaling"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "light"}
html_sidebars: dict[str, list[str]] = {"tutorial": [], "glossary": [], "contributing": []}

QUALIFIED = re.compile(r"~?\b(?:[a-z_]\w*\.)+(?=[A-Z])")
PLAIN = re.compile(r"(`[^`]*`)|([*|])|(?<=\w)(_)(?!\w)")


def as_written(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keep signs of prose from being read as markup: docstrings are written to be read as text."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...", "|")):
            lines[i] = PLAIN.sub(lambda m: m[1] or "\\" + (m[2] or m[3]), line)


def readable(
    app: Any,
    what: str,
    name: str,
    thing: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    """Name types without their modules, and defaults that a function makes by dots."""
    if signature is None:  # a property
        return None
    return QUALIFIED.sub("", signature).replace("<factory>", "..."), returns


def generate(app: Any) -> None:
    """Write the pages that come from the code, the model files and the command line."""
    from _generate import write_all

    write_all(HERE / "generated")


def setup(app: Any) -> dict[str, bool]:
    """Connect the steps above."""
    app.connect("builder-inited", generate)
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-process-docstring", as_written, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
