"""Study files: what they say reaches the fit, and faults are told at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling.batch.study import Study, read_study, the_only, the_only_table
from bayes_scaling.cli.entry import main
from bayes_scaling.errors import UsageError
from tests.conftest import REPLICATION, ladder, make_fit

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


DECISIONS = """
[allocate]
flops = ["1e22", 5e22]
usd = ["20k"]
cvar = 0.9

[limits]
max_params = "70B"
sizes = [1e9, "7B"]
latency = { at_most = 0.02, seconds_at_1b = 0.001 }
linear = [{ bound = 1e30, params_power = 1, tokens_power = 1 }]

[serving]
tokens = { dist = "LogNormal", q05 = 1e11, q95 = 1e13, unit = "tokens", why = "sales" }

[repetition]
unique_tokens = "2T"
worth = 15

[cost]
mfu = { dist = "LogNormal", q05 = 0.3, q95 = 0.5, unit = "1", why = "last runs" }
devices = 1024
"""


def test_a_study_holds_budgets_prices_limits_and_demand(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, MINIMAL + DECISIONS))
    cost = study.cost.cost()
    assert cost.uncertain and cost.devices == 1024 and cost.usd_per_gpu_hour == 2.5
    found = study.setting(cost, 3)
    assert found.limits.max_params == 7e10 and found.limits.sizes == (1e9, 7e9)
    assert found.limits.largest[0] == pytest.approx(2e10)  # the latency
    assert [each.bound for each in found.limits.linear] == [1e30]
    assert found.serving is not None and isinstance(found.serving.tokens, bs.Prior)
    assert found.repetition == bs.Repetition(2e12, 15) and found.seed == 3
    assert study.allocate.cvar == 0.9 and study.allocate.usd == ("20k",)
    with pytest.raises(UsageError, match="one table; the study has 2"):
        the_only_table(read_study(written(tmp_path, 'tables = ["a", "b"]\nmodels = ["kaplan"]\n')))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('max_params = "70B"', 'max_parms = "70B"', ("did you mean 'max_params'",)),
        ("worth = 15", "worth = -1", ("repetition.worth",)),
        ("cvar = 0.9", "cvar = 1.5\nprobability = 2", ("allocate.cvar", "allocate.probability")),
        ("devices = 1024", "devices = 0", ("cost.devices",)),
        ("devices = 1024", "convention = { depth = 3 }", ("cost.convention: state one of",)),
        ("at_most = 0.02, ", "", ("limits.latency.at_most",)),
    ],
)
def test_faults_of_decisions_in_words(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in DECISIONS
    with pytest.raises(UsageError) as fault:
        read_study(written(tmp_path, MINIMAL + DECISIONS.replace(old, new)))
    assert fault.value.exit_code == 2
    for word in words:
        assert word in str(fault.value)


def test_a_convention_of_flop(tmp_path: Path) -> None:
    for words, factor in (
        ("active = 0.25", 1.5),
        ("kappa = 8.0", 8.0),
        ("depth = 24, width = 2048, context = 4096", 6 * (1 + 4096 / 12 / 2048)),
    ):
        cost = f"[cost]\nconvention = {{ {words} }}\n"
        found = read_study(written(tmp_path, MINIMAL + cost)).cost.cost().convention
        N = 12 * 24 * 2048**2
        assert found.flops(N, 1e9) == pytest.approx(factor * N * 1e9)


def test_amounts_that_are_none_are_refused_where_they_are_used(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, MINIMAL + DECISIONS.replace('"70B"', '"seventy"')))
    with pytest.raises(UsageError, match="seventy"):
        study.setting(study.cost.cost(), 0)


def test_allocate_of_a_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table, model, budgets and limits; a budget on the line comes first. No sampling."""
    monkeypatch.setattr(
        "bayes_scaling.inference.sampling.fit",
        lambda spec, runs, **_: make_fit("chinchilla-plain", REPLICATION, runs),
    )
    bs.Runs.from_frame(ladder()).frame.to_csv(tmp_path / "runs.csv", index=False)
    text = 'tables = ["runs.csv"]\nmodels = ["chinchilla-plain"]\n' + DECISIONS.replace(
        'sizes = [1e9, "7B"]', 'sizes = [1e9, "3B"]'
    )
    path = str(written(tmp_path, text))
    assert main(["allocate", path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]
    assert [row["flops"] for row in found["budgets"][:2]] == [1e22, 5e22]
    assert {row["plan_params"] for row in found["budgets"]} <= {1e9, 3e9}
    assert any("unique tokens" in line for line in found["setting"])
    assert main(["allocate", path, "--flops", "3e21", "--max-params", "2B", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["result"]["budgets"]
    assert row["flops"] == 3e21 and row["plan_params"] <= 2e9 * (1 + 1e-9)


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
