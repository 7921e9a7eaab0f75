"""Overview: one page on a batch: what failed first, then forecasts, coverage and plans."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.checks import MAX_RHAT, MIN_ESS, WORST_ESS, WORST_RHAT
from bayes_scaling.names import MODEL, USD
from bayes_scaling.reporting import style, wording
from bayes_scaling.reporting.plots_batch import forecasts_in, plot_coverage, plot_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from jinja2 import Template

MOST_PANELS: Final = 48
"""Tables that are drawn; the summary has all."""
MOST_LISTED: Final = 200


def overview_page(results: pd.DataFrame, title: str = "Batch") -> str:
    """Return the HTML page on a batch, self-contained, from what `read_results` gives.

    Failures first; then what was done by model, each table's forecasts, how intervals held below
    the cuts, and plans.
    """
    from markupsafe import Markup

    tasks = results.drop_duplicates(["table", MODEL, "cut"])
    drawn = list(forecasts_in(results)["table"].unique())
    panels = []
    for number, table in enumerate(drawn[:MOST_PANELS]):
        svg = style.to_svg(plot_results(results, table), f"table{number}")
        panels.append((table, Markup(svg)))
    try:
        coverage: Any = Markup(style.to_svg(plot_coverage(results), "coverage"))
    except UsageError:
        coverage = None
    return _template().render(
        title=title,
        css=Markup(_asset("report.css")),
        counts=tasks.groupby([MODEL, "status"], sort=False).size().unstack(fill_value=0),
        total=tasks["status"].value_counts().to_dict(),
        tasks=len(tasks),
        failed=_listed(tasks[tasks["status"] == "failed"]),
        waiting=_listed(tasks[tasks["status"] == "not run"]),
        unmixed=_listed(_unmixed(tasks)),
        unanswered=_listed(_unanswered(results)),
        panels=panels,
        more=len(drawn) - len(panels),
        coverage=coverage,
        plans=list(_plans(results)),
    )


def _listed(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    return rows.head(MOST_LISTED).to_dict("records")


def _unmixed(tasks: pd.DataFrame) -> pd.DataFrame:
    if not {WORST_RHAT, WORST_ESS} <= set(tasks):
        return tasks.iloc[:0]
    return tasks[(tasks[WORST_RHAT] > MAX_RHAT) | (tasks[WORST_ESS] < MIN_ESS)]


def _unanswered(results: pd.DataFrame) -> pd.DataFrame:
    if "fault" not in results:
        return results.iloc[:0]
    return results[(results["status"] == "done") & results["fault"].notna()]


def _plans(results: pd.DataFrame) -> Iterator[Sequence[str]]:
    if "plan_params" not in results:
        return
    rows = results[results["plan_params"].notna() & results["cut"].isna()]
    for row in rows.head(MOST_LISTED).to_dict("records"):
        yield (
            str(row["table"]),
            str(row[MODEL]),
            wording.say_flop(float(f"{row['amount']:.3g}")),
            wording.say_size(row["plan_params"]),
            wording.say_size(row["plan_tokens"]),
            wording.say_loss(row["plan_loss"]),
            wording.say_regret(row["plan_regret_mean"]),
            wording.say_usd(row[USD]),
        )


def _asset(name: str) -> str:
    return files("bayes_scaling.reporting.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset("overview.html"))
