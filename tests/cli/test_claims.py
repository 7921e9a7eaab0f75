"""`register`, `score` and `diagnose` on hand-made fits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.diagnose import diagnose
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.decisions.register import register
from bayes_scaling.inference.store import load_fit

from .conftest import Cli

TWO = ("--params", "7B", "--params", "10B", "--tokens", "140B", "--tokens", "200B")
DAY = ("--date", "2026-11-27")


@pytest.fixture
def foretold(cli: Cli, folder: Path, tmp_path: Path) -> Path:
    """The JSON of a forecast of two points."""
    path = tmp_path / "forecast.json"
    path.write_text(cli("forecast", folder / "fit.nc", *TWO, "--seed", 3, "--json").out)
    return path


@pytest.fixture
def claim(cli: Cli, foretold: Path, tmp_path: Path) -> Path:
    path = tmp_path / "claim.json"
    assert cli("register", foretold, "-o", path, *DAY, "--by", "me").code == 0
    return path


def test_a_forecast_carries_what_a_claim_needs(foretold: Path, folder: Path) -> None:
    points = json.loads(foretold.read_text())["result"]["points"]
    levels = [k / 100 for k in range(1, 100)]
    asked = pd.DataFrame({"params": [7e9, 1e10], "tokens": [1.4e11, 2e11]})
    expected = forecast(load_fit(folder / "fit.nc"), asked, seed=3).quantiles(levels)
    assert [p["claim_quantiles"] for p in points] == expected.to_numpy().tolist()
    assert [(p["params"], p["tokens"], p["flops"]) for p in points] == [
        (7e9, 1.4e11, 6 * 7e9 * 1.4e11), (1e10, 2e11, 6 * 1e10 * 2e11),
    ]  # fmt: skip


def test_the_claim_is_that_of_the_library(claim: Path, folder: Path) -> None:
    asked = pd.DataFrame({"params": [7e9, 1e10], "tokens": [1.4e11, 2e11]})
    found = forecast(load_fit(folder / "fit.nc"), asked, seed=3)
    own = register(found, date="2026-11-27", by="me")
    assert json.loads(claim.read_text()) == own.to_dict()


def test_registering_says_what_is_claimed(cli: Cli, foretold: Path, tmp_path: Path) -> None:
    ran = cli("register", foretold, "-o", tmp_path / "c.json", *DAY, "--note", "[b]x")
    assert ran.code == 0
    written = json.loads((tmp_path / "c.json").read_text())
    assert written["sha256"] in ran.out
    assert "point 2 (10B parameters, 200B tokens): loss 2." in ran.out
    assert "registered for 2026-11-27:" in ran.out
    assert "WARN" not in ran.err
    assert "bayes-scaling score" in ran.err
    again = cli("register", foretold, "-o", tmp_path / "c.json", *DAY)
    assert again.code == 6
    forced = cli("register", foretold, "-o", tmp_path / "c.json", *DAY, "--force", "--json")
    assert forced.json["result"]["claim"] == json.loads((tmp_path / "c.json").read_text())
    assert forced.json["result"]["claim"]["note"] == ""


def test_a_claim_beyond_the_evidence_says_so(cli: Cli, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    far = ("--params", "70B", "--tokens", "1.4T")
    path.write_text(cli("forecast", folder / "fit.nc", *far, "--json").out)
    ran = cli("register", path, "-o", tmp_path / "c.json", *DAY)
    assert (ran.code, "point 1: stretched" in ran.err) == (0, True)
    assert json.loads((tmp_path / "c.json").read_text())["points"][0]["evidence"] == "stretched"


def test_refused_forecasts(cli: Cli, folder: Path, foretold: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    for wrong in (folder / "fit.nc", folder / "runs.csv", tmp_path / "none.json", tmp_path):
        ran = cli("register", wrong, "-o", out, *DAY)
        assert ran.code == 2, wrong
    error = tmp_path / "error.json"
    error.write_text(cli("forecast", folder / "ray.nc", "--flops", "1e22", "--json").out)
    ran = cli("register", error, "-o", out, *DAY)
    assert (ran.code, "gave no answer" in ran.err, "--json >" in ran.err) == (2, True, True)
    raw = json.loads(foretold.read_text())
    point = raw["result"]["points"][1]
    kept = point.pop("claim_quantiles")
    error.write_text(json.dumps(raw))
    assert "an earlier version" in cli("register", error, "-o", out, *DAY).err
    point["claim_quantiles"] = kept[::-1]
    raw["result"]["target"], raw["result"]["weights"] = "taste", None
    error.write_text(json.dumps(raw))
    ran = cli("register", error, "-o", out, *DAY)
    assert ran.code == 2
    for words in ("point 2: claim_quantiles are 99", "weights is missing", "target is none"):
        assert words in ran.err
    assert cli("register", foretold, "-o", out, "--date", "tomorrow").code == 2
    assert cli("register", foretold, "-o", out).code == 2
    assert cli("register", foretold, *DAY).code == 2
    assert cli("register", foretold, "-o", tmp_path / "c.txt", *DAY).code == 2
    assert not out.exists()


def test_score_each_point_or_one(cli: Cli, claim: Path, tmp_path: Path) -> None:
    before = claim.read_bytes()
    both = cli("score", claim, "--loss", 2.16, "--loss", 2.5, "--json").json["result"]
    assert [each["point"] for each in both["scores"]] == [1, 2]
    inside = [each["intervals"][2]["inside"] for each in both["scores"]]
    assert (inside, both["claim"]["by"]) == ([True, False], "me")
    out = tmp_path / "scores.json"
    one = cli("score", claim, "--observed", 2.5, "--point", 2, "-o", out)
    assert one.code == 0
    assert "Point 2 (10B parameters, 200B tokens): loss 2.5 was measured" in one.out
    assert "did not hold" in one.out and "CRPS" in one.out and "PIT 0.995" in one.out
    assert max(map(len, one.out.splitlines())) <= 80
    assert json.loads(out.read_text())["scores"] == both["scores"][1:]
    assert cli("score", claim, "--loss", 2.5, "--point", 2, "-o", out).code == 6
    table = pd.read_csv(
        io.StringIO(cli("score", claim, "--loss", 2.16, "--loss", 2.5, "--csv").out)
    )
    assert table["inside90"].tolist() == [True, False]
    assert claim.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [([], "say what was measured"), (["--loss", 2, "--observed", 2], "in one way"),
     (["--loss", 2.2], "1 measured for 2 claimed"), (["--loss", 2, "--point", 3], "are 1 to 2"),
     (["--loss", 2, "--point", 0], "are 1 to 2"), (["--loss", "nan", "--point", 1], "finite"),
     (["--loss", 2, "--point", 1, "--point", 2], "one point for each"),
     (["--loss", 2, "--loss", 2, "--point", 1, "--point", 1], "named twice"),
     (["--loss", "two", "--point", 1], "a valid")],
)  # fmt: skip
def test_wrong_questions(cli: Cli, claim: Path, line: list[object], words: str) -> None:
    ran = cli("score", claim, *line)
    assert (ran.code, words in ran.err) == (2, True), ran.err


def test_a_changed_claim_is_exit_3(cli: Cli, claim: Path, foretold: Path) -> None:
    claim.write_text(claim.read_text().replace('"by": "me"', '"by": "you"'))
    ran = cli("score", claim, "--loss", 2.2, "--point", 1)
    assert ran.code == 3
    assert "changed after it was registered" in ran.err
    as_json = cli("score", claim, "--loss", 2.2, "--point", 1, "--json")
    assert (as_json.code, as_json.json["status"]) == (3, "error")
    other = cli("score", foretold, "--loss", 2.2)
    assert (other.code, "is not a claim" in other.err) == (2, True)


def test_a_claim_of_accuracy(cli: Cli, folder: Path, tmp_path: Path) -> None:
    line = ("forecast", folder / "fit.nc", "--params", "7B", "--tokens", "140B")
    (tmp_path / "f.json").write_text(cli(*line, "--then", folder / "link.nc", "--json").out)
    ran = cli("register", tmp_path / "f.json", "-o", tmp_path / "c.json", *DAY)
    assert "accuracy 0." in ran.out and "--observed X" in ran.err
    models = json.loads((tmp_path / "c.json").read_text())["models"]
    assert [(m["name"], m["weight"]) for m in models] == [
        ("chinchilla-plain", 1.0), ("accuracy-sigmoid", None),
    ]  # fmt: skip
    refused = cli("score", tmp_path / "c.json", "--loss", 0.7)
    assert (refused.code, "of the accuracy" in refused.err) == (2, True)
    assert "for 70% write 0.7" in cli("score", tmp_path / "c.json", "--observed", 70).err
    assert "accuracy 0.7 was measured" in cli("score", tmp_path / "c.json", "--observed", 0.7).out


def test_a_budget_can_be_claimed(cli: Cli, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(cli("forecast", folder / "fit.nc", "--flops", "1e22", "--json").out)
    ran = cli("register", path, "-o", tmp_path / "c.json", *DAY, "--json")
    (point,) = ran.json["result"]["claim"]["points"]
    assert set(point) == {"number", "flops", "extrapolation", "evidence", "quantiles"}
    assert "1e+22 FLOP" in cli("score", tmp_path / "c.json", "--loss", 2.1).out


def test_diagnose_gives_the_numbers_of_the_library(cli: Cli, folder: Path) -> None:
    price = ("--usd-per-hour", "2", "--peak", "1e15", "--mfu", "0.5")
    ran = cli("diagnose", folder / "fit.nc", *price, "--json")
    assert ran.code == 0
    expected = diagnose(load_fit(folder / "fit.nc"), cost=Cost(2, 1e15, 0.5))
    rows, order = ran.json["result"]["runs"], expected.worst_first
    assert [row["run"] for row in rows] == expected.runs["run"].iloc[order].tolist()
    assert rows[0]["wasted_q50"] == expected.quantiles([0.5], of="wasted")[0.5].iloc[order[0]]
    assert rows[0]["excess_loss_q95"] == expected.quantiles([0.95])[0.95].iloc[order[0]]
    assert rows[0]["usd"] == expected.runs["usd"].iloc[order[0]]
    assert {"optimum_params_q50", "more_tokens_q05", "p_undertrained"} <= set(rows[0])
    assert ran.json["result"]["total_wasted"]["q50"] == float(expected.total_wasted.median())
    assert "2 USD per GPU-hour" in ran.json["result"]["cost"]


def test_diagnose_as_text(cli: Cli, folder: Path, tmp_path: Path) -> None:
    ran = cli("diagnose", folder / "fit.nc", "-o", tmp_path / "d.csv")
    assert ran.code == 0
    assert "undertrained" in ran.out and "and 3 more" in ran.out
    assert "2.5 USD per GPU-hour" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    assert len(pd.read_csv(tmp_path / "d.csv")) == 23


def test_diagnose_is_refused_like_allocate(cli: Cli, folder: Path) -> None:
    ray = cli("diagnose", folder / "ray.nc")
    assert (ray.code, "I001" in ray.err) == (1, True)
    one = cli("diagnose", folder / "tokens.nc")
    assert (one.code, "joint law" in one.err) == (2, True)
    assert cli("diagnose", folder / "unmixed.nc").code in (0, 1)
