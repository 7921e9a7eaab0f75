"""`forecast`, `allocate`, `show` and `report` on hand-made fits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.decisions.allocation import allocate
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.inference.store import load_fit

from .conftest import Cli


def test_forecast_gives_the_numbers_of_the_library(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "fit.nc", "--flops", "1e22", "--seed", 3, "--json")
    assert (ran.code, ran.json["status"]) == (0, "ok")
    point = ran.json["result"]["points"][0]
    expected = forecast(load_fit(folder / "fit.nc"), [1e22], seed=3)
    assert point["loss_new_q05"] == expected.quantiles([0.05])[0.05][0]
    assert point["loss_mean_q90"] == expected.quantiles([0.9], of="loss_mean")[0.9][0]
    assert point["params_q50"] == float(np.median(expected.draws["params"]))
    assert ran.err == ""


def test_forecast_of_one_run(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "fit.nc", "--params", "7B", "--tokens", "140B tokens")
    assert ran.code == 0
    assert "7B" in ran.out
    assert "140B" in ran.out
    assert "90%" in ran.out


def test_forecast_of_a_plan_keeps_its_order_and_names(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "fit.nc", "--at", folder / "plan.csv", "--csv")
    frame = pd.read_csv(io.StringIO(ran.out))
    assert frame["params"].tolist() == [7e10, 1e10]
    assert frame["run"].tolist() == ["'=cmd", "b|<i>"]
    markdown = cli("forecast", folder / "fit.nc", "--at", folder / "plan.csv", "--md")
    assert "b\\|&lt;i&gt;" in markdown.out
    assert len(markdown.out.splitlines()) == 4


def test_intervals_that_are_asked_for(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "fit.nc", "--flops", "1e22", "--interval", "0.5", "--csv")
    columns = pd.read_csv(io.StringIO(ran.out)).columns
    assert [c for c in columns if c.startswith("loss_new")] == [
        "loss_new_q25", "loss_new_q50", "loss_new_q75",
    ]  # fmt: skip


def test_beyond_the_horizon_is_exit_1_with_the_answer(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "fit.nc", "--flops", "1e29")
    assert ran.code == 1
    assert "1e29" in ran.out
    assert "X001" in ran.err
    as_json = cli("forecast", folder / "fit.nc", "--flops", "1e29", "--json")
    assert (as_json.code, as_json.json["status"]) == (1, "fail")
    assert as_json.json["result"]["points"][0]["loss_new_q50"] > 1
    assert as_json.json["result"]["findings"][0]["code"] == "X001"


def test_forecast_of_a_one_resource_law(cli: Cli, folder: Path) -> None:
    for option in ("--amount", "--tokens"):
        ran = cli("forecast", folder / "tokens.nc", option, "1T", "--json")
        assert ran.code == 0
        assert ran.json["result"]["points"][0]["tokens"] == 1e12


def test_forecast_of_a_fit_on_one_ray(cli: Cli, folder: Path) -> None:
    refused = cli("forecast", folder / "ray.nc", "--flops", "1e22")
    assert refused.code == 1
    assert "I001" in refused.err
    assert cli("forecast", folder / "ray.nc", "--params", "7B", "--tokens", "140B").code == 0


def test_the_table_is_written_too_and_not_twice(cli: Cli, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.csv"
    line = ["forecast", folder / "fit.nc", "--at", folder / "plan.csv", "-o", out]
    assert cli(*line).code == 0
    written = out.read_text()
    assert "'=cmd" in written
    again = cli(*line)
    assert again.code == 6
    assert "exists" in again.err
    assert cli(*line, "--force").code == 0
    assert out.read_text() == written


def test_allocate_gives_the_numbers_of_the_library(cli: Cli, folder: Path) -> None:
    ran = cli("allocate", folder / "fit.nc", "--flops", "1e22", "--json")
    assert ran.code == 0
    row = ran.json["result"]["budgets"][0]
    expected = allocate(load_fit(folder / "fit.nc"), [1e22])
    assert row["plan_params"] == expected.robust["params"][0]
    assert row["plan_regret_mean"] == expected.robust["regret_mean"][0]
    assert row["optimum_tokens_q95"] == expected.quantiles([0.95], of="tokens")[0.95][0]


def test_a_budget_in_money(cli: Cli, folder: Path) -> None:
    price = ["--usd-per-hour", "2", "--peak", "1e15", "--mfu", "0.5"]
    ran = cli("allocate", folder / "fit.nc", "--usd", "10k", *price, "--json")
    row = ran.json["result"]["budgets"][0]
    assert row["usd"] == pytest.approx(1e4)
    assert row["flops"] == pytest.approx(1e4 / Cost(2, 1e15, 0.5).usd(1.0))
    assert "2 USD per GPU-hour" in ran.json["result"]["cost"]


def test_allocate_as_text(cli: Cli, folder: Path) -> None:
    ran = cli("allocate", folder / "fit.nc", "--flops", "1e22")
    assert "regret" in ran.out
    assert "$" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_show(cli: Cli, folder: Path) -> None:
    ran = cli("show", folder / "fit.nc")
    assert ran.code == 0
    assert "gamma_C" in ran.out
    assert "data_digest" in ran.out
    as_json = cli("show", folder / "fit.nc", "--json").json["result"]
    assert {row["name"] for row in as_json["summary"]} >= {"alpha", "A_at_1"}
    assert "\\alpha" in as_json["model"]["formula_latex"]
    assert "alpha" in cli("show", folder / "fit.nc", "--csv").out


def test_report_of_a_fit(cli: Cli, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    line = ["report", folder / "fit.nc", "--flops", "1e22", "-o", page]
    ran = cli(*line)
    assert ran.code == 0
    assert "At 1e22 FLOP: loss" in ran.out
    assert "Held-out runs" in ran.out
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert page.with_suffix(".csv").exists()
    assert numbers["status"] != "fail"
    again = cli(*line, "--json")
    assert again.code == 6
    forced = cli(*line, "--json", "--force", "--quiet")
    assert forced.json["result"]["forecast"][0]["loss_new"] == numbers["forecast"][0]["loss_new"]
    assert forced.err == ""


def test_report_exit_codes(cli: Cli, folder: Path, tmp_path: Path) -> None:
    far = cli("report", folder / "fit.nc", "--flops", "1e28", "-o", tmp_path / "far.html")
    unmixed = cli("report", folder / "unmixed.nc", "--flops", "1e22", "-o", tmp_path / "u.html")
    ray = cli("report", folder / "ray.nc", "--flops", "1e22", "-o", tmp_path / "ray.html")
    assert (far.code, unmixed.code, ray.code) == (1, 1, 1)
    assert "X001" in far.err
    assert "R-hat" in unmixed.err
    assert "I001" in ray.err
    assert (tmp_path / "ray.html").exists()


def test_report_of_a_one_resource_law(cli: Cli, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    ran = cli("report", folder / "tokens.nc", "--amount", "1T", "-o", page)
    assert ran.code in (0, 1)
    assert "1T tokens" in ran.out
    assert page.exists()
