"""Scans: what each choice leaves out and changes, on hand-made posteriors and one sampled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions import scan as home
from bayes_scaling.decisions.choices import ALL_RUNS, SUBSETS, Choice, NoChoice, choices_of
from bayes_scaling.decisions.scan import MAX_SHIFT, Scan, place_of, scan
from bayes_scaling.errors import CheckError, InferenceError, UsageError
from bayes_scaling.inference.fit import Fit, settled
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec, load_model
from tests.conftest import REPLICATION, ladder, make_fit

PLAN = pd.DataFrame({"run": ["big"], "params": [7e10], "tokens": [1.4e12]})
BUDGET = [1e23]


def choices(frame: pd.DataFrame, at: Any = BUDGET, model: str = "chinchilla-plain") -> Any:
    """Choices by name."""
    runs = Runs.from_frame(frame, source="ladder")
    return {each.name: each for each in choices_of(settled(load_model(model), runs), runs, at)}


def kept(choice: Choice) -> pd.DataFrame:
    return choice.runs.fitted


def test_subsets_leave_out_what_they_say() -> None:
    frame, found = ladder(), choices(ladder())
    sizes = np.unique(frame["params"])
    assert kept(found["no smallest third"])["params"].min() == sizes[2]
    assert kept(found["no N below median"])["params"].min() == sizes[3]
    largest = frame["params"] * frame["tokens"] > 0.9 * 5e9 * 1e11 / 10 ** (2 * 0.4)
    tenth = set(frame["run"][largest])  # one, two and three runs of the three largest budgets
    assert set(frame["run"]) - set(kept(found["no largest tenth"])["run"]) == tenth
    assert len(tenth) == 6
    ratio = frame["tokens"] / frame["params"]
    assert set(kept(found["D/N up to 100"])["run"]) == set(frame["run"][ratio <= 100])
    assert set(kept(found["D/N from 5"])["run"]) == set(frame["run"][ratio >= 5])
    for name in SUBSETS:
        assert len(found[name].runs) == 36 and found[name].at == BUDGET
        assert found[name].runs.source == "ladder"
    assert "below 315M parameters" in found["no smallest third"].meaning


def test_runs_of_one_budget_go_together_and_held_out_runs_stay_out() -> None:
    frame = ladder().assign(
        tokens=lambda t: (
            1e20 * 4.0 ** (np.arange(36) % 6) * (1 + 1e-3 * np.arange(36) / 36) / t.params
        )
    )
    frame["held_out"] = np.arange(36) == 35
    found = choices(frame)["no largest tenth"]
    assert len(kept(found)) == 30 and "run 35" not in set(kept(found)["run"])


def test_choices_that_cannot_be_say_why() -> None:
    found = choices(ladder(), PLAN)
    reasons = {name: each.reason for name, each in found.items() if isinstance(each, NoChoice)}
    assert reasons["other FLOP count"] == "planned runs are asked for, no budgets"
    assert reasons["no embeddings in N"] == "the table states no params_non_embedding"
    few = choices(ladder().iloc[::4])
    assert few["no N below median"].reason.startswith("leaves ")
    assert few["other FLOP count"].reason == "the table states no flops: compute is 6ND"
    near = ladder().assign(tokens=lambda t: 20 * t.params * (1 + np.arange(36) % 2))
    assert choices(near)["D/N up to 100"].reason == "leaves out no run"
    halves = ladder()[lambda t: t.params.isin(np.unique(t.params)[:3])]
    assert choices(halves)["no N below median"].reason.endswith("same runs as: no smallest third")
    two = ladder()[lambda t: t.params > 1e9]
    assert choices(two)["no smallest third"].reason == "the table has 2 sizes, fewer than 3"
    tokens = ladder().drop(columns="params")
    found = choices(tokens, [1e12], "power-floor-plain")
    assert "no column 'params'" in found["no smallest third"].reason
    assert found["other FLOP count"].reason == "amounts of tokens are asked for, no budgets"
    assert found["no embeddings in N"].reason == "the model does not read params"


def test_compute_counted_the_other_way() -> None:
    own = ladder().assign(flops=lambda t: 1.25 * 6 * t.params * t.tokens)
    found = choices(own)["other FLOP count"]
    assert found.at == pytest.approx([1e23 / 1.25]) and "1.25 times 6ND" in found.meaning
    np.testing.assert_allclose(kept(found)["flops"], 6 * own["params"] * own["tokens"])
    same = ladder().assign(flops=lambda t: 1.01 * 6 * t.params * t.tokens)
    assert "equal 6ND to 5%" in choices(same)["other FLOP count"].reason
    model = load_model("power-floor-plain", resource="flops")
    runs = Runs.from_frame(own)
    alone = {each.name: each for each in choices_of(model, runs, BUDGET)}["other FLOP count"]
    assert isinstance(alone, Choice)
    assert alone.at == BUDGET and alone.meaning == "compute is counted as 6ND"


def test_parameters_without_embeddings() -> None:
    frame = ladder().assign(params_non_embedding=lambda t: 0.8 * t.params)
    found = choices(frame)["no embeddings in N"]
    assert found.at == BUDGET
    np.testing.assert_allclose(kept(found)["params"], 0.8 * frame["params"])
    assert "add a column params_non_embedding" in choices(frame, PLAN)["no embeddings in N"].reason
    plan = PLAN.assign(params_non_embedding=6e10)
    assert choices(frame, plan)["no embeddings in N"].at["params"].tolist() == [6e10]
    same = ladder().assign(params_non_embedding=lambda t: t.params)
    assert "are the same in every run" in choices(same)["no embeddings in N"].reason


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Posteriors by hand: the floor is lower by .005 for each run left out. Returns rows fitted."""
    seen: list[int] = []

    def sample(spec: ModelSpec, runs: Runs, *, progress: Any, **_: Any) -> Fit:
        rows = len(runs.fitted)
        seen.append(rows)
        if progress:
            progress("sampling", 0.5)
        if rows == 24:  # without the smallest third
            raise InferenceError("the sampler stopped: made up")
        floor = REPLICATION["L_inf"] - 0.005 * (36 - rows)
        return make_fit("chinchilla-plain", {**REPLICATION, "L_inf": floor}, runs)

    monkeypatch.setattr(home, "sample", sample)
    return seen


def found_on(frame: pd.DataFrame, at: Any = BUDGET, **more: Any) -> Scan:
    return scan("chinchilla-plain", Runs.from_frame(frame), at, **more)


def test_shifts_are_those_of_the_floor(fitted: list[int]) -> None:
    found = found_on(ladder(), [1e22, 1e23])
    assert found.base == ALL_RUNS and found.choices[0] == ALL_RUNS
    for _, row in found.rows.iterrows():
        assert row["shift"] == pytest.approx(-0.005 * (36 - row["rows"]), rel=0.02, abs=1e-12)
        base = found.rows[(found.rows["point"] == row["point"])].iloc[0]
        half = (base["q95"] - base["q05"]) / 2
        assert row["shift_half_widths"] == pytest.approx(row["shift"] / half)
        assert row["q05"] < row["q50"] < row["q95"] and 5e9 < row["params_q50"] < 1e11
    assert found.rows["flops"].tolist() == [1e22, 1e23] * len(found.choices)
    reasons = dict(found.skipped.itertuples(index=False))
    assert reasons["no smallest third"] == "the sampler stopped: made up"
    assert set(reasons) | set(found.choices) == {
        ALL_RUNS, *SUBSETS, "other FLOP count", "no embeddings in N",
    }  # fmt: skip
    pd.testing.assert_frame_equal(found.to_frame(), found_on(ladder(), [1e22, 1e23]).rows)
    assert [each["rows"] for each in found.provenance["fits"]] == [r for r in fitted[:6] if r != 24]


def test_the_ratio_is_to_the_largest_run_that_is_left(fitted: list[int]) -> None:
    rows = found_on(ladder()).rows.set_index("choice")
    assert rows.loc[ALL_RUNS, "ratio"] == pytest.approx(1e23 / (6 * 5e9 * 1e11))
    assert rows.loc["no largest tenth", "ratio"] > rows.loc[ALL_RUNS, "ratio"]


def test_a_choice_that_leaves_the_interval_is_a_finding(fitted: list[int]) -> None:
    found = found_on(ladder())
    far = found.rows[found.rows["shift_half_widths"].abs() > MAX_SHIFT]
    told = [each for each in found.findings if each.code == "X006"]
    assert 0 < len(told) == len(far) < len(found.choices) - 1
    assert all(each.severity == "warn" and "1e23 FLOP" in each.message for each in told)
    assert any(each.message.startswith("no N below median: the forecast at") for each in told)


def test_the_sentence_names_the_most_sensitive_choice(fitted: list[int]) -> None:
    found = found_on(ladder(), [1e22, 1e23])
    worst = found.rows.loc[found.rows["shift_half_widths"].abs().idxmax()]
    base = found.rows[found.rows["point"] == worst["point"]].iloc[0]
    assert worst["flops"] == 1e22
    assert found.sentence.startswith(f"The forecast at 1e22 FLOP moves from {base['q50']:.3f} to ")
    assert f"when {worst['meaning']}: the most sensitive of 4 choices." in found.sentence
    assert re.search(r"\(\d\.\d\d half widths of its 90% interval\)", found.sentence)


def test_planned_runs_keep_their_names(fitted: list[int]) -> None:
    found = found_on(ladder(), PLAN)
    assert "params_q50" not in found.rows and set(found.rows["run"]) == {"big"}
    assert place_of(found.rows.iloc[0]) == "big, 70B parameters, 1.4T tokens"
    assert "at big, 70B parameters, 1.4T tokens moves from" in found.sentence


def test_own_flop_reads_the_same_law_at_a_smaller_budget(fitted: list[int]) -> None:
    frame = ladder().assign(flops=lambda t: 1.25 * 6 * t.params * t.tokens)
    found = found_on(frame).rows.set_index("choice").loc["other FLOP count"]
    smaller = bs.forecast(make_fit("chinchilla-plain", REPLICATION), [1e23 / 1.25])
    assert found["q50"] == smaller.quantiles([0.5])[0.5].iloc[0]
    assert found["flops"] == 1e23
    assert found["ratio"] == pytest.approx(1e23 / frame["flops"].max())


def test_what_all_runs_cannot_answer_is_refused_before_sampling(fitted: list[int]) -> None:
    ray = ladder().assign(tokens=lambda t: 20 * t.params)
    with pytest.raises(CheckError, match="I001"):
        found_on(ray)
    with pytest.raises(UsageError, match="must be finite"):
        found_on(ladder(), [-1.0])
    with pytest.raises(UsageError, match="tokens"):
        found_on(ladder(), PLAN[["params"]])
    with pytest.raises(UsageError, match="in this order"):
        scan("chinchilla-plain", ladder(), BUDGET)  # type: ignore[arg-type]
    assert fitted == []
    along = found_on(ray, PLAN)
    assert along.choices == (ALL_RUNS, "no N below median", "no largest tenth")


def test_a_budget_that_a_choice_cannot_split_is_skipped_with_the_reason(fitted: list[int]) -> None:
    frame = ladder()  # one amount of tokens, except in the largest runs
    most = (frame["params"] > 4e9) & (frame["tokens"] > 1.1e10)
    found = found_on(frame.assign(tokens=np.where(most, 1e12, 1e10)))
    reasons = dict(found.skipped.itertuples(index=False))
    assert "I001" in reasons["no largest tenth"] and ALL_RUNS in found.choices


def test_progress_says_which_choice(fitted: list[int]) -> None:
    said: list[str] = []
    found_on(ladder(), progress=lambda stage, share: said.append(stage))
    assert said[0] == "all runs: sampling"
    assert "choice 3/7, no largest tenth: sampling" in said


def test_the_shipped_table_sampled() -> None:
    """Chinchilla's law on 35 runs: no choice moves the forecast by more than its interval."""
    runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
    found = scan("chinchilla-plain", runs, [1e22], seed=1, draws=200, chains=2)
    assert found.choices == (
        ALL_RUNS, "no smallest third", "no largest tenth", "D/N up to 100", "no embeddings in N",
    )  # fmt: skip
    assert found.rows["shift_half_widths"].abs().max() < MAX_SHIFT
    assert not [each for each in found.findings if each.code == "X006"]
    assert found.rows["rows"].tolist() == [35, 19, 31, 22, 35]
    assert found.rows["q50"].between(2.3, 2.45).all()
    direct = bs.fit(load_model("chinchilla-plain"), runs, seed=1, draws=200, chains=2)
    expected = bs.forecast(direct, [1e22], seed=1).quantiles([0.05, 0.5, 0.95])
    np.testing.assert_array_equal(found.rows.loc[0, ["q05", "q50", "q95"]], expected.iloc[0])


def test_points_of_the_chinchilla_figure_hang_on_the_choice_of_runs(shared_data: Path) -> None:
    """At 1e24 FLOP: higher without small models, lower without starved ones, a whole interval."""
    runs = bs.read_runs(shared_data / "chinchilla_epoch.csv")
    rows = scan("chinchilla-plain", runs, [1e24], draws=200, chains=2).rows.set_index("choice")
    moved = rows["shift_half_widths"]
    assert moved["no smallest third"] > 0.8 and moved["D/N from 5"] < -0.8
    assert moved[["no largest tenth", "D/N up to 100"]].abs().max() < 0.5
