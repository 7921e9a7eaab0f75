"""The verb `backtest`, on hand-made posteriors in place of sampling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.evaluation import refit
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec
from tests.conftest import make_fit

from .conftest import TRUTH, Cli

LAW = {name: TRUTH[name] for name in ("L_inf", "A", "alpha", "B", "beta")}


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Posteriors around the truth of the table; those of kaplan-plain foresee too low a loss."""

    def sample(spec: ModelSpec, runs: Runs, *, seed: int, progress: Any, **_: Any) -> Fit:
        progress(f"sampling {spec.name}", 0.0)
        low = 0.9 if spec.name == "kaplan-plain" else 1.0
        fit = make_fit("chinchilla-plain", {**LAW, "L_inf": low * LAW["L_inf"]}, runs)
        return replace(fit, spec=replace(fit.spec, name=spec.name))

    monkeypatch.setattr(refit, "sample", sample)


def test_the_verdict_comes_first_within_80_columns(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = cli("backtest", folder / "runs.csv", "-m", "chinchilla-plain", "--cut", 0.6)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("chinchilla-plain: 90% intervals held ")
    assert lines[0].endswith(" of 10 forecasts of larger runs")
    assert lines[1].startswith("10 larger runs, up to ")
    assert lines[1].endswith("the largest fitted one; 1 cut, 15 runs fitted")
    assert "in 90%" in ran.out and "1-3x" in ran.out
    assert max(map(len, lines)) <= 80
    assert "cut 1/1: sampling chinchilla-plain" in ran.err
    assert f"bayes-scaling fit {folder}/runs.csv --model chinchilla-plain -o fit.nc" in ran.err


def test_json_holds_scores_rows_and_what_was_skipped(cli: Cli, folder: Path) -> None:
    options = ["-m", "chinchilla-plain", "-m", "skaling-plain", "--cut", 0.1, "--cut", "1e20 FLOP"]
    ran = cli("backtest", folder / "runs.csv", *options, "--json", "-q")
    assert (ran.code, ran.err) == (0, "")
    found = ran.json["result"]
    assert found["models"] == ["chinchilla-plain", "skaling-plain", "average"]
    assert (found["axis"], found["target"]) == ("flops", "loss")
    rows = pd.DataFrame(found["rows"])
    assert set(rows["cut"]) == {1e20} and rows["cut_quantile"].isna().all()
    assert {"run", "ratio", "observed", "q05", "inside90", "wis", "crps", "pit"} <= set(rows)
    assert len(found["skipped"]) == 2 and "fewer than 8" in found["skipped"][0]["reason"]
    assert {each["model"] for each in found["scores"]} == set(found["models"])
    assert found["checks"]["verdict"] == "ok"
    assert found["provenance"]["cuts"][1] == 1e20


def test_intervals_that_miss_are_exit_1(cli: Cli, folder: Path) -> None:
    ran = cli("backtest", folder / "runs.csv", "-m", "kaplan-plain")
    assert ran.code == 1
    assert "kaplan-plain: 90% intervals held 0 of " in ran.out
    assert "FAIL coverage of 90% intervals (kaplan-plain): 0 of " in ran.err
    assert "bayes-scaling models lists other laws" in ran.err
    both = cli("backtest", folder / "runs.csv", "-m", "kaplan-plain", "-m", "chinchilla-plain")
    assert both.code == 1
    assert "--model chinchilla-plain -o fit.nc" in both.err


def test_scored_runs_are_written(cli: Cli, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    line = ["backtest", folder / "runs.csv", "-m", "chinchilla-plain", "-o", out]
    ran = cli(*line)
    assert ran.code == 0 and f"wrote {out}" in ran.out
    table = pd.read_csv(out)
    assert np.isfinite(table[["ratio", "observed", "q50", "wis"]]).all(axis=None)
    assert cli(*line).code == 6
    assert cli(*line, "--force").code == 0


def test_nothing_to_score_is_exit_1_with_every_reason(cli: Cli, folder: Path) -> None:
    ran = cli("backtest", folder / "runs.csv", "-m", "chinchilla-plain", "--cut", 0.1)
    assert ran.code == 1
    assert "nothing could be backtested" in ran.err
    assert "runs to fit, fewer than 8: cut higher, or add smaller runs" in ran.err


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("runs.csv", 2, "name a model with --model"),
        ("runs.csv -m chinchila-plain", 2, "did you mean 'chinchilla-plain'"),
        ("runs.csv -m chinchilla-plain --cut 0", 2, "a quantile between 0 and 1"),
        ("runs.csv -m chinchilla-plain --cut -0.5", 2, "a quantile between 0 and 1"),
        ("runs.csv -m chinchilla-plain --cut nan", 2, "a quantile between 0 and 1"),
        ("runs.csv -m chinchilla-plain --cut half", 2, "flops 'half'"),
        ("runs.csv -m chinchilla-plain --cut 1e20tokens", 2, "flops '1e20tokens'"),
        ("runs.csv -m chinchilla-plain -m chinchilla-plain", 2, "each once"),
        ("runs.csv -m power-floor-plain", 2, "choose one, with --resource"),
        ("runs.csv -m chinchilla-plain -o rows.txt", 2, "ending in .csv"),
        ("fit.nc -m chinchilla-plain", 3, ""),
        ("empty.csv -m chinchilla-plain", 3, "F001"),
    ],
)
def test_bad_input(cli: Cli, folder: Path, line: str, code: int, words: str) -> None:
    path, *options = line.split()
    ran = cli("backtest", folder / path, *options)
    assert ran.code == code, ran.err
    assert words in ran.err.replace("\n", " ")
    assert "Traceback" not in ran.err
