"""Claims: what they keep, that a change shows, and how a measurement is scored."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.decisions.claim import LEVELS, digest_of, sealed
from bayes_scaling.errors import BayesScalingError, ClaimError, OutputError, UsageError
from bayes_scaling.evaluation.averaging import average
from bayes_scaling.inference.fit import Fit
from tests.conftest import make_fit
from tests.decisions.test_allocation import VALUES

POINTS = pd.DataFrame({"params": [7e9, 2e10], "tokens": [1.4e11, 4e11]})
DAY = "2026-11-27"


@pytest.fixture
def claim(chinchilla_fit: Fit) -> bs.Claim:
    forecast = bs.forecast(chinchilla_fit, POINTS, seed=7)
    return bs.register(forecast, date=DAY, by="A. Lee", note="größer")


def of_normal(middle: float = 2.2, sd: float = 0.03, target: str = "loss") -> bs.Claim:
    """A claim of one point whose quantiles are those of a normal."""
    quantiles = (middle + sd * stats.norm.ppf(LEVELS)).tolist()
    point = {"number": 1, "params": 7e9, "tokens": 1.4e11, "evidence": "", "quantiles": quantiles}
    content = {
        "kind": "bayes-scaling claim", "schema_version": 1, "date": DAY, "by": "", "note": "",
        "target": target, "unit": "nats/token", "models": [], "levels": list(LEVELS),
        "points": [point],
    }  # fmt: skip
    return sealed(content)


def test_a_claim_of_two_points_keeps_what_was_forecast(
    claim: bs.Claim, chinchilla_fit: Fit
) -> None:
    forecast = bs.forecast(chinchilla_fit, POINTS, seed=7)
    kept = claim.content
    assert (claim.date, kept["by"], kept["note"], claim.target) == (DAY, "A. Lee", "größer", "loss")
    assert (kept["seed"], kept["unit"], kept["schema_version"]) == (7, "nats/token", 1)
    assert kept["package_version"] == bs.__version__
    assert [p["number"] for p in claim.points] == [1, 2]
    assert [p["params"] for p in claim.points] == [7e9, 2e10]
    assert [p["tokens"] for p in claim.points] == [1.4e11, 4e11]
    assert [p["flops"] for p in claim.points] == pytest.approx([5.88e21, 4.8e22])
    assert [p["evidence"] for p in claim.points] == [e.verdict for e in forecast.evidence]
    for point, (_, row) in zip(claim.points, forecast.quantiles(LEVELS).iterrows(), strict=True):
        assert point["quantiles"] == row.tolist()
    (model,) = kept["models"]
    assert (model["name"], model["weight"]) == ("chinchilla-plain", 1.0)
    assert model["digest"] == chinchilla_fit.spec.digest
    assert kept["data_digests"] == [model["data_digest"]] == [chinchilla_fit.runs.digest]


def test_an_average_names_each_model_and_its_weight() -> None:
    fits = {name: make_fit(name, VALUES[name]) for name in ("chinchilla-plain", "skaling-plain")}
    mixed = average(fits, {"chinchilla-plain": 3, "skaling-plain": 1})
    claim = bs.register(bs.forecast(mixed, POINTS), date=datetime.date(2026, 11, 27))
    found = {each["name"]: (each["weight"], each["digest"]) for each in claim.content["models"]}
    assert found == {
        "chinchilla-plain": (0.75, fits["chinchilla-plain"].spec.digest),
        "skaling-plain": (0.25, fits["skaling-plain"].spec.digest),
    }
    assert len(claim.content["data_digests"]) == 1


def test_the_file_gives_the_claim_back_however_it_is_laid_out(
    claim: bs.Claim, tmp_path: Path
) -> None:
    path = claim.save(tmp_path / "claim.json")
    assert bs.read_claim(path) == claim
    assert "größer" in path.read_text(encoding="utf-8")
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["points"][0]["params"] = 7_000_000_000  # the same number, written as another program does
    path.write_text(json.dumps(dict(reversed(raw.items()))))
    assert bs.read_claim(path).sha256 == claim.sha256


def _set(place: list[Any], value: Any) -> Any:
    def change(raw: dict[str, Any]) -> None:
        at: Any = raw
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [_set(["points", 1, "quantiles", 50], 2.5), _set(["date"], "2026-11-26"),
     _set(["by"], "B. Lee"), _set(["models", 0, "digest"], "0"), _set(["seed"], 8),
     _set(["extra"], 1), _set(["sha256"], "0" * 64), lambda raw: raw.pop("note"),
     lambda raw: raw["points"].reverse()],
)  # fmt: skip
def test_any_change_is_noticed(claim: bs.Claim, tmp_path: Path, change: Any) -> None:
    raw = json.loads(claim.save(tmp_path / "claim.json").read_text(encoding="utf-8"))
    change(raw)
    (tmp_path / "claim.json").write_text(json.dumps(raw))
    with pytest.raises(ClaimError, match="changed after it was registered") as fault:
        bs.read_claim(tmp_path / "claim.json")
    assert fault.value.exit_code == 3
    changed = bs.Claim({k: v for k, v in raw.items() if k != "sha256"}, raw["sha256"])
    with pytest.raises(ClaimError):
        changed.score(2.2)


def test_a_key_that_is_there_twice_is_refused(claim: bs.Claim, tmp_path: Path) -> None:
    text = claim.save(tmp_path / "claim.json").read_text(encoding="utf-8")
    (tmp_path / "claim.json").write_text(text.replace("{", '{"date": "2020-01-01",', 1))
    with pytest.raises(UsageError, match="'date' is there twice"):
        bs.read_claim(tmp_path / "claim.json")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "not json", '{"a": NaN}', "[" * 100_000, '{"a": 1' + "0" * 5000 + "}",
     '{"kind": "bayes-scaling claim", "sha256": "x", "a": 1e999}', '{"a": -1e400}',
     '{"kind": "bayes-scaling claim"}', '{"kind": "bayes-scaling claim", "sha256": 3}'],
)  # fmt: skip
def test_other_files_are_no_claims(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(UsageError, match="bayes-scaling register"):
        bs.read_claim(tmp_path / "c.json")


def test_a_whole_claim_of_another_form_is_refused(tmp_path: Path) -> None:
    good = of_normal()
    for key, value in [("schema_version", 2), ("points", []), ("target", "x"), ("levels", [0.5]),
                       ("points", [{**good.points[0], "quantiles": [1.0]}])]:  # fmt: skip
        path = sealed({**good.content, key: value}).save(tmp_path / "c.json")
        with pytest.raises(UsageError, match=r"lacks what a claim says|schema version"):
            bs.read_claim(path)
    huge = {**good.content, "note": 10**400}
    with pytest.raises(UsageError, match="1e308"):
        digest_of(huge)


@pytest.mark.parametrize("z", [-3.0, -1.2, 0.0, 0.4, 1.8])
def test_scores_are_those_of_the_normal(z: float) -> None:
    y = 2.2 + 0.03 * z
    score = of_normal().score(y)
    n = stats.norm
    crps = 0.03 * (z * (2 * n.cdf(z) - 1) + 2 * n.pdf(z) - 1 / np.sqrt(np.pi))
    assert score.crps == pytest.approx(crps, rel=3e-3)
    assert score.relative_crps == score.crps / y
    assert score.pit == pytest.approx(n.cdf(z), abs=5e-3)
    assert score.log_error == pytest.approx(np.log(2.2 / y), abs=1e-12)
    for level in (0.5, 0.8, 0.9, 0.95):
        assert score.inside[level] == (abs(z) <= n.ppf((1 + level) / 2))
        assert score.intervals[level][1] == pytest.approx(
            2.2 + 0.03 * n.ppf((1 + level) / 2), abs=3e-4
        )


def test_the_sentence_says_it_plainly() -> None:
    held, missed = of_normal().score(2.21), of_normal().score(2.32)
    assert "7B parameters, 140B tokens" in held.sentence
    assert "loss 2.21 was measured, 2.200 had been claimed on 2026-11-27" in held.sentence
    assert "90% between 2.151 and 2.249: the interval held" in held.sentence
    assert "above 63% of the claim; the median was 0.45% too low" in held.sentence
    assert "did not hold" in missed.sentence
    assert "above 99% of the claim" in missed.sentence
    assert "below 99% of the claim" in of_normal().score(2.0).sentence


@pytest.mark.parametrize(
    ("target", "value", "word"),
    [("loss", float("nan"), "above 0"), ("loss", float("inf"), "finite"), ("loss", 0.0, "above 0"),
     ("loss", -2.0, "above 0"), ("loss", "2.2", "above 0"), ("loss", True, "above 0"),
     ("accuracy", 71.0, "for 71% write 0.71"), ("accuracy", -0.1, "between 0 and 1")],
)  # fmt: skip
def test_impossible_measurements(target: str, value: Any, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        of_normal(0.5, 0.01, target).score(value)


@pytest.mark.parametrize("point", [-1, 1, 1.0, True, "0"])
def test_points_that_are_not_there(point: Any) -> None:
    with pytest.raises(UsageError, match="point"):
        of_normal().score(2.2, point)


@pytest.mark.parametrize(
    "day", ["", "20261127", "2026-11-31", "27.11.2026", "2026-W48-5", "today", None, "2026-11-27 "]
)
def test_dates_that_are_none(chinchilla_fit: Fit, day: Any) -> None:
    with pytest.raises(UsageError, match="YYYY-MM-DD"):
        bs.register(bs.forecast(chinchilla_fit, POINTS), date=day)


def test_all_faults_at_once(chinchilla_fit: Fit) -> None:
    forecast = bs.forecast(chinchilla_fit, POINTS)
    with pytest.raises(UsageError, match=r"(?s)date 'x'.*by: give.*note: give"):
        bs.register(forecast, date="x", by="b" * 2001, note=3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no valid Unicode"):
        bs.register(forecast, date=DAY, by="\ud800")


@pytest.mark.parametrize("found", [None, [], {}, {"command": "allocate"}, 3, "x"])
def test_what_is_no_forecast(found: Any) -> None:
    with pytest.raises(UsageError, match=r"not the JSON of a forecast; write one with: bayes-scal"):
        bs.register(found, date=DAY)


def test_only_files_that_can_be_written(claim: bs.Claim, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        claim.save(tmp_path / "file" / "claim.json")


def test_a_forecast_without_evidence_can_be_claimed(chinchilla_fit: Fit) -> None:
    bare = replace(bs.forecast(chinchilla_fit, POINTS), evidence=())
    assert [p["evidence"] for p in bs.register(bare, date=DAY).points] == ["", ""]
    assert issubclass(ClaimError, BayesScalingError) and issubclass(ClaimError, ValueError)
