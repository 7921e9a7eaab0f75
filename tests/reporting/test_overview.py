"""The page on a batch: failures first, everything escaped, every table drawn up to a limit."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.checks import MAX_RHAT, MIN_ESS
from bayes_scaling.reporting import style
from bayes_scaling.reporting.overview import MOST_LISTED, MOST_PANELS, overview_page
from bayes_scaling.reporting.plots_batch import coverage_in, mixed_in

AMOUNTS = (1e22, 1e23)
PLAN: dict[str, Any] = {
    "question": "allocation",
    "amount": 1e23,
    "usd": 7.1e4,
    "plan_params": 1.3e10,
}
PLAN |= {"plan_tokens": 1.3e12, "plan_loss": 2.01, "plan_regret_mean": 0.0031}


def results(
    tables: int,
    models: list[str],
    cuts: tuple[float | None, ...] = (None, 0.6),
    target: str = "loss",
) -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for model in models:
        for table in range(tables):
            for cut in cuts:
                own: dict[str, Any] = {"table": f"<i>t{table}</i>", "model": model, "cut": cut}
                own |= {"status": "done", "worst_rhat": 1.0, "worst_ess": 900.0, "fault": None}
                own |= {"id": f"{model}{table}{cut}"}
                score = {"inside50": 0.5, "inside90": 0.8, "interval_score90": 0.02}
                own |= score if cut else {}
                for amount in AMOUNTS:
                    q = float(2.4 + 0.02 * rng.standard_normal())
                    ends = {"q05": q - 0.1, "q50": q, "q95": q + 0.1}
                    new = {f"{target}_new_{end}": value for end, value in ends.items()}
                    rows.append({**own, "question": "forecast", "amount": amount, **new})
    return pd.DataFrame(rows)


def unfinished(status: str, fault: str, count: int = 1, table: str = "bad.csv") -> pd.DataFrame:
    row = {"table": table, "model": "a", "cut": None, "status": status, "question": ""}
    return pd.DataFrame([{**row, "fault": fault, "id": f"f{k}"} for k in range(count)])


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_failures_come_first_and_nothing_is_markup() -> None:
    parts = [results(2, ["a", "b"]), unfinished("failed", "<script>alert(1)</script>\u202e")]
    frame = pd.concat([*parts, unfinished("not run", "", table="late.csv")], ignore_index=True)
    frame.loc[frame["model"] == "b", "worst_rhat"] = 1.2
    asked = frame.iloc[[0]].assign(question="allocation", fault="E002: <b>no</b>")
    frame = pd.concat([frame, asked, frame.iloc[[4]].assign(**PLAN)])
    page = overview_page(frame, "<b>study</b>")
    assert not re.search("<script|<i>t0|<b>|\u202e|https?://(?!www.w3.org)", page)
    places = [page.index(words) for words in (
        "10 tasks: 8 done, 1 failed, 1 not run", ">Failed: 1<", "&lt;script&gt;", "\\u202e",
        'href="tasks/f0/log.txt"', ">Not run: 1<", "late.csv", ">Chains did not mix",
        ">Questions without an answer: 1<", "E002: &lt;b&gt;", ">Tasks by model<", ">Forecasts<",
        ">Did such forecasts hold?<", ">Plans<", "13B", "$71k", ">All results<",
        'href="summary.csv"',
    )]  # fmt: skip
    assert places == sorted(places)
    assert len(re.findall("<svg", page)) == 3
    assert page.count("R-hat 1.2,") == 4 and "hollow where the chains did not mix" in page


def test_tasks_add_up_by_model() -> None:
    parts = [results(2, ["a", "b"]), unfinished("failed", "x", 2)]
    parts.append(unfinished("not run", "", 3, table="late.csv"))
    words = words_of(overview_page(pd.concat(parts)))
    assert "model done failed not run all a 4 2 3 9 b 4 0 0 4 all models 8 2 3 13" in words


def test_a_failed_table_hides_behind_no_other_of_its_name() -> None:
    frame = pd.concat([results(1, ["a"]), unfinished("failed", "no loss", table="<i>t0</i>")])
    assert "3 tasks: 2 done, 1 failed" in overview_page(frame)


def test_nothing_but_failures() -> None:
    page = overview_page(unfinished("failed", "no column loss"))
    assert "1 task: 0 done, 1 failed" in page and "No forecast was asked" in page
    assert "No cut was asked" in page and "<svg" not in page and ">Plans<" not in page
    page = overview_page(unfinished("failed", "no column loss").assign(cut=0.6))
    assert "No cut was asked" not in page and "Cuts were asked, and none was scored" in page


def test_what_is_left_out_is_counted() -> None:
    drawn = overview_page(results(MOST_PANELS + 3, ["a"], (None,)))
    assert len(re.findall("<svg", drawn)) == MOST_PANELS and "3 more tables are in" in drawn
    page = overview_page(unfinished("failed", "no column loss", MOST_LISTED + 7))
    assert f"Failed: {MOST_LISTED + 7}" in page and "And 7 more in" in page
    assert page.count('/log.txt">') == MOST_LISTED


def test_forty_tables_six_models_five_cuts_are_fast() -> None:
    frame = results(40, list("abcdef"), (None, 0.3, 0.5, 0.6, 0.7, 0.8))
    start = time.process_time()
    page = overview_page(frame)
    assert time.process_time() - start < 5
    assert len(re.findall("<svg", page)) == 41


def test_every_target_is_drawn() -> None:
    shares = results(1, ["b"], (None,), "accuracy").assign(table="tasks.csv")
    frame = pd.concat([results(1, ["a"], (None,)), shares], ignore_index=True)
    page = overview_page(frame)
    assert "forecasts for tasks.csv" in page and len(re.findall("<svg", page)) == 2
    assert bs.plot_results(frame, "tasks.csv").get_ylabel() == "accuracy [share of items]"
    assert bs.plot_results(frame, "<i>t0</i>").get_ylabel() == "loss [nats/token]"


def test_amounts_of_other_resources_stand_side_by_side() -> None:
    frame = results(1, ["a"], (None,))
    other = frame.assign(model="b", amount=[7e9, 7e10])
    ax = bs.plot_results(pd.concat([frame, other], ignore_index=True), "<i>t0</i>")
    shown = [text.get_text() for text in ax.get_xticklabels()]
    assert shown == ["7e9", "7e10", "1e22", "1e23"]


def test_mixed_is_what_the_checks_say_and_no_number_is_not() -> None:
    frame = results(4, ["a"], (None,)).drop_duplicates("table")
    frame["worst_rhat"] = [MAX_RHAT, MAX_RHAT + 0.001, np.nan, 1.0]
    frame["worst_ess"] = [MIN_ESS, 900.0, 900.0, MIN_ESS - 1]
    assert mixed_in(frame).tolist() == [True, False, False, False]
    assert mixed_in(unfinished("failed", "x")).tolist() == [True]


def test_a_model_looks_the_same_where_another_failed() -> None:
    frame = results(2, ["a", "b"], (None,))
    frame = frame[~((frame["model"] == "a") & (frame["table"] == "<i>t1</i>"))]
    ax = bs.plot_results(frame, "<i>t1</i>")
    edges = [np.asarray(each.get_edgecolor()) for each in ax.collections]
    colors = {to_hex(tuple(color[:3])) for edge in edges for color in edge}
    assert colors == {style.ORANGE.lower()}


def test_plots_of_a_batch() -> None:
    frame = results(2, ["a", "b"])
    ax = bs.plot_results(frame, "<i>t1</i>")
    own = frame[(frame["table"] == "<i>t1</i>") & frame["cut"].isna() & (frame["model"] == "b")]
    dots = [np.asarray(each.get_offsets()) for each in ax.collections]
    drawn = [each[:, 1].tolist() for each in dots if len(each) == 2]
    assert drawn[-1] == pytest.approx(own["loss_new_q50"].tolist())
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1e22", "1e23"]
    axes = bs.plot_coverage(frame)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    with pytest.raises(UsageError, match="no forecast for the table"):
        bs.plot_results(frame, "absent")
    with pytest.raises(UsageError, match="no cut was asked"):
        bs.plot_coverage(results(1, ["a"], (None,)))


def test_coverage_is_the_mean_over_tables_of_the_mean_over_cuts() -> None:
    frame = results(2, ["a", "b"], (None, 0.6, 0.8))
    one = (frame["table"] == "<i>t0</i>") & (frame["model"] == "a")
    frame.loc[one & (frame["cut"] == 0.8), "inside90"] = 0.4
    frame = frame[~((frame["table"] == "<i>t1</i>") & (frame["cut"] == 0.8))]
    rows = coverage_in(frame).set_index(["model", "table"])
    assert rows.loc[("a", "<i>t0</i>"), "inside90"] == pytest.approx(0.6)
    assert rows["cuts"].tolist() == [2, 1, 2, 1]
    words = words_of(overview_page(frame))
    assert "a 2 3 50% 70% 2.00% b 2 3 50% 80% 2.00%" in words
    assert "different tables or cuts" not in words
    fewer = frame[~((frame["model"] == "b") & (frame["table"] == "<i>t1</i>"))]
    assert "Models were scored on different tables or cuts" in overview_page(fewer)


def test_an_axis_that_all_amounts_share_is_named() -> None:
    plain = results(1, ["a"])
    table = str(plain["table"].iloc[0])
    assert bs.plot_results(plain, table).get_xlabel() == "amount asked"
    named = bs.plot_results(plain.assign(axis="tokens"), table)
    assert named.get_xlabel() == style.axis_label("tokens")
    mixed = plain.assign(axis=["tokens", "flops"] * (len(plain) // 2))
    assert bs.plot_results(mixed, table).get_xlabel() == "amount asked"
