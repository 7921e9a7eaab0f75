"""The shelf and model files: what they hold, what they refuse, and when their digest moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import settled
from bayes_scaling.laws.library import built_in
from bayes_scaling.quantities import ONE_RESOURCES, TARGETS, reference_of
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.model_file import ModelFile, OneResource
from bayes_scaling.specs.prior_predictive import POSSIBLE
from bayes_scaling.specs.shelf import diff_models, find_model, model_names
from bayes_scaling.specs.spec import load_model, model_from_text
from tests.conftest import ladder
from tests.golden.regenerate import FILE, changed, record

MINE = find_model("chinchilla-plain")[1]


def test_the_shelf() -> None:
    assert set(model_names()) >= {
        "chinchilla-plain", "skaling-plain", "kaplan-plain", "power-floor-plain",
    }  # fmt: skip


@pytest.mark.parametrize("name", model_names())
def test_same_name_and_version_mean_the_same_density(name: str) -> None:
    """A changed density needs a new version, or a new file, and new golden values."""
    recorded, now = json.loads(FILE.read_text())[name], record(name)
    assert (recorded["version"], recorded["digest"]) == (now["version"], now["digest"])
    assert now["losses"] == pytest.approx(recorded["losses"], rel=1e-9)


def test_a_changed_density_under_its_version_is_not_regenerated() -> None:
    old = {"a": {"version": 1, "digest": "x"}, "b": {"version": 1, "digest": "x"}}
    new = {"a": {"version": 1, "digest": "y"}, "b": {"version": 2, "digest": "y"}, "c": {}}
    assert changed(old, new) == ["a"]


def test_the_golden_file_names_the_shelf() -> None:
    assert sorted(json.loads(FILE.read_text())) == sorted(model_names())
    laws = {load_model(name).law.name for name in model_names()}
    assert laws == set(built_in())  # every built-in law has a model


@pytest.mark.parametrize("name", model_names())
def test_every_prior_has_a_reason_and_median_runs_are_possible(name: str) -> None:
    spec = load_model(name)
    spec = spec if spec.inputs else spec.at_resource("tokens")
    at = spec.at_reference(smallest=2.0 if spec.target == "loss" else 0.1)
    assert all(p.why and p.unit for p in at.all_priors.values())
    rng = np.random.default_rng(20261124)
    draws = {k: p.sample(rng, 2000) for k, p in at.priors.items()}
    value = at.curve(np, tuple(reference_of(c) for c in at.inputs), draws)
    low, high = POSSIBLE[spec.target]
    assert np.mean((value >= low) & (value <= high)) > 0.9


def test_model_files_may_name_what_tables_hold() -> None:
    assert get_args(OneResource) == ONE_RESOURCES
    target, none = get_args(ModelFile.model_fields["target"].annotation)
    assert set(get_args(target)) == set(TARGETS) and none is type(None)


def test_digest_ignores_words_and_order_and_sees_numbers() -> None:
    same = model_from_text(MINE.replace("Seeds differ", "Seeds vary").replace("# ", "#"), "x")
    assert same.digest == load_model("chinchilla-plain").digest
    head, _, priors = MINE.partition("[priors.L_inf]")
    block, _, rest = priors.partition("[priors.A]")
    moved = head + "[priors.A]" + rest.replace("[noise]", "[priors.L_inf]" + block + "[noise]", 1)
    assert model_from_text(moved, "x").digest == same.digest
    assert model_from_text(MINE.replace("q95 = 0.60", "q95 = 0.61"), "x").digest != same.digest
    assert model_from_text(MINE.replace("N_ref = 1e9", "N_ref = 2e9"), "x").digest != same.digest


FAULTS = {
    "misspelt key": (("q05 = 0.42", "q5 = 0.42"), "did you mean '.*q05'"),
    "misspelt table": (("[noise]\n", "[noize]\n"), "noise"),
    "unknown distribution": (('dist = "Beta', 'dist = "Beta'), None),
    "law without such unknown": (("[priors.beta]", "[priors.betta]"), "not in the law: betta"),
    "no such law": (('law = "chinchilla"', 'law = "chinchila"'), "built-in laws are"),
    "constant the law lacks": (("N_ref = 1e9", "M_ref = 1e9"), "not in the law: M_ref"),
    "text for a number": (("q95 = 0.60", 'q95 = "wide"'), "priors.alpha.q95"),
    "infinite": (("q95 = 0.60", "q95 = inf"), "priors.alpha.q95"),
    "quantiles swapped": (("q05 = 0.19\nq95 = 0.60", "q05 = 0.60\nq95 = 0.19"), "below q95"),
    "no reason": (('why = "As for alpha; the two agree in most published fits."\n', ""), "why"),
    "other format": (("format = 1", "format = 2"), "format"),
    "not TOML": (("format = 1", "format : 1"), "not valid TOML"),
    "yaml": (("format = 1", "format: 1\n- x"), "not valid TOML"),
    "drift of another version": (("[noise]\n", '[drift]\nkind = "x"\n[noise]\n'), "drift"),
    "a quantile too few": (("q05 = 0.19\nq95 = 0.60", "q95 = 0.60"), "LogNormal takes q05 and q95"),
    "relative to no column": (('dist = "FractionOfMin"', 'dist = "OfRange"'), "`of` names the col"),
    "a column for nothing": (
        ('dist = "LogNormal"', 'dist = "LogNormal"\nof = "params"'),
        "leave out",
    ),
    "a spread that can be negative": (
        (
            "[noise]\n",
            '[groups.spread.A]\ndist = "Normal"\nq05 = -1\nq95 = 1\nunit = "1"\n'
            'why = "none"\n[noise]\n',
        ),
        "spread.A: a standard deviation",
    ),
    "nu for normal noise": (('kind = "student_t"', 'kind = "normal"'), "unknowns sigma"),
}


@pytest.mark.parametrize("name", [k for k, v in FAULTS.items() if v[1]])
def test_faulty_files_are_refused_in_words(name: str, tmp_path: Path) -> None:
    (old, new), word = FAULTS[name]
    path = tmp_path / "chinchilla-plain.toml"
    assert old in MINE
    path.write_text(MINE.replace(old, new))
    with pytest.raises(UsageError, match=word):
        load_model(path)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "chinchilla-plain.toml"
    path.write_text(MINE.replace("q05 = 0.42", "q5 = 0.42").replace("version = 1", "version = 0"))
    with pytest.raises(UsageError) as caught:
        load_model(path)
    assert "q05" in str(caught.value) and "version" in str(caught.value)


def test_nested_bomb_and_size(tmp_path: Path) -> None:
    path = tmp_path / "bomb.toml"
    path.write_text("x = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(UsageError, match="TOML"):
        load_model(path)
    path.write_text("#" * 1_000_001)
    with pytest.raises(UsageError, match="characters"):
        load_model(path)


def test_names_and_paths() -> None:
    with pytest.raises(UsageError, match="did you mean 'chinchilla-plain'"):
        load_model("chinchila-plain")
    with pytest.raises(UsageError, match="no model file"):
        load_model("./absent.toml")


def test_file_name_is_the_models_name(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(MINE)
    with pytest.raises(UsageError, match="name it 'other'"):
        load_model(path)


def test_users_model_with_users_law(tmp_path: Path) -> None:
    (tmp_path / "two_phase.py").write_text(
        "from bayes_scaling import law\n\n"
        '@law(reference="mine")\n'
        "def two_phase(xp, N, D, *, L_inf, A, alpha, B, beta, N_ref=1e9, D_ref=2e10):\n"
        '    """Loss [nats/token]."""\n'
        "    return L_inf + A * (N / N_ref) ** -alpha + B * (D / D_ref) ** -beta\n"
    )
    path = tmp_path / "mine.toml"
    text = MINE.replace('"chinchilla-plain"', '"mine"')
    path.write_text(text.replace('law = "chinchilla"', 'law = "two_phase.py:two_phase"'))
    spec = load_model(path)
    assert spec.law.unknowns == ("L_inf", "A", "alpha", "B", "beta")
    with pytest.raises(UsageError, match="--law"):  # a saved text never runs code
        model_from_text(spec.text, "fit.nc")
    assert model_from_text(spec.text, "fit.nc", law=spec.law).digest == spec.digest


def test_one_resource_models_follow_the_column() -> None:
    for column, reference in (("params", 1e9), ("tokens", 2e10), ("flops", 1.2e20)):
        assert load_model("power-floor-plain", resource=column).numbers == {"x_ref": reference}
    with pytest.raises(UsageError, match="one-resource"):
        load_model("chinchilla-plain", resource="tokens")
    with pytest.raises(UsageError, match="not one of"):
        load_model("power-floor-plain", resource="loss")


def test_mixture_models_name_their_sources(tmp_path: Path) -> None:
    spec = load_model("effective-tokens", sources=["web", "code"])
    assert spec.inputs == ("params", "tokens", "weight_web", "weight_code")
    assert spec.settled and "q_code" in spec.priors and "q_web" not in spec.priors
    text = find_model("effective-tokens")[1].replace('"effective-tokens"', '"mine"', 1)
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("[constants]", 'sources = ["web", "code"]\n[constants]'))
    mine = load_model(path)
    assert mine.inputs == spec.inputs and mine.digest != spec.digest
    with pytest.raises(UsageError, match="named once"):
        load_model("effective-tokens", sources=["web", "web"])
    with pytest.raises(UsageError, match="no mixture"):
        load_model("chinchilla-plain", sources=["web", "code"])
    table = ladder().assign(weight_web=0.4, weight_code=0.6)
    assert settled(load_model("effective-tokens"), Runs.from_frame(table)).law.sources == (
        "code", "web",
    )  # fmt: skip
    more = Runs.from_frame(table.assign(weight_web=0.1, weight_books=0.3))
    with pytest.raises(UsageError, match="books, code, web"):
        settled(mine, more)


def test_diff_names_what_differs() -> None:
    rows = {key: (a, b) for key, a, b in diff_models("chinchilla-plain", "skaling-plain")}
    assert rows["law"] == ("chinchilla", "skaling")
    assert rows["priors.k.q95"] == (None, 1.93)
    assert "noise.sigma.q95" not in rows


def test_schema_is_published() -> None:
    schema = ModelFile.model_json_schema()
    assert schema["additionalProperties"] is False and "priors" in schema["required"]


def test_public_names() -> None:
    assert bs.load_model("chinchilla-plain").law is bs.load_law("chinchilla")
