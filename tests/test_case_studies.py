"""Case studies run as written, find what they say they find, and refuse other files kindly."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling.cli import main, posterior
from bayes_scaling.errors import UsageError

FOLDER = Path(__file__).parents[1] / "case_studies"
STUDIES = sorted(path.parent.name for path in FOLDER.glob("*/study.py"))
SUPPLIED = {
    "chinchilla_replication": "chinchilla_epoch.csv",
    "messy_spreadsheet": "misfitting_spreadsheet_RAW.csv",
}
"""Studies of a file that the reader supplies."""
LONG = {"repeated_data"}
LIBRARIES = {"bayes_scaling", "matplotlib", "numpy", "pandas"}
LARGEST_FIGURE = 100_000
"""Bytes."""


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of all studies, so that nothing in the checkout changes, with supplied files."""
    copy = tmp_path / "case_studies"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("figures", "*_RAW.csv", "*_epoch*"))
    supplied = SUPPLIED.get(request.getfixturevalue("study"))
    if supplied:
        data: Path = request.getfixturevalue("shared_data")
        shutil.copy(data / supplied, copy / request.getfixturevalue("study"))
    return copy


def run(study: Path, *arguments: str) -> None:
    """Run study.py with these arguments."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["study.py", *arguments])
        runpy.run_path(str(study / "study.py"))


@pytest.mark.parametrize(
    "study",
    [pytest.param(s, marks=pytest.mark.slow) if s in LONG else s for s in STUDIES],
)
def test_study(study: str, copied: Path) -> None:
    """Its own assertions hold; it writes the tables and figures that the checkout has."""
    own = copied / study
    run(own, *(str(own / name) for name in [SUPPLIED.get(study)] if name))
    assert names(own / "figures") == names(FOLDER / study / "figures") != set()
    for table in own.glob("runs*.csv"):
        assert table.read_text() == (FOLDER / study / table.name).read_text()


def names(folder: Path) -> set[str]:
    """Names of the pictures of a folder."""
    return {path.name for path in folder.glob("*.png")}


@pytest.mark.parametrize("study", STUDIES)
def test_script_is_short_and_uses_public_names_alone(study: str) -> None:
    text = (FOLDER / study / "study.py").read_text()
    assert len(text.splitlines()) <= 80
    tree = ast.parse(text)
    found: set[str] = set()
    for node in ast.walk(tree):
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda), "a helper"
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
            assert "bayes_scaling." not in "".join(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
            assert "bayes_scaling" not in str(node.module)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "bs" or node.attr in bs.__all__
    assert "bayes_scaling" in found
    assert found - LIBRARIES <= sys.stdlib_module_names


@pytest.mark.parametrize("study", STUDIES)
def test_page_shows_its_figures_and_its_command(study: str) -> None:
    page = (FOLDER / study / "README.md").read_text()
    assert f"python case_studies/{study}/study.py" in page
    figures = FOLDER / study / "figures"
    shown = set(re.findall(r"\(figures/([^)]+)\)", page))
    assert shown == names(figures) != set()
    assert max(path.stat().st_size for path in figures.iterdir()) < LARGEST_FIGURE
    for link in re.findall(r"\]\(([^)]+)\)", page):
        assert (FOLDER / study / link).exists(), link


@pytest.mark.parametrize("study", sorted(SUPPLIED))
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "usage: python study.py"),
        (("no_such.csv",), "check the path"),
        ((str(FOLDER / "README.md"),), "check the path|are not read"),
        ((str(FOLDER / "overtraining_c4" / "NOTICE.md"),), "are not read"),
        ((str(FOLDER / "overtraining_c4" / "runs.csv"),), "no run 'svg000'|no column"),
    ],
)
def test_other_files_are_refused_kindly(
    study: str, given: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    own = tmp_path / study
    shutil.copytree(FOLDER / study, own, ignore=shutil.ignore_patterns("figures"))
    with pytest.raises(SystemExit, match=words) as refusal:
        run(own, *given)
    assert isinstance(refusal.value.code, str)
    assert not (own / "figures").exists()


@pytest.mark.parametrize("study", STUDIES)
def test_study_file_is_taken_by_batch(study: str, copied: Path, tmp_path: Path) -> None:
    arguments = [str(copied / study / "study.toml"), "-o", str(tmp_path / "out"), "--dry-run"]
    assert main(["batch", *arguments]) == 0


class Reached(UsageError):
    """Everything was read, and sampling would begin."""


@pytest.mark.parametrize("study", STUDIES)
def test_study_file_is_taken_by_report(
    study: str, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to sampling: table, model and budgets are read."""
    reached: list[tuple[Any, Any]] = []

    def stop(spec: Any, runs: Any, *_: Any, **__: Any) -> Any:
        reached.append((spec, runs))
        raise Reached("sampling begins")

    monkeypatch.setattr(posterior, "sample", stop)
    page = tmp_path / "page.html"
    assert main(["report", str(copied / study / "study.toml"), "-o", str(page), "-q"]) == 2
    ((spec, runs),) = reached
    stated = tomllib.loads((copied / study / "study.toml").read_text())
    assert [spec.name] == stated["models"] and len(runs.fitted) > 10


@pytest.mark.parametrize("study", ["overtraining_c4"])
def test_study_file_becomes_a_page(study: str, copied: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(copied / study / "study.toml"), "-o", str(page), "-q"]) == 0
    assert "1e+21" in page.with_suffix(".csv").read_text() and page.stat().st_size > 50_000


def test_normal_noise_is_all_that_sets_the_two_models_apart() -> None:
    ours = bs.load_model(str(FOLDER / "chinchilla_replication" / "normal.toml"))
    shelf = bs.load_model("chinchilla-plain")
    assert ours.priors == shelf.priors and ours.law == shelf.law
    assert ours.noise.priors["sigma"] == shelf.noise.priors["sigma"]
    assert (ours.noise.kind, shelf.noise.kind) == ("normal", "student_t")
