"""`compare` and `diff`: the numbers of the library, words first, exit codes, 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.evaluation.moved import moved
from bayes_scaling.specs.spec import load_model

from .conftest import Cli, make_fit, table


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two fits of one table, one of them worse; a later fit to more runs; one that did not mix."""
    root = tmp_path_factory.mktemp("comparison")
    spec, frame = load_model("chinchilla-plain"), table()
    good = make_fit(spec, frame)
    good.save(root / "good.nc")
    replace(good, posterior=good.posterior.assign(alpha=1.1 * good.posterior["alpha"])).save(
        root / "worse.nc"
    )
    more = frame.tail(3).assign(run=["=x", "y", "z"], params=3e10)
    make_fit(spec, pd.concat([frame, more], ignore_index=True)).save(root / "later.nc")
    replace(good, provenance={**good.provenance, "worst_rhat": 1.3}).save(root / "unmixed.nc")
    return root


def test_compare_gives_the_numbers_of_the_library(cli: Cli, files: Path, tmp_path: Path) -> None:
    paths = (files / "good.nc", files / "worse.nc")
    line = ("compare", *paths, "--no-exact")
    expected = bs.compare({path.stem: bs.load_fit(path) for path in paths}, exact=False)
    ran = cli(*line, "-o", tmp_path / "out.csv", "--json")
    assert (ran.code, ran.json["command"]) == (0, "compare")
    result = ran.json["result"]
    assert result["sentence"] == expected.sentence
    assert [row["model"] for row in result["models"]] == list(expected.table.index)
    assert result["models"][1]["elpd_diff"] == pytest.approx(expected.table["elpd_diff"].iloc[1])
    assert result["weights"]["good"] == pytest.approx(expected.weights["good"])
    assert len(result["pointwise"]["score"]["worse"]) == len(result["pointwise"]["run"]) == 25
    assert result["files"] == [str(tmp_path / "out.csv")]
    written = (tmp_path / "out.csv").read_text()
    assert cli(*line, "--csv").out == written
    assert list(pd.read_csv(io.StringIO(written))["rank"]) == [1, 2]
    assert cli(*line, "-o", tmp_path / "out.csv").code == 6


def test_compare_says_the_verdict_first_and_what_to_do_last(cli: Cli, files: Path) -> None:
    ran = cli("compare", files / "worse.nc", files / "good.nc", "--no-exact")
    assert ran.out.startswith("good explains the 25 runs best")
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert "n < 100: standard errors" in ran.out
    assert ran.err.rstrip().splitlines()[-1].startswith("next: bayes-scaling forecast ")
    assert "good.nc --flops" in ran.err


def test_compare_exit_codes(cli: Cli, files: Path) -> None:
    ran = cli("compare", files / "good.nc", files / "unmixed.nc", "--no-exact")
    assert ran.code == 1
    assert "the chains did not mix: R-hat 1.300" in ran.err
    other = cli("compare", files / "good.nc", files / "later.nc", "--json")
    assert (other.code, other.json["status"]) == (2, "error")
    assert "run 'y' only in later" in other.json["error"]["message"]


def test_diff_gives_the_numbers_of_the_library(cli: Cli, files: Path) -> None:
    old, new = files / "good.nc", files / "later.nc"
    expected = moved(bs.load_fit(old), bs.load_fit(new))
    ran = cli("diff", old, new, "--json")
    assert (ran.code, ran.json["status"]) == (0, "ok")
    result = ran.json["result"]
    assert result["sentence"] == expected.sentence
    assert "3 runs were added" in result["sentence"]
    assert [row["run"] for row in result["rows"]] == ["=x", "y", "z"]
    assert result["forecast"][1]["new_q50"] == pytest.approx(expected.forecast["new_q50"].iloc[1])
    assert {row["name"] for row in result["parameters"]} >= {"L_inf", "A", "A_at_1"}
    asked = cli("diff", old, new, "--flops", "1e24", "--json").json["result"]["forecast"]
    assert [row["amount"] for row in asked] == [1e24]


def test_diff_as_text_and_csv(cli: Cli, files: Path) -> None:
    line = ("diff", files / "good.nc", files / "later.nc")
    ran = cli(*line)
    assert ran.out.startswith("3 runs were added, the largest at ")
    assert "added: =x" in ran.out
    assert all(len(text) <= 80 for text in ran.out.splitlines())
    assert "next: bayes-scaling forecast" in ran.err and "later.nc" in ran.err
    frame = pd.read_csv(io.StringIO(cli(*line, "--csv").out))
    assert set(frame["kind"]) == {"parameter", "forecast"}
    worse = cli("diff", files / "good.nc", files / "unmixed.nc")
    assert worse.code == 1 and "R-hat 1.300" in worse.err


def test_a_law_of_ones_own_is_compared(cli: Cli, folder: Path) -> None:
    """`mine.nc` holds all rows, `fit.nc` holds two out: the law is found, then the rows differ."""
    ran = cli(
        "compare", folder / "fit.nc", folder / "mine.nc", "--law", f"{folder / 'mine.py'}:mine"
    )
    assert ran.code == 2
    assert "run 'run-23' only in mine" in ran.err


@pytest.mark.slow
def test_models_are_fitted_to_a_table_and_compared(cli: Cli, folder: Path) -> None:
    line = ("-m", "chinchilla-plain", "-m", "kaplan-plain", "--draws", "500", "--json")
    ran = cli("compare", folder / "runs.csv", *line)
    assert ran.code == 0
    assert ran.json["result"]["models"][0]["model"] == "chinchilla-plain"
    assert "leaving out runs of kaplan-plain" in ran.err
