"""Table of a diagnosis for terminals: the runs that wasted most first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bayes_scaling.decisions.diagnose import (
    EXCESS,
    LIKELY,
    MORE_TOKENS,
    P_OVER,
    P_UNDER,
    WASTED,
    WASTED_USD,
)
from bayes_scaling.names import PARAMS, RUN, TOKENS, TOKENS_PER_PARAM, USD
from bayes_scaling.reporting.tables import add_row, new_table
from bayes_scaling.reporting.wording import (
    UNKNOWN,
    say_regret,
    say_share,
    say_size,
    say_usd,
)
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from rich.table import Table

    from bayes_scaling.decisions.diagnose import Diagnosis

ROWS: Final = 20
"""Runs that a terminal shows."""
LONGEST_NAME: Final = 12


def diagnosis_table(diagnosis: Diagnosis, rows: int = ROWS) -> Table:
    """Show the runs that wasted most of their compute: median and 90% interval of that share.

    `under` is the probability that the best split has more tokens per parameter; loss is the excess
    over that split [nats/token], lost the price of what was wasted, lacking the tokens that would
    have made the run's size the best one; all medians.
    """
    table = new_table(
        (RUN, "left"),
        (PARAMS, "right"),
        (TOKENS, "right"),
        ("D/N", "right"),
        ("under", "right"),
        ("loss", "right"),
        ("wasted", "right"),
        ("90%", "right"),
        ("lost", "right"),
        ("lacking", "right"),
    )
    wasted = diagnosis.quantiles([0.05, 0.5, 0.95], of=WASTED)
    excess, lost, more = (
        diagnosis.quantiles([0.5], of=name)[0.5] for name in (EXCESS, WASTED_USD, MORE_TOKENS)
    )
    order = diagnosis.worst_first
    for i in order[:rows]:
        row = diagnosis.runs.iloc[i]
        low, middle, high = (f"{100 * wasted[level].iloc[i]:.0f}" for level in wasted)
        add_row(
            table,
            display_name(row[RUN], LONGEST_NAME),
            say_size(row[PARAMS]),
            say_size(row[TOKENS]),
            say_size(row[TOKENS_PER_PARAM]),
            say_share(round(row[P_UNDER], 2)),
            say_regret(float(excess.iloc[i])),
            f"{middle}%",
            f"{low}{UNKNOWN}{high}%",
            say_usd(float(lost.iloc[i])),
            say_size(float(more.iloc[i])) if more.iloc[i] > 0 else UNKNOWN,
        )
    if len(order) > rows:
        add_row(table, f"and {len(order) - rows} more", *[""] * 9)
    return table


def diagnosis_sentence(diagnosis: Diagnosis) -> str:
    """Say how many runs were badly split, and what all of them together wasted."""
    runs, total = diagnosis.runs, diagnosis.total_wasted.to_numpy()
    low, middle, high = (f"{100 * float(v):.0f}%" for v in _quantiles(total))
    spent = float(runs[USD].sum())
    count = len(runs)
    under, over = int((runs[P_UNDER] >= LIKELY).sum()), int((runs[P_OVER] >= LIKELY).sum())
    return (
        f"Of {count} {'run' if count == 1 else 'runs'}, {under} {_were(under)} undertrained and "
        f"{over} overtrained for the compute spent (probability {LIKELY:.0%} or more). At the best "
        f"split the same losses take {middle} less compute in all (90%: {low} to {high}), "
        f"{say_usd(float(_quantiles(total)[1]) * spent)} of {say_usd(spent)}."
    )


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _quantiles(values: object) -> list[float]:
    import numpy as np

    return [float(v) for v in np.quantile(np.asarray(values), (0.05, 0.5, 0.95))]
