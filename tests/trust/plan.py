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
    "B1": Planned("tests.trust.calibration:ranks_are_uniform"),
    "B2": Planned("tests.trust.calibration:slips_are_caught"),
    "B3": Planned("bayes_scaling.proofs.calibration:forecasts_cover"),
    "B4": Planned("tests.trust.worlds:misspecified_worlds"),
    "B5": Planned("bayes_scaling.proofs.backtests:record_holds"),
    "B6": Planned("bayes_scaling.proofs.designs:blind_designs_are_flagged"),
    "B7": Planned("tests.trust.left_out:importance_sampling_agrees"),
    "B8": Planned("tests.trust.priors:priors_move_little_or_are_named"),
}


def command_of(name: str) -> str:
    """The command that measures a proof in full."""
    return f"python -m tests.trust --full {name}"
