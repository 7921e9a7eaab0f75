"""Proof: one promise, what was measured of it, and the limit that it had to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]
"""Told in words how far a long proof has come."""


@dataclass(frozen=True)
class Proof:
    """What was seen of one promise.

    `id` is that of the test plan ("A1"), `claim` the promise in plain words, `cases` how many were
    tried; `observed` and `limit` say in words what was seen and what had to be, `kept` whether it
    was. `note` says why where a limit was not kept, or what the proof does not show.
    """

    id: str
    claim: str
    cases: int
    observed: str
    limit: str
    kept: bool
    note: str = ""
