"""Pages: the verbs `demo` and `report`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bayes_scaling.cli.amounts import parse_intervals
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    AmountOption,
    BudgetOption,
    ClaimOption,
    ForceOption,
    GroupOption,
    IntervalOption,
    LawOption,
    ModelOption,
    MoneyOption,
    Output,
    PdfOption,
    Reading,
    ResourceOption,
    ReviewOption,
    TableFitOrStudy,
)
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.pricing import Price
from bayes_scaling.cli.progress import Stages
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bayes_scaling.decisions.claim import Claim
    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.reporting.report import Report
    from bayes_scaling.reporting.review import Review

DEMO_MODEL: Final = "skaling"
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
    from bayes_scaling.decisions.setting import Setting
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
    setting = Setting(Price().cost(), seed=output.seed)
    made = _make(fit, DEMO_BUDGETS, setting, parse_intervals(DEFAULT_INTERVALS), output)
    files += made.save(page)
    return _outcome(
        made, Price().cost().describe(), files, [f"look at {page}", f"bayes-scaling show {target}"]
    )


def report(
    source: TableFitOrStudy,
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
    group: GroupOption = None,
    review: ReviewOption = None,
    claim: ClaimOption = None,
    pdf: PdfOption = False,
    force: ForceOption = False,
) -> Outcome:
    """One page that says what each budget buys, and why to believe it.

    From a table (with --model, sampled first), a saved fit or a study; writes PAGE.html,
    PAGE.json and PAGE.csv. A study's page also backtests the table and compares laws, which fits
    them to parts of it: a minute or more; --review does so for tables and fits. Its plans keep to
    the limits, the serving and the repetition of the study. Exit code 1: a check fails, or a budget
    lies beyond what the runs support.
    """
    from bayes_scaling.cli.questions import amounts_asked
    from bayes_scaling.cli.sources import is_fit, new_file
    from bayes_scaling.cli.studies import is_study
    from bayes_scaling.decisions.claim import read_claim
    from bayes_scaling.decisions.setting import Setting

    setting = Setting(price.cost(), seed=output.seed)
    job = _Job(source, reading, setting, output, model, resource, flops, amount, interval)
    job = replace(job, claims=tuple(claim or ()))
    job = _of_study(job, price, bool(usd)) if is_study(source) else job
    claims = [read_claim(path) for path in job.claims]
    reviewed = is_study(source) if review is None else review
    levels = parse_intervals(job.interval)
    page = new_file(out, force, ".html")
    for suffix in (".json", ".csv", *([".pdf"] if pdf else [])):
        new_file(str(page.with_suffix(suffix)), force, suffix)
    if not (job.flops or usd or job.amount):
        raise UsageError(
            "name a budget with --flops 1e24, --usd 5M or, for one resource, --amount 1T"
        )
    if is_fit(job.source):
        if model or resource:
            raise UsageError("--model and --resource are for tables; a fit has its model")
        fit = _read_fit(job.source, law, reading)
    else:
        fit = _sample(job)
    fit = fit if group is None else fit.at_group(group)
    budgets = amounts_asked(fit.model, job.flops, usd, job.amount, job.setting.cost)
    found = _review(fit, job) if reviewed else None
    made = _make(fit, budgets, job.setting, levels, job.output, found, claims)
    files = list(made.save(page))
    if pdf:
        files.append(made.save_pdf(page.with_suffix(".pdf")))
    return _outcome(made, job.setting.cost.describe(), files, [f"look at {page}"])


@dataclass(frozen=True)
class _Job:
    """What a report is made from and asked, whether options or a study file say it."""

    source: str
    reading: Reading
    setting: Setting
    output: Output
    model: str | None
    resource: str | None
    flops: list[str] | None
    amount: list[str] | None
    interval: str
    draws: int = 1000
    chains: int = 4
    others: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


def _of_study(job: _Job, price: Price, money: bool) -> _Job:
    """Fill in from the study file what the command line leaves open."""
    from bayes_scaling.batch.study import read_study, the_only
    from bayes_scaling.cli.pricing import Plans
    from bayes_scaling.cli.studies import reading_of, setting_of

    study = read_study(job.source)
    table, (model, *others) = the_only(study)
    asked = money or job.flops or job.amount
    stated = ",".join(map(str, study.forecast.intervals))
    output = replace(job.output, seed=job.output.seed or study.sampling.seed)
    return replace(
        job,
        source=table,
        reading=reading_of(study, job.reading),
        setting=setting_of(study, price, Plans(), output.seed),
        output=output,
        model=job.model or model,
        resource=job.resource or study.resource,
        flops=job.flops if asked else [str(each) for each in study.forecast.flops],
        amount=job.amount if asked else [str(each) for each in study.forecast.amounts],
        interval=stated if job.interval == DEFAULT_INTERVALS else job.interval,
        draws=study.sampling.draws,
        chains=study.sampling.chains,
        others=tuple(others),
        claims=job.claims or study.claims,
    )


def _read_fit(source: str, law: str | None, reading: Reading) -> Fit:
    from bayes_scaling.cli.sources import read_fit

    return read_fit(source, law, reading)


def _sample(job: _Job) -> Fit:
    from bayes_scaling.cli.posterior import load_spec, sample
    from bayes_scaling.cli.sources import read_table

    spec = load_spec(job.model, job.resource)
    table = read_table(job.source, job.reading)
    return sample(spec, table, job.output, draws=job.draws, chains=job.chains)[0]


def _review(fit: Fit, job: _Job) -> Review:
    from bayes_scaling.cli.posterior import load_spec
    from bayes_scaling.reporting.review import review

    others = [load_spec(name, job.resource) for name in job.others]
    sampling = {"seed": job.output.seed, "draws": job.draws, "chains": job.chains}
    with Stages(job.output) as say:
        return review(fit, others=others, progress=say, **sampling)


def _make(
    fit: Fit,
    budgets: Sequence[float],
    setting: Setting,
    levels: Sequence[float],
    output: Output,
    review: Review | None = None,
    claims: Sequence[Claim] = (),
) -> Report:
    with Stages(output) as say:
        say("drawing the report")
        from bayes_scaling.reporting.report import report as make_report

        return make_report(
            fit,
            list(budgets),
            cost=setting.cost,
            limits=setting.limits,
            serving=setting.serving,
            repetition=setting.repetition,
            seed=setting.seed,
            command=shlex.join(["bayes-scaling", *sys.argv[1:]]),
            intervals=levels,
            review=review,
            claims=claims,
        )


def _outcome(
    made: Report,
    price: str,
    files: list[Path],
    hints: Sequence[str],
) -> Outcome:
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
