"""Case studies run as written and find what they say they find."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

STUDIES = sorted((Path(__file__).parents[1] / "case_studies").glob("*/study.py"))


@pytest.mark.parametrize("study", STUDIES, ids=lambda p: p.parent.name)
def test_study(study: Path, tmp_path: Path) -> None:
    """The study's own assertions hold, in a copy so that nothing in the checkout changes."""
    copy = tmp_path / study.parent.name
    shutil.copytree(study.parent, copy, ignore=shutil.ignore_patterns("figures"))
    runpy.run_path(str(copy / study.name))
    assert list((copy / "figures").glob("*.png"))
    assert len(study.read_text().splitlines()) <= 80
    assert (study.parent / "README.md").exists()
