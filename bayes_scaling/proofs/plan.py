"""Plan: the short proofs that need nothing but this package, and where each is."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from bayes_scaling.proofs.proof import Proof, Say

SHORT: Final[Mapping[str, str]] = {}
"""Module and function by id; the function takes (full, say) and returns a `Proof`."""


def prove(place: str, full: bool, say: Say) -> Proof:
    """Return what a proof at `module:function` finds, in its short or its full form."""
    module, _, name = place.partition(":")
    found: Proof = getattr(import_module(module), name)(full, say)
    return found
