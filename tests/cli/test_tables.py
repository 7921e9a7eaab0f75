"""`check` and `example`, and the options of reading."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bayes_scaling.specs.spec import load_model

from .conftest import Cli, make_fit, table


def test_check_of_a_good_table(cli: Cli, folder: Path) -> None:
    ran = cli("check", folder / "runs.csv")
    assert ran.code == 0
    assert "25 runs to fit" in ran.out
    assert "split of N and D" in ran.out
    assert ran.err == ""


def test_check_of_the_example(cli: Cli) -> None:
    path = cli("example").out.strip()
    ran = cli("check", path, "--where", "train_dataset=c4_original", "--json")
    assert ran.code == 0
    assert ran.json["command"] == "check"
    assert ran.json["result"]["rows_fitted"] == 34
    assert ran.json["result"]["design"]["verdict"] == "ok"


def test_rejected_rows_are_exit_1(cli: Cli, folder: Path) -> None:
    ran = cli("check", folder / "bad.csv", "--json")
    assert ran.code == 1
    assert ran.json["status"] == "fail"
    assert ran.json["result"]["rows_rejected"] == 2
    assert ran.json["result"]["rows_fitted"] == 23
    assert "C001" in ran.json["warnings"][0]
    text = cli("check", folder / "bad.csv")
    assert (text.code, text.err) == (1, "")
    assert text.out.index("ERROR") < text.out.index("INFO")


def test_strict_turns_warnings_into_exit_1(cli: Cli, folder: Path) -> None:
    easy, strict = (cli("check", folder / "ray.csv", "--json", *x) for x in ((), ("--strict",)))
    assert (easy.code, easy.json["status"]) == (0, "warn")
    assert (strict.code, strict.json["status"]) == (1, "fail")
    assert any("I001" in each for each in easy.json["warnings"])
    rows = {row["name"]: row for row in easy.json["result"]["design"]["rows"]}
    assert rows["split of N and D"]["verdict"] == "warn"


def test_check_of_a_fit(cli: Cli, folder: Path) -> None:
    good = cli("check", folder / "fit.nc", "--json")
    assert good.json["command"] == "check"
    assert good.json["result"]["model"] == "chinchilla-plain"
    assert good.json["result"]["checks"]["verdict"] != "fail"
    bad = cli("check", folder / "unmixed.nc")
    assert bad.code == 1
    assert bad.out.index("FAIL") < bad.out.index("OK")
    assert "R-hat" in bad.out


def test_check_of_a_fit_of_a_user_law(cli: Cli, folder: Path) -> None:
    ran = cli("check", folder / "mine.nc", "--law", f"{folder / 'mine.py'}:mine", "--json")
    assert ran.json["result"]["model"] == "chinchilla-plain"


def test_reading_options(cli: Cli, tmp_path: Path) -> None:
    frame = table().rename(columns={"params": "n", "loss": "bits"}).drop(columns="run")
    frame["bits"] /= 0.6931471805599453
    frame["set"] = ["a"] * 20 + ["b"] * 5
    path = tmp_path / "theirs.csv"
    frame.to_csv(path, index=False, sep=";", decimal=",")
    options = ["--col", "params=n,loss=bits", "--loss-unit", "bits", "--decimal", ","]
    ran = cli("check", path, *options, "--where", "set=a", "--train-below", "params=3B", "--json")
    assert ran.code == 0
    found = ran.json["result"]
    assert (found["rows_fitted"], found["rows_held_out"]) == (15, 5)
    assert found["loss_unit"] == "bits"


def test_hold_out_by_name(cli: Cli, folder: Path) -> None:
    ran = cli("check", folder / "runs.csv", "--hold-out", "run-1", "--hold-out", "run-2", "--json")
    assert ran.json["result"]["rows_held_out"] == 2


def test_findings_as_csv(cli: Cli, folder: Path, tmp_path: Path) -> None:
    ran = cli("check", folder / "bad.csv", "--csv")
    assert ran.code == 1
    assert "FAIL" in ran.err
    (tmp_path / "out.csv").write_text(ran.out)
    frame = pd.read_csv(tmp_path / "out.csv")
    assert set(frame["code"]) >= {"C001", "C003"}


def test_hostile_names_are_inert(cli: Cli, tmp_path: Path) -> None:
    frame = table()
    frame.loc[24, "loss"] = -1.0
    path = tmp_path / "[red]x.csv"
    frame.to_csv(path, index=False)
    ran = cli("check", path)
    assert ran.code == 1
    assert "[red]x.csv" in ran.out
    assert "\x1b" not in ran.out


def test_check_of_two_choices_of_runs(cli: Cli, folder: Path, tmp_path: Path) -> None:
    other = make_fit(load_model("chinchilla-plain"), table().iloc[3:], held_out=2)
    other.save(tmp_path / "fewer.nc")
    ran = cli("check", folder / "fit.nc", "--also", tmp_path / "fewer.nc", "--json")
    names = [row["name"] for row in ran.json["result"]["checks"]["rows"]]
    assert f"I009 support sensitivity of alpha ({tmp_path / 'fewer.nc'})" in names
    assert cli("check", folder / "fit.nc", "--also", folder / "tokens.nc").code == 2
    same = cli("check", folder / "fit.nc", "--also", folder / "fit.nc")
    assert same.code == 2 and "the same runs" in same.err
    on_table = cli("check", folder / "runs.csv", "--also", folder / "fit.nc")
    assert on_table.code == 2 and "--also is for saved fits" in on_table.err
