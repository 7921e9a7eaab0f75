"""Finding: one thing the reader of a run table should know, with its lines and its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from bayes_scaling.errors import TableError
from bayes_scaling.runs.labels import display_name, lines_text

Severity = Literal["error", "warn", "info"]
ERROR: Final = "error"
WARN: Final = "warn"
INFO: Final = "info"
WORST_FIRST: Final[tuple[Severity, ...]] = (ERROR, WARN, INFO)

ROW_CODES: Final = frozenset({"C001", "C002", "C003", "C004"})
"""Errors that cost a row; every other error costs the whole table."""
FAULTS_SHOWN = 20
"""Findings written out in the message of an error."""


@dataclass(frozen=True)
class Finding:
    """One fault, warning or note: code, severity, file lines, rule (message) and remedy (hint)."""

    code: str
    severity: Severity
    rows: tuple[int, ...]
    message: str
    hint: str = ""
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        """Return severity, code, lines, column, value, rule and remedy as one line."""
        place = ", ".join(
            part
            for part in (
                lines_text(self.rows),
                f"column '{display_name(self.column, 40)}'" if self.column is not None else "",
                f"value '{display_name(self.value, 40)}'" if self.value is not None else "",
            )
            if part
        )
        head = f"{self.severity.upper():5} {self.code} {place}{': ' if place else ''}"
        return f"{head}{self.message}{f'; {self.hint}' if self.hint else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return {**asdict(self), "rows": list(self.rows)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Finding:
        """Return the finding that `to_dict` wrote."""
        return cls(**{**fields, "rows": tuple(fields["rows"])})

    @property
    def fatal(self) -> bool:
        """Whether the whole table is refused because of it."""
        return self.severity == ERROR and self.code not in ROW_CODES


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with errors first, then warnings and notes; otherwise in their order."""
    return tuple(sorted(findings, key=lambda finding: WORST_FIRST.index(finding.severity)))


class RejectedTable(TableError):
    """A table that is refused; `findings` holds everything found, the message the worst of it."""

    def __init__(self, message: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


def rejected(
    source: str, findings: Iterable[Finding], why: str = "cannot be used"
) -> RejectedTable:
    """Return the error that lists the findings of a table, errors first, at most 20 of them."""
    everything = worst_first(findings)
    faults = [f for f in everything if f.severity != INFO] or list(everything)
    lines = [f"  {finding}" for finding in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        lines.append(f"  and {len(faults) - FAULTS_SHOWN} more")
    return RejectedTable("\n".join([f"{display_name(source)} {why}:", *lines]), everything)
