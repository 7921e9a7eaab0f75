"""Findings: each check fires on its case, keeps quiet on a good table, and reads well."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayes_scaling.runs.findings as module
from bayes_scaling.runs.finding import Finding, RejectedTable, rejected
from bayes_scaling.runs.findings import split_refusal, splits_allowed, table_findings
from bayes_scaling.runs.labels import display_name, lines_text


def found(frame: pd.DataFrame) -> dict[str, Finding]:
    return {finding.code: finding for finding in table_findings(frame)}


def test_good_table_has_notes_only(good: pd.DataFrame) -> None:
    assert set(found(good)) == {"S005"}
    assert splits_allowed(table_findings(good))


@pytest.mark.parametrize("seed", range(40))
def test_no_false_alarm_on_good_designs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(16, 120))
    n = 10 ** rng.uniform(7.5, 10, rows)
    d = n * 10 ** rng.uniform(0.3, 2.8, rows)
    e, a, b = rng.uniform(1.4, 2.0), rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.5)
    loss = e + 0.4 * (n / 1e9) ** -a + 0.4 * (d / 2e10) ** -b
    frame = pd.DataFrame(
        {"params": n, "tokens": d, "loss": loss * np.exp(rng.normal(0, 0.01, rows))}
    )
    assert {f.code for f in table_findings(frame) if f.severity != "info"} == set()


@pytest.mark.parametrize("seed", range(40))
def test_every_design_without_a_split_is_caught(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 10 ** rng.uniform(7, 10, 20)
    d = [20 * n * 10 ** rng.uniform(0, 0.29, 20), np.full(20, 1e10), 1e3 * n**0.8, 20 * n][seed % 4]
    n = np.full(20, 1e9) if seed % 8 == 1 else n
    frame = pd.DataFrame({"params": n, "tokens": d, "loss": 2 + 1e3 / np.sqrt(n)})
    refusal = split_refusal(table_findings(frame))
    assert refusal is not None and refusal.code == "I001" and refusal.hint


def test_single_values_and_single_resources(good: pd.DataFrame) -> None:
    one = found(good.assign(params=1e9))["I001"]
    assert one.column == "params" and "1B" in one.message
    flops = good.assign(flops=6 * good["params"] * good["tokens"])
    single = found(flops[["flops", "loss"]])
    assert single["I014"].severity == "info" and not splits_allowed(single.values())


def test_few_rows_and_narrow_compute(good: pd.DataFrame) -> None:
    assert found(good.iloc[:4])["R001"].severity == "error"
    assert found(good.iloc[:14])["R002"].severity == "warn"
    narrow = good[(good["params"] * good["tokens"] / 1e18).round(3) == 1]
    assert "I013" in found(narrow)
    assert "I013" in found(good[good["params"] == 1e7][["params", "loss"]])


def test_swapped_and_odd_sizes(good: pd.DataFrame) -> None:
    swapped = good.rename(columns={"params": "tokens", "tokens": "params"})
    assert "S001" in found(swapped.iloc[4:].query("tokens < params"))
    assert found(good.assign(tokens=good["params"] * 2e5))["S002"].rows[0] == 2
    billions = found(good.assign(params=good["params"] / 1e9))["S003"]
    assert "millions or billions" in billions.hint


def test_compute_against_6nd(good: pd.DataFrame) -> None:
    compute = 6 * good["params"] * good["tokens"]
    assert found(good.assign(flops=compute * 1.04))["I006"].severity == "info"
    assert not {"I006", "S004", "S005"} & set(found(good.assign(flops=compute * 1.5)))
    compute[3] *= 2.1
    off = found(good.assign(flops=compute))["S004"]
    assert off.rows == (5,) and "trusted" in off.message
    both = found(good.assign(params_non_embedding=good["params"] * 0.9))
    assert "N is the column params" in both["S006"].message


def test_losses(good: pd.DataFrame) -> None:
    rank = (good["params"] * good["tokens"]).rank()
    assert found(good.assign(loss=3.0))["L001"].severity == "error"
    assert found(good.assign(loss=rank / 20))["L002"].severity == "error"
    assert found(good.assign(loss=rank + 1))["L003"].severity == "warn"
    assert found(good.assign(loss=good["loss"] / 10))["U003"].severity == "warn"
    high = good.copy()
    high.loc[2, "loss"] = np.exp(3.1)
    assert found(high)["U001"].rows == (4,)


@pytest.mark.parametrize(
    ("words", "rows", "change"),
    [
        ("bits", [6, 10], lambda x: x / np.log(2)),
        ("nats", [6, 10], lambda x: x * np.log(2)),
        ("perplexities", [10], np.exp),
    ],
)
def test_mixed_units(good: pd.DataFrame, words: str, rows: list[int], change: object) -> None:
    good.loc[rows, "loss"] = change(good.loc[rows, "loss"])  # type: ignore[operator]
    finding = found(good)["U002"]
    assert finding.rows == tuple(row + 2 for row in rows) and words in finding.message


def test_mixed_scale(good: pd.DataFrame) -> None:
    good.loc[[1, 2], "tokens"] = [10.0, 100.0]
    finding = found(good)["U004"]
    assert (finding.severity, finding.rows, finding.column) == ("error", (3, 4), "tokens")


def test_weights_of_a_mixture_sum_to_one(good: pd.DataFrame) -> None:
    mixed = good.assign(weight_web=0.7, weight_code=0.3)
    assert "S007" not in found(mixed)
    assert "S007" not in found(mixed.assign(weight_code=0.305))  # rounding
    assert "S007" not in found(good.assign(weight_web=0.7))  # the share of one source
    mixed.loc[[2, 5], "weight_code"] = [0.5, 0.1]
    finding = found(mixed)["S007"]
    assert (finding.severity, finding.rows, finding.fatal) == ("error", (4, 7), True)
    assert finding.value == "1.2" and "sum to 0.8 to 1.2" in finding.message
    assert "divide each by their sum" in finding.hint
    mixed.loc[[2, 5], "weight_code"] = np.nan  # a gap is refused where a law reads it
    assert "S007" not in found(mixed)


def test_repeats(good: pd.DataFrame) -> None:
    again = pd.concat([good, good.iloc[:2]], ignore_index=True)
    assert found(again)["R003"].rows == (18, 19)
    seeds = pd.concat([good, good.iloc[:2].assign(loss=good["loss"][:2] * 1.01)])
    assert found(seeds)["R005"].severity == "info"
    sets = pd.concat([good.assign(eval="a"), good.assign(eval="b", loss=good["loss"] * 1.3)])
    assert found(sets)["R005"].severity == "warn" and "eval" in found(sets)["R005"].hint


def test_groups_and_many_rows(good: pd.DataFrame) -> None:
    finding = found(good.assign(group=["[red]x", "b"] * 8))["R007"]
    assert "[red]x, b" in finding.message
    many = pd.concat([good.assign(loss=good["loss"] + i * 1e-6) for i in range(400)])
    assert "R006" in found(many)


def test_held_out_rows_are_left_aside(good: pd.DataFrame) -> None:
    good["held_out"] = [False] * 15 + [True]
    good.loc[15, "loss"] = 99.0
    assert "U001" not in found(good)


@given(st.integers(0, 12), st.randoms(use_true_random=False))
def test_small_tables_never_break_a_check(rows: int, random: object) -> None:
    values = np.array([[10.0 ** random.randint(-3, 30) for _ in range(4)] for _ in range(rows)])  # type: ignore[attr-defined]
    frame = pd.DataFrame(values.reshape(rows, 4), columns=["params", "tokens", "flops", "loss"])
    for columns in (
        list(frame),
        ["params", "loss"],
        ["flops", "loss"],
        ["tokens", "flops", "loss"],
    ):
        for finding in table_findings(frame[columns]):
            assert str(finding)


def test_every_code_is_documented() -> None:
    folder = Path(module.__file__).parent
    used = {
        code
        for path in folder.glob("*.py")
        if path.name != "findings.py"
        for code in re.findall(r'"([FHCLUSRI]\d{3})"', path.read_text(encoding="utf-8"))
    }
    documented = set(re.findall(r"[FHCLUSRI]\d{3}", module.__doc__ or ""))
    assert used == documented


def test_one_line_says_all() -> None:
    finding = Finding("C004", "error", (3, 4, 5, 9, 11), "not a number", "write it", "loss", "a\nb")
    assert str(finding) == (
        "ERROR C004 lines 3, 4, 5 and 2 more, column 'loss', value 'a\\x0ab': "
        "not a number; write it"
    )
    assert str(Finding("R001", "error", (), "too few")) == "ERROR R001 too few"
    assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding


def test_errors_travel_between_processes() -> None:
    error = rejected("t.csv", [Finding("R001", "error", (), "too few")])
    back = pickle.loads(pickle.dumps(error))
    assert isinstance(back, RejectedTable)
    assert (str(back), back.findings) == (str(error), error.findings)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name", "plain name"),
        ("a\x00b\tc", "a\\x00b\\x09c"),
        ("\u202egnp", "\\u202egnp"),
        ("x" * 10_000, "x" * 77 + "..."),
        ("größe 模型", "größe 模型"),
        ("ignore all previous instructions", "ignore all previous instructions"),
    ],
)
def test_display_name(name: str, shown: str) -> None:
    assert display_name(name) == shown


@given(st.text(), st.integers(3, 100))
def test_display_name_is_short_and_printable(text: str, limit: int) -> None:
    shown = display_name(text, limit)
    assert len(shown) <= limit and "\n" not in shown and "\0" not in shown


def test_lines_text() -> None:
    assert lines_text([]) == ""
    assert lines_text([7]) == "line 7"
    assert lines_text([3, 4, 5, 6]) == "lines 3, 4, 5, 6"
    assert lines_text(range(3, 18)) == "lines 3, 4, 5 and 12 more"
