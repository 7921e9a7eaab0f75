"""`multiplier`, and `--group` of forecasts and budgets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from tests.conftest import make_grouped_fit

from .conftest import Cli


@pytest.fixture(scope="module")
def fit_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_grouped_fit(floor_of_c=1.1).save(tmp_path_factory.mktemp("groups") / "fit.nc")


def test_multiplier_gives_the_numbers_of_the_library(cli: Cli, fit_file: Path) -> None:
    asked = ("multiplier", fit_file, "a", "--than", "b", "--flops", "1e20", "--flops", "1e22")
    ran = cli(*asked, "--json")
    assert (ran.code, ran.json["command"], ran.json["status"]) == (0, "multiplier", "ok")
    rows = ran.json["result"]["budgets"]
    assert [row["amount"] for row in rows] == [1e20, 1e22]
    assert rows[1]["multiplier_q50"] == pytest.approx(2.0)
    assert "b needs 2 times the compute of a (90%: 2 to 2)" in cli(*asked).out
    frame = pd.read_csv(io.StringIO(cli(*asked, "--csv").out))
    assert list(frame) == [
        "amount", "multiplier_q05", "multiplier_q10", "multiplier_q50", "multiplier_q90",
        "multiplier_q95", "out_of_reach",
    ]  # fmt: skip


def test_multiplier_out_of_reach_is_said(cli: Cli, fit_file: Path) -> None:
    ran = cli("multiplier", fit_file, "a", "--than", "c", "--flops", "1e26")
    assert ran.code == 0 and "no compute is enough with probability 1" in ran.out
    found = cli("multiplier", fit_file, "a", "--than", "c", "--flops", "1e26", "--json").json
    assert found["result"]["budgets"][0]["out_of_reach"] == 1.0
    assert found["result"]["budgets"][0]["multiplier_q50"] is None


def test_questions_to_groups_that_cannot_be_answered(
    cli: Cli, fit_file: Path, folder: Path
) -> None:
    for words, line in {
        "no group 'd'": ("multiplier", fit_file, "a", "--than", "d", "--flops", "1e22"),
        "name a budget": ("multiplier", fit_file, "a", "--than", "b"),
        "varies by group": ("multiplier", folder / "fit.nc", "a", "--than", "b", "--flops", "1e22"),
        "--group NAME": ("forecast", fit_file, "--flops", "1e22"),
        "a, b, c": ("allocate", fit_file, "--flops", "1e22"),
        "has no groups": ("allocate", folder / "fit.nc", "--flops", "1e22", "--group", "a"),
    }.items():
        ran = cli(*line)
        assert ran.code == 2 and words in ran.err, line


def test_answers_of_one_group(cli: Cli, fit_file: Path) -> None:
    one = bs.load_fit(fit_file).at_group("b")
    found = cli("allocate", fit_file, "--flops", "1e21", "--group", "b", "--json").json["result"]
    assert found["group"] == "b"
    assert found["budgets"][0]["plan_params"] == bs.allocate(one, [1e21]).robust["params"][0]
    ran = cli("forecast", fit_file, "--flops", "1e21", "--group", "new")
    assert ran.code == 0 and "group new" in ran.out


def test_a_plan_may_name_groups(cli: Cli, fit_file: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text("params,tokens,group\n1B,20B,b\n1B,20B,a\n")
    frame = pd.read_csv(io.StringIO(cli("forecast", fit_file, "--at", plan, "--csv").out))
    assert frame["group"].tolist() == ["b", "a"]
    assert np.diff(frame["loss_mean_q50"])[0] < 0
    assert "group" in cli("forecast", fit_file, "--at", plan).out
