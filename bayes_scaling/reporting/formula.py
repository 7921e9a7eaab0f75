"""Formula on the page: a law's MathML, let through only if it is nothing but a formula."""

from __future__ import annotations

import re
from html.entities import html5
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

if TYPE_CHECKING:
    from bayes_scaling.laws.law import Law

LAYOUT: Final = ("math", "mrow", "mstyle", "mpadded", "mspace", "mtable", "mtr", "mtd")
TOKENS: Final = ("mi", "mn", "mo", "ms", "mtext")
SCRIPTS: Final = ("mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover")
ELEMENTS: Final = frozenset((*LAYOUT, *TOKENS, *SCRIPTS, "munderover"))
"""Elements of presentation MathML; nothing here runs, loads or links anything."""
ATTRIBUTES: Final = frozenset(("display", "mathvariant", "stretchy", "fence"))
XML_ENTITIES: Final = frozenset(("amp", "lt", "gt", "quot", "apos"))


def safe_mathml(law: Law) -> str:
    """Return the formula as MathML; empty where it cannot be made or holds anything else."""
    from bayes_scaling.laws.formula import mathml

    try:
        root = ElementTree.fromstring(_with_numeric_entities(mathml(law)))
    except Exception:  # a user's law may fail on symbols in any way; the page then goes without
        return ""
    for node in root.iter():
        if node.tag not in ELEMENTS or not set(node.attrib) <= ATTRIBUTES:
            return ""
    return ElementTree.tostring(root, encoding="unicode")


def plain_formula(law: Law) -> str:
    """Return the formula as one line of text; empty where it cannot be made."""
    from bayes_scaling.laws.formula import expression

    try:
        return str(expression(law)).replace("**", "^")
    except Exception:  # as above
        return ""


def _with_numeric_entities(text: str) -> str:
    """Replace entities that HTML knows by name and XML does not, such as InvisibleTimes."""

    def numeric(match: re.Match[str]) -> str:
        name = match[1]
        known = html5.get(f"{name};", "")
        return match[0] if name in XML_ENTITIES else "".join(f"&#{ord(c)};" for c in known)

    return re.sub(r"&([A-Za-z][A-Za-z0-9]*);", numeric, text)
