"""Plan: the promises of the test plan, in its order, and where each is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bayes_scaling.proofs.plan import SHORT

OURS: Final[Mapping[str, str]] = {
    "A3": "tests.trust.nist:ranking",
    "A4": "tests.trust.nist:posteriors",
    "A5": "tests.trust.posteriors:references",
    "A6": "tests.trust.published:published",
    "B1": "tests.trust.calibration:ranks_are_uniform",
    "B2": "tests.trust.calibration:slips_are_caught",
    "B4": "tests.trust.worlds:misspecified_worlds",
    "B5": "tests.trust.backtests:tables_hold",
    "B7": "tests.trust.left_out:importance_sampling_agrees",
    "B8": "tests.trust.priors:priors_move_little_or_are_named",
    "C1": "tests.trust.stability:twice",
    "C2": "tests.trust.stability:old_fits",
    "C3": "tests.trust.versions:versions_work",
    "D1": "tests.trust.inputs:catalogue",
    "D2": "tests.trust.inputs:generated",
    "D3": "tests.trust.fuzz:fuzzing",
    "D4": "tests.trust.inputs:injections",
    "D5": "tests.trust.inputs:bombs",
    "E1": "tests.trust.faults:kills",
    "E2": "tests.trust.faults:full_disks",
    "E3": "tests.trust.faults:dead_workers",
    "E4": "tests.trust.faults:corruption",
    "E5": "tests.trust.faults:runners",
    "E6": "tests.trust.faults:signals",
    "E7": "tests.trust.thousand:thousand_tables",
    "F1": "tests.trust.suites:commands_answer",
    "F2": "tests.trust.suites:starts_fast",
    "F3": "tests.trust.suites:pages_hold",
    "F4": "tests.trust.suites:reports_hold",
    "F5": "tests.trust.mutation:slips_are_seen",
    "F6": "tests.trust.covered:branches_are_taken",
}
"""Proofs that take the tests' own libraries, tables or time: module and function by id."""
WHOLE: Final = frozenset({"C3", "E7", "F1", "F2", "F3", "F4", "F6"})
"""Proofs without a short form in the suite: they run the suite or parts of it, or take minutes."""
PLAN: Final[Mapping[str, str]] = dict(sorted({**SHORT, **OURS}.items()))


def command_of(name: str) -> str:
    """The command that measures a proof in full."""
    return f"python -m tests.trust --full {name}"
