"""Pages of plans that keep limits, pay for serving, see tokens again; and of earlier forecasts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.plan import plan
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting.report import Report, report
from tests.reporting.conftest import BUDGETS

SERVING = bs.Serving(tokens=1e12)
LIMITS = bs.Limits(max_params=2e9)
REPETITION = bs.Repetition(5e10)
SETTINGS = {
    "limits": {"limits": LIMITS},
    "serving": {"serving": SERVING},
    "repetition": {"repetition": REPETITION},
    "data": {"limits": bs.Limits(max_tokens=2e11), "serving": SERVING},
}


@pytest.fixture(scope="module", params=SETTINGS)
def surrounded(request: pytest.FixtureRequest, fit: Fit) -> tuple[Fit, bs.Setting, Report]:
    asked = SETTINGS[request.param]
    return fit, bs.Setting(**asked), report(fit, BUDGETS, **asked)  # type: ignore[arg-type]


def test_page_says_what_allocate_and_plan_say(
    surrounded: tuple[Fit, bs.Setting, Report],
) -> None:
    fit, setting, page = surrounded
    for i, budget in enumerate(BUDGETS):
        split = bs.allocate(
            fit, [budget], cost=setting.cost, limits=setting.limits, serving=setting.serving,
            repetition=setting.repetition,
        ).robust.iloc[0]  # fmt: skip
        shown = page.numbers["allocation"][i]["plan"]
        assert shown["params"] == pytest.approx(split["params"], rel=1e-9)
        own = plan(fit, split["params"], split["tokens"], setting=setting).forecast
        told = page.numbers["forecast"][i]
        assert told["params"] == pytest.approx(split["params"], rel=1e-9)
        assert told["flops"] == budget
        middle = float(own.quantiles([0.5])[0.5].iloc[0])
        assert told["loss_new"]["q50"] == pytest.approx(middle, abs=1e-3)  # other noise
    for line in setting.describe()[1:]:
        assert line in page.page


def test_limits_and_demand_change_the_answer(fit: Fit) -> None:
    usual = report(fit, BUDGETS).numbers["forecast"][0]
    for asked in SETTINGS.values():
        told = report(fit, BUDGETS[:1], **asked).numbers["forecast"][0]  # type: ignore[arg-type]
        assert told["loss_new"]["q50"] > usual["loss_new"]["q50"]


def test_usual_page_is_that_of_a_usual_setting(fit: Fit, page: Report) -> None:
    made = report(
        fit, BUDGETS, limits=bs.Limits(), command="bayes-scaling report runs.csv --flops 1e22"
    )
    assert made.page == page.page


def test_sliders_begin_where_the_setting_is(fit: Fit) -> None:
    page = report(fit, BUDGETS[:1], **SETTINGS["data"])  # type: ignore[arg-type]
    asked = {each["name"]: each["value"] for each in page.numbers["what_if"]["sliders"]}
    assert asked["serve_tokens"] == 1e12 and asked["max_tokens"] == 2e11
    answer, split = page.numbers["what_if"]["answer"], page.numbers["allocation"][0]["plan"]
    assert answer["params"] == pytest.approx(split["params"], rel=0.02)


@pytest.mark.parametrize("name", ["limits", "repetition"])
def test_what_sliders_cannot_ask_has_none(name: str, fit: Fit) -> None:
    page = report(fit, BUDGETS[:1], **SETTINGS[name])  # type: ignore[arg-type]
    assert page.numbers["what_if"] is None and "This page has no sliders" in page.page


def test_next_run_keeps_the_limits_of_the_final_one(fit: Fit) -> None:
    found = bs.next_run(fit, 1e23, limits=LIMITS)
    assert found.plan.params == pytest.approx(2e9, rel=1e-6)
    repeated = report(fit, BUDGETS[:1], **SETTINGS["repetition"])  # type: ignore[arg-type]
    assert repeated.numbers["review"]["next"] is None
    assert "sees its tokens again" in repeated.page


def test_budget_without_a_plan_is_refused(fit: Fit) -> None:
    limits = bs.Limits(min_params=1e13, max_tokens_per_param=100.0, min_tokens_per_param=20.0)
    with pytest.raises(UsageError, match="keeps the limits"):
        report(fit, [1e22], limits=limits)


def test_fan_leaves_out_budgets_without_a_plan(fit: Fit) -> None:
    page = report(fit, [1e23], limits=bs.Limits(min_params=1e10, min_tokens_per_param=10.0))
    assert page.numbers["forecast"][0]["params"] >= 1e10


def test_registered_forecasts_stand_beside(fit: Fit) -> None:
    claim = bs.register(bs.forecast(fit, [2e22, 8e22]), date="2026-11-01", by="<b>board</b>")
    page = report(fit, BUDGETS, claims=[claim])
    rows = page.numbers["claims"]
    assert [row["flops"] for row in rows] == [2e22, 8e22]
    q = np.interp(0.5, claim.content["levels"], claim.point(0)["quantiles"])
    assert rows[0]["q50"] == pytest.approx(q)
    assert "registered before" in page.page and "&lt;b&gt;board" in page.page
    assert "<b>board" not in page.page
    assert (
        "2026-11-01" in page.page
        and page.figures["forecast"] != report(fit, BUDGETS).figures["forecast"]
    )
    other = replace(claim, content={**claim.content, "target": "accuracy"})
    ax = bs.plot_forecast(fit, bs.forecast(fit, [1e22]), claims=[claim])
    assert "forecast of 2026-11-01" in ax.get_legend_handles_labels()[1]
    ax = bs.plot_forecast(fit, bs.forecast(fit, [1e22]), claims=[other])
    assert not [each for each in ax.get_legend_handles_labels()[1] if "2026" in each]
