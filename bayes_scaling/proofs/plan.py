"""Plan: the short proofs that need nothing but this package, and where each is."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from bayes_scaling.proofs.proof import Proof, Say

SHORT: Final[Mapping[str, str]] = {
    "A1": "bayes_scaling.proofs.laws:laws",
    "A2": "bayes_scaling.proofs.nist:direct_fits",
    "A7": "bayes_scaling.proofs.splits:splits",
    "A8": "bayes_scaling.proofs.score_goldens:scores",
    "B3": "bayes_scaling.proofs.calibration:forecasts_cover",
    "B5": "bayes_scaling.proofs.backtests:record_holds",
    "B6": "bayes_scaling.proofs.designs:blind_designs_are_flagged",
}
"""Module and function by id; the function takes (full, say) and returns a `Proof`."""


def prove(place: str, full: bool, say: Say) -> Proof:
    """Return what a proof at `module:function` finds, in its short or its full form."""
    module, _, name = place.partition(":")
    found: Proof = getattr(import_module(module), name)(full, say)
    return found
