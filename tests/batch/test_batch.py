"""Batches: every task accounted for, finished ones never done again, damage seen, faults told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.runner import State, run_batch, states_of, to_do
from bayes_scaling.batch.store import Store
from bayes_scaling.batch.study import read_study
from bayes_scaling.batch.task import tasks_of
from bayes_scaling.cli.entry import main
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec
from tests.conftest import REPLICATION, ladder, make_fit

STUDY = """
tables = ["good-*.csv", "bad.csv"]
models = ["chinchilla-plain", "skaling-plain"]
[data]
cuts = [0.6]
[forecast]
flops = ["1e22"]
[allocate]
flops = ["1e22"]
usd = [20000]
"""
SKALING = {"L_inf": 1.8, "S": 0.7, "w": 0.5, "alpha": 0.35, "beta": 0.37, "k": 1.0}
VALUES = {"chinchilla-plain": REPLICATION, "skaling-plain": SKALING}
Done = list[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("good-a", "good-b"):
        ladder().to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "bad.csv").write_text("run,params,tokens,loss\na,x,y,z\n")
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> Done:
    """Hand-made fits instead of sampled ones; the list says which were made."""
    done: Done = []

    def sample(spec: ModelSpec, runs: Runs, **_: object) -> Fit:
        done.append(spec.name)
        fit = make_fit(spec.name, VALUES[spec.name], runs)
        health = {"worst_rhat": 1.0, "worst_ess": 900.0, "divergent_share": 0.0, "attempts": 1}
        fit.provenance.update(health)  # type: ignore[attr-defined]
        return fit

    monkeypatch.setattr(work_module, "sample", sample)
    return done


def batch(folder: Path, *more: str) -> int:
    return main(["batch", str(folder / "study.toml"), "-o", str(folder / "out"), "-q", *more])


def test_every_table_and_model_has_its_rows(folder: Path, sampled: Done) -> None:
    assert batch(folder) == 5  # one table cannot be read
    found = bs.read_results(folder / "out")
    assert found["status"].value_counts().to_dict() == {"done": 24, "failed": 4}
    assert len(sampled) == 8 and sampled == sorted(sampled)  # models outermost: compiled once
    good = found[(found["table"] == "good-a.csv") & (found["model"] == "chinchilla-plain")]
    assert set(good["question"]) == {"forecast", "allocation"}
    whole = good[good["cut"].isna()]
    assert len(whole) == 3 and (whole["held_out"] == 0).all()
    assert (good[good["cut"] == 0.6]["inside90"] <= 1).all()
    fit = make_fit("chinchilla-plain", REPLICATION)
    expected = bs.forecast(fit, [1e22]).quantiles([0.5]).iloc[0, 0]
    row = whole[whole["question"] == "forecast"].iloc[0]
    assert row["loss_new_q50"] == pytest.approx(expected)
    assert found[found["table"] == "bad.csv"]["fault"].str.contains("C004").all()
    assert pd.read_csv(folder / "out" / "summary.csv").shape == found.shape
    assert "bad.csv, chinchilla-plain" in (folder / "out" / "overview.html").read_text()
    lines = (folder / "out" / "results.jsonl").read_text().splitlines()
    assert len(list(map(json.loads, lines))) == len(found)


def test_finished_tasks_are_never_done_again(folder: Path, sampled: Done) -> None:
    assert batch(folder, "--select", "good-a*") == 0
    assert len(sampled) == 4
    before = {p: p.read_bytes() for p in (folder / "out").rglob("*") if p.name == "result.json"}
    assert batch(folder) == 5
    assert len(sampled) == 8
    assert all(path.read_bytes() == data for path, data in before.items())
    assert batch(folder) == 5 and len(sampled) == 8
    # another question is another task
    text = (folder / "study.toml").read_text().replace('"1e22"', '"2e22"')
    (folder / "study.toml").write_text(text)
    batch(folder)
    assert len(sampled) == 16


def asked(folder: Path, text: str) -> pd.DataFrame:
    top = 'tables = ["good-a.csv"]\nmodels = ["chinchilla-plain"]\n'
    (folder / "study.toml").write_text(top + text)
    assert batch(folder) == 0
    return bs.read_results(folder / "out")


def test_budgets_in_every_form(folder: Path, sampled: Done) -> None:
    text = 'usd = ["20k"]\ngpu_hours = [8000]\nhours = ["1k"]\ncvar = 0.9\n[cost]\ndevices = 8\n'
    found = asked(folder, "[allocate]\n" + text)
    assert found["fault"].isna().all() if "fault" in found else True
    assert found["amount"].nunique() == 1 and len(found) == 3  # three ways to say 8,000 hours
    one = bs.allocate(make_fit("chinchilla-plain", REPLICATION), found["amount"][:1], cvar=0.9)
    assert found["plan_params"].iloc[0] == pytest.approx(one.robust["params"].iloc[0])


def test_a_budget_that_follows_from_a_loss(folder: Path, sampled: Done) -> None:
    (row,) = asked(folder, "[allocate]\nloss = 2.2\nprobability = 0.8\n").to_dict("records")
    assert row["question"] == "allocation" and row["reaches"] >= 0.8
    (row,) = asked(folder, "[allocate]\nloss = 0.1\n").to_dict("records")
    assert row["question"] == "allocation" and "loss" in row["fault"]
    (row,) = asked(folder, "[allocate]\nfor_params = '7B'\n").to_dict("records")
    assert row["plan_params"] == pytest.approx(7e9, rel=0.01)


def test_a_planned_run(folder: Path, sampled: Done) -> None:
    (row,) = asked(folder, "[plan]\nparams = '2B'\ntokens = '50B'\n").to_dict("records")
    assert row["question"] == "plan" and row["amount"] == pytest.approx(6e20)
    assert row["loss_new_q05"] < row["loss_mean_q50"] < row["loss_new_q95"]
    assert row["regret_q50"] >= 0 and row["usd"] > 0


def test_the_same_set_after_an_interruption(
    folder: Path, sampled: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = work_module.sample
    calls = []

    def stopped(*arguments: Any, **more: Any) -> Fit:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **more)

    monkeypatch.setattr(work_module, "sample", stopped)
    assert batch(folder) == 130
    assert batch(folder) == 5 and len(sampled) == 8
    interrupted = bs.read_results(folder / "out")
    assert main(["batch", str(folder / "study.toml"), "-o", str(folder / "other"), "-q"]) == 5
    pd.testing.assert_frame_equal(interrupted, bs.read_results(folder / "other"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "swap"])
def test_damage_is_seen_set_aside_and_mended(folder: Path, sampled: Done, damage: str) -> None:
    batch(folder)
    first, second = sorted((folder / "out").rglob("result.json"))[:2]
    sound = first.read_bytes()
    bad = {"flip": bytes([sound[0] ^ 1]) + sound[1:], "truncate": sound[:50], "empty": b"",
           "swap": second.read_bytes()}[damage]  # fmt: skip
    first.write_bytes(bad)
    batch(folder)
    assert first.read_bytes() == sound and len(sampled) == 9
    (aside,) = (folder / "out" / "quarantine").iterdir()
    assert (aside / "result.json").read_bytes() == bad


def test_a_failing_law_is_isolated_and_can_be_tried_again(
    folder: Path, sampled: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = work_module.sample

    def failing(spec: ModelSpec, runs: Runs, **more: Any) -> Fit:
        if spec.name == "skaling-plain":
            raise BaseException("panic")
        return real(spec, runs, **more)

    monkeypatch.setattr(work_module, "sample", failing)
    assert batch(folder) == 5
    found = bs.read_results(folder / "out")
    assert (found[found["model"] == "skaling-plain"]["status"] == "failed").all()
    logs = list((folder / "out").rglob("log.txt"))
    assert any("panic" in log.read_text() for log in logs)
    monkeypatch.setattr(work_module, "sample", real)
    assert batch(folder) == 5 and "failed" in set(
        bs.read_results(folder / "out").query("model == 'skaling-plain'")["status"]
    )
    batch(folder, "--retry-failed")
    again = bs.read_results(folder / "out").query("table != 'bad.csv'")
    assert set(again["status"]) == {"done"}


def test_a_task_held_by_another_process_is_left_to_it(folder: Path, sampled: Done) -> None:
    study = read_study(folder / "study.toml")
    tasks, store = tasks_of(study), Store(folder / "out")
    held = tasks[0].identity(study)
    code = (
        "import fcntl, os, sys, time; from pathlib import Path\n"
        f"p = Path({str(store.place(held))!r}); p.mkdir(parents=True, exist_ok=True)\n"
        "h = os.open(p / '.lock', os.O_CREAT | os.O_RDWR); fcntl.flock(h, fcntl.LOCK_EX)\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout is not None and other.stdout.readline() == b"held\n"

    def run() -> list[State]:
        todo = to_do(states_of(tasks, study, store), retry_failed=False)
        run_batch(todo, study, store, keep_fits=False, tell=lambda _: None)
        return states_of(tasks, study, store)

    assert run()[0].status == "not run" and len(sampled) == 7
    os.kill(other.pid, signal.SIGKILL)  # the lock dies with its process
    other.communicate()
    assert run()[0].status == "done" and len(sampled) == 8


def test_parts_are_the_whole(folder: Path, sampled: Done) -> None:
    assert {batch(folder, "--shard", f"{k}/3") for k in (1, 2, 3)} <= {0, 5}
    assert len(sampled) == 8
    assert bs.read_results(folder / "out")["status"].value_counts()["done"] == 24


def test_dry_run_and_states(
    folder: Path, sampled: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch(folder, "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)["result"]
    assert told["tasks"] == 12 == told["not_run"] and not (folder / "out").exists()
    assert not sampled
    study = read_study(folder / "study.toml")
    assert {s.status for s in states_of(tasks_of(study), study, Store(folder / "out"))} == {
        "not run"
    }


def test_a_dry_run_says_what_would_run_and_why(
    folder: Path, sampled: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(folder, "--select", "good-a*")
    batch(folder, "--select", "bad.csv*")
    capsys.readouterr()
    assert batch(folder, "--dry-run") == 5  # bad.csv failed
    said = " ".join(capsys.readouterr().out.split())
    assert "would run: good-b.csv chinchilla-plain: not done with these runs" in said
    assert "would run: good-a.csv" not in said and "would run: bad.csv" not in said
    batch(folder, "--dry-run", "--retry-failed")
    assert "would run: bad.csv skaling-plain: failed before" in capsys.readouterr().out


def test_several_losses_of_one_table(folder: Path, sampled: Done) -> None:
    table = ladder().rename(columns={"loss": "c4"})
    table.assign(pile=table["c4"] * 1.1).to_csv(folder / "wide.csv", index=False)
    top = 'tables = ["wide.csv"]\nmodels = ["chinchilla-plain"]\n'
    (folder / "study.toml").write_text(top + '[data]\nlosses = ["c4", "pile"]\n')
    assert batch(folder) == 0
    assert list(bs.read_results(folder / "out")["table"]) == ["wide.csv: c4", "wide.csv: pile"]


def test_no_question_is_still_a_row(folder: Path, sampled: Done) -> None:
    text = 'tables = ["good-a.csv"]\nmodels = ["chinchilla-plain"]\n'
    (folder / "study.toml").write_text(text)
    assert batch(folder) == 0
    (row,) = bs.read_results(folder / "out").to_dict("records")
    assert row["question"] == "" and row["status"] == "done" and row["fitted"] == 36


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("good-*.csv", "none-*.csv"), "no file is named like"),
        (("chinchilla-plain", "chinchila"), "chinchil"),
    ],
)
def test_studies_that_cannot_be(
    folder: Path, sampled: Done, change: tuple[str, str], words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (folder / "study.toml").write_text(STUDY.replace(*change))
    assert batch(folder) == 2 and words in capsys.readouterr().err


def test_bad_options(folder: Path, sampled: Done) -> None:
    for more in (("--shard", "4/3"), ("--shard", "x"), ("--select", "nothing*")):
        assert batch(folder, *more) == 2
    with pytest.raises(UsageError, match="no batch folder"):
        bs.read_results(folder)


def test_a_folder_that_cannot_be_written(folder: Path, sampled: Done) -> None:
    (folder / "out").write_text("a file")
    assert batch(folder) == 6
