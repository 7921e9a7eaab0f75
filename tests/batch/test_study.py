"""Study files: what they say reaches the fit, and faults are told at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.batch.study import Study, read_study, the_only
from bayes_scaling.cli.entry import main
from bayes_scaling.errors import UsageError

STUDY = Path(__file__).parents[2] / "case_studies" / "overtraining_c4" / "study.toml"
MINIMAL = 'tables = ["runs.csv"]\nmodels = ["chinchilla-plain", "./mine.toml"]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, MINIMAL))
    assert study.tables == (str(tmp_path / "runs.csv"),)
    assert study.models == ("chinchilla-plain", str(tmp_path / "mine.toml"))
    assert study.cost.mfu == bs.Cost().mfu


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("tables", "tabels", "did you mean 'tables'"),
        ('["runs.csv"]', "[]", "tables"),
        ("\n", '\n[data]\nloss_unit = "nat"\n', "data.loss_unit"),
        ("\n", "\n[data]\nholdout = []\n", "did you mean 'hold_out'"),
        ("\n", "\n[cost]\nmfu = 0\n", "cost.mfu"),
        ("\n", "\n[sampling]\nseed = -1\n", "sampling.seed"),
        ("=", ":", "not valid TOML"),
    ],
)
def test_faults_in_words(tmp_path: Path, old: str, new: str, word: str) -> None:
    models, tables = MINIMAL.splitlines()[::-1]
    text = f"{tables}\n{models}\n"
    text = text + new if old == "\n" else text.replace(old, new, 1)
    with pytest.raises(UsageError, match=word):
        read_study(written(tmp_path, text))


def test_absent_and_plural_studies(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_study(tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="one table and one model"):
        the_only(read_study(written(tmp_path, MINIMAL)))
    assert Study.model_json_schema()["additionalProperties"] is False


def test_report_of_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Held-out runs are scored, never fitted; the page and its numbers follow the study."""
    shutil.copytree(STUDY.parent, tmp_path / "study")
    page = tmp_path / "page.html"
    code = main(["report", str(tmp_path / "study" / "study.toml"), "-o", str(page), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0 and found["status"] in ("ok", "warn")
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert numbers["provenance"]["rows_fitted"] == 31
    assert numbers["provenance"]["rows_held_out"] == 3
    assert [row["flops"] for row in numbers["forecast"]] == [1e21, 1e22]
    assert "<script" not in page.read_text()
    code = main(["report", str(tmp_path / "study" / "study.toml"), "-o", str(page)])
    assert code == 6  # the page exists, and --force was not given
