"""Selftest: the verb that proves on the user's own machine what the package promises."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import Output
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.progress import Stages
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from bayes_scaling.proofs.proof import Proof

Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="ID", help="Only this proof. Repeatable.")
]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "selftest")(selftest)


def selftest(output: Output, only: Only = None) -> Outcome:
    """Prove on this machine that the numbers are right: the short proofs, in under three minutes.

    Each promise with how many cases were tried, what was observed and the limit. The whole plan,
    with what took hours, is in the documentation (trust). Exit code 1: a promise was not kept.
    """
    from bayes_scaling.proofs.plan import SHORT, prove

    unknown = [name for name in only or [] if name not in SHORT]
    if unknown:
        raise UsageError(f"no short proof {', '.join(unknown)}; there are {', '.join(SHORT)}")
    names = only or list(SHORT)
    found: list[Proof] = []
    with Stages(output) as say:
        for count, name in enumerate(names):

            def told(words: str, name: str = name, count: int = count) -> None:
                say(f"{name}: {words}", count / len(names))

            told("begun")
            found.append(prove(SHORT[name], False, told))
    broken = [proof for proof in found if not proof.kept]
    return Outcome(
        result={"proofs": [asdict(proof) for proof in found]},
        text=lambda: [_table(found), _sentence(found)],
        failures=[f"{p.id} is not kept: {p.claim}: {p.observed}; limit {p.limit}" for p in broken],
        hints=[] if broken else ["next: bayes-scaling demo"],
    )


def _table(found: list[Proof]) -> Any:
    from bayes_scaling.reporting.tables import add_row, new_table
    from bayes_scaling.verdicts import FAIL, OK

    table = new_table(("", "left"), ("", "left"), ("promise", "left"), ("observed", "left"),
                      ("limit", "left"))  # fmt: skip
    for proof in found:
        verdict = OK if proof.kept else FAIL
        add_row(table, proof.id, verdict, proof.claim, proof.observed, proof.limit)
    return table


def _sentence(found: list[Proof]) -> str:
    kept = sum(proof.kept for proof in found)
    return f"{kept} of {len(found)} promises kept, {sum(proof.cases for proof in found)} cases"
