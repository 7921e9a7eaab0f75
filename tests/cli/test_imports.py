"""Imports from experiment trackers: a real MLflow store, exported records of Weights & Biases."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.cli.entry import main

from .conftest import Cli

RUNS = [
    (10**8, 2e9, 3.31),
    (3 * 10**8, 3e9, 2.95),
    (5 * 10**8, 9e10, 2.8),
    (7 * 10**8, 7e9, 2.9),
    (9 * 10**8, 4e10, 2.7),
    (10**9, 2e10, 2.6012345678901),
]


@contextmanager
def mlflow_client(address: str) -> Iterator[Any]:
    """A client of the real package, which may write folder stores and says nothing."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        logging.getLogger("alembic").setLevel(logging.ERROR)
        from mlflow.tracking import MlflowClient

        yield MlflowClient(address)


def log(client: Any, experiment: str, name: str, N: Any, D: Any, loss: Any, end: str) -> None:
    own = client.create_run(experiment, run_name=name).info.run_id
    client.log_param(own, "n_params", N)
    client.log_param(own, "tokens", D)
    client.log_metric(own, "val_loss", 9.9, step=0)
    for step, value in enumerate([] if loss is None else [9.0, loss], start=1):
        client.log_metric(own, "eval/loss", value, step=step)
    client.set_tag(own, "team", "scaling" if name.startswith("run") else "other")
    client.set_terminated(own, end)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store of two experiments; of one, four runs have no loss that can be used."""
    path = tmp_path_factory.mktemp("mlflow") / "runs.db"
    with mlflow_client(f"sqlite:///{path}") as client:
        ladder = client.create_experiment("ladder", artifact_location=str(path.parent))
        other = client.create_experiment("other", artifact_location=str(path.parent))
        for k, (N, D, loss) in enumerate(RUNS):
            log(client, ladder, f"run-{k}", N, D, loss, "FINISHED")
        log(client, ladder, "crashed", 10**9, 1e10, 5.0, "FAILED")
        log(client, ladder, "lossless", 10**9, 1e10, None, "FINISHED")
        log(client, ladder, "diverged", 10**9, 1e10, float("nan"), "FINISHED")
        log(client, ladder, "infinite", 10**9, 1e10, float("inf"), "FINISHED")
        log(client, other, "elsewhere", 10**9, 1e10, 2.7, "FINISHED")
    return path


def digest(folder: Path) -> dict[str, str]:
    """Every path under a folder, with the hash of files."""
    return {
        str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest()
        if each.is_file()
        else ""
        for each in sorted(folder.rglob("*"))
    }


def points(path: Path) -> list[tuple[float, ...]]:
    frame = bs.read_runs(path).fitted.sort_values("params")
    return [tuple(row) for row in frame[["params", "tokens", "loss"]].to_numpy()]


COLUMNS = ("--col", "params=n_params,loss=eval/loss")


def test_runs_of_mlflow(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, before = tmp_path / "runs.csv", digest(store.parent)
    command = ["import", "mlflow", str(store), "--experiment", "ladder", *COLUMNS, "-o", str(out)]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["result"]
    frame = bs.read_runs(out).fitted.sort_values("params")
    assert list(frame["run"]) == [f"run-{k}" for k in range(6)]
    assert points(out) == RUNS
    why = sorted(each["why"] for each in said["left_out"])
    assert why == [
        "loss (eval/loss) is inf",
        "loss (eval/loss) is nan",
        "no loss (eval/loss)",
        "status FAILED",
    ]
    assert said["table"]["rows_fitted"] == 6 and said["table"]["rows_rejected"] == 0
    beside = json.loads((tmp_path / "runs.provenance.json").read_text())
    assert beside["sha256"] == bs.read_runs(out).raw_sha256 and len(beside["runs"]) == 6
    assert beside["columns"] == {"params": "n_params", "tokens": "tokens", "loss": "eval/loss"}
    assert main(command) == 6  # the file exists
    assert beside["experiments"].keys() == {"ladder"} and beside["tracker_version"][0].isdigit()
    again = (out.read_bytes(), (tmp_path / "runs.provenance.json").read_bytes())
    assert main([*command, "--force", "-q"]) == 0
    assert again == (out.read_bytes(), (tmp_path / "runs.provenance.json").read_bytes())
    assert digest(store.parent) == before  # the store is only read
    said = capsys.readouterr().out
    assert "left out: " in said and "6 runs to fit" in said


def test_all_experiments_and_other_statuses(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs.csv"
    command = ["import", "mlflow", str(store), *COLUMNS, "-o", str(out), "-q"]
    assert main([*command, "--status", "finished", "--status", "failed"]) == 0
    assert len(bs.read_runs(out).frame) == 8
    assert main([*command, "--force", "--where", "team=other"]) == 1  # one row, too few to fit
    assert [row["tracker_name"] for row in pd.read_csv(out).to_dict("records")] == ["elsewhere"]
    assert main([*command, "--force", "--where", "params.n_params=1e9"]) == 1
    assert set(pd.read_csv(out)["run"]) == {"elsewhere", "run-5"}


def test_folder_stores_are_read_and_left_as_they_are(tmp_path: Path, cli: Cli) -> None:
    path, out = tmp_path / "mlruns", tmp_path / "runs.csv"
    with mlflow_client(str(path)) as client:
        ladder = client.create_experiment("ladder")
        for k, (N, D, loss) in enumerate(RUNS):
            log(client, ladder, f"run-{k}", N, D, loss, "FINISHED")
    (path / ".trash").rmdir()
    (path / ladder / "torn" / "params").mkdir(parents=True)
    before, setting = digest(path), dict(os.environ)
    ran = cli("import", "mlflow", path, *COLUMNS, "-o", out)
    assert ran.code == 0 and points(out) == RUNS
    assert "torn: has no meta.yaml: not read" in ran.err and "mlflow" not in ran.out
    assert digest(path) == before and dict(os.environ) == setting


@pytest.mark.parametrize("kind", ["empty", "tables", "folder", "above"])
def test_what_is_no_store_stays_as_it_is(kind: str, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "it"
    if kind == "empty":
        path.touch()
    elif kind == "tables":
        with closing(sqlite3.connect(path)) as base:
            base.execute("CREATE TABLE mine (x)")
    else:
        path.mkdir()
        (path / ("mlflow.db" if kind == "above" else "a.txt")).touch()
    before = digest(tmp_path)
    ran = cli("import", "mlflow", path, "-o", tmp_path / "runs.csv")
    assert ran.code == 2 and "not a store of MLflow" in ran.err
    assert ("did you mean" in ran.err) == (kind == "above")
    assert digest(tmp_path) == before


@pytest.mark.parametrize("module", ["mlflow.tracking", "sqlalchemy"])
def test_without_the_extra(
    module: str, store: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    ran = cli("import", "mlflow", store, *COLUMNS, "-o", tmp_path / "runs.csv", "--json")
    assert ran.code == 2 and ran.json["command"] == "import mlflow"
    assert "pip install 'bayes-scaling[mlflow]'" in ran.json["error"]["message"]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["STORE"], 3, ("--col loss=eval/loss or --col loss=val_loss", "--col params=n_params")),
        (["STORE", "--col", "params=n_parms,loss=eval/loss"], 3, ("n_parms", "n_params")),
        (["STORE", "--experiment", "laddr"], 2, ("no experiment 'laddr'", "did you mean 'ladder'")),
        (["STORE", "--status", "killed", *COLUMNS], 2, ("no run with status killed", "finished")),
        (["STORE", "--status", "finishd"], 2, ("finishd", "did you mean finished")),
        (["STORE", *COLUMNS, "--where", "teem=a"], 2, ("teem", "no run has it", "'team'")),
        (["STORE", *COLUMNS, "--where", "team=a"], 2, ("no run holds", "team is scaling")),
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


RECORDS: list[dict[str, Any]] = [
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
    assert points(out) == RUNS
    assert list(pd.read_csv(out)["run"]) == [f"ladder-{k}" for k in range(6)]
    beside = json.loads((tmp_path / "runs.provenance.json").read_text())
    assert beside["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def records(tmp_path: Path, **more: Any) -> Path:
    """An export whose runs have more in their summaries."""
    path = tmp_path / "export.json"
    held = [each | {"summary": each["summary"] | more} for each in RECORDS]
    path.write_text(json.dumps(held))
    return path


@pytest.mark.parametrize(
    ("more", "columns", "words"),
    [
        (
            {"loss": 2.5, "train_flops": "1e20"},
            "params=model.n",
            (
                "'config.tokens', 'summary.tokens' may be tokens",
                "--col tokens=config.tokens or --col tokens=summary.tokens",
                "--col loss=loss or --col loss=eval.loss",
                "'train_flops' may be it",
            ),
        ),
        (
            {"train": {"loss": 3.0}},
            "tokens=config.tokens",
            ("--col loss=eval.loss or --col loss=train.loss", "--col params=model.n"),
        ),
    ],
)
def test_two_values_that_may_be_meant(
    more: dict[str, Any], columns: str, words: tuple[str, ...], tmp_path: Path, cli: Cli
) -> None:
    out = tmp_path / "runs.csv"
    ran = cli("import", "wandb", records(tmp_path, **more), "--col", columns, "-o", out)
    assert ran.code == 3 and not out.exists()
    assert all(each in ran.err for each in words), ran.err


def test_what_is_not_used_is_said(tmp_path: Path, cli: Cli) -> None:
    path, out = records(tmp_path, total_flops=1e20), tmp_path / "runs.csv"
    ran = cli("import", "wandb", path, *WANDB, "-o", out, "--json")
    (warning,) = ran.json["warnings"]
    assert "no flops, but 'total_flops' may be it" in warning


def test_values_are_carried_over_as_they_stand(tmp_path: Path, cli: Cli) -> None:
    path, out = tmp_path / "export.json", tmp_path / "runs.csv"
    text = json.dumps(RECORDS).replace("3.31", "3.3100000000000000001").replace("2.95", '"NaN"')
    changed = json.loads(text, parse_float=str)
    changed[2]["config"]["model"]["n"] = "0.5B"
    changed[3]["config"]["group"] = "wide"  # optional: empty for the others
    changed[4]["summary"]["eval"]["loss"] = [2.7]
    changed[5]["name"] = "=1+1, \ud800"
    path.write_text(json.dumps(changed))
    ran = cli("import", "wandb", path, *WANDB, "-o", out, "--json")
    rows = pd.read_csv(out, dtype=str, keep_default_na=False).to_dict("records")
    assert ran.code == 1 and "fewer than 5" in " ".join(ran.json["warnings"])
    assert [row["run"] for row in rows] == ["ladder-0", "ladder-2", "ladder-3", "=1+1, \\ud800"]
    assert rows[1]["params"] == "0.5B" and rows[0]["loss"] == "3.3100000000000000001"
    assert [row["group"] for row in rows] == ["", "", "wide", ""]
    assert ran.json["result"]["left_out"] == [
        {"run": "x1", "why": "loss (eval.loss) is NaN"},
        {"run": "x4", "why": "loss (eval.loss) is no single value"},
    ]


def test_runs_of_one_name_stay_apart(tmp_path: Path, cli: Cli) -> None:
    path, out = tmp_path / "export.csv", tmp_path / "runs.csv"
    rows = [{"Name": "ladder", "params": N, "tokens": D, "loss": loss} for N, D, loss in RUNS]
    pd.DataFrame(rows).to_csv(path, index=False)
    ran = cli("import", "wandb", path, "-o", out)
    assert ran.code == 0 and points(out) == RUNS
    assert list(pd.read_csv(out)["run"])[:2] == ["ladder (line 2)", "ladder (line 3)"]
    assert "6 runs without a status were taken as finished" in ran.err


@pytest.mark.parametrize(
    ("name", "text", "code", "words"),
    [
        ("a.json", "{", 2, ("not valid JSON",)),
        ("a.json", "[" * 200_000, 2, ("nested too deeply",)),
        (
            "a.json",
            '[{"a": 1}, {"id": "x", "config": 3}, 4]',
            2,
            (
                "record 1: neither id nor name",
                "record 2: config is no object",
                "record 3: no object",
            ),
        ),
        ("a.json", json.dumps([RECORDS[0]] * 2), 2, ("records 1, 2: one id, x0",)),
        ("a.json", "[]", 2, ("no run with status finished among 0",)),
        ("a.jsonl", '{"id":\n\n4\n}', 2, ("line 1: not valid", "line 3: no object", "line 4: not")),
        ("a.csv", "Name,loss,loss\na,1,2\n", 3, ("several columns are called 'loss'",)),
        ("a.csv", "Name,params,loss\na,1\n", 3, ("rows have 2 fields",)),
        ("a.txt", "x", 2, ("ends in .json, .jsonl, .csv",)),
        ("https://a.example/b.json", "", 2, ("ends in .json",)),
        ("team/project", "", 2, ("--allow-url",)),
        ("absent.json", "", 3, ("cannot be opened",)),
    ],
)
def test_exports_that_cannot_be(
    name: str, text: str, code: int, words: tuple[str, ...], tmp_path: Path, cli: Cli
) -> None:
    path = tmp_path / name
    if text:
        path.write_text(text)
    source = path if text or name.startswith("absent") else name
    ran = cli("import", "wandb", source, "-o", tmp_path / "r.csv")
    assert ran.code == code and not (tmp_path / "r.csv").exists()
    assert all(each in ran.err for each in words), ran.err
