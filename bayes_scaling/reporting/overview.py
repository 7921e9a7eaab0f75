"""Overview: one page on a batch: what failed first, then forecasts, coverage and plans."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bayes_scaling.names import FAULTY, FINISHED, MODEL, USD, WAITING
from bayes_scaling.reporting import style, wording
from bayes_scaling.reporting.plots_batch import (
    LEVELS,
    MARKERS,
    SCORE,
    coverage_in,
    forecasts_in,
    looks_of,
    mixed_in,
    plot_coverage,
    plot_results,
)
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from jinja2 import Template

MOST_PANELS: Final = 48
"""Panels that are drawn; the summary has all."""
MOST_LISTED: Final = 200
"""Rows of a list or table on the page; what is left out is counted."""
MOST_OPEN: Final = 20
"""Rows of a list that are seen without unfolding it."""
HEAD: Final = 8
"""Rows of the summary that are shown."""
STATES: Final = (FINISHED, FAULTY, WAITING)
LONGEST_FAULT: Final = 600
"""Characters of each line of a reason; the log has all."""
LONGEST_CELL: Final = 60


class Listed(NamedTuple):
    """Rows that are shown, and how many are not."""

    rows: list[dict[Any, Any]]
    more: int


def overview_page(results: pd.DataFrame, title: str = "Batch") -> str:
    """Return the HTML page on a batch, self-contained, from what `read_results` gives.

    Failures first; then what was done by model, each table's forecasts, how intervals held below
    the cuts, plans, and the first rows of the summary.
    """
    from markupsafe import Markup

    tasks = _tasks(results)
    forecasts = forecasts_in(results)
    return _template().render(
        title=title,
        css=Markup(_asset("report.css")),
        counts=_counts(tasks),
        failed=_listed(tasks[tasks["status"] == FAULTY]),
        waiting=_listed(tasks[tasks["status"] == WAITING]),
        unmixed=_listed(tasks[~mixed_in(tasks)]),
        unanswered=_listed(_unanswered(results)),
        open=MOST_OPEN,
        looks=[(model, color, MARKERS[mark]) for model, (color, mark) in looks_of(results).items()
               if model in set(forecasts[MODEL])],
        hollow=not bool(forecasts["mixed"].all()),
        panels=list(_panels(results, forecasts)),
        more=max(0, len(forecasts[["table", "target"]].drop_duplicates()) - MOST_PANELS),
        cut_asked=bool(results["cut"].notna().any()),
        coverage=_coverage(results),
        plans=_plans(results),
        head=results.head(HEAD).dropna(axis="columns", how="all"),
        rows=len(results),
    )  # fmt: skip


def _tasks(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each task; tables of equal names are told apart by the task's id."""
    return results.drop_duplicates(["table", MODEL, "cut", "id"])


def _listed(rows: pd.DataFrame) -> Listed:
    return Listed(rows.head(MOST_LISTED).to_dict("records"), max(0, len(rows) - MOST_LISTED))


def _counts(tasks: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Tasks by model and state, "all models" last."""
    counts = {
        str(model): {state: int((own == state).sum()) for state in STATES}
        for model, own in tasks.groupby(MODEL, sort=False)["status"]
    }
    counts["all models"] = {state: sum(own[state] for own in counts.values()) for state in STATES}
    return {model: {**own, "all": sum(own.values())} for model, own in counts.items()}


def _unanswered(results: pd.DataFrame) -> pd.DataFrame:
    if "fault" not in results:
        return results.iloc[:0]
    return results[(results["status"] == FINISHED) & results["fault"].notna()]


def _panels(results: pd.DataFrame, forecasts: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """One panel for each table and target."""
    from markupsafe import Markup

    each = forecasts[["table", "target"]].drop_duplicates().head(MOST_PANELS)
    for number, (table, target) in enumerate(each.itertuples(index=False)):
        ax = plot_results(results, table, target=target, legend=False)
        yield table, Markup(style.to_svg(ax, f"table{number}"))


def _coverage(results: pd.DataFrame) -> dict[str, Any] | None:
    from markupsafe import Markup

    rows = coverage_in(results)
    if rows.empty:
        return None
    groups = rows.groupby(MODEL, sort=False)
    means = groups[[*LEVELS, SCORE]].mean().assign(tables=groups.size(), cuts=groups["cuts"].sum())
    scored = rows.pivot(index="table", columns=MODEL, values="cuts").fillna(0)
    unequal = bool((scored.nunique(axis="columns") > 1).any())
    svg = style.to_svg(plot_coverage(results), "coverage")
    return {"svg": Markup(svg), "means": means.to_dict("index"), "unequal": unequal}


def _plans(results: pd.DataFrame) -> Listed:
    """Plans by table, the models for one budget beside each other."""
    if "plan_params" not in results:
        return Listed([], 0)
    rows = results[results["plan_params"].notna() & results["cut"].isna()]
    order = {table: k for k, table in enumerate(results["table"].unique())}
    keys = rows.assign(place=rows["table"].map(order), mixed=mixed_in(rows))
    return _listed(keys.sort_values(["place", "amount"], kind="stable"))


def _asset(name: str) -> str:
    return files("bayes_scaling.reporting.page").joinpath(name).read_text(encoding="utf-8")


def _say_fault(text: object) -> str:
    """Return a reason line by line, invisible characters escaped."""
    lines = str(text).strip().splitlines()
    return "\n".join(display_name(line, LONGEST_FAULT) for line in lines)


def _say_cell(value: object) -> str:
    return display_name(" ".join(wording.say_number(value).split()), LONGEST_CELL)


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "shown": display_name,
        "fault": _say_fault,
        "flop": lambda value: wording.say_flop(float(f"{value:.3g}")),
        "size": wording.say_size,
        "loss": wording.say_loss,
        "regret": wording.say_regret,
        "usd": wording.say_usd,
        "share": lambda value: wording.UNKNOWN if value != value else f"{value:.0%}",
        "score": lambda value: wording.UNKNOWN if value != value else f"{value:.2%}",
        "number": wording.say_number,
        "whole": lambda value: (
            wording.UNKNOWN if value is None or value != value else f"{value:.0f}"
        ),
        "cell": _say_cell,
    }
    environment.globals |= {"usd_column": USD}
    return environment.from_string(_asset("overview.html"))
