"""Wrong command lines: the exit code, the words of the message, and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bayes_scaling.cli import main

from .conftest import Cli

BAD = [
    ("nope", 2, "No such command 'nope'"),
    ("forecast", 2, "Missing argument 'RUNS|FIT.nc'"),
    ("forecast {d}/fit.nc --flop 1e24", 2, "--flops"),
    ("forecast {d}/fit.nc", 2, "in one way"),
    ("forecast {d}/fit.nc --flops 1e23 --params 7B --tokens 1T", 2, "given are --flops, --params"),
    ("forecast {d}/fit.nc --params 70B", 2, "needs --params and --tokens"),
    ("forecast {d}/fit.nc --params 7B --params 8B --tokens 1T", 2, "in pairs"),
    ("forecast {d}/fit.nc --flops 1e400", 2, "beyond what a float holds"),
    ("forecast {d}/fit.nc --flops -1e25", 2, "a quantity is positive"),
    ("forecast {d}/fit.nc --flops 0", 2, "above zero"),
    ("forecast {d}/fit.nc --flops 1e35", 2, "is refused"),
    ("forecast {d}/fit.nc --flops 125m", 2, "ambiguous"),
    ("forecast {d}/fit.nc --flops 1e23 --flops x --flops y", 2, "flops 'y'"),
    ("forecast {d}/fit.nc --amount 1e24", 2, "use --flops"),
    ("forecast {d}/tokens.nc --flops 1e24", 2, "use --amount"),
    ("forecast {d}/fit.nc --flops 1e23 --interval 90", 2, "for 90% write 0.9"),
    ("forecast {d}/fit.nc --flops 1e23 --interval a", 2, "levels such as 0.8,0.9"),
    ("forecast {d}/fit.nc --flops 1e23 --seed -1", 2, "--seed"),
    ("forecast {d}/fit.nc --flops 1e23 --seed 99999999999", 2, "--seed"),
    ("forecast {d}/fit.nc --flops 1e23 --csv --md", 2, "choose one of"),
    ("forecast {d}/fit.nc --flops 1e23 -o {t}/out.txt", 2, "ending in .csv"),
    ("forecast {d}/fit.nc --flops 1e23 --col params=n", 2, "--at"),
    ("forecast {d}/fit.nc --at {d}/bad_plan.csv", 3, "line 3, column 'tokens', value '-3'"),
    ("forecast {d}/fit.nc --at {d}/nothing.csv", 3, "No such file"),
    ("forecast {d}/fit.nc --at {d}/plan.csv --col params=n", 2, "has run, params, tokens"),
    ("forecast {d}/runs.csv --flops 1e23 -m chinchila", 2, "chinchilla"),
    ("forecast {d}/nothing.nc --flops 1e23", 2, "No such file"),
    ("forecast https://example.org/fit.nc --flops 1e23", 2, "cannot read"),
    ("forecast {d}/text.nc --flops 1e23", 2, "not a saved fit"),
    ("forecast {d}/damaged.nc --flops 1e23", 6, "damaged"),
    ("forecast {d}/mine.nc --flops 1e23", 2, "--law FILE.py:NAME"),
    ("forecast {d}/mine.nc --flops 1e23 --law {d}/mine.py:yours", 2, "no law 'yours'"),
    ("forecast {d}/fit.nc --flops 1e23 --then {d}/tokens.nc", 2, "is no link: it reads tokens"),
    ("forecast {d}/link.nc --amount 2.5 --then {d}/link.nc", 2, "a forecast of the accuracy"),
    ("forecast {d}/fit.nc --flops 1e23 --then {d}/runs.csv", 2, "fit a model to it first"),
    ("forecast {d}/fit.nc --flops 1e23 --then {d}/link.nc --at-least 60", 2, "60% is 0.6"),
    ("forecast {d}/fit.nc --flops 1e23 --at-least 2 --at-most 3", 2, "choose one of"),
    ("fit {d}/tasks.csv -m chinchilla-plain -o {t}/f.nc", 2, "choose a model of the accuracy"),
    ("fit {d}/runs.csv -m accuracy-sigmoid -o {t}/f.nc", 2, "explains the accuracy"),
    ("fit {d}/percent.csv -m direct-accuracy -o {t}/f.nc", 3, "divide the column by 100"),
    ("allocate {d}/fit.nc", 2, "--flops 1e24, --usd 5M"),
    ("allocate {d}/fit.nc --usd 5X", 2, "an amount such as 250k"),
    ("allocate {d}/fit.nc --usd 1e3M", 2, "ambiguous"),
    ("allocate {d}/fit.nc --usd 0", 2, "above 0"),
    ("allocate {d}/fit.nc --flops 1e23 --mfu 40", 2, "40% is 0.4"),
    ("allocate {d}/fit.nc --flops 1e23 --usd-per-hour nan", 2, "finite number above 0"),
    ("allocate {d}/tokens.nc --flops 1e23", 2, "joint law"),
    ("allocate {d}/ray.nc --flops 1e23", 1, "I001"),
    ("check {d}/nothing.csv", 3, "No such file"),
    ("check {d}/empty.csv", 3, "F001"),
    ("check https://example.org/runs.csv", 3, "addresses are not fetched"),
    ("check {d}/runs.xlsx", 3, "spreadsheets are not read"),
    ("check {d}/runs.csv --col params=n", 3, "'n'"),
    ("check {d}/runs.csv --col params", 2, "write a pair such as"),
    ("check {d}/runs.csv --col a=b,a=c", 2, "named twice"),
    ("check {d}/runs.csv --loss-unit nat", 2, "nats, bits, ppl, bpb"),
    ("check {d}/runs.csv --loss-unit bpb", 2, "bytes_per_token"),
    ("check {d}/runs.csv --checkpoints first", 2, "last, all"),
    ("check {d}/runs.csv --decimal ;", 2, "write . or ,"),
    ("check {d}/runs.csv --delimiter ;;", 2, "one character"),
    ("check {d}/runs.csv --encoding klingon", 2, "klingon"),
    ("check {d}/runs.csv --train-below colour=3", 2, "the column is one of"),
    ("check {d}/runs.csv --train-below 1e3", 3, "no run has flops below"),
    ("check {d}/runs.csv --hold-out run-99", 2, "no run 'run-99'"),
    ("check {d}/runs.csv --where run=run-1", 3, "fewer than 5"),
    ("check {d}/runs.csv --where colour=red", 3, "no column 'colour'"),
    ("check {d}/runs.csv --law mine.py:mine", 2, "for saved fits"),
    ("check {d}/fit.nc --loss-unit bits", 2, "--loss-unit: for tables only"),
    ("fit {d}/runs.csv --model chinchilla-plain", 2, "--out"),
    ("fit {d}/runs.csv -o {t}/f.nc", 2, "the shelf has "),
    ("fit {d}/runs.csv -m chinchila-plain -o {t}/f.nc", 2, "did you mean 'chinchilla-plain'"),
    ("fit {d}/runs.csv -m {d}/none.toml -o {t}/f.nc", 2, "no model file"),
    ("fit {d}/runs.csv -m chinchilla-plain -o {t}/f.txt", 2, "ending in .nc"),
    ("fit {d}/runs.csv -m chinchilla-plain -o {d}/fit.nc", 6, "--force overwrites it"),
    ("fit {d}/runs.csv -m chinchilla-plain -o {d}/runs.csv/f.nc", 6, "can be written"),
    ("fit {d}/runs.csv -m chinchilla-plain -o {t}/f.nc --resource flops", 2, "one-resource law"),
    ("fit {d}/runs.csv -m power-floor-plain -o {t}/f.nc", 2, "choose one, with --resource"),
    ("fit {d}/runs.csv -m chinchilla-plain -o {t}/f.nc --draws 0", 2, "--draws"),
    ("fit {d}/empty.csv -m chinchilla-plain -o {t}/f.nc", 3, "F001"),
    ("show {d}/runs.csv", 2, "not a saved fit"),
    ("compare {d}/fit.nc", 2, "at least two fits"),
    ("compare {d}/fit.nc {d}/fit.nc", 2, "the same file is named twice"),
    ("compare {d}/fit.nc {d}/runs.csv", 2, "saved fits, or one table"),
    ("compare {d}/fit.nc {d}/ray.nc", 2, "only in ray"),
    ("compare {d}/fit.nc {d}/link.nc", 2, "the other the accuracy"),
    ("compare {d}/fit.nc {d}/none.nc", 2, "cannot read"),
    ("compare {d}/fit.nc {d}/mine.nc", 2, "of your own"),
    ("compare {d}/fit.nc {d}/damaged.nc", 6, "is damaged"),
    ("compare {d}/fit.nc {d}/ray.nc --loss-unit bits", 2, "--loss-unit: for tables only"),
    ("compare {d}/runs.csv -m chinchilla-plain", 2, "at least two models"),
    ("compare {d}/runs.csv -m chinchilla-plain -m chinchilla-plain", 2, "named twice"),
    ("compare {d}/runs.csv {d}/ray.csv -m product -m farseer", 2, "takes one table"),
    ("compare {d}/empty.csv -m product -m farseer", 3, "F001"),
    ("compare {d}/fit.nc {d}/ray.nc -o {t}/t.txt", 2, "ending in .csv"),
    ("diff {d}/fit.nc", 2, "Missing argument"),
    ("diff {d}/fit.nc {d}/tokens.nc", 2, "nothing to set side by side"),
    ("diff {d}/fit.nc {d}/ray.nc --amount 1e22", 2, "use --flops"),
    ("models show nope", 2, "no model named 'nope'"),
    ("models diff chinchilla-plain", 2, "Missing argument"),
    ("models --csv show kaplan-plain", 2, "models show --csv"),
    ("models frobnicate", 2, "No such command"),
    ("report {d}/fit.nc --flops 1e23", 2, "--out"),
    ("report {d}/fit.nc -o {t}/r.html", 2, "name a budget"),
    ("report {d}/fit.nc --flops 1e23 -o {t}/r.pdf", 2, "ending in .html"),
    ("report {d}/fit.nc --flops 1e23 -m kaplan-plain -o {t}/r.html", 2, "a fit has its model"),
    ("report {d}/runs.csv --flops 1e23 -o {t}/r.html", 2, "name a model with --model"),
    ("schema studies", 2, "model, study, runs and result"),
    ("example nope", 2, "overtraining_c4"),
    ("demo -o {d}/runs.csv", 6, "name a folder"),
    ("example --csv", 2, "has no table"),
    ("forecast {d}/fit.nc --flops 1e23 -m chinchilla", 2, "--model goes with a run table"),
    ("allocate {d}/fit.nc --flops 1e23 --where run=a", 2, "for tables only"),
]


@pytest.mark.parametrize(("line", "code", "words"), BAD, ids=[each[0] for each in BAD])
def test_bad_input(
    cli: Cli, folder: Path, tmp_path: Path, line: str, code: int, words: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    arguments = [part.format(d=folder, t=tmp_path) for part in line.split()]
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert "fault of bayes-scaling" not in ran.err
    assert not list(tmp_path.iterdir())
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.parametrize(("line", "code", "words"), BAD[::5], ids=[each[0] for each in BAD[::5]])
def test_bad_input_as_json(
    cli: Cli, folder: Path, tmp_path: Path, line: str, code: int, words: str
) -> None:
    ran = cli(*[part.format(d=folder, t=tmp_path) for part in line.split()], "--json")
    assert ran.code == code
    assert ran.json["status"] == "error"
    assert ran.json["exit_code"] == code
    assert ran.json["result"] is None
    assert words in ran.json["error"]["message"]
    assert ran.err == ""


def test_a_refused_table_has_its_findings_in_json(cli: Cli, folder: Path) -> None:
    ran = cli("check", folder / "empty.csv", "--json")
    assert ran.code == 3
    assert [each["code"] for each in ran.json["error"]["findings"]] == ["F001"]


def test_control_characters_of_an_argument_are_escaped(cli: Cli) -> None:
    ran = cli("check", "a\x1b[31m\u202eb.csv")
    assert ran.code == 3
    assert "\x1b" not in ran.err
    assert "\u202e" not in ran.err


def test_an_unexpected_fault_is_code_70(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("kaput")

    monkeypatch.setattr("bayes_scaling.runs.examples.example_path", broken)
    ran = cli("example")
    assert (ran.code, ran.out) == (70, "")
    assert "RuntimeError: kaput" in ran.err
    assert "please report" in ran.err
    assert "Traceback" not in ran.err
    ran = cli("example", "--json")
    assert (ran.code, ran.json["exit_code"]) == (70, 70)
    monkeypatch.setenv("BAYES_SCALING_DEBUG", "1")
    assert main(["example"]) == 70


def test_debug_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAYES_SCALING_DEBUG", "1")
    assert main(["example", "nope", "--json"]) == 2
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert json.loads(captured.out)["status"] == "error"


def test_ctrl_c_is_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_scaling.runs.examples.example_path", pressed)
    ran = cli("example", "--json")
    assert (ran.code, ran.json["exit_code"]) == (130, 130)
