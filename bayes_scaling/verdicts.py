"""Check and Checks: one row for each question asked of a table, a law or a posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

Verdict = Literal["ok", "warn", "fail", "info"]
OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"
INFO: Final = "info"
WORST_FIRST: Final[tuple[Verdict, ...]] = (FAIL, WARN, INFO, OK)


@dataclass(frozen=True)
class Check:
    """One question and its verdict: the value found, the limit it is held to, and advice.

    `value` is a plain number, or has the unit that `name` or `limit` says.

    Examples
    --------
    >>> print(bs.Check("R-hat", "ok", 1.003, "<= 1.01"))
    OK   R-hat: 1.003 (limit: <= 1.01)
    """

    name: str
    verdict: Verdict
    value: float | str
    limit: str
    advice: str = ""

    def __str__(self) -> str:
        """Return the row as one line."""
        value = f"{self.value:.4g}" if isinstance(self.value, float) else self.value
        tail = f"; {self.advice}" if self.advice and self.verdict != OK else ""
        return f"{self.verdict.upper():4} {self.name}: {value} (limit: {self.limit}){tail}"


@dataclass(frozen=True)
class Checks:
    """All rows of one examination, in the order they were asked.

    Examples
    --------
    >>> checks = bs.check_law(bs.load_law("chinchilla"))
    >>> checks.verdict, checks.worst_first()[0].verdict, list(checks.to_frame())
    ('ok', 'ok', ['name', 'verdict', 'value', 'limit', 'advice'])
    """

    rows: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict among the rows; `ok` where there are none."""
        found = {row.verdict for row in self.rows}
        return next((v for v in WORST_FIRST if v in found and v != INFO), OK)

    def worst_first(self) -> tuple[Check, ...]:
        """Return the rows with failures first, then warnings, information, passes."""
        return tuple(sorted(self.rows, key=lambda row: WORST_FIRST.index(row.verdict)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per check with columns name, verdict, value, limit, advice."""
        return pd.DataFrame(
            [(r.name, r.verdict, r.value, r.limit, r.advice) for r in self.rows],
            columns=["name", "verdict", "value", "limit", "advice"],
        )
