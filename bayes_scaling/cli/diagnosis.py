"""Diagnosis: the verb `diagnose`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import typer

from bayes_scaling.cli.decisions import OutFile, write_table
from bayes_scaling.cli.mixed import group_of, in_words
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    ForceOption,
    GroupOption,
    IntervalOption,
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.decisions.diagnose import Diagnosis
    from bayes_scaling.evaluation.averaging import Average


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "diagnose")(diagnose)


def diagnose(
    source: TableFitOrStudy,
    reading: Reading,
    output: Output,
    price: Price,
    model: ModelsOption = None,
    weights: WeightsOption = "equal",
    interval: IntervalOption = DEFAULT_INTERVALS,
    out: OutFile = None,
    png: PictureOption = None,
    law: LawOption = None,
    group: GroupOption = None,
    force: ForceOption = False,
) -> Outcome:
    """Which runs were undertrained, and what did that cost?

    From a saved fit, a study, or a run table, whose default models (or those of --model) are fitted
    and averaged. Sets each run beside the best split of its own compute C = 6ND: the loss in
    excess, the compute wasted, and the tokens that its size lacked. Exit code 1: the table cannot
    tell a split, or the chains of a fit did not mix.
    """
    from bayes_scaling.cli.amounts import parse_intervals
    from bayes_scaling.cli.mixed import mixed_of
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.cli.studies import opened

    levels = parse_intervals(interval)
    start = opened(source, reading, output, price, model=model)
    target = new_file(out, force, ".csv") if out else None
    picture = picture_file(png, force)
    mixed = mixed_of(
        start.source, start.reading, start.model, law, group, start.output, backtest=False,
        weights=weights, sampling=start.sampling,
    )  # fmt: skip
    from bayes_scaling.decisions.diagnose import diagnose as examine
    from bayes_scaling.reporting.plots import plot_diagnosis

    found = examine(mixed, cost=start.setting.cost, seed=start.output.seed)
    made = _outcome(found, mixed, levels, target)
    return with_picture(made, picture, lambda: plot_diagnosis(found))


def _outcome(found: Diagnosis, mixed: Average, levels: Sequence[float], target: Any) -> Outcome:
    from bayes_scaling.cli.answers import diagnosis_columns, records, split_findings
    from bayes_scaling.decisions.diagnose import AT_EDGE
    from bayes_scaling.reporting.diagnosis_table import diagnosis_sentence, diagnosis_table

    cost = found.cost
    frame = diagnosis_columns(found, levels)
    if target:
        write_table(target, frame)
    failures, warnings = split_findings(found.findings)
    edge = int(found.draws[AT_EDGE].any(("chain", "draw")).sum())
    if edge:
        warnings.append(
            f"{edge} runs have draws whose best split, or the tokens that would make their size "
            "the best one, lie beyond what is searched: read those numbers as bounds"
        )
    sentence = diagnosis_sentence(found)

    def text() -> Iterator[Any]:
        yield textwrap.fill(sentence, LINE)
        yield ""
        yield diagnosis_table(found)
        yield ""
        yield textwrap.fill(
            f"model {in_words(mixed)}, C = 6ND; under: probability that the best split of the "
            "run's compute has more tokens per parameter; loss: expected loss above that split, "
            "nats/token; wasted: compute beyond what the best split needs for the run's expected "
            "loss; lacking: tokens with which the run's size would be the best one; medians",
            LINE,
        )
        yield f"cost at {cost.describe()}"
        yield from ([f"wrote {target}"] if target else [])

    return Outcome(
        result={
            "sentence": sentence,
            "model": " + ".join(mixed.fits),
            "weights": dict(mixed.weights),
            **group_of(next(iter(mixed.fits.values()))),
            "intervals": list(levels),
            "runs": records(frame),
            "total_wasted": _total(found, levels),
            "cost": cost.describe(),
            "findings": [finding.to_dict() for finding in found.findings],
            "provenance": dict(found.provenance),
            "files": [str(target)] if target else [],
        },
        text=text,
        table=frame,
        failures=failures,
        warnings=warnings,
    )


def _total(found: Any, levels: Sequence[float]) -> dict[str, float]:
    """Quantiles of the share of all compute that was wasted."""
    import numpy as np

    from bayes_scaling.cli.answers import levels_of
    from bayes_scaling.reporting.wording import level_name

    shares = found.total_wasted.to_numpy()
    return {level_name(level): float(np.quantile(shares, level)) for level in levels_of(levels)}
