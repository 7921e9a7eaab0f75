"""Register: the verbs `register` and `score`."""

from __future__ import annotations

import textwrap
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import ForceOption, Output
from bayes_scaling.cli.output import LINE, Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.decisions.claim import Claim
    from bayes_scaling.decisions.claim_score import ClaimScore

OPTION = "--observed"


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "register")(register)
    verb(app, "score")(score)


def register(
    forecast: Annotated[
        str,
        typer.Argument(metavar="FORECAST", help="Written by: forecast ... --json > forecast.json"),
    ],
    output: Output,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="CLAIM.json", help="The claim to be written.")
    ],
    date: Annotated[
        str,
        typer.Option("--date", metavar="DAY", help="Day of the claim, such as 2026-11-27."),
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who claims it.")] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What else matters.")] = "",
    force: ForceOption = False,
) -> Outcome:
    """Sign off a forecast before anything is measured.

    Writes a claim: the quantiles of each new run, the models, table and seed behind them, the day
    as you state it, and a SHA-256 of all that. Publish the hash where others date it; once the runs
    are done: bayes-scaling score CLAIM.json --loss 2.234
    """
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.decisions.claim import read_json
    from bayes_scaling.decisions.register import REMEDY
    from bayes_scaling.decisions.register import register as sign_off

    target = new_file(out, force, ".json")
    claim = sign_off(
        read_json(forecast, f"the JSON of a forecast; {REMEDY}"), date=date, by=by, note=note
    )
    claim.save(target)
    return Outcome(
        result={"claim": claim.to_dict(), "files": [str(target)]},
        text=lambda: _registered(claim, str(target)),
        warnings=_doubts(claim),
        hints=[
            f"next, once it is measured: bayes-scaling score {quote(str(target))} "
            f"{_option_of(claim)} X"
        ],
    )


def _option_of(claim: Claim) -> str:
    return "--loss" if claim.target == LOSS else OPTION


def _doubts(claim: Claim) -> list[str]:
    """Say for which points the evidence does not support what is claimed."""
    words = [(p["number"], p["evidence"]) for p in claim.points]
    return [f"point {n}: {word}" for n, word in words if word and word != "supported"]


def _registered(claim: Claim, path: str) -> Iterator[Any]:
    from bayes_scaling.decisions.claim import QUANTILES
    from bayes_scaling.decisions.claim_score import place_of
    from bayes_scaling.evaluation.quantile_scores import quantile_between
    from bayes_scaling.reporting.wording import say_loss, say_target, unit_in_words

    who = f" by {claim.content['by']}" if claim.content["by"] else ""
    yield f"registered for {claim.date}{who}:"
    levels = claim.content["levels"]
    for point in claim.points:
        low, middle, high = (
            say_loss(quantile_between(point[QUANTILES], levels, p)) for p in (0.05, 0.5, 0.95)
        )
        yield textwrap.fill(
            f"point {point['number']} ({place_of(point)}): {say_target(claim.target)} {middle} "
            f"{unit_in_words(claim.target)}, 90% between {low} and {high}",
            LINE,
        )
    yield f"sha256 {claim.sha256}"
    yield f"wrote {path}"


def score(
    claim: Annotated[
        str, typer.Argument(metavar="CLAIM.json", help="A claim, written by: register")
    ],
    output: Output,
    loss: Annotated[
        list[float] | None,
        typer.Option("--loss", metavar="L", help="Measured loss of a point. Repeatable."),
    ] = None,
    observed: Annotated[
        list[float] | None,
        typer.Option(
            OPTION, metavar="X", help="What was measured, whatever was claimed. Repeatable."
        ),
    ] = None,
    point: Annotated[
        list[int] | None,
        typer.Option(
            "--point", metavar="K", help="Which point it is of, from 1. One for each value."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="OUT.json", help="Also write the scores here."),
    ] = None,
    force: ForceOption = False,
) -> Outcome:
    """How did a claim fare, now that it was measured?

    Says which of its intervals held, where the measurement lies in the claim (PIT), its CRPS (the
    exact integral of the piecewise linear distribution function through the claimed quantiles) and
    the error of its median. Exit code 3: the claim was changed after it was registered.
    """
    from bayes_scaling.cli.output import json_of
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.decisions.claim import read_claim
    from bayes_scaling.files import write_text

    target = new_file(out, force, ".json") if out else None
    known = read_claim(claim)
    values = _measured(known, loss, observed)
    found = [known.score(v, i) for i, v in zip(_places(known, values, point), values, strict=True)]
    result = {
        "claim": {
            key: known.to_dict()[key]
            for key in ("sha256", "date", "by", "note", "target", "unit", "models")
        },
        "scores": [_record(known, each) for each in found],
        "files": [str(target)] if target else [],
    }
    if target:
        write_text(target, f"{json_of(result)}\n")
    return Outcome(
        result=result,
        text=lambda: _scored(known, found),
        table=_frame(known, found),
    )


def _measured(
    claim: Claim, loss: Sequence[float] | None, observed: Sequence[float] | None
) -> list[float]:
    if bool(loss) == bool(observed):
        raise UsageError(
            f"say what was measured, in one way: --loss, or {OPTION} for a claim of anything else"
        )
    if loss and claim.target != LOSS:
        target = claim.target.replace("_", " ")
        raise UsageError(f"this claim is of the {target}, not of the loss: use {OPTION}")
    return list(loss or observed or [])


def _places(claim: Claim, values: Sequence[float], points: Sequence[int] | None) -> list[int]:
    """Indices of the points that the values are of."""
    count = len(claim.points)
    if not points:
        if len(values) != count:
            raise UsageError(
                f"{len(values)} measured for {count} claimed: give one for each point, in their "
                "order, or name theirs with --point"
            )
        return list(range(count))
    if len(points) != len(values):
        raise UsageError(
            f"{len(values)} values and {len(points)} times --point: give one point for each value"
        )
    faults = [f"--point {each}: the points are 1 to {count}" for each in points
              if not 1 <= each <= count]  # fmt: skip
    faults += [f"--point {each}: named twice" for each in set(points) if points.count(each) > 1]
    if faults:
        raise UsageError("\n".join(faults))
    return [each - 1 for each in points]


def _record(claim: Claim, score: ClaimScore) -> dict[str, Any]:
    """A score with the number of its point, from 1, as the claim has it."""
    return {**score.to_dict(), "point": claim.points[score.point]["number"]}


def _frame(claim: Claim, found: Sequence[ClaimScore]) -> Any:
    import pandas as pd

    rows = []
    for each in found:
        row = _record(claim, each)
        for interval in row.pop("intervals"):
            row[f"inside{100 * interval['share']:.0f}"] = interval["inside"]
        rows.append(row)
    return pd.DataFrame(rows)


def _scored(claim: Claim, found: Sequence[ClaimScore]) -> Iterator[Any]:
    from bayes_scaling.reporting.wording import say_number, say_share, unit_in_words

    yield f"claim of {claim.date}, sha256 {claim.sha256[:12]}..., unchanged"
    for each in found:
        yield ""
        yield textwrap.fill(each.sentence, LINE)
        held = [say_share(level) for level, there in each.inside.items() if there]
        missed = [say_share(level) for level, there in each.inside.items() if not there]
        yield "intervals: " + "; ".join(
            [f"{', '.join(names)} {verb_}" for names, verb_ in
             ((held, "held"), (missed, "did not hold")) if names]
        )  # fmt: skip
        yield textwrap.fill(
            f"PIT {say_number(each.pit)}, CRPS {say_number(each.crps)} "
            f"{unit_in_words(claim.target)} ({say_share(each.relative_crps)} of the measurement), "
            f"log error of the median {each.log_error:+.4f}",
            LINE,
        )
