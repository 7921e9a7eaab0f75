"""Table of next runs for terminals: best first, what each tells, is worth and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.names import FLOPS, PARAMS, TOKENS, USD
from bayes_scaling.reporting.tables import add_row, new_table
from bayes_scaling.reporting.wording import say_flop, say_number, say_size, say_usd

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table


def next_table(rows: pd.DataFrame) -> Table:
    """Show candidates: size, compute and its share of the final run's, sd, value and cost.

    `nats` is the value to the final plan, `worth` the same in money."""
    table = new_table(
        (PARAMS, "right"),
        (TOKENS, "right"),
        (FLOPS, "right"),
        ("of final", "right"),
        ("sd after", "right"),
        ("shrink", "right"),
        ("nats", "right"),
        ("worth", "right"),
        ("cost", "right"),
    )
    for row in rows.to_dict("records"):
        add_row(
            table,
            say_size(row[PARAMS]),
            say_size(row[TOKENS]),
            say_flop(float(f"{row[FLOPS]:.3g}")),
            f"{row['share_of_final']:.2g}"
            if row["share_of_final"] < 0.00995
            else f"{row['share_of_final']:.0%}",
            f"{row['sd_after']:.2g}",
            f"{row['shrink']:.0%}",
            say_number(row["value_nats"], 2),
            say_usd(row["value_usd"]),
            say_usd(row[USD]),
        )
    return table
