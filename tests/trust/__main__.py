"""Measure what the package promises: `python -m tests.trust [--full | --stale] [ID ...]`.

Without `--full` the short form of each proof, as the test suite runs it. With it, the size that the
plan asks for; records go to tests/trust/records, one file a proof, from which docs/trust.md and the
table of the README are made. What was measured with the same source is not measured again, so that
the command resumes after any interruption. With `--stale` nothing is measured: what has no record
of this source is named, and is exit code 1.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import pytest

from bayes_scaling.proofs.plan import prove
from tests.trust.plan import PLAN, command_of
from tests.trust.record import Record, digest, read_record, write_record
from tests.trust.tables import README, with_short_table


def main(arguments: list[str]) -> int:
    full = "--full" in arguments
    asked = [each for each in arguments if not each.startswith("-")] or list(PLAN)
    unknown = [each for each in asked if each not in PLAN]
    if unknown:
        print(f"no proof {', '.join(unknown)}: one of {', '.join(PLAN)}", file=sys.stderr)
        return 2
    if "--stale" in arguments:
        stale = [name for name in asked if not _is_measured(name)]
        print("\n".join(stale) or f"{len(asked)} records, all of {digest()}")
        return 1 if stale else 0
    kept = True
    digest()  # of the source as it is now, whatever is edited while a proof is measured
    for name in asked:
        if full and _is_measured(name):
            print(f"{name}: measured with this source already", file=sys.stderr)
            continue
        started = time.perf_counter()
        try:
            proof = prove(PLAN[name], full, partial(_say, name))
        except pytest.skip.Exception as reason:
            print(f"{name} skipped: {reason}", flush=True)
            continue
        seconds = time.perf_counter() - started
        said = "kept" if proof.kept else "NOT KEPT"
        print(f"{name} {said}: {proof.claim}: {proof.observed} (limit: {proof.limit}), "
              f"{proof.cases} cases, {seconds:.0f} s", flush=True)  # fmt: skip
        if full:
            write_record(Record.of(proof, command_of(name), seconds))
            README.write_text(with_short_table(README.read_text()))
        kept = kept and proof.kept
    return 0 if kept else 1


def _is_measured(name: str) -> bool:
    known = read_record(name)
    return known is not None and known.full and known.digest == digest()


def _say(name: str, said: str) -> None:
    print(f"{name}: {said}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
