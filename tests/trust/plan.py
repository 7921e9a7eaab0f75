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
    "C1": Planned("tests.trust.stability:twice"),
    "C2": Planned("tests.trust.stability:old_fits"),
    "D1": Planned("tests.trust.inputs:catalogue"),
    "D2": Planned("tests.trust.inputs:generated"),
    "D3": Planned("tests.trust.fuzz:fuzzing"),
    "D4": Planned("tests.trust.inputs:injections"),
    "D5": Planned("tests.trust.inputs:bombs"),
    "E1": Planned("tests.trust.faults:kills"),
    "E2": Planned("tests.trust.faults:full_disks"),
    "E3": Planned("tests.trust.faults:dead_workers"),
    "E4": Planned("tests.trust.faults:corruption"),
    "E5": Planned("tests.trust.faults:runners"),
    "E6": Planned("tests.trust.faults:signals"),
}


def command_of(name: str) -> str:
    """The command that measures a proof in full."""
    return f"python -m tests.trust --full {name}"
