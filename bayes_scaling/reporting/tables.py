"""Tables for terminals: at most 80 columns, the verdict first, user text never read as markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.names import FLOPS, GROUP, LOSS, PARAMS, TOKENS, USD
from bayes_scaling.reporting.wording import (
    UNKNOWN,
    interval_levels,
    say_flop,
    say_given,
    say_loss,
    say_number,
    say_regret,
    say_share,
    say_size,
    say_target,
    say_times,
    say_usd,
)
from bayes_scaling.runs.finding import WORST_FIRST
from bayes_scaling.runs.labels import display_name
from bayes_scaling.verdicts import FAIL, INFO, OK, WARN

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from bayes_scaling.decisions.allocation import Allocation
    from bayes_scaling.decisions.forecast import Forecast
    from bayes_scaling.evaluation.backtest import Backtest
    from bayes_scaling.evaluation.comparison import Comparison
    from bayes_scaling.evaluation.moved import Moved
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.runs.finding import Finding
    from bayes_scaling.verdicts import Checks

INTERVALS: Final = (0.8, 0.9)
"""Shares of the intervals that are shown unless others are asked for."""
WIDTH: Final = 80
STYLES: Final = {
    FAIL: "bold red", WARN: "yellow", INFO: "cyan", OK: "green", "error": "bold red",
}  # fmt: skip
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\0")
"""First characters with which a text cell becomes a formula in a spreadsheet."""
LONGEST_CELL: Final = 400


def forecast_table(forecast: Forecast, *, intervals: Sequence[float] = INTERVALS) -> Table:
    """Show what a new run will measure at each point: median, intervals, extrapolation."""
    known = [str(name) for name in forecast.points if name not in ("extrapolation", GROUP)]
    given = [name for name in known if name != FLOPS or not {PARAMS, TOKENS} <= set(known)]
    group = GROUP in forecast.points
    table = new_table(
        *([(GROUP, "left")] if group else []),
        *((name, "right") for name in given),
        (say_target(forecast.target), "right"),
        *((say_share(share), "right") for share in intervals),
        ("x largest", "right"),
    )
    levels = [0.5, *(level for share in intervals for level in interval_levels(share))]
    quantiles = forecast.quantiles(sorted(set(levels)))
    for (_, point), (_, q) in zip(forecast.points.iterrows(), quantiles.iterrows(), strict=True):
        ratio = float(point["extrapolation"])
        mark = " !" if ratio > MAX_EXTRAPOLATION else ""
        amounts = [say_flop(point[n]) if n == FLOPS else say_size(point[n], 3) for n in given]
        bounds = [_interval(*(say_loss(q[v]) for v in interval_levels(s))) for s in intervals]
        names = [display_name(point[GROUP], 24)] if group else []
        add_row(table, *names, *amounts, say_loss(q[0.5]), *bounds, say_times(ratio) + mark)
    return table


def allocation_table(allocation: Allocation, *, interval: float = 0.9) -> Table:
    """Show for each budget the plan, the interval of the optimal size, loss, regret and price."""
    low, high = interval_levels(interval)
    table = new_table(
        (FLOPS, "right"),
        (PARAMS, "right"),
        (f"{say_share(interval)} of N*", "right"),
        (TOKENS, "right"),
        ("D/N", "right"),
        (LOSS, "right"),
        ("regret", "right"),
        ("cost", "right"),
    )
    sizes = allocation.quantiles([low, high], of=PARAMS)
    prices = allocation.budgets[USD].to_numpy()
    for i, (_, plan) in enumerate(allocation.robust.iterrows()):
        add_row(
            table,
            say_flop(plan[FLOPS]),
            say_size(plan[PARAMS]),
            _interval(*(say_size(float(sizes[level].iloc[i])) for level in (low, high))),
            say_size(plan[TOKENS]),
            say_size(plan["tokens_per_param"]),
            say_loss(plan["loss"]),
            say_regret(plan["regret_mean"]),
            say_usd(float(prices[i])),
        )
    return table


def backtest_table(backtest: Backtest) -> Table:
    """Show how forecasts of larger runs fared: one row per model and extrapolation.

    Shares inside 50% and 90% intervals, median width of the 90% interval, and mean error of the
    median, above zero where forecasts were too high; the latter two in percent of the loss.
    """
    table = new_table(
        ("model", "left"),
        ("beyond", "right"),
        ("forecasts", "right"),
        ("in 50%", "right"),
        ("in 90%", "right"),
        ("width 90%", "right"),
        ("bias", "right"),
    )
    before = ""
    for row in backtest.scores.to_dict("records"):
        name = str(row["model"])
        add_row(
            table,
            display_name(name, 30) if name != before else "",
            str(row["ratio_bin"]),
            str(row["n"]),
            f"{row['coverage50']:.0%}",
            f"{row['coverage90']:.0%}",
            f"{100 * row['width90']:.1f}%",
            f"{100 * row['bias']:+.2f}%",
        )
        before = name
    return table


def skipped_table(backtest: Backtest) -> Table:
    """Show which cuts could not be used, for which models, and why."""
    table = new_table(("cut", "right"), ("model", "left"), ("left out because", "left"))
    together: dict[tuple[float, str], list[str]] = {}
    for row in backtest.skipped.to_dict("records"):
        place = (float(row["cut"]), str(row["reason"]))
        together.setdefault(place, []).append(display_name(row["model"], 30))
    for (cut, reason), names in together.items():
        add_row(table, say_given(cut, backtest.axis), ", ".join(names), _safe(reason))
    return table


def summary_table(fit: Fit) -> Table:
    """Show each unknown and derived quantity: median, 90% interval, and how well it was sampled."""
    table = new_table(
        ("name", "left"),
        ("median", "right"),
        ("90%", "right"),
        ("R-hat", "right"),
        ("ESS", "right"),
    )
    for name, row in fit.summary().iterrows():
        ess = min(row["ess_bulk"], row["ess_tail"])
        bounds = _interval(say_number(row["q05"]), say_number(row["q95"]))
        health = (f"{row['rhat']:.3f}", f"{ess:.0f}")
        add_row(table, display_name(name, 30), say_number(float(row["q50"])), bounds, *health)
    return table


def checks_table(checks: Checks, limit_rows: int | None = None) -> Table:
    """Show checks, the worst first; at most `limit_rows`, and how many more there are."""
    table = new_table(
        ("", "left"), ("check", "left"), ("value", "right"), ("limit, advice", "left")
    )
    rows = checks.worst_first()
    shown = rows if limit_rows is None else rows[:limit_rows]
    for row in shown:
        advice = f"; {row.advice}" if row.advice and row.verdict != OK else ""
        value = say_number(row.value) if not isinstance(row.value, str) else ""
        words = row.value if isinstance(row.value, str) else row.limit
        add_row(table, _verdict(row.verdict), _safe(row.name), value, _safe(words + advice))
    if len(shown) < len(rows):
        add_row(table, "", f"and {len(rows) - len(shown)} more", "", "")
    return table


def findings_table(findings: Iterable[Finding]) -> Table:
    """Show what was found in a table, errors first: severity, code, place, rule and remedy."""
    table = new_table(("", "left"), ("code", "left"), ("finding", "left"))
    for each in sorted(findings, key=lambda finding: WORST_FIRST.index(finding.severity)):
        sentence = str(each).split(maxsplit=2)[-1]
        add_row(table, _verdict(each.severity), each.code, _safe(sentence))
    return table


def comparison_table(comparison: Comparison) -> Table:
    """Show models side by side, the best first; with a backtest how they forecast larger runs."""
    scores = {"crps": "CRPS", "coverage90": "in 90%"}
    backtested = [name for name in scores if name in comparison.table]
    heads = ("elpd", "diff", "se", "p_loo", "k-hat", "refits", "weight")
    numbers = (*heads, *(scores[name] for name in backtested))
    table = new_table(("model", "left"), *((name, "right") for name in numbers))
    for name, row in comparison.table.iterrows():
        ahead = {"crps": say_regret, "coverage90": say_share}
        add_row(
            table,
            display_name(name, 24),
            f"{row['elpd']:.1f}",
            f"{row['elpd_diff']:.1f}" if row["rank"] > 1 else "",
            f"{row['dse']:.1f}" if row["rank"] > 1 else "",
            f"{row['p_loo']:.1f}",
            f"{row['worst_k']:.2f}",
            str(row["exact_refits"]),
            f"{row['weight']:.2f}",
            *(ahead[each](round(float(row[each]), 3)) for each in backtested),
        )
    return table


def moved_parameters_table(moved: Moved) -> Table:
    """Show unknowns and derived quantities of two fits, those first that moved most."""
    shift = moved.parameters["shift_sd"].abs().fillna(float("inf"))
    order = shift.sort_values(ascending=False, kind="stable").index
    rows = [(str(name), moved.parameters.loc[name]) for name in order]
    return _moved_table("name", rows, lambda value: say_number(value, 3))


def moved_forecast_table(moved: Moved) -> Table:
    """Show what one new run will measure according to two fits, at the same points."""
    rows = [
        (f"{say_given(row['amount'], moved.axis)} ({say_times(row['ratio'])})", row)
        for _, row in moved.forecast.iterrows()
    ]
    return _moved_table(say_target(moved.target), rows, say_loss)


def _moved_table(
    name: str, rows: Iterable[tuple[str, pd.Series]], say: Callable[..., str]
) -> Table:
    table = new_table(
        (name, "left"), ("old", "right"), ("90%", "right"), ("new", "right"), ("90%", "right"),
        ("shift/sd", "right"),
    )  # fmt: skip
    for label, row in rows:
        cells = []
        for when in ("old", "new"):
            low, middle, high = (float(row[f"{when}_{q}"]) for q in ("q05", "q50", "q95"))
            there = middle == middle
            cells += [say(middle), _interval(say(low), say(high)) if there else UNKNOWN]
        shift = float(row["shift_sd"])
        moved = f"{shift:+.1f}" if shift == shift else UNKNOWN
        add_row(table, display_name(label, 30), *cells, moved)
    return table


def csv_safe(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with every text cell and label that a spreadsheet would run made inert.

    Text that begins with = + - @, a tab, a carriage return or NUL gets a leading apostrophe.
    Numbers are untouched.
    """
    safe = frame.copy()
    for name in [c for c in safe if not pd.api.types.is_numeric_dtype(safe[c].dtype)]:
        safe[name] = safe[name].map(_inert)
    return safe.rename(columns=_inert)


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def new_table(*columns: tuple[str, str]) -> Table:
    """Return a table with columns, each its words and how it is justified, and no rows."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for header, side in columns:
        wraps = side == "left" and bool(header)
        table.add_column(
            _text(header),
            justify="right" if side == "right" else "left",
            no_wrap=not wraps,
            overflow="fold",
        )
    return table


def add_row(table: Table, *cells: str | Text) -> None:
    """Add a row; plain strings become texts, in which nothing is markup."""
    table.add_row(*(_text(cell) if isinstance(cell, str) else cell for cell in cells))


def _text(words: str) -> Text:
    from rich.text import Text

    return Text(words)


def _safe(words: str) -> str:
    return display_name(words, LONGEST_CELL)


def _verdict(verdict: str) -> Text:
    from rich.text import Text

    return Text(verdict.upper(), style=STYLES[verdict])


def _interval(low: str, high: str) -> str:
    return f"[{low}, {high}]"
