"""Planned: the verb `plan`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_amounts, parse_given, parse_intervals
from bayes_scaling.cli.mixed import evidence_lines, evidence_record, given_words, in_words
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    ForceOption,
    GivenOption,
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
from bayes_scaling.cli.pricing import Plans, Price
from bayes_scaling.cli.promises import LossOption
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError
from bayes_scaling.names import PARAMS, TOKENS, USD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.batch.study import Study
    from bayes_scaling.decisions.plan import Plan
    from bayes_scaling.evaluation.averaging import Average


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "plan")(plan)


def plan(
    source: TableFitOrStudy,
    reading: Reading,
    output: Output,
    price: Price,
    plans: Plans,
    params: Annotated[
        str | None,
        typer.Option("--params", metavar="N", help="Parameters of the run, such as 70B."),
    ] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="D", help="Tokens of the run, such as 1.4T.")
    ] = None,
    loss: LossOption = None,
    model: ModelsOption = None,
    weights: WeightsOption = "equal",
    interval: IntervalOption = DEFAULT_INTERVALS,
    law: LawOption = None,
    given: GivenOption = None,
    group: GroupOption = None,
    png: PictureOption = None,
    force: ForceOption = False,
) -> Outcome:
    """What will this one run reach, what does it cost, and what does it give away?

    From a saved fit, a run table, or a study, whose plan holds unless a run is given.
    Shows the forecast of the run with its evidence, its price, its regret against the best split of
    the same spending, and what more parameters or tokens would buy. Exit code 1: the run lies
    beyond what the fitted runs support, or the table cannot tell a split.
    """
    from bayes_scaling.cli.mixed import mixed_of, with_given
    from bayes_scaling.cli.studies import opened

    levels = parse_intervals(interval)
    if loss is not None and not 0 < loss < float("inf"):
        raise UsageError(f"--loss {loss:g}: must be finite and above 0")
    start = opened(source, reading, output, price, plans, model=model)
    size, seen = _run_asked(params, tokens, start.study)
    picture = picture_file(png, force)
    mixed = mixed_of(
        start.source, start.reading, start.model, law, group, start.output, weights=weights,
        sampling=start.sampling,
    )  # fmt: skip
    mixed = with_given(mixed, parse_given(given))
    from bayes_scaling.decisions.plan import plan as judge

    found = judge(mixed, size, seen, setting=start.setting, seed=start.output.seed)
    from bayes_scaling.reporting.plots import plot_returns

    made = _outcome(found, mixed, loss, levels)
    return with_picture(made, picture, lambda: plot_returns(found))


def _run_asked(params: str | None, tokens: str | None, study: Study | None) -> tuple[float, float]:
    """Return the run's parameters and tokens: of the line, or else of the study."""
    stated = study.plan if study else None
    own = {PARAMS: params, TOKENS: tokens}
    if missing := [f"--{name}" for name, text in own.items() if text is None and not stated]:
        raise UsageError(f"name the run: {' and '.join(missing)} missing, and no [plan] of a study")
    size, seen = (
        getattr(stated, name) if text is None else parse_amounts([text], name)[0]
        for name, text in own.items()
    )
    return size, seen


def _outcome(found: Plan, mixed: Average, target: float | None, levels: Sequence[float]) -> Outcome:
    from bayes_scaling.cli.answers import forecast_columns, levels_of, records, split_findings

    frame = forecast_columns(found.forecast, levels)
    quantiles = {
        str(name): {
            f"q{100 * float(str(level)):02.0f}": float(value)
            for level, value in found.quantiles(levels_of(levels), of=str(name)).iloc[0].items()
        }
        for name in found.draws
    }
    reaches = None if target is None else float(found.forecast.probability(at_most=target)[0])
    failures, warnings = split_findings(found.forecast.findings)
    result: dict[str, Any] = {
        "model": " + ".join(mixed.fits),
        "params": found.params,
        "tokens": found.tokens,
        "flops": found.flops,
        "forecast": records(frame)[0],
        "target": target,
        "reaches": reaches,
        "evidence": [evidence_record(each) for each in found.forecast.evidence],
        "draws": quantiles,
        "robust": records(found.robust)[0],
        "given_away": found.given_away,
        "near_optimal": found.near_optimal,
        "tokens_first": found.tokens_first,
        "setting": found.setting.describe(),
        "findings": [finding.to_dict() for finding in found.forecast.findings],
        "provenance": dict(found.forecast.provenance),
    }
    return Outcome(
        result=result,
        text=lambda: _text(found, mixed, target, reaches, levels),
        table=frame,
        failures=failures,
        warnings=warnings,
    )


def _text(
    found: Plan,
    mixed: Average,
    target: float | None,
    reaches: float | None,
    levels: Sequence[float],
) -> Iterator[Any]:
    from bayes_scaling.reporting.tables import forecast_table
    from bayes_scaling.reporting.wording import say_flop, say_regret, say_size, say_usd

    def interval(name: str) -> tuple[float, float, float]:
        low, middle, high = found.quantiles((0.05, 0.5, 0.95), of=name).iloc[0]
        return float(low), float(middle), float(high)

    yield from evidence_lines(found.forecast)
    yield forecast_table(found.forecast, intervals=levels)
    if target is not None and reaches is not None:
        yield f"a new run reaches {target:g} nats/token with {reaches:.0%}"
    usd = [say_usd(each) for each in interval(USD)]
    price = usd[1] if len(set(usd)) == 1 else f"{usd[1]} [{usd[0]}, {usd[2]}]"
    best, fit = found.robust.iloc[0], next(iter(mixed.fits.values()))
    low, middle, high = interval("regret")
    hundredth = interval("usd_per_hundredth")[1]
    doubled = {name: interval(f"double_{name}") for name in (PARAMS, TOKENS)}
    more = "tokens" if found.tokens_first > 0.5 else "parameters"
    sure = max(found.tokens_first, 1 - found.tokens_first)
    for line in (
        f"it spends {say_flop(float(f'{found.flops:.3g}'))} FLOP, {price}",
        f"regret: {say_regret(middle)} nats/token [{say_regret(low)}, {say_regret(high)}] above "
        f"the best split of the same spending; within .005 with {found.near_optimal:.0%}",
        f"the plan to fund for as much: {say_size(best[PARAMS])} params on "
        f"{say_size(best[TOKENS])} tokens, expected loss lower by "
        f"{say_regret(max(found.given_away, 0.0))}; about as good from "
        f"{say_size(best['params_low'])} to {say_size(best['params_high'])} params",
        f"doubling parameters buys {_drop(doubled[PARAMS])}, doubling tokens "
        f"{_drop(doubled[TOKENS])} nats/token; more {more} help more with {sure:.0%}",
        f"the next .01 nats/token, at the same tokens per parameter, cost {say_usd(hundredth)}",
        f"model {in_words(mixed)}; {given_words(fit)}loss in nats/token, intervals of 90%",
        *found.setting.describe(),
    ):
        yield textwrap.fill(line, LINE)


def _drop(values: tuple[float, float, float]) -> str:
    low, middle, high = values
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"
