"""report: one page that answers what a budget buys, with everything needed to trust it."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bayes_scaling.decisions.claim import Claim
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.repetition import Repetition
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.errors import OutputError, UsageError
from bayes_scaling.files import to_json, write_bytes, write_text
from bayes_scaling.names import RUN
from bayes_scaling.reporting import style, wording
from bayes_scaling.reporting.answers import Answers, gather
from bayes_scaling.reporting.checklist import checklist
from bayes_scaling.reporting.formula import plain_formula, safe_mathml
from bayes_scaling.reporting.pdf import page_to_pdf
from bayes_scaling.reporting.pictures import pictures
from bayes_scaling.reporting.record import Numbers, record
from bayes_scaling.reporting.review import Review, around, pictures_of, record_of, with_evidence
from bayes_scaling.reporting.tables import INTERVALS, csv_safe
from bayes_scaling.reporting.what_if import WhatIf, what_if
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from jinja2 import Template

    from bayes_scaling.inference.fit import Fit

PAGE_FOLDER: Final = "bayes_scaling.reporting.page"
NAME_LENGTH: Final = 120
"""Longest run name shown on the page."""
COLUMNS: Final = ("answer", RUN, "axis", "amount", "extrapolation", "quantity", "level", "value")
"""Columns of the CSV file beside the page; `level` is empty where the value is no quantile."""


@dataclass(frozen=True)
class Report:
    """One self-contained HTML page, its figures as SVG, and every number that it shows.

    Examples
    --------
    >>> page = bs.report(fit, [1e22])
    >>> [path.name for path in page.save("report.html")]
    ['report.html', 'report.json', 'report.csv']
    >>> list(page.to_frame())[-3:]
    ['quantity', 'level', 'value']
    """

    page: str
    figures: Mapping[str, str]
    numbers: Numbers
    formula: str = ""

    def save(self, path: str | Path) -> tuple[Path, ...]:
        """Write the page to `path`, and `<stem>.json` and `<stem>.csv` beside it; return the three.

        The JSON holds `numbers`, the CSV the quantiles of forecasts and allocation in long form.
        Each file is complete or absent. Raises UsageError where `path` is one of the other two
        names, OutputError where a file cannot be written, is the run table itself, or stands there
        without a page of that name, so that it is hardly an earlier report's.
        """
        page = Path(path)
        if page.suffix.lower() in (".json", ".csv") or not page.name:
            raise UsageError(f"{page}: a report is a page; name it like report.html")
        numbers, table = page.with_suffix(".json"), page.with_suffix(".csv")
        self._spare_others(page, (numbers, table))
        return (
            write_text(page, self.page),
            write_text(numbers, to_json(self.numbers) + "\n"),
            write_text(table, _csv(self.numbers)),
        )

    def save_pdf(self, path: str | Path) -> Path:
        """Write the page as a PDF for print, without its sliders; return its path.

        Raises UsageError where Typst is not installed (`pip install 'bayes-scaling[pdf]'`) and for
        a name that does not end in .pdf, OutputError where the file cannot be written.

        Examples
        --------
        >>> bs.report(fit, [1e22]).save_pdf("report.pdf").read_bytes()[:4]
        b'%PDF'
        """
        target = Path(path)
        if target.suffix.lower() != ".pdf":
            raise UsageError(f"{target}: name it like report.pdf")
        return write_bytes(target, page_to_pdf(self.page, self.figures, self.formula))

    def _spare_others(self, page: Path, beside: tuple[Path, ...]) -> None:
        source = str(self.numbers["runs"]["source"]).split(" where ")[0]
        for target in (page, *beside):
            if source and target.exists() and target.resolve() == Path(source).resolve():
                raise OutputError(f"{target} is the run table of this report; name another page")
            if target in beside and target.exists() and not page.exists():
                raise OutputError(f"{target} stands there without {page.name}; name another page")

    def to_frame(self) -> pd.DataFrame:
        """Return quantiles of forecasts, held-out runs and allocation, one row for each."""
        return pd.DataFrame(_rows(self.numbers), columns=list(COLUMNS))


def report(
    fit: Fit,
    budgets: Sequence[float],
    *,
    cost: Cost | None = None,
    limits: Limits | None = None,
    serving: Serving | None = None,
    repetition: Repetition | None = None,
    seed: int = 0,
    command: str = "",
    intervals: Sequence[float] = INTERVALS,
    review: Review | None = None,
    claims: Sequence[Claim] = (),
) -> Report:
    """Answer what each budget buys, and show why to believe it.

    `budgets` are compute in FLOP, or amounts of the one resource of the law; `cost` is the price
    of compute (default: `Cost()`). Plans keep to `limits`, pay for `serving`, and see tokens again
    as `repetition` says, as those of `allocate`; forecasts are then those of the plans. `seed` is
    that of the noise of new runs, `command` how the report was made. `intervals` are shares of
    central intervals; the widest is in the first sentence. `review` adds how forecasts of this very
    table fared and how other laws do (see `review`), `claims` the forecasts that were registered
    before, in the picture of today's.
    Held-out runs of the fit's table are scored. Where the table cannot tell how to split a budget,
    the page says so first and forecasts along the table's own tokens per parameter.

    Returns a `Report`; equal arguments give equal bytes. Raises UsageError for budgets or
    intervals that cannot be, and for budgets that no plan within the limits can spend.

    Examples
    --------
    >>> page = bs.report(fit, [1e22])
    >>> "</html>" in page.page, page.numbers["status"] != ""
    (True, True)
    """
    if not intervals or not all(0 < share < 1 for share in intervals):
        raise UsageError(f"intervals {list(intervals)} must lie between 0 and 1, such as 0.8, 0.9")
    found = review or Review()
    setting = Setting.of(cost, limits, serving, repetition, seed)
    answers = gather(with_evidence(fit, found), budgets, setting=setting)
    asked_again = near = None
    if answers.allocation is not None:
        asked_again = what_if(answers.fit, budgets[0], setting)
        near = around(answers.fit, budgets[0], setting)
    numbers = record(answers, command=command, intervals=intervals, claims=claims)
    name, target = fit.spec.name, round(numbers["forecast"][0][numbers["new"]]["q50"], 2)
    numbers["review"] = record_of(found, near, name, target)
    numbers["what_if"] = None if asked_again is None else asked_again.record()
    numbers["checklist"] = checklist(answers)
    figures = pictures(answers, claims) | {
        key: style.to_svg(ax, key) for key, ax in pictures_of(found, near, name, target).items()
    }
    page = _render(answers, numbers, figures, asked_again)
    formula = plain_formula(fit.spec.law)
    return Report(page=page, figures=figures, numbers=numbers, formula=formula)


def _render(
    answers: Answers, numbers: Numbers, figures: Mapping[str, str], asked_again: WhatIf | None
) -> str:
    from markupsafe import Markup

    spec = answers.fit.spec
    script = draws = ""
    if asked_again is not None:
        script = _asset("what_if.js").replace("/*FORMULA*/", asked_again.formula)
        draws = json.dumps(asked_again.embedded(), allow_nan=False)
    return _template().render(
        n=numbers,
        figures={name: Markup(svg) for name, svg in figures.items()},
        css=Markup(_asset("report.css")),
        formula=Markup(safe_mathml(spec.law)),
        implicit=spec.law.implicit is not None,
        law_words=inspect.getdoc(spec.law.curve) or "",
        model_text=spec.text,
        script=Markup(script),
        script_hash=Markup(_hash(script)),
        draws=Markup(draws),
    )


def _hash(script: str) -> str:
    """What the page's content-security policy calls the one script that may run."""
    return "sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (files(PAGE_FOLDER) / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= _filters()
    return environment.from_string(_asset("report.html"))


def _filters() -> dict[str, Any]:
    return {
        "loss": wording.say_loss,
        "regret": wording.say_regret,
        "size": wording.say_size,
        "given": wording.say_given,
        "flop": wording.say_flop,
        "usd": wording.say_usd,
        "times": wording.say_times,
        "percent": wording.say_share,
        "number": wording.say_number,
        "words": wording.say_column,
        "shown": lambda text: display_name(text, NAME_LENGTH),
    }


def _csv(numbers: Numbers) -> str:
    buffer = io.StringIO(newline="")
    frame = pd.DataFrame(_rows(numbers), columns=list(COLUMNS))
    csv_safe(frame).to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()


def _rows(numbers: Numbers) -> list[tuple[Any, ...]]:
    axis = numbers["axis"]
    rows: list[tuple[Any, ...]] = []
    place: tuple[Any, ...]
    for point in numbers["forecast"]:
        place = ("forecast", "", axis, point[axis], point["extrapolation"])
        for quantity in (numbers["new"], numbers["mean"]):
            rows += [(*place, quantity, *each) for each in _levels(point[quantity])]
    for budget in numbers["allocation"]:
        place = ("", axis, budget[axis], budget["extrapolation"])
        for quantity, values in budget["optimum"].items():
            rows += [("optimum", *place, quantity, *each) for each in _levels(values)]
        rows += [("plan", *place, name, None, value) for name, value in budget["plan"].items()]
    for run in (numbers["held_out"] or {"rows": []})["rows"]:
        place = ("held out", run[RUN], axis, run.get(axis), run["extrapolation"])
        new = numbers["new"]
        rows += [(*place, new, *each) for each in _levels(run[new])]
        rows.append((*place, "observed", None, run["observed"]))
    return rows


def _levels(values: Mapping[str, float]) -> list[tuple[float, float]]:
    """Return level and value of quantiles that are named q05 and the like."""
    return [(float(f"0.{name[1:]}"), value) for name, value in values.items()]
