"""Imports from experiment trackers: a real MLflow store, exported records of Weights & Biases."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.cli.entry import main

RUNS = [
    (10**8, 2e9, 3.31),
    (3 * 10**8, 3e9, 2.95),
    (5 * 10**8, 9e10, 2.8),
    (7 * 10**8, 7e9, 2.9),
    (9 * 10**8, 4e10, 2.7),
    (10**9, 2e10, 2.6012345678901),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store of two experiments; one run failed, one has no loss, one diverged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("alembic").setLevel(logging.ERROR)
        from mlflow.tracking import MlflowClient

        path = tmp_path_factory.mktemp("mlflow") / "runs.db"
        client = MlflowClient(f"sqlite:///{path}")
        ladder = client.create_experiment("ladder", artifact_location=str(path.parent))
        other = client.create_experiment("other", artifact_location=str(path.parent))

        def run(experiment: str, name: str, N: Any, D: Any, loss: Any, end: str) -> None:
            own = client.create_run(experiment, run_name=name).info.run_id
            client.log_param(own, "n_params", N)
            client.log_param(own, "tokens", D)
            client.log_metric(own, "val_loss", 9.9, step=0)
            for step, value in enumerate([] if loss is None else [9.0, loss], start=1):
                client.log_metric(own, "eval/loss", value, step=step)
            client.set_tag(own, "team", "scaling")
            client.set_terminated(own, end)

        for k, (N, D, loss) in enumerate(RUNS):
            run(ladder, f"run-{k}", N, D, loss, "FINISHED")
        run(ladder, "crashed", 10**9, 1e10, 5.0, "FAILED")
        run(ladder, "lossless", 10**9, 1e10, None, "FINISHED")
        run(ladder, "diverged", 10**9, 1e10, float("nan"), "FINISHED")
        run(other, "elsewhere", 10**9, 1e10, 2.7, "FINISHED")
    return path


COLUMNS = ("--col", "params=n_params,loss=eval/loss")


def test_runs_of_mlflow(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "runs.csv"
    command = ["import", "mlflow", str(store), "--experiment", "ladder", *COLUMNS, "-o", str(out)]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["result"]
    frame = bs.read_runs(out).fitted.sort_values("params")
    assert list(frame["run"]) == [f"run-{k}" for k in range(6)]
    assert [tuple(row) for row in frame[["params", "tokens", "loss"]].to_numpy()] == RUNS
    why = sorted(each["why"] for each in said["left_out"])
    assert why == ["loss (eval/loss) is nan", "no loss (eval/loss)", "status FAILED"]
    beside = json.loads((tmp_path / "runs.provenance.json").read_text())
    assert beside["sha256"] == bs.read_runs(out).raw_sha256 and len(beside["runs"]) == 6
    assert beside["columns"] == {"params": "n_params", "tokens": "tokens", "loss": "eval/loss"}
    assert main(command) == 6  # the file exists
    assert main([*command, "--force", "-q"]) == 0


def test_all_experiments_and_other_statuses(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs.csv"
    command = ["import", "mlflow", str(store), *COLUMNS, "-o", str(out), "-q"]
    assert main([*command, "--status", "finished", "--status", "failed"]) == 0
    assert len(bs.read_runs(out).frame) == 8


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["STORE"], 3, ("n_params", "eval/loss", "--col")),
        (["STORE", "--col", "params=n_parms,loss=eval/loss"], 3, ("n_parms", "n_params")),
        (["STORE", "--experiment", "laddr"], 2, ("no experiment laddr", "ladder, other")),
        (["STORE", "--status", "killed", *COLUMNS], 2, ("no run with status killed", "finished")),
        (["absent.db"], 2, ("no such store",)),
        (["https://tracker.example"], 2, ("another computer", "--allow-url")),
        (["RUBBISH"], 2, ("not a store",)),
    ],
)
def test_what_cannot_be_imported(
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    words: tuple[str, ...],
) -> None:
    rubbish = tmp_path / "rubbish.db"
    rubbish.write_bytes(b"no database" * 100)
    named = {"STORE": str(store), "RUBBISH": str(rubbish)}
    arguments = [named.get(each, each) for each in more]
    assert main(["import", "mlflow", *arguments, "-o", str(tmp_path / "r.csv")]) == code
    said = " ".join(capsys.readouterr().err.lower().split())
    assert all(word.lower() in said for word in words), said
    assert "traceback" not in said and not (tmp_path / "r.csv").exists()


RECORDS = [
    {
        "id": f"x{k}", "name": f"ladder-{k}", "state": "finished",
        "config": {"model": {"n": {"value": N, "desc": None}}, "_wandb": {"v": 1}, "tokens": D},
        "summary": {"eval": {"loss": loss}, "_step": 10, "tokens": D},
    }
    for k, (N, D, loss) in enumerate(RUNS)
]  # fmt: skip
WANDB = ("--col", "params=model.n,tokens=config.tokens,loss=eval.loss")


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_exports_of_wandb(form: str, tmp_path: Path) -> None:
    path, out = tmp_path / f"export.{form}", tmp_path / "runs.csv"
    columns: tuple[str, ...] = WANDB
    if form == "csv":
        columns = ("--col", "params=n,loss=eval/loss")
        rows = [
            {"Name": f"ladder-{k}", "State": "finished", "n": N, "tokens": D, "eval/loss": loss}
            for k, (N, D, loss) in enumerate(RUNS)
        ]
        pd.DataFrame(rows).to_csv(path, index=False)
    elif form == "json":
        path.write_text(json.dumps([*RECORDS, RECORDS[0] | {"id": "y", "state": "crashed"}]))
    else:
        path.write_text("\n".join(map(json.dumps, RECORDS)) + "\n")
    assert main(["import", "wandb", str(path), *columns, "-o", str(out), "-q"]) == 0
    frame = bs.read_runs(out).fitted.sort_values("params")
    assert [tuple(row) for row in frame[["params", "tokens", "loss"]].to_numpy()] == RUNS
    assert list(frame["run"]) == [f"ladder-{k}" for k in range(6)]


def test_exports_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "export.json"
    for text, words in (
        ("{", "not valid JSON"),
        ('[{"a": 1}, {"id": "x", "config": 3}]', "record 2: no id, config and summary"),
        ("[]", "no run with status finished among 0"),
    ):
        path.write_text(text)
        assert main(["import", "wandb", str(path), "-o", str(tmp_path / "r.csv")]) == 2
        assert words in capsys.readouterr().err
    assert main(["import", "wandb", "team/project", "-o", str(tmp_path / "r.csv")]) == 2
    assert "--allow-url" in capsys.readouterr().err
