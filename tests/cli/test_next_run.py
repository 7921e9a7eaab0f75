"""The verb `next` on hand-made fits."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.next_run import next_run
from bayes_scaling.inference.store import load_fit

from .conftest import Cli

FINAL = ("--flops", "1e22")


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    path = tmp_path / "candidates.csv"
    path.write_text("n,tokens,usd\n1B,20B,100\n3B,60B,5k\n")
    return path


def test_the_table_is_best_first_and_the_verdict_comes_before(cli: Cli, folder: Path) -> None:
    ran = cli("next", folder / "fit.nc", *FINAL, "--budget", "2e21")
    assert ran.code == 0, ran.err
    found = next_run(load_fit(folder / "fit.nc"), 1e22, budget=2e21)
    assert " ".join(ran.out.split()).startswith(found.verdict)
    assert "best set within 2e21 FLOP" in ran.out and "together: " in ran.out
    assert f"cost at {Cost().describe()}" in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    shrinks = [line.split()[5] for line in ran.out.splitlines() if "e2" in line and "%" in line]
    assert shrinks[:16] == [f"{each:.0%}" for each in found.table["shrink"]]


def test_json_holds_all_that_was_found(cli: Cli, folder: Path, plans: Path) -> None:
    words = (*FINAL, "--candidates", plans, "--col", "params=n", "--by", "regret", "--json")
    ran = cli("next", folder / "fit.nc", *words, "--serve-tokens", "1T", "--seed", "3")
    assert ran.code == 0, ran.err
    result = ran.json["result"]
    rows = pd.DataFrame({"params": [1e9, 3e9], "tokens": [2e10, 6e10], "usd": [100.0, 5000.0]})
    found = next_run(
        load_fit(folder / "fit.nc"), 1e22, rows, serve_tokens=1e12, by="regret", seed=3
    )
    assert result["candidates"] == found.table.to_dict("records")
    assert result["verdict"] == found.verdict and result["stop"] is found.stop
    assert result["serve_tokens"] == 1e12 and result["by"] == "regret" and result["seed"] == 3
    assert result["plan"]["params"] == found.plan.params
    assert result["set"] == [] and result["together"] == {} and result["budget"] is None


def test_csv_and_files(cli: Cli, folder: Path, plans: Path, tmp_path: Path) -> None:
    words = ("next", folder / "fit.nc", *FINAL, "--candidates", plans, "--col", "params=n")
    out = tmp_path / "next.csv"
    ran = cli(*words, "--csv", "-o", out)
    assert ran.code == 0 and ran.out == out.read_text()
    assert ran.out.startswith("params,tokens,flops,usd,share_of_final,sd_now,sd_after,shrink")
    assert cli(*words, "-o", out).code == 6
    assert cli(*words, "-o", out, "--force").code == 0


def test_faults_are_told_at_once(cli: Cli, folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("params,tokens\n1B,x\n-3,60B\n1e14,1e14\n")
    ran = cli("next", folder / "fit.nc", *FINAL, "--candidates", bad)
    assert ran.code == 2
    for words in ("candidate 1: tokens 'x'", "candidate 2: params '-3'", "candidate 3: 6e+28 FLOP"):
        assert words in ran.err
    for words, told in (
        ((*FINAL, "--by", "luck"), "--by luck: one of uncertainty, regret"),
        ((*FINAL, "--col", "params=n"), "give them with --candidates"),
        ((*FINAL, "--candidates", bad, "--col", "params=m"), "has params, tokens"),
        (("--flops", "-1"), "flops"),
        ((), "--flops"),
    ):
        ran = cli("next", folder / "fit.nc", *words)
        assert ran.code == 2 and told in ran.err, words


def test_exit_codes_are_those_of_allocate(cli: Cli, folder: Path) -> None:
    for fit, flops in (("ray.nc", "1e22"), ("tokens.nc", "1e22"), ("fit.nc", "1e28")):
        own, others = (cli(v, folder / fit, "--flops", flops) for v in ("next", "allocate"))
        assert own.code == others.code, fit
    assert "I001" in cli("next", folder / "ray.nc", *FINAL).err
