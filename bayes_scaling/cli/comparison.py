"""Comparison: the verbs `compare` and `diff`."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.decisions import OutFile, write_table
from bayes_scaling.cli.options import (
    AmountOption,
    BudgetOption,
    ChainsOption,
    DrawsOption,
    ForceOption,
    Output,
    Reading,
    ResourceOption,
    SourcesOption,
)
from bayes_scaling.cli.output import LINE, Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bayes_scaling.evaluation.comparison import Comparison
    from bayes_scaling.evaluation.moved import Moved
    from bayes_scaling.inference.fit import Fit

ROWS_SHOWN = 10
"""Rows, and lines of a model file, that are listed."""
Compared = Annotated[
    list[str],
    typer.Argument(metavar="FIT.nc ...|RUNS", help="Saved fits of one table, or a run table."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME|PATH", help="A model to fit to the table. Repeatable."
    ),
]
Laws = Annotated[
    list[str] | None,
    typer.Option(
        "--law",
        metavar="FILE.py:NAME",
        help="Your own law with which a fit was made. Runs FILE. Repeatable.",
    ),
]
NoExact = Annotated[
    bool,
    typer.Option("--no-exact", help="No refits without the runs that importance sampling fails."),
]


NoBacktest = Annotated[
    bool,
    typer.Option("--no-backtest", help="Of a table: leave out which law foresees larger runs."),
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "compare")(compare)
    verb(app, "diff")(diff)


def compare(
    sources: Compared,
    reading: Reading,
    output: Output,
    model: Models = None,
    resource: ResourceOption = None,
    data_sources: SourcesOption = None,
    draws: DrawsOption = 1000,
    chains: ChainsOption = 4,
    law: Laws = None,
    no_exact: NoExact = False,
    no_backtest: NoBacktest = False,
    out: OutFile = None,
    force: ForceOption = False,
) -> Outcome:
    """Which law explains the runs best, and does the difference matter?

    Leave-one-out log scores and stacking weights of saved fits, or of models that are fitted to
    RUNS; these are also backtested, to see which foresees larger runs best. Exit code 1: the chains
    of a fit did not mix.
    """
    from bayes_scaling.cli.sources import is_fit, new_file

    target = new_file(out, force, ".csv") if out else None
    saved = [path for path in sources if is_fit(path)]
    if saved and (len(saved) < len(sources) or model):
        raise UsageError("compare takes saved fits, or one table with --model, not both")
    if len(sources) > 1 and not saved:
        raise UsageError("compare takes one table; for fits of it, name their files (.nc)")
    if saved:
        if given := reading.given():
            raise UsageError(f"{', '.join(given)}: for tables only; fits are read as they are")
        paths = dict(_named(saved, [read_any(path, law or []) for path in saved]))
        fits = {name: fit for name, (_, fit) in paths.items()}
    else:
        specs = _specs(model or [], resource, data_sources)
        fits = _fitted(sources[0], specs, reading, output, draws, chains)
    tested = not saved and not no_backtest

    def next_words(best: str) -> str:
        from bayes_scaling.cli.posterior import next_step

        if saved:
            return next_step(fits[best], paths[best][0])
        named = next(path for path in model or [] if Path(path).stem == best)
        return f"bayes-scaling fit {sources[0]} --model {named} -o {best}.nc"

    return _compare(fits, output, not no_exact, tested, target, next_words)


def read_any(path: str, laws: Sequence[str]) -> Fit:
    """Return a saved fit, of a law of the shelf or of the one among `laws` that it was made with.

    Raises UsageError, as for a fit whose law is none of these.
    """
    from bayes_scaling.cli.sources import read_fit

    for law in laws:
        try:
            return read_fit(path, law)
        except UsageError:
            continue
    return read_fit(path, None)


def _named(paths: Sequence[str], fits: Sequence[Fit]) -> dict[str, tuple[str, Fit]]:
    """Name fits by their models, else by their files, else by their paths."""
    for names in ([f.spec.name for f in fits], [Path(p).stem for p in paths], list(paths)):
        if max(Counter(names).values()) == 1:
            return dict(zip(names, zip(paths, fits, strict=True), strict=True))
    raise UsageError("compare: the same file is named twice")


def _specs(models: Sequence[str], resource: str | None, sources: str | None) -> list[Any]:
    from bayes_scaling.cli.posterior import load_spec

    if len(models) < 2:
        raise UsageError("name at least two models with --model, to be fitted to the table")
    specs = [load_spec(name, resource, sources) for name in models]
    if twice := [name for name, count in Counter(s.name for s in specs).items() if count > 1]:
        raise UsageError(f"--model {twice[0]}: named twice")
    return specs


def _fitted(
    path: str, specs: Sequence[Any], reading: Reading, output: Output, draws: int, chains: int
) -> dict[str, Fit]:
    """Fit each model to the table, saying each stage on stderr."""
    from bayes_scaling.cli.posterior import sample
    from bayes_scaling.cli.sources import read_table

    table = read_table(path, reading)
    return {
        s.name: sample(s, table, output, draws=draws, chains=chains, backtest=False)[0]
        for s in specs
    }


def _compare(
    fits: dict[str, Fit],
    output: Output,
    exact: bool,
    tested: bool,
    target: Any,
    next_words: Callable[[str], str],
) -> Outcome:
    from bayes_scaling.cli.answers import records, split_findings
    from bayes_scaling.cli.progress import Stages
    from bayes_scaling.decisions.source import backtest_or_none
    from bayes_scaling.evaluation.comparison import compare as compare_fits

    with Stages(output) as say:
        one = next(iter(fits.values()))
        specs = [fit.spec for fit in fits.values()]
        past = backtest_or_none(specs, one.runs, output.seed, say) if tested else None
        found = compare_fits(fits, backtest=past, exact=exact, progress=say)
    frame = found.to_frame()
    if target:
        write_table(target, frame)
    failures, warnings = split_findings(found.findings)
    plain = frame.astype(object).where(frame.notna(), None)
    return Outcome(
        result={
            "sentence": found.sentence,
            "models": records(plain),
            "weights": dict(found.weights),
            "pointwise": _pointwise(found),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": [str(target)] if target else [],
        },
        text=lambda: _comparison_text(found),
        table=frame,
        failures=failures,
        warnings=warnings,
        hints=[f"next: {next_words(str(found.table.index[0]))}"],
    )


def _pointwise(found: Comparison) -> dict[str, Any]:
    """Leave-one-out log score and k-hat of each run, in the table's order, by model."""
    return {
        "run": [str(name) for name in found.pointwise["run"].values],
        "score": {str(m): found.pointwise.sel(model=m).values.tolist() for m in found.weights},
        "khat": {str(m): found.khat.sel(model=m).values.tolist() for m in found.weights},
    }


def _comparison_text(found: Comparison) -> Iterator[Any]:
    from bayes_scaling.reporting.tables import comparison_table

    yield textwrap.fill(found.sentence, LINE)
    yield ""
    yield comparison_table(found)
    yield ""
    for name, flags in found.table["flags"].items():
        if flags:
            said = f"{display_name(name, 24)}: {flags}"
            yield textwrap.fill(said, LINE, subsequent_indent="  ")
    yield textwrap.fill(
        "elpd: summed log score of left-out runs, higher is better; se: of the difference; weight: "
        "in the mixture of these models that predicts left-out runs best",
        LINE,
    )


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD.nc", help="The earlier saved fit.")],
    new: Annotated[str, typer.Argument(metavar="NEW.nc", help="The later saved fit.")],
    output: Output,
    flops: BudgetOption = None,
    amount: AmountOption = None,
    law: Laws = None,
) -> Outcome:
    """What moved between two fits since the last review, and why?

    Rows, model and settings that changed; parameters and forecasts that moved. Exit code 1: the
    chains of the later fit did not mix.
    """
    from bayes_scaling.cli.answers import records
    from bayes_scaling.cli.posterior import next_step
    from bayes_scaling.evaluation.moved import moved
    from bayes_scaling.inference.checks import sampler_faults

    before, after = read_any(old, law or []), read_any(new, law or [])
    asked = _asked(after, flops, amount)
    found = moved(before, after, asked, seed=output.seed)
    return Outcome(
        result={
            "sentence": found.sentence,
            "rows": records(found.rows),
            "model": list(found.model),
            "settings": records(found.settings),
            "parameters": records(found.parameters.rename_axis("name").reset_index()),
            "forecast": records(found.forecast),
            "axis": found.axis,
            "target": found.target,
            "seed": output.seed,
        },
        text=lambda: _moved_text(found),
        table=found.to_frame(),
        failures=[f"{new}: {fault}" for fault in sampler_faults(after.provenance)],
        warnings=[f"{old}: {fault}" for fault in sampler_faults(before.provenance)],
        hints=[f"next: {next_step(after, new)}"],
    )


def _asked(
    fit: Fit, flops: Sequence[str] | None, amount: Sequence[str] | None
) -> list[float] | None:
    from bayes_scaling.cli.pricing import Price
    from bayes_scaling.cli.questions import amounts_asked

    if not (flops or amount):
        return None
    return amounts_asked(fit.model, flops, None, amount, Price().cost())


def _moved_text(found: Moved) -> Iterator[Any]:
    from bayes_scaling.reporting.tables import moved_forecast_table, moved_parameters_table

    yield textwrap.fill(found.sentence, LINE)
    yield ""
    yield moved_forecast_table(found)
    yield ""
    yield moved_parameters_table(found)
    cells = zip(found.rows["change"], found.rows["run"], found.rows["columns"], strict=True)
    lines = [
        f"{change}: {display_name(run, 40)}" + (f" ({columns})" if columns else "")
        for change, run, columns in cells
    ]
    for part in (lines, list(found.model)):
        if part:
            yield ""
        yield from part[:ROWS_SHOWN]
        if len(part) > ROWS_SHOWN:
            yield f"and {len(part) - ROWS_SHOWN} more"
