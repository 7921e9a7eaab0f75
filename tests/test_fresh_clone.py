"""A newcomer's road: a fresh clone, a table of one's own, the three commands of the README."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.reporting.wording import say_loss, say_size
from tests.documents import PROGRAM, ROOT, Command, blocks, commands
from tests.reporting.test_report import Page, check_cells
from tests.test_docs import compare_output

INSTALL = "python3 -m pip install -q uv && "
RUN = "python3 -m uv run "
TABLE = "our_ladder.csv"
SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
COPIED = ("bayes_scaling", "models", "case_studies")
"""What a clone needs to run, where there is no repository to clone."""


def three() -> list[Command]:
    """The block of the README that begins with installing and ends with a report."""
    found = [
        each
        for block in blocks(ROOT / "README.md")
        if block.language == "console"
        and len(each := list(commands(block))) == 3
        and each[0].line.startswith(INSTALL)
    ]
    (block,) = found
    return block


def as_people_write(value: float) -> str:
    """An amount with a suffix, in four digits: 1.234B."""
    unit, letter = next(pair for pair in SUFFIXES if value >= pair[0])
    return f"{value / unit:.4g}{letter}"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the last commit, and on it the files of this checkout that differ from it."""
    root = tmp_path / "clone"
    if not (ROOT / ".git").exists():
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name)
        return root
    git = ["git", "-C", str(ROOT)]
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
    listed = [*git, "ls-files", "-z", "--modified", "--others", "--exclude-standard"]
    changed = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    for name in filter(None, changed.split("\0")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True)
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def table(clone: Path) -> Path:
    """The tutorial's runs as somebody else's spreadsheet has them."""
    frame = bs.read_runs(bs.example_path()).select(train_dataset="rpj").to_frame()
    with (clone / TABLE).open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["run", "owner", "params", "tokens", "loss"])
        for row in frame.itertuples():
            sizes = as_people_write(row.params), as_people_write(row.tokens)
            out.writerow([f"ladder-{row.Index}", "ann", *sizes, f"{row.loss:.4f}"])
    return clone / TABLE


@pytest.mark.slow
def test_three_commands_from_a_fresh_clone_to_a_report(
    clone: Path, table: Path, tmp_path: Path
) -> None:
    """All of each line but `pip install uv` and `uv run`: packages are those of this process.

    The lines that the README shows stand in what is printed, its numbers within a tenth; page and
    JSON agree.
    """
    programs = tmp_path / "programs"
    programs.mkdir()
    own = programs / PROGRAM
    own.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bayes_scaling "$@"\n')
    own.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    around = {**os.environ, "PATH": path, "PYTHONPATH": str(clone), "COLUMNS": "200"}
    where = [sys.executable, "-c", "import bayes_scaling; print(bayes_scaling.__file__)"]
    home = subprocess.run(where, cwd=clone, env=around, capture_output=True, text=True, check=True)
    assert Path(home.stdout.strip()).is_relative_to(clone)

    said = ""
    for command in three():
        line = command.line.removeprefix(INSTALL).removeprefix(RUN).replace("runs.csv", TABLE)
        assert line.startswith(f"{PROGRAM} ")
        ran = subprocess.run(
            ["bash", "-c", line], cwd=clone, env=around, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        assert command.shown, f"{line} shows nothing"
        compare_output(command, ran.stdout)
        said += ran.stdout

    html = (clone / "report.html").read_text()
    numbers = json.loads((clone / "report.json").read_text())
    assert numbers["runs"]["source"] == TABLE and numbers["runs"]["fitted"] == 35
    page = Page(html)
    assert TABLE in page.text
    loss, plan = numbers["forecast"][0]["loss_new"], numbers["allocation"][0]["plan"]
    interval = f", 90% between {say_loss(loss['q05'])} and {say_loss(loss['q95'])}."
    decision = f"At 1e22 FLOP: loss {say_loss(loss['q50'])}"
    assert decision + interval in page.headings
    assert f"{decision} nats/token{interval}" in said
    split = f"Plan {say_size(plan['params'])} parameters on {say_size(plan['tokens'])} tokens"
    assert split in said and split in page.text
    check_cells(html, numbers)


def test_the_three_commands_are_the_promised_ones() -> None:
    """Each is run from the clone; the first installs, the last writes the report."""
    first, second, last = (command.line for command in three())
    assert first.startswith(f"{INSTALL}{RUN}{PROGRAM} check runs.csv")
    assert second.startswith(f"{RUN}{PROGRAM} fit runs.csv")
    assert last.startswith(f"{RUN}{PROGRAM} report fit.nc") and last.endswith("-o report.html")
