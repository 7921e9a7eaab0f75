"""The record that ships keeps its promises, and the README quotes it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.evaluation.bootstrap import bootstrap_draws
from bayes_scaling.evaluation.calibration import BOOTSTRAP, FAMILY, OURS, PLAIN
from bayes_scaling.evaluation.evidence import RECORD
from bayes_scaling.evaluation.public_tables import FEWEST_ROWS, LEAST_RATIO, public_tables
from bayes_scaling.names import MODEL
from bayes_scaling.specs.spec import load_model
from tests.conftest import ladder

README = (Path(__file__).parents[2] / "README.md").read_text()
KEPT = json.loads(files("bayes_scaling.evaluation").joinpath(RECORD).read_text())
LADDERS = ("gadre", "datablations", "gemstones")
"""Families on which intervals of the plain law hold: ours must not be wider for nothing."""


@pytest.fixture(scope="module")
def by_family() -> pd.DataFrame:
    return pd.DataFrame(KEPT["by_family"]).set_index([MODEL, FAMILY])


def ratio(by_family: pd.DataFrame, score: str, to: str) -> float:
    logs = np.log(by_family.loc[OURS][score] / by_family.loc[to][score])
    return float(np.exp(logs.mean()))


def test_intervals_hold(by_family: pd.DataFrame) -> None:
    ours = by_family.loc[OURS]
    assert len(ours) == 6
    assert 0.86 <= ours["coverage90"].mean() <= 0.97
    assert 0.42 <= ours["coverage50"].mean() <= 0.68
    assert ours["coverage90"].min() >= 0.75


def test_intervals_are_sharp(by_family: pd.DataFrame) -> None:
    assert ratio(by_family, "interval_score90", PLAIN) <= 0.65
    assert ratio(by_family, "wis", PLAIN) <= 0.72
    assert ratio(by_family, "interval_score90", BOOTSTRAP) <= 0.70
    for family in LADDERS:
        wider = by_family.loc[(OURS, family), "width90"] / by_family.loc[(PLAIN, family), "width90"]
        assert wider <= 1.5


def test_intervals_hold_far_beyond_the_runs() -> None:
    far = {held["ratio_bin"]: held for held in KEPT["ways"][OURS]}["over 100x"]
    assert far["n"] > 50 and far["inside90"] >= 0.80


def test_the_record_is_of_the_models_that_ship() -> None:
    for name, digest in KEPT["provenance"]["models"].items():
        assert load_model(name).digest == digest, f"{name} has changed: run calibration again"
    assert len(KEPT["provenance"]["tables"]) == 45


def test_the_readme_quotes_the_record(by_family: pd.DataFrame) -> None:
    ours, plain, other = (by_family.loc[name] for name in (OURS, PLAIN, BOOTSTRAP))
    for share in (
        f"held {ours['coverage90'].mean():.0%} (least family {ours['coverage90'].min():.0%})",
        f"50% intervals {ours['coverage50'].mean():.0%}",
        f"the additive law alone {plain['coverage90'].mean():.0%}",
        f"a bootstrap of a Huber fit {other['coverage90'].mean():.0%}",
    ):
        assert share in README, share
    scores = [ratio(by_family, s, PLAIN) for s in ("interval_score90", "wis")]
    assert (
        "interval score {:.2f}, weighted interval score {:.2f}".format(*scores).replace("0.", ".")
        in README
    )


def test_public_tables_are_cut_as_they_say(shared_data: Path) -> None:
    tables = list(public_tables(shared_data))
    assert len(tables) == 45 and len({t.family for t in tables}) == 6
    for table in tables:
        assert len(table.trained.fitted) >= FEWEST_ROWS
        assert (table.ratio >= LEAST_RATIO).all() and len(table.ratio) == len(table.scored)
    digests = {f"{t.family}: {t.name}": t.trained.digest for t in tables}
    assert digests == KEPT["provenance"]["tables"]


def test_the_bootstrap_finds_an_exact_curve_and_scatters_with_its_residuals() -> None:
    table = ladder()
    small, large = table.iloc[:30], table.iloc[30:]
    exact = bootstrap_draws(small, large, resamples=20)
    np.testing.assert_allclose(exact, np.tile(large["loss"], (20, 1)), rtol=2e-3)
    rng = np.random.default_rng(4)
    noisy = small.assign(loss=small["loss"] * np.exp(0.01 * rng.standard_normal(30)))
    draws = bootstrap_draws(noisy, large, resamples=60)
    assert draws.shape == (60, 6)
    assert np.all(np.log(draws).std(axis=0) > 0.005)
    np.testing.assert_array_equal(draws, bootstrap_draws(noisy, large, resamples=60))
