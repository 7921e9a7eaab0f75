"""The verb `scan`, on hand-made posteriors in place of sampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.cli.scan import DEFAULT_MODEL
from bayes_scaling.decisions import scan as home
from bayes_scaling.decisions.choices import CONVENTIONS, SUBSETS
from bayes_scaling.errors import InferenceError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec
from tests.conftest import make_fit

from .conftest import TRUTH, Cli

LAW = {name: TRUTH[name] for name in ("L_inf", "A", "alpha", "B", "beta")}


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Posteriors around the truth, with a lower floor the fewer runs; returns models fitted."""
    seen: list[str] = []

    def sample(spec: ModelSpec, runs: Runs, *, progress: Any, **_: Any) -> Fit:
        seen.append(spec.name)
        if "kaplan" in spec.name:
            raise InferenceError("the sampler stopped: made up")
        progress(f"sampling {spec.name}", 0.0)
        return make_fit("chinchilla-plain", {**LAW, "L_inf": 1.6 + len(runs.fitted) / 125}, runs)

    monkeypatch.setattr(home, "sample", sample)
    return seen


def test_the_sentence_first_within_80_columns(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, made: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = cli("scan", folder / "runs.csv", "--flops", "1e22", "--flops", "1e23")
    assert ran.code == 0, ran.err
    assert set(made) == {DEFAULT_MODEL} == {"chinchilla"}
    lines = ran.out.splitlines()
    assert lines[0].startswith("The forecast at 1e2") and " moves from " in lines[0]
    assert "half widths of its 90% interval" in " ".join(lines[:3])
    assert "at 1e22 FLOP" in lines and "at 1e23 FLOP" in lines
    assert max(map(len, lines)) <= 80
    for name in (*SUBSETS, *CONVENTIONS):
        assert name in ran.out
    assert "the table states no flops: compute is 6ND" in ran.out
    assert "choice 1/7, no smallest third: sampling" in ran.err
    last = ran.err.splitlines()[-1]
    assert last == f"next: bayes-scaling backtest {folder}/runs.csv --model chinchilla"


def test_a_choice_that_moves_far_is_a_warning(cli: Cli, folder: Path) -> None:
    line = ["scan", folder / "runs.csv", "-m", "chinchilla-plain", "--params", "20B"]
    ran = cli(*line, "--tokens", "400B")
    assert ran.code == 0 and "WARN X006 no N below median: the forecast at 20B" in ran.err
    assert "N*" not in ran.out and "planned runs are asked for" in " ".join(ran.out.split())
    assert cli(*line, "--tokens", "400B", "--strict").code == 1


def test_json_holds_rows_reasons_and_provenance(cli: Cli, folder: Path) -> None:
    ran = cli("scan", folder / "runs.csv", "--flops", "1e22", "--json", "-q", "--seed", 3)
    assert (ran.code, ran.err) == (0, "")
    found = ran.json["result"]
    assert found["sentence"].startswith("The forecast at 1e22 FLOP moves from ")
    assert (found["base"], found["target"], found["seed"]) == ("all runs", "loss", 3)
    rows = pd.DataFrame(found["rows"])
    assert {
        "choice",
        "meaning",
        "rows",
        "ratio",
        "q05",
        "q50",
        "q95",
        "shift",
        "params_q50",
    } <= set(rows)
    assert len(rows) + len(found["skipped"]) == 1 + len(SUBSETS) + len(CONVENTIONS)
    assert len(found["provenance"]["fits"]) == len(rows)


def test_a_plan_and_the_written_table(cli: Cli, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "scan.csv"
    line = ["scan", folder / "runs.csv", "--at", folder / "plan.csv", "-o", out]
    ran = cli(*line)
    assert ran.code == 0, ran.err
    assert f"wrote {out}" in ran.out and "at =cmd, 70B parameters, 1.4T tokens" in ran.out
    table = pd.read_csv(out)
    assert np.isfinite(table[["ratio", "q05", "q50", "q95", "shift"]]).all(axis=None)
    assert table["run"].tolist()[:2] == ["'=cmd", '"b|<i>"'[1:-1]]
    assert cli(*line).code == 6
    assert cli(*line, "--force").code == 0


def test_the_shipped_table_counts_embeddings(cli: Cli) -> None:
    ran = cli("scan", bs.example_path(), "--where", "train_dataset=rpj", "--flops", "1e22")
    assert ran.code == 0, ran.err
    assert "parameters are counted without those of embeddings" in ran.out


def test_a_far_question_is_exit_1(cli: Cli, folder: Path) -> None:
    ran = cli("scan", folder / "runs.csv", "--flops", "1e26")
    assert ran.code == 1 and "X001" in ran.err and " !" in ran.out


def test_rejected_rows_are_exit_1(cli: Cli, folder: Path) -> None:
    ran = cli("scan", folder / "bad.csv", "--flops", "1e22")
    assert ran.code == 1 and "FAIL 2 rows of the table were rejected" in ran.err


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("runs.csv", 2, "say what to forecast in one way"),
        ("runs.csv --flops 1e22 --params 1B", 2, "say what to forecast in one way"),
        ("runs.csv --flops much", 2, "flops 'much'"),
        ("runs.csv --params 1B", 2, "needs --params and --tokens"),
        ("runs.csv --params 1B --params 2B --tokens 1T", 2, "give them in pairs"),
        ("runs.csv --amount 1e12", 2, "use --flops"),
        ("runs.csv --flops 1e22 -m chinchila", 2, "did you mean 'chinchilla'"),
        ("runs.csv --flops 1e22 -m power-floor-plain", 2, "choose one, with --resource"),
        ("runs.csv --flops 1e22 -m kaplan-plain", 4, "the sampler stopped"),
        ("runs.csv --flops 1e22 -o scan.txt", 2, "ending in .csv"),
        ("runs.csv --at bad_plan.csv", 3, "C004"),
        ("ray.csv --flops 1e22", 1, "I001"),
        ("tasks.csv --flops 1e22", 2, "the table has no column 'loss'"),
        ("empty.csv --flops 1e22", 3, "F001"),
        ("fit.nc --flops 1e22", 3, ""),
    ],
)
def test_bad_input(cli: Cli, folder: Path, line: str, code: int, words: str) -> None:
    path, *options = [str(folder / w) if w.endswith((".csv", ".nc")) else w for w in line.split()]
    ran = cli("scan", path, *options)
    assert ran.code == code, ran.err
    assert words in ran.err.replace("\n", " ")
    assert "Traceback" not in ran.err
