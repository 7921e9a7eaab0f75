"""Study files: what they say reaches the fit, and faults are told at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling.batch.study import Study, read_study, the_only, the_only_table
from bayes_scaling.batch.task import tasks_of
from bayes_scaling.cli.entry import main
from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.averaging import average
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


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ('split_by = "recipe"', "splits its table by recipe"),
        ('losses = ["c4", "wiki"]', "the study has c4, wiki"),
    ],
)
def test_a_plan_is_of_one_table_and_one_loss(tmp_path: Path, data: str, word: str) -> None:
    study = read_study(written(tmp_path, f'tables = ["a"]\nmodels = ["kaplan"]\n[data]\n{data}\n'))
    with pytest.raises(UsageError, match=word):
        the_only_table(study)


def test_a_prior_relative_to_a_table_prices_nothing(tmp_path: Path) -> None:
    prior = '[cost.usd_per_gpu_hour]\ndist = "OfRange"\nof = "params"\nq05 = 0.1\nq95 = 0.9\n'
    text = f'{MINIMAL}{prior}unit = "USD"\nwhy = "none"\n'
    with pytest.raises(UsageError, match="cannot stand here"):
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
    assert study.allocate.cvar == 0.9 and study.allocate.usd == (20_000,)
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
        (
            'usd = ["20k"]',
            'usd = ["20 big ones"]\nhours = ["-1"]',
            ("allocate.usd.0", "20 big ones", "allocate.hours.0"),
        ),
        ('["1e22", 5e22]', '["1e22", "five"]', ("allocate.flops.1", "five")),
        ("cvar = 0.9", "loss = 2.1\nfor_params = '7B'", ("allocate: ", "follows from one of")),
        ('max_params = "70B"', 'max_params = "seventy"\nmin_params = 0', ("seventy", "min_params")),
        ('max_params = "70B"', 'max_params = "70M"\nmin_params = "7B"', ("limits: ",)),
        (
            "devices = 1024",
            'usd_per_gpu_hour = { dist = "OfRange", low = 0.1, high = 2 }',
            ("cost.usd_per_gpu_hour",),
        ),
        ("worth = 15", "worth = 15\n[plan]\nparams = '70B'\ntokens = 'x'", ("plan.tokens",)),
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


def test_faults_of_every_section_come_at_once(tmp_path: Path) -> None:
    text = DECISIONS.replace('"70B"', '"seventy"').replace('"20k"', '"x"').replace("1024", "0")
    with pytest.raises(UsageError) as fault:
        read_study(written(tmp_path, MINIMAL + text))
    assert all(word in str(fault.value) for word in ("seventy", "allocate.usd", "cost.devices"))


SAMPLED: dict[str, Any] = {}
"""What the sampler was last told."""


@pytest.fixture
def asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Ask a verb of a study of one small table; nothing is sampled, nothing backtested."""

    def sampled(_spec: Any, runs: bs.Runs, **given: Any) -> bs.Fit:
        SAMPLED.update(given)
        return make_fit("chinchilla-plain", REPLICATION, runs)

    def unweighted(fits: Any, *_: Any, **__: Any) -> Any:
        return average(fits)

    monkeypatch.setattr("bayes_scaling.decisions.source.weighted", unweighted)

    monkeypatch.setattr("bayes_scaling.inference.sampling.fit", sampled)
    bs.Runs.from_frame(ladder()).frame.to_csv(tmp_path / "runs.csv", index=False)
    top = 'tables = ["runs.csv"]\nmodels = ["chinchilla-plain"]\n'

    def ask(verb: str, text: str, *line: str) -> Any:
        code = main([verb, str(written(tmp_path, top + text)), *line, "--json"])
        found = json.loads(capsys.readouterr().out)
        return found["result"] | {"code": code}

    return ask


def test_allocate_of_a_study(asked: Callable[..., Any]) -> None:
    """Its table, model, budgets and limits; a budget on the line comes first."""
    text = DECISIONS.replace('sizes = [1e9, "7B"]', 'sizes = [1e9, "3B"]')
    found = asked("allocate", text)
    assert [row["flops"] for row in found["budgets"][:2]] == [1e22, 5e22]
    assert {row["plan_params"] for row in found["budgets"]} <= {1e9, 3e9}
    assert any("unique tokens" in line for line in found["setting"])
    found = asked("allocate", text, "--flops", "3e21", "--max-params", "2B")
    (row,) = found["budgets"]
    assert row["flops"] == 3e21 and row["plan_params"] == pytest.approx(1e9)
    assert any("sizes" in line for line in found["setting"])  # one limit replaces one limit


def test_a_line_adds_to_the_question_of_a_study(asked: Callable[..., Any]) -> None:
    mean = asked("allocate", "[allocate]\nflops = [1e22]\n")
    worst = asked("allocate", "[allocate]\nflops = [1e22]\n", "--cvar", "0.9")
    assert "plan_loss_worst" not in mean["budgets"][0] and "loss_worst" in str(worst["budgets"][0])
    text = "[allocate]\nloss = 2.2\nprobability = 0.5\n"
    sure, unsure = asked("allocate", text, "--probability", "0.95"), asked("allocate", text)
    assert sure["budgets"][0]["flops"] > unsure["budgets"][0]["flops"]
    assert "95%" in sure["wanted"] and "50%" in unsure["wanted"]


def test_sampling_of_a_study_is_done(asked: Callable[..., Any]) -> None:
    text = "[sampling]\nchains = 3\ndraws = 77\nseed = 5\n[allocate]\nflops = [1e22]\n"
    asked("allocate", text)
    assert (SAMPLED["chains"], SAMPLED["draws"], SAMPLED["seed"]) == (3, 77, 5)
    asked("allocate", text, "--seed", "6")
    assert SAMPLED["seed"] == 6


def test_plan_of_a_study(asked: Callable[..., Any]) -> None:
    text = "[plan]\nparams = '2B'\ntokens = '50B'\n[cost]\nusd_per_gpu_hour = 7\n"
    found = asked("plan", text)
    assert (found["params"], found["tokens"]) == (2e9, 5e10)
    assert any("7 USD per GPU-hour" in line for line in found["setting"])
    assert asked("plan", text, "--tokens", "60B")["tokens"] == 6e10


def test_next_and_diagnose_of_a_study(asked: Callable[..., Any]) -> None:
    text = "[cost]\nusd_per_gpu_hour = 7\n"
    dear = asked("next", text, "--flops", "1e22")
    assert "7 USD per GPU-hour" in json.dumps(dear)
    assert "7 USD per GPU-hour" in json.dumps(asked("diagnose", text))


def test_a_run_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(written(tmp_path, 'tables = ["r.csv"]\nmodels = ["kaplan"]\n'))]) == 2
    assert "--params and --tokens missing" in capsys.readouterr().err


def test_absent_and_plural_studies(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_study(tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="a page or a plan is of one table"):
        the_only(read_study(written(tmp_path, MINIMAL.replace("]", ', "more.csv"]', 1))))
    table, models = the_only(read_study(written(tmp_path, MINIMAL)))
    assert table == str(tmp_path / "runs.csv") and models[0] == "chinchilla-plain"
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
    assert page.read_text().count("<script") == 2
    code = main(["report", str(tmp_path / "study" / "study.toml"), "-o", str(page)])
    assert code == 6  # the page exists, and --force was not given


def test_tables_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        ladder().to_csv(tmp_path / folder / "runs.csv", index=False)
    ladder().to_csv(tmp_path / "other.csv", index=False)
    text = 'tables = ["*/runs.csv", "other.csv"]\nmodels = ["kaplan-plain"]\n'
    found = tasks_of(read_study(written(tmp_path, text)))
    assert [task.table for task in found] == ["a/runs.csv", "b/runs.csv", "other.csv"]
