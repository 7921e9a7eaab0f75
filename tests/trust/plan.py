"""Plan: the promises of the test plan, in its order, and where each is measured."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from bayes_scaling.proofs.proof import Proof, Say


@dataclass(frozen=True)
class Planned:
    """A proof: `module:function`, which takes (full, say) and returns a `Proof`."""

    place: str

    def prove(self, full: bool, say: Say) -> Proof:
        module, _, name = self.place.partition(":")
        found: Proof = getattr(import_module(module), name)(full, say)
        return found


PLAN: dict[str, Planned] = {
    "A1": Planned("bayes_scaling.proofs.laws:laws"),
    "A2": Planned("bayes_scaling.proofs.nist:direct_fits"),
    "A3": Planned("tests.trust.nist:ranking"),
    "A4": Planned("tests.trust.nist:posteriors"),
    "A5": Planned("tests.trust.posteriors:references"),
    "A6": Planned("tests.trust.published:published"),
    "A7": Planned("bayes_scaling.proofs.splits:splits"),
    "A8": Planned("bayes_scaling.proofs.score_goldens:scores"),
}


def command_of(name: str) -> str:
    """The command that measures a proof in full."""
    return f"python -m tests.trust --full {name}"
