"""Examples: the shipped table is there, is what its notice says, and is usable."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.examples import CHECKOUT, example_names, example_path, shipped
from bayes_scaling.runs.findings import splits_allowed
from bayes_scaling.runs.reader import read_runs


def test_example_is_usable() -> None:
    assert example_names() == ("overtraining_c4",)
    runs = read_runs(example_path())
    assert len(runs) == 104
    assert runs.resources == ("params", "tokens")
    assert {f.severity for f in runs.findings} == {"info"}
    assert splits_allowed(runs.findings)
    sizes = {name: len(part) for name, part in runs.split("train_dataset").items()}
    assert sizes == {"c4_original": 34, "rpj": 35, "rw_original": 35}


def test_example_names_its_source_and_licence() -> None:
    notice = example_path().with_name("NOTICE.md").read_text(encoding="utf-8")
    for words in ("arXiv:2403.08540", "mlfoundations/scaling", "Copyright (c) 2024 mlfoundations"):
        assert words in notice
    assert "THE SOFTWARE IS PROVIDED" in notice


def test_example_keeps_every_digit(shared_data: Path) -> None:
    original = (shared_data.parent / "figures" / "gadre_c4.csv").read_text(encoding="utf-8")
    shown = example_path().read_text(encoding="utf-8")
    assert shown == original.replace("run_id,", "run,", 1)


def test_unknown_example() -> None:
    with pytest.raises(UsageError, match="overtraining_c4"):
        example_path("nope")


def test_shipped_falls_back_to_the_checkout() -> None:
    assert shipped("_no_such_folder", "models") == CHECKOUT / "models"
    assert shipped("runs", "elsewhere").name == "runs"
