"""Counted: cases tried one by one, and what was wrong with those that failed."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bayes_scaling.proofs.proof import Proof, Say

Try = tuple[str, Callable[[Path], None], int]
"""Name of a case, what tries it in an empty folder (raising where it fails), how many it counts."""
EVERY = 10
GIB = 1 << 30


def tried(cases: Iterable[Try], say: Say) -> tuple[int, list[str]]:
    """Try each case in a folder of its own; return how many were tried, and the faults."""
    count, faults = 0, []
    for number, (name, attempt, weight) in enumerate(cases, start=1):
        with tempfile.TemporaryDirectory(prefix="bayes-scaling-") as folder:
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    attempt(Path(folder))
            except Exception as fault:
                faults.append(f"{name}: {type(fault).__name__}: {str(fault)[:300]}")
        count += weight
        if number % EVERY == 0:
            say(f"{count} tried, {len(faults)} failed")
    return count, faults


def proof_of(
    name: str, claim: str, count: int, faults: list[str], limit: str, note: str = ""
) -> Proof:
    """A proof that allows no fault."""
    observed = f"{count - len(faults)} of {count}"
    told = "; ".join([*faults[:5], note] if faults else [note])
    return Proof(name, claim, count, observed, limit, not faults, told.strip("; "))


@contextmanager
def set_to(holder: object, name: str, value: object) -> Iterator[None]:
    """An attribute has this value meanwhile."""
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)
