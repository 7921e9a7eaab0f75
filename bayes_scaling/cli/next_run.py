"""Next run: the verb `next`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_amounts, parse_columns, parse_given
from bayes_scaling.cli.decisions import OutFile, write_table
from bayes_scaling.cli.mixed import given_words, group_of, in_words, with_given
from bayes_scaling.cli.options import (
    ForceOption,
    GivenOption,
    GroupOption,
    LawOption,
    ModelsOption,
    Output,
    Reading,
    TableFitOrStudy,
    WeightsOption,
)
from bayes_scaling.cli.output import LINE, Outcome
from bayes_scaling.cli.pictures import PictureOption, picture_file, with_picture
from bayes_scaling.cli.pricing import Price
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, TOKENS, USD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from bayes_scaling.decisions.next_run import NextRun
    from bayes_scaling.evaluation.averaging import Average


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "next")(next_)


def next_(
    source: TableFitOrStudy,
    reading: Reading,
    output: Output,
    price: Price,
    flops: Annotated[
        str, typer.Option("--flops", metavar="C", help="Compute of the final run, such as 1e24.")
    ],
    serve_tokens: Annotated[
        str | None,
        typer.Option(
            "--serve-tokens",
            metavar="T",
            help="Tokens served in its life: --flops is then 6ND + 2NT.",
        ),
    ] = None,
    candidates: Annotated[
        str | None,
        typer.Option(
            "--candidates",
            metavar="CSV",
            help="Runs to choose from: params, tokens, and flops and usd if other than 6ND.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="C", help="FLOP that a run, or a set of runs, may take."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="uncertainty|regret", help="Rank by the forecast or by the plan."
        ),
    ] = "uncertainty",
    model: ModelsOption = None,
    weights: WeightsOption = "equal",
    out: OutFile = None,
    png: PictureOption = None,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
) -> Outcome:
    """Which smaller run tells most about a final run, and when is it time to stop?

    From a saved fit, a study, or a run table, whose default models (or those of --model) are fitted
    and averaged. Without --candidates, 16 runs of 1% to 30% of the final run's compute are
    compared. Shows how much each is expected to narrow the final forecast, what it is worth to the
    choice of the final plan, and what it costs. Exit code 1: the table cannot tell a split, or the
    final run lies beyond what the runs support.
    """
    from bayes_scaling.cli.mixed import mixed_of
    from bayes_scaling.cli.sources import is_fit, new_file
    from bayes_scaling.cli.studies import opened
    from bayes_scaling.decisions.next_run import WAYS

    start = opened(source, reading, output, price, model=model)
    amounts: dict[str, Any] = {
        "flops": parse_amounts([flops], FLOPS)[0],
        "serve_tokens": parse_amounts([serve_tokens], TOKENS)[0] if serve_tokens else None,
        "budget": parse_amounts([budget], FLOPS)[0] if budget else None,
    }
    if by not in WAYS:
        raise UsageError(f"--by {by}: one of {', '.join(WAYS)}")
    if reading.col and not candidates and is_fit(source):
        raise UsageError("--col names columns of candidates; give them with --candidates")
    target = new_file(out, force, ".csv") if out else None
    picture = picture_file(png, force)
    columns = parse_columns(reading.col or []) if is_fit(source) else {}
    rows = read_candidates(candidates, columns) if candidates else None
    mixed = mixed_of(
        start.source, start.reading, start.model, law, group, start.output, backtest=False,
        weights=weights, sampling=start.sampling,
    )  # fmt: skip
    mixed = with_given(mixed, parse_given(given))
    from bayes_scaling.decisions.next_run import next_run

    found = next_run(
        mixed, candidates=rows, cost=start.setting.cost, by=by, seed=start.output.seed, **amounts
    )
    if target:
        write_table(target, found.table)
    made = _outcome(found, mixed, [str(target)] if target else [])
    from bayes_scaling.reporting.plots import plot_next_run

    return with_picture(made, picture, lambda: plot_next_run(found))


def read_candidates(path: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the cells of params, tokens, flops and usd of a table, money read as numbers.

    `columns` maps our names to theirs. Raises UsageError for columns that are not there; numbers
    are judged with all other faults later.
    """
    import pandas as pd

    from bayes_scaling.names import PARAMS
    from bayes_scaling.runs.source import load

    raw = load(path)
    for ours, name in columns.items():
        if name not in raw.columns:
            raise UsageError(f"--col {ours}={name}: {path} has {', '.join(raw.columns)}")
    theirs = {name: columns.get(name, name) for name in (PARAMS, TOKENS, FLOPS, USD)}
    found = {k: list(raw.columns[v]) for k, v in theirs.items() if v in raw.columns}
    return pd.DataFrame(found, index=range(len(raw.lines)))


def _outcome(found: NextRun, mixed: Average, files: list[str]) -> Outcome:
    from bayes_scaling.cli.answers import records, split_findings

    fit, plan = next(iter(mixed.fits.values())), found.plan
    failures, warnings = split_findings(found.findings)
    return Outcome(
        result={
            "verdict": found.verdict,
            "stop": found.stop,
            "model": " + ".join(mixed.fits),
            "given": dict(fit.given),
            **group_of(fit),
            "flops": found.flops,
            "serve_tokens": found.serve_tokens,
            "budget": found.budget,
            "by": found.by,
            "seed": found.provenance["next_seed"],
            "plan": {
                name: float(getattr(plan, name))
                for name in ("params", "tokens", "flops", "loss", "regret", "sd")
            },
            "candidates": records(found.table),
            "set": records(found.set),
            "together": dict(found.together),
            "cost": found.cost.describe(),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": files,
        },
        text=lambda: _text(found, mixed, files),
        table=found.table,
        failures=failures,
        warnings=warnings,
    )


def _text(found: NextRun, mixed: Average, files: list[str]) -> Iterator[Any]:
    from bayes_scaling.reporting.next_table import next_table
    from bayes_scaling.reporting.wording import say_flop, say_regret, say_size, say_usd

    plan, fit = found.plan, next(iter(mixed.fits.values()))
    yield textwrap.fill(found.verdict, LINE)
    yield ""
    yield next_table(found.table)
    if found.budget is not None and len(found.set):
        sums = found.together
        yield ""
        yield f"best set within {say_flop(found.budget)} FLOP"
        yield next_table(found.set)
        yield textwrap.fill(
            f"together: {say_flop(float(f'{sums["flops"]:.3g}'))} FLOP, {say_usd(sums['usd'])}; sd "
            f"falls by {sums['shrink']:.0%}; worth {say_usd(sums['value_usd'])} to the final plan",
            LINE,
        )
    yield ""
    life = f", {say_size(found.serve_tokens)} tokens served" if found.serve_tokens else ""
    yield textwrap.fill(
        f"final run of {say_flop(found.flops)} FLOP{life}: {say_size(plan.params)} params on "
        f"{say_size(plan.tokens)} tokens as planned now; sd of its forecast {plan.sd:.2g} (log "
        f"loss), expected regret of its plan {say_regret(plan.regret)} nats/token",
        LINE,
    )
    yield textwrap.fill(
        f"model {in_words(mixed)}; {given_words(fit)}nats: expected fall of the final loss by "
        "choosing the plan after the run, nats/token; worth: price of the compute that does as "
        "much at the final run",
        LINE,
    )
    yield f"cost at {found.cost.describe()}"
    yield from (f"wrote {each}" for each in files)
