"""Plan: the promises of the test plan, in its order, and where each is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bayes_scaling.proofs.plan import SHORT

OURS: Final[Mapping[str, str]] = {}
"""Proofs that take the tests' own libraries, tables or time: module and function by id."""
PLAN: Final[Mapping[str, str]] = dict(sorted({**SHORT, **OURS}.items()))


def command_of(name: str) -> str:
    """The command that measures a proof in full."""
    return f"python -m tests.trust --full {name}"
