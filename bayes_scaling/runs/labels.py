"""Labels: text that came from data, made safe and short enough to be shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

NAME_LIMIT = 80
"""Longest text shown of a name, in characters."""
LISTED = 12
"""Columns or values listed in a message."""
LINES_SHOWN = 3
"""Line numbers written out before the rest is counted."""
UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are escaped: control, direction and other invisible characters."""


def _shown(character: str) -> str:
    if unicodedata.category(character) not in UNSAFE_CATEGORIES:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def display_name(text: object, limit: int = NAME_LIMIT) -> str:
    """Return text on one line of at most `limit` characters, invisible characters escaped.

    Only for showing: digests, selection and files keep the original text.
    """
    raw = str(text)
    shown = "".join(map(_shown, raw[: limit + 1]))
    return shown if len(shown) <= limit else shown[: max(limit - 3, 0)] + "..."


def lines_text(lines: Sequence[int]) -> str:
    """Return "line 3", "lines 3, 4" or "lines 3, 4, 5 and 12 more"; "" without lines."""
    if not lines:
        return ""
    more = len(lines) - LINES_SHOWN
    if more <= 1:
        listed = ", ".join(map(str, lines))
    else:
        listed = f"{', '.join(map(str, lines[:LINES_SHOWN]))} and {more} more"
    return f"line{'s' if len(lines) > 1 else ''} {listed}"


def listed(values: Iterable[object]) -> str:
    """Return the values in quotes, the first twelve of them, made safe for display."""
    shown = [f"'{display_name(value, 40)}'" for value in values]
    more = f" and {len(shown) - LISTED} more" if len(shown) > LISTED else ""
    return ", ".join(shown[:LISTED]) + more


def default_names(count: int) -> list[str]:
    """Return "row 1", "row 2", ... for runs without a name."""
    return [f"row {i}" for i in range(1, count + 1)]
