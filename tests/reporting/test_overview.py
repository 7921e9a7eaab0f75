"""The page on a batch: failures first, everything escaped, every table drawn up to a limit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.reporting.overview import MOST_PANELS, overview_page

AMOUNTS = (1e22, 1e23)


def results(tables: int, models: list[str], cuts: tuple[float | None, ...] = (None, 0.6)) -> Any:
    rng, rows = np.random.default_rng(0), []
    for table in range(tables):
        for model in models:
            for cut in cuts:
                own: dict[str, Any] = {"table": f"<i>t{table}</i>", "model": model, "cut": cut}
                own |= {"status": "done", "worst_rhat": 1.0, "worst_ess": 900.0, "fault": None}
                own |= {"id": "abc", "question": "forecast"}
                own |= {"inside50": 0.5, "inside90": 0.8} if cut else {}
                for amount in AMOUNTS:
                    q = float(2.4 + 0.02 * rng.standard_normal())
                    ends = {"loss_new_q05": q - 0.1, "loss_new_q50": q, "loss_new_q95": q + 0.1}
                    rows.append({**own, "amount": amount, **ends})
    return pd.DataFrame(rows)


def failed(fault: str) -> pd.DataFrame:
    row = {"table": "bad.csv", "model": "a", "cut": None, "status": "failed", "question": ""}
    return pd.DataFrame([{**row, "fault": fault, "id": "f00"}])


def test_failures_come_first_and_nothing_is_markup() -> None:
    frame = pd.concat([results(2, ["a", "b"]), failed("<script>alert(1)</script>")])
    frame.loc[frame["model"] == "b", "worst_rhat"] = 1.2
    page = overview_page(frame, "<b>study</b>")
    assert "<script" not in page and "<i>t0" not in page and "<b>study" not in page
    places = [page.index(words) for words in (
        "9 tasks: 8 done, 1 failed, 0 not run", ">Failed<", "&lt;script&gt;", "tasks/f00/log.txt",
        "Chains did not mix", "Tasks by model", ">Forecasts<", "Did such forecasts hold",
    )]  # fmt: skip
    assert places == sorted(places)
    assert len(re.findall("<svg", page)) == 3
    assert page.count("R-hat 1.200") == 4


def test_nothing_but_failures() -> None:
    page = overview_page(failed("no column loss"))
    assert "1 tasks: 0 done, 1 failed" in page and "No forecast was asked" in page
    assert "No cut was asked" in page and "<svg" not in page


def test_many_tables_are_counted_not_drawn() -> None:
    page = overview_page(results(MOST_PANELS + 3, ["a"], (None,)))
    assert len(re.findall("<svg", page)) == MOST_PANELS and "3 more tables are in" in page


def test_plots_of_a_batch() -> None:
    frame = results(2, ["a", "b"])
    ax = bs.plot_results(frame, "<i>t1</i>")
    own = frame[(frame["table"] == "<i>t1</i>") & frame["cut"].isna() & (frame["model"] == "b")]
    drawn = [float(y) for _, y in ax.collections[3].get_offsets()]  # type: ignore[union-attr]
    assert drawn == pytest.approx(own["loss_new_q50"].tolist())
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1e22", "1e23"]
    axes = bs.plot_coverage(frame)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    with pytest.raises(UsageError, match="no forecast for the table"):
        bs.plot_results(frame, "absent")
    with pytest.raises(UsageError, match="no cut was asked"):
        bs.plot_coverage(results(1, ["a"], (None,)))
