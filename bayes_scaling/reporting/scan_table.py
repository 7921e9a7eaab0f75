"""Tables of a scan for terminals: what each choice makes of a forecast, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.decisions.scan import BEST_PARAMS
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.names import POINT
from bayes_scaling.reporting.tables import _interval, _safe, add_row, new_table
from bayes_scaling.reporting.wording import say_loss, say_size, say_target, say_times

if TYPE_CHECKING:
    from rich.table import Table

    from bayes_scaling.decisions.scan import Scan


def scan_table(scan: Scan, point: int) -> Table:
    """Show the forecast at one point under each choice: runs, reach, median, 90%, shift.

    The shift of the median is in the unit of the target, then in half widths of the base's 90%
    interval; N* is the median of the draws' best size of a budget.
    """
    split = BEST_PARAMS in scan.rows
    table = new_table(
        ("choice", "left"),
        ("runs", "right"),
        ("beyond", "right"),
        (say_target(scan.target), "right"),
        ("90%", "right"),
        ("shift", "right"),
        ("/half", "right"),
        *([("N*", "right")] if split else []),
    )
    for row in scan.rows[scan.rows[POINT] == point].to_dict("records"):
        ratio, base = float(row["ratio"]), row["choice"] == scan.base
        add_row(
            table,
            str(row["choice"]),
            str(row["rows"]),
            say_times(ratio) + (" !" if ratio > MAX_EXTRAPOLATION else ""),
            say_loss(row["q50"]),
            _interval(say_loss(row["q05"]), say_loss(row["q95"])),
            "" if base else f"{row['shift']:+.3f}",
            "" if base else f"{row['shift_half_widths']:+.2f}",
            *([say_size(row[BEST_PARAMS])] if split else []),
        )
    return table


def left_out_table(scan: Scan) -> Table:
    """Show which choices could not be made, and why."""
    table = new_table(("choice", "left"), ("not tried because", "left"))
    for row in scan.skipped.to_dict("records"):
        add_row(table, str(row["choice"]), _safe(row["reason"]))
    return table
