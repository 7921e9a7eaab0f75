"""Pages: the verbs `demo` and `report`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bayes_scaling.cli.amounts import parse_intervals
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    AmountOption,
    BudgetOption,
    ForceOption,
    IntervalOption,
    LawOption,
    ModelOption,
    MoneyOption,
    Output,
    Price,
    Reading,
    ResourceOption,
    TableOrFit,
)
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.progress import Stages
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.reporting.report import Report

DEMO_MODEL: Final = "chinchilla-plain"
DEMO_WHERE: Final = ("train_dataset=c4_original",)
DEMO_TRAIN_BELOW: Final = "params=500M"
"""Fits the runs of 411M parameters and less; the larger ones are predicted."""
DEMO_BUDGETS: Final = (1e21, 1e22)
"""FLOP, within what the fitted runs support."""


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "demo")(demo)
    verb(app, "report")(report)


def demo(
    output: Output,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FOLDER", help="For the files.")] = (
        "demo"
    ),
) -> Outcome:
    """From a real run table to a budget report: fits small runs, predicts larger ones.

    Takes about a minute, half of it for compiling the model. Writes report.html, report.csv,
    report.json and fit.nc into the folder, in place of those of an earlier demo.
    """
    from pathlib import Path

    from bayes_scaling.cli.posterior import load_spec, sample
    from bayes_scaling.cli.sources import new_file, read_table
    from bayes_scaling.runs.examples import example_path

    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder")
    target = new_file(str(folder / "fit.nc"), True, ".nc")
    page = new_file(str(folder / "report.html"), True, ".html")
    reading = Reading(where=list(DEMO_WHERE), train_below=DEMO_TRAIN_BELOW)
    runs = read_table(str(example_path()), reading)
    fit, _ = sample(load_spec(DEMO_MODEL, None), runs, output)
    files = [fit.save(target)]
    made = _make(fit, DEMO_BUDGETS, Price(), parse_intervals(DEFAULT_INTERVALS), output)
    files += made.save(page)
    return _outcome(
        made, Price().cost().describe(), files, [f"look at {page}", f"bayes-scaling show {target}"]
    )


def report(
    source: TableOrFit,
    reading: Reading,
    price: Price,
    output: Output,
    out: Annotated[str, typer.Option("-o", "--out", metavar="PAGE.html", help="File to write.")],
    model: ModelOption = None,
    resource: ResourceOption = None,
    flops: BudgetOption = None,
    usd: MoneyOption = None,
    amount: AmountOption = None,
    interval: IntervalOption = DEFAULT_INTERVALS,
    law: LawOption = None,
    force: ForceOption = False,
) -> Outcome:
    """One page that says what each budget buys, and why to believe it.

    From a table (with --model, sampled first) or a saved fit; writes PAGE.html, PAGE.json and
    PAGE.csv. Exit code 1: a check fails, or a budget lies beyond what the runs support.
    """
    from bayes_scaling.cli.decisions import amounts_asked
    from bayes_scaling.cli.sources import is_fit, new_file

    levels = parse_intervals(interval)
    page = new_file(out, force, ".html")
    for suffix in (".json", ".csv"):
        new_file(str(page.with_suffix(suffix)), force, suffix)
    price.cost()
    if not (flops or usd or amount):
        raise UsageError("name a budget with --flops 1e24 or --usd 5M")
    if is_fit(source):
        if model or resource:
            raise UsageError("--model and --resource are for tables; a fit has its model")
        fit = _read_fit(source, law, reading)
    else:
        fit = _sample(source, reading, model, resource, output)
    budgets = amounts_asked(fit, flops, usd, amount, price.cost())
    made = _make(fit, budgets, price, levels, output)
    return _outcome(made, price.cost().describe(), list(made.save(page)), [f"look at {page}"])


def _read_fit(source: str, law: str | None, reading: Reading) -> Fit:
    from bayes_scaling.cli.sources import read_fit

    return read_fit(source, law, reading)


def _sample(
    source: str, reading: Reading, model: str | None, resource: str | None, output: Output
) -> Fit:
    from bayes_scaling.cli.posterior import load_spec, sample
    from bayes_scaling.cli.sources import read_table

    spec = load_spec(model, resource)
    return sample(spec, read_table(source, reading), output)[0]


def _make(
    fit: Fit, budgets: Sequence[float], price: Price, levels: Sequence[float], output: Output
) -> Report:
    with Stages(output) as say:
        say("drawing the report")
        from bayes_scaling.reporting.report import report as make_report

        return make_report(
            fit,
            list(budgets),
            cost=price.cost(),
            seed=output.seed,
            command=shlex.join(["bayes-scaling", *sys.argv[1:]]),
            intervals=levels,
        )


def _outcome(made: Report, price: str, files: list[Path], hints: Sequence[str]) -> Outcome:
    from bayes_scaling.cli.words import answer_lines, failures_and_warnings, held_out_lines

    failures, warnings = failures_and_warnings(made.numbers)

    def text() -> list[Any]:
        lines = [*answer_lines(made.numbers, price), *held_out_lines(made.numbers)]
        return [*lines, "wrote " + ", ".join(map(str, files))]

    return Outcome(
        result={**made.numbers, "files": [str(path) for path in files]},
        text=text,
        table=made.to_frame(),
        failures=failures,
        warnings=warnings,
        hints=[f"next: {hint}" for hint in hints],
    )
