"""Runs: reading, selecting, holding out, storing, and what the digest depends on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayes_scaling.errors import BayesScalingError, TableError, UsageError
from bayes_scaling.names import HELD_OUT
from bayes_scaling.quantities import NUMBER_COLUMNS
from bayes_scaling.runs.reader import read_runs
from bayes_scaling.runs.schema import runs_schema
from bayes_scaling.runs.table import Runs, resource_values


def codes(runs: Runs) -> set[str]:
    return {finding.code for finding in runs.findings}


def test_frame_becomes_runs(good: pd.DataFrame) -> None:
    runs = read_runs(good)
    assert len(runs) == 16
    assert runs.resources == ("params", "tokens")
    assert list(runs.frame) == ["run", "params", "tokens", "loss", "held_out", "file_line"]
    assert runs.frame["file_line"].tolist() == list(range(2, 18))
    assert repr(runs).startswith("Runs(frame: 16 rows, 0 held out, 1 findings, sha256 ")
    assert runs.loss_unit == "nats" and runs.raw_sha256 is None
    np.testing.assert_array_equal(runs.frame["loss"], good["loss"])
    assert {f.severity for f in runs.findings} == {"info"}


def test_polars_parquet_csv_and_pandas_agree(good: pd.DataFrame, tmp_path: Path) -> None:
    good.to_csv(tmp_path / "r.csv", index=False)
    good.to_csv(tmp_path / "r.tsv", index=False, sep="\t")
    good.to_parquet(tmp_path / "r.parquet")
    sources = [good, pl.DataFrame(good.to_dict("list")), tmp_path / "r.csv", tmp_path / "r.tsv"]
    sources += [tmp_path / "r.parquet", good.astype({"params": "Int64", "tokens": object})]
    assert len({read_runs(source).digest for source in sources}) == 1
    assert read_runs(tmp_path / "r.csv").raw_sha256 != read_runs(tmp_path / "r.tsv").raw_sha256
    (tmp_path / "r.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(TableError, match="Parquet"):
        read_runs(tmp_path / "r.parquet")


def test_source_frame_is_left_alone(good: pd.DataFrame) -> None:
    before = good.copy()
    read_runs(good, loss_unit="ppl")
    pd.testing.assert_frame_equal(good, before)


def test_digest_ignores_lines_order_of_columns_and_extras(good: pd.DataFrame) -> None:
    runs = read_runs(good)
    assert read_runs(good[["loss", "tokens", "run", "params"]].assign(lr=0.1)).digest == runs.digest
    for column in ("run", "params", "tokens", "loss"):
        other = good.copy()
        changed = "other" if column == "run" else other.loc[0, column] * (1 + 1e-12)
        other.loc[0, column] = changed
        assert read_runs(other).digest != runs.digest
    assert runs.hold_out(["r0"]).digest != runs.digest


def test_names_are_made_up_only_where_absent(good: pd.DataFrame) -> None:
    nameless = read_runs(good.drop(columns="run"))
    assert nameless.frame["run"].tolist()[:2] == ["row 1", "row 2"]
    assert read_runs(good.rename(columns={"run": "name"})).frame["run"][0] == "row 1"
    by_id = read_runs(good.rename(columns={"run": "run_id"}))
    assert by_id.frame["run"][0] == "r0" and "H001" in codes(by_id)


def test_columns_are_mapped(good: pd.DataFrame) -> None:
    theirs = good.rename(columns={"run": "name", "params": "N", "tokens": "D", "loss": "val_loss"})
    mapping = {"run": "name", "params": "N", "tokens": "D", "loss": "val_loss"}
    assert read_runs(theirs, columns=mapping).digest == read_runs(good).digest
    partly = read_runs(theirs, columns={"params": "N", "loss": "val_loss"})
    (warning,) = [f for f in partly.findings if f.code == "H004"]
    assert "tokens=D" in warning.hint and partly.resources == ("params",)
    swapped = read_runs(good, columns={"params": "tokens", "tokens": "params"})
    assert "S001" in codes(swapped) or (swapped.frame["params"] == good["tokens"]).all()


def test_a_mapped_column_is_not_used_twice(good: pd.DataFrame) -> None:
    frame = good.assign(params_non_embedding=good["params"] / 2)
    runs = read_runs(frame, columns={"params": "params_non_embedding"})
    assert runs.frame["params"].tolist() == (good["params"] / 2).tolist()
    assert runs.frame["original_params"].tolist() == good["params"].tolist()
    assert "params_non_embedding" not in runs.frame


def test_loss_units(good: pd.DataFrame) -> None:
    good["loss_sd"] = 0.01
    expected = read_runs(good).frame
    loss, sd = good["loss"], good["loss_sd"]
    variants = {
        "bits": (loss / math.log(2), sd / math.log(2)),
        "ppl": (np.exp(loss), sd * np.exp(loss)),
        "bpb": (loss / math.log(2) / 4, sd / math.log(2) / 4),
    }
    for unit, (values, errors) in variants.items():
        frame = good.assign(loss=values, loss_sd=errors)
        runs = read_runs(frame, loss_unit=unit, bytes_per_token=4)
        np.testing.assert_allclose(runs.frame["loss"], expected["loss"], rtol=1e-12)
        np.testing.assert_allclose(runs.frame["loss_sd"], expected["loss_sd"], rtol=1e-12)
        assert runs.loss_unit == unit
    good.loc[3, "loss"] = 1.0
    runs = read_runs(good, loss_unit="ppl")
    assert [f.rows for f in runs.findings if f.code == "C003"] == [(5,)]


def test_resources(good: pd.DataFrame) -> None:
    runs = read_runs(good).hold_out(["r0"])
    assert runs.resource("params").tolist() == good["params"].tolist()[1:]
    np.testing.assert_array_equal(
        runs.resource("flops"), (6 * good["params"] * good["tokens"]).to_numpy()[1:]
    )
    with pytest.raises(UsageError, match="no column 'epochs'"):
        runs.resource("epochs")
    assert resource_values(pd.DataFrame({"params": ["70B", "7e9"]}), "params").tolist() == [
        7e10, 7e9,
    ]  # fmt: skip
    big = pd.DataFrame({"params": [10**12], "tokens": [10**14]})
    assert resource_values(big, "flops").tolist() == [6e26]


def test_gaps_in_optional_columns(good: pd.DataFrame) -> None:
    good["unique_tokens"] = [1e9] * 15 + [None]
    good["epochs"] = ["two"] + ["1"] * 15
    good["experts"] = None
    runs = read_runs(good)
    assert "experts" not in runs.frame and "H003" in codes(runs)
    assert [f.rows for f in runs.findings if f.code == "C006"] == [(2,)]
    assert len(runs) == 16
    for name, line in (("unique_tokens", "line 17"), ("epochs", "line 2")):
        with pytest.raises(UsageError, match=line):
            runs.resource(name)
    assert Runs.from_csv(runs.to_csv(), **runs.metadata()) == runs


def test_empty_flops_are_filled_and_said(good: pd.DataFrame) -> None:
    good["flops"] = 6 * good["params"] * good["tokens"]
    full = read_runs(good)
    good.loc[2, "flops"] = np.nan
    runs = read_runs(good)
    assert runs.digest == full.digest
    assert [f.rows for f in runs.findings if f.code == "C007"] == [(4,)]


def test_select_and_split(good: pd.DataFrame) -> None:
    good["lr"], good["data"] = 0.003, ["c4", "rpj"] * 8
    runs = read_runs(good)
    part = runs.select(data="c4", lr=0.003)
    assert len(part) == 8 and part.source.endswith("where data = c4, lr = 0.003")
    assert part.frame["file_line"].tolist() == list(range(2, 18, 2))
    assert "R002" in codes(part) and "R002" not in codes(runs)
    assert runs.select(lr="0.0030").digest == runs.digest
    assert runs.select() is runs
    assert {name: len(each) for name, each in runs.split("data").items()} == {"c4": 8, "rpj": 8}
    assert runs.split("data")["c4"] == part
    with pytest.raises(TableError, match="'c4', 'rpj'"):
        runs.select(data="C4")
    with pytest.raises(TableError, match="'lr', 'data'"):
        runs.split("family")


def test_selecting_keeps_what_reading_found(write: Callable[..., Path]) -> None:
    rows = "".join(
        f"{n}e8,{d}e10,{3 - n * d / 99},{n % 2}\n" for n in range(1, 6) for d in (1, 2, 5)
    )
    runs = read_runs(write("params,tokens,loss,half\n" + rows + "1e8,1e9,nan,1\n"))
    assert "C001" in codes(runs) and "C001" in codes(runs.select(half=1))


def test_text_true_and_numbers_are_selected(write: Callable[..., Path]) -> None:
    rows = "".join(f"{i}e8,{10 - i},True,0{i % 2}\n" for i in range(1, 9))
    runs = read_runs(write("params,loss,final,code\n" + rows))
    assert len(runs.select(final=True)) == 8
    assert len(runs.select(code="01")) == len(runs.select(code=1)) == 4


def test_hold_out_and_train_below(good: pd.DataFrame) -> None:
    runs = read_runs(good, hold_out=["r15"])
    assert runs.held_out["run"].tolist() == ["r15"] and len(runs.fitted) == 15
    below = runs.train_below(6e20)
    compute = 6 * good["params"] * good["tokens"]
    assert (below.resource("flops") < 6e20).all()
    assert len(below.fitted) == int((compute < 6e20).sum())
    assert below.frame[HELD_OUT].iloc[-1]
    assert len(runs.train_below(1e9, "params").fitted) == 8
    assert runs.hold_out("r0").held_out["run"].tolist() == ["r0", "r15"]
    with pytest.raises(UsageError, match="nearest: 'r1'"):
        runs.hold_out(["r1x"])
    with pytest.raises(TableError, match="smallest"):
        runs.train_below(1.0)
    with pytest.raises(TableError, match="none is left"):
        runs.hold_out(list(good["run"]))
    for value in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="positive"):
            runs.train_below(value)


def test_held_out_column_of_a_file(good: pd.DataFrame) -> None:
    runs = read_runs(good.assign(held_out=[True] + [False] * 15))
    assert runs.held_out["run"].tolist() == ["r0"]
    assert runs == read_runs(good).hold_out(["r0"])
    texts = good.assign(held_out=["yes", "maybe", *[""] * 14])
    assert [f.rows for f in read_runs(texts).findings if f.code == "C004"] == [(3,)]


def test_too_few_left_to_fit(good: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="R001"):
        read_runs(good, hold_out=list(good["run"])[:12])


def test_stored_text_gives_equal_runs(good: pd.DataFrame) -> None:
    good["seed"], good["group"] = 7, ["a,b", 'c"d'] * 8
    runs = read_runs(good, hold_out=["r3"])
    metadata = json.loads(json.dumps(runs.metadata()))
    back = Runs.from_csv(runs.to_csv(), **metadata)
    assert back == runs and hash(back) == hash(runs)
    assert (back.source, back.findings) == (runs.source, runs.findings)
    pd.testing.assert_frame_equal(back.frame, runs.frame)
    with pytest.raises(TableError, match="damaged"):
        Runs.from_csv(runs.to_csv().replace("r5,", "r6,"), **metadata)
    for text in ("", "run,loss\na\n", "run,other\na,1\n", "run,loss\na,x\n"):
        with pytest.raises(TableError, match="damaged"):
            Runs.from_csv(text)


def test_to_frame_is_a_copy(good: pd.DataFrame) -> None:
    runs = read_runs(good)
    copy = runs.to_frame()
    copy.loc[0, "loss"] = 99.0
    assert runs.frame.loc[0, "loss"] == good.loc[0, "loss"]


def test_raw_texts_do_not_pass_as_clean(good: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="read_runs"):
        Runs.from_frame(good.astype({"params": int}))


def test_checkpoints(good: pd.DataFrame) -> None:
    early = good.iloc[:4].assign(tokens=good["tokens"][:4] / 2, loss=good["loss"][:4] + 0.1)
    frame = pd.concat([good, early], ignore_index=True)
    last = read_runs(frame)
    assert last == read_runs(good)
    assert [f.rows for f in last.findings if f.code == "R004"] == [(18, 19, 20, 21)]
    everything = read_runs(frame, checkpoints="all")
    assert len(everything) == 20
    assert [f.rows for f in everything.findings if f.code == "I008"] == [(18, 19, 20, 21)]


def test_same_name_and_tokens_are_replicates(good: pd.DataFrame) -> None:
    again = good.iloc[:4].assign(loss=good["loss"][:4] * 1.001)
    runs = read_runs(pd.concat([good, again], ignore_index=True))
    assert len(runs) == 20 and "R005" in codes(runs)


def test_duplicates_are_dropped_and_named(good: pd.DataFrame) -> None:
    frame = pd.concat([good, good.iloc[:2]], ignore_index=True)
    runs = read_runs(frame)
    assert runs == read_runs(good)
    assert [f.rows for f in runs.findings if f.code == "R003"] == [(18, 19)]
    assert len(read_runs(frame.drop(columns="run"))) == 16
    assert len(read_runs(frame.assign(lr=range(18)))) == 18


def test_strict(good: pd.DataFrame) -> None:
    assert len(read_runs(good, strict=True)) == 16
    with pytest.raises(TableError, match="--strict"):
        read_runs(good.iloc[:14], strict=True)


def test_one_resource_tables(good: pd.DataFrame) -> None:
    for name in ("params", "tokens", "flops"):
        frame = pd.DataFrame({name: [10.0**i for i in range(7, 15)], "loss": range(9, 1, -1)})
        assert read_runs(frame).resources == (name,)


def test_surrogates_and_odd_objects_can_be_stored(good: pd.DataFrame) -> None:
    good["run"] = ["\ud800", None, 3, 4.0, *good["run"][4:]]
    runs = read_runs(good)
    assert runs.frame["run"].tolist()[:4] == ["\\ud800", "row 2", "3", "4.0"]
    runs.to_csv().encode()


def test_speed(tmp_path: Path) -> None:
    rng = np.random.default_rng(20261124)
    n, d = 10 ** rng.uniform(7, 10, 100_000), 10 ** rng.uniform(9, 12, 100_000)
    frame = pd.DataFrame({"params": n, "tokens": d, "loss": 2 + 1 / np.log(n * d)})
    frame.to_csv(tmp_path / "many.csv", index=False)
    start = time.perf_counter()
    runs = read_runs(tmp_path / "many.csv")
    assert time.perf_counter() - start < 10
    assert len(runs) == 100_000 and "R006" in codes(runs)


def test_schema_names_every_column() -> None:
    schema = runs_schema()
    assert set(NUMBER_COLUMNS) <= set(schema["properties"])
    assert schema["properties"]["tokens"]["unit"] == "tokens"
    assert {"required": ["loss"]} in schema["anyOf"]
    json.dumps(schema)


NUMBER_TEXT = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(min_value=-10, max_value=10**25).map(str),
    st.sampled_from(["", "nan", "1.3B", "125m", "1,300", "0x1", "1e999", "-", "\u0663", "=1"]),
    st.text(max_size=6),
)
ROW = st.tuples(st.text(max_size=5), NUMBER_TEXT, NUMBER_TEXT, NUMBER_TEXT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(ROW, max_size=12))
def test_any_frame_is_read_or_refused(rows: list[tuple[str, str, str, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["run", "params", "tokens", "loss"])
    try:
        runs = read_runs(frame)
    except BayesScalingError as error:
        assert error.exit_code == 3
        return
    for name in ("params", "tokens", "loss"):
        values = runs.frame[name].to_numpy()
        assert (np.isfinite(values) & (values > 0)).all()
    assert Runs.from_csv(runs.to_csv(), **runs.metadata()) == runs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200), st.integers(0, 300), st.sampled_from(["utf-8", "latin-1", "utf-16"])
)
def test_any_bytes_are_read_or_refused(
    tmp_path: Path, patch: bytes, at: int, encoding: str
) -> None:
    text = "run,params,tokens,loss\n" + "".join(f"r{i},1e{i},2e{i},{9 - i}\n" for i in range(1, 9))
    raw = text.encode(encoding)
    path = tmp_path / "fuzz.csv"
    path.write_bytes(raw[:at] + patch + raw[at + len(patch) // 2 :])
    try:
        read_runs(path, encoding=encoding)
    except BayesScalingError as error:
        assert error.exit_code == 3


@pytest.mark.parametrize(
    ("name", "rows", "found"),
    [
        ("chinchilla_epoch", 245, {"I006"}),
        ("gadre_overtraining", 832, {"R005", "I006", "S006"}),
        ("datablations", 325, {"C001", "R005"}),
        ("gemstones", 66, {"R004", "I001"}),
        ("porian_isoflop", 1745, {"I006"}),
        ("misfitting_final", 253, {"R003", "R005"}),
        ("pythia_lambada", 390, {"C003", "U001", "S004"}),
    ],
)
def test_public_tables(shared_data: Path, name: str, rows: int, found: set[str]) -> None:
    runs = read_runs(shared_data / f"{name}.csv")
    assert len(runs) == rows
    assert found <= codes(runs)
    assert Runs.from_csv(runs.to_csv(), **runs.metadata()) == runs


def test_spreadsheet_by_hand_is_not_guessed_at(shared_data: Path) -> None:
    path = shared_data / "misfitting_spreadsheet_RAW.csv"
    with pytest.raises(TableError, match="H002"):
        read_runs(path)
    columns = {"params": "N", "tokens": "D", "loss": "C4 Eval Loss"}
    runs = read_runs(path, columns=columns)
    rejected = [f for f in runs.findings if f.severity == "error"]
    assert rejected and all(f.rows and f.hint for f in rejected)
    assert np.isfinite(runs.frame[["params", "tokens", "loss"]]).all(axis=None)


def test_numbers_below_zero_with_a_decimal_comma() -> None:
    """They are plain numbers, not texts that had to be understood."""
    for sign in (".", ","):
        cells = [f"-{2 + i / 10:.1f}".replace(".", sign) for i in range(12)]
        table = pd.DataFrame({"normalized_loss": cells, "params": ["1000000"] * 12})
        runs = read_runs(table, decimal=sign)
        assert runs.frame["normalized_loss"].tolist()[:2] == [-2.0, -2.1]
        assert "C005" not in codes(runs)


def test_every_loss_of_a_table_is_in_its_unit(good: pd.DataFrame) -> None:
    losses = good[["params", "tokens", "loss"]].assign(
        source_loss=good["loss"] + 0.5, teacher_loss=good["loss"] + 0.2
    )
    names = ["loss", "source_loss", "teacher_loss"]
    for unit, turned in (("bits", losses[names] / math.log(2)), ("ppl", np.exp(losses[names]))):
        runs = read_runs(losses.assign(**turned), loss_unit=unit)
        np.testing.assert_allclose(runs.frame[names], losses[names], rtol=1e-12)
    below = good[["params"]].assign(normalized_loss=-good["loss"], normalized_loss_sd=0.1)
    found = read_runs(below, loss_unit="bits").frame
    np.testing.assert_allclose(found["normalized_loss"], -good["loss"] * math.log(2), rtol=1e-12)
    np.testing.assert_allclose(found["normalized_loss_sd"], 0.1 * math.log(2), rtol=1e-12)
    with pytest.raises(UsageError, match="no perplexity"):
        read_runs(below, loss_unit="ppl")


def test_a_loss_set_aside_is_not_the_loss_on_another_data_set(good: pd.DataFrame) -> None:
    table = good[["params", "tokens", "loss"]].assign(val_loss=good["loss"] + 0.1)
    runs = read_runs(table, columns={"loss": "val_loss"})
    assert "source_loss" not in runs.frame and "original_loss" in runs.frame
    assert runs == read_runs(table.drop(columns="loss"), columns={"loss": "val_loss"})
