"""Groups: the verb `multiplier`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_intervals
from bayes_scaling.cli.options import (
    DEFAULT_INTERVALS,
    AmountOption,
    BudgetOption,
    IntervalOption,
    LawOption,
    Output,
    SavedFit,
)
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.pricing import Price
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import xarray as xr

Group = Annotated[
    str, typer.Argument(metavar="GROUP", help="The group whose loss is to be reached.")
]
Than = Annotated[
    str, typer.Option("--than", metavar="OTHER", help="The group that is to reach it.")
]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the app."""
    verb(app, "multiplier")(multiplier)


def multiplier(
    source: SavedFit,
    group: Group,
    than: Than,
    output: Output,
    flops: BudgetOption = None,
    amount: AmountOption = None,
    interval: IntervalOption = DEFAULT_INTERVALS,
    law: LawOption = None,
) -> Outcome:
    """How many times the compute does another group need to do as well as this one?

    From a saved fit of a model that varies by group, each group at its own best split.
    """
    from bayes_scaling.cli.answers import records
    from bayes_scaling.cli.questions import amounts_asked
    from bayes_scaling.cli.sources import read_fit
    from bayes_scaling.decisions.multiplier import compute_multiplier

    levels = parse_intervals(interval)
    fit = read_fit(source, law)
    if not (flops or amount):
        raise UsageError("name a budget with --flops 1e22, or --amount for a one-resource law")
    amounts = amounts_asked(fit.model, flops, None, amount, Price().cost())
    draws = compute_multiplier(fit, group, than, flops=amounts)
    frame = _columns(draws, levels)

    def text() -> Iterator[str]:
        from bayes_scaling.reporting.wording import say_share
        from bayes_scaling.runs.labels import display_name

        for _, each in frame.iterrows():
            low, high = (each[name] for name in _ends(levels)[-1])
            yield (
                f"at {each['amount']:.3g}: {display_name(than)} needs {each['multiplier_q50']:.3g} "
                f"times the compute of {display_name(group)} "
                f"({say_share(max(levels))}: {low:.3g} to {high:.3g})"
            )
            if each["out_of_reach"] > 0:
                yield f"  no compute is enough with probability {each['out_of_reach']:.2g}"

    return Outcome(
        result={
            "model": fit.spec.name,
            "group": group,
            "than": than,
            "intervals": list(levels),
            "budgets": records(frame),
            "provenance": dict(fit.provenance),
        },
        text=text,
        table=frame,
    )


def _ends(intervals: Sequence[float]) -> list[tuple[str, str]]:
    from bayes_scaling.reporting.wording import interval_levels, level_name

    named = [interval_levels(share) for share in sorted(intervals)]
    return [
        (f"multiplier_{level_name(low)}", f"multiplier_{level_name(high)}") for low, high in named
    ]


def _columns(draws: xr.DataArray, intervals: Sequence[float]) -> pd.DataFrame:
    """Return one row per budget: quantiles of the multiplier, and where none is enough."""
    import numpy as np
    import pandas as pd

    from bayes_scaling.cli.answers import levels_of
    from bayes_scaling.decisions.multiplier import OUT_OF_REACH
    from bayes_scaling.names import BUDGET
    from bayes_scaling.reporting.wording import level_name

    table: dict[str, Any] = {"amount": draws[BUDGET].values}
    for level in levels_of(intervals):
        # the nearest draw, as halfway between infinities is no number
        found = np.quantile(draws.values, level, axis=(0, 1), method="nearest")
        table[f"multiplier_{level_name(level)}"] = found
    return pd.DataFrame(table).assign(out_of_reach=draws.attrs[OUT_OF_REACH])
