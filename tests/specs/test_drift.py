"""Drift: the bend beyond the largest run, and which models may have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import UsageError
from bayes_scaling.specs.drift import SCATTER_REF, Drift
from bayes_scaling.specs.prior import Prior
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model

SCALE = 0.01
KNOWN = Prior("LogNormal", {"q05": SCALE * 0.9999, "q95": SCALE * 1.0001})
FIXED = Drift("curvature", KNOWN, follows=0.5)
USUAL = np.full((4, 2000), SCATTER_REF)
TWINS = {"chinchilla", "skaling", "kaplan", "power-floor"}


def bend(beyond: np.ndarray, seed: int = 0, scatter: np.ndarray = USUAL) -> np.ndarray:
    return FIXED.bend(np.random.default_rng(seed), (4, 2000), beyond, scatter)


def test_nothing_happens_inside_the_runs() -> None:
    assert not bend(np.array([-3.0, -0.1, 0.0])).any()


def test_it_is_a_normal_curvature_at_the_usual_scatter() -> None:
    """Standard deviation scale u^2 / 2, within the noise of 8,000 draws."""
    u = np.array([1.0, 2.3, 4.6, 9.2])
    np.testing.assert_allclose(bend(u).std(axis=(0, 1)), SCALE * u**2 / 2, rtol=0.04)


def test_a_table_that_scatters_four_times_as_much_bends_twice_as_much() -> None:
    u = np.array([1.0, 4.6])
    np.testing.assert_allclose(bend(u, scatter=4 * USUAL), 2 * bend(u), rtol=1e-12)
    same = Drift("curvature", KNOWN).bend(np.random.default_rng(0), (4, 2000), u, 4 * USUAL)
    np.testing.assert_allclose(same, bend(u), rtol=1e-12)


def test_a_draw_does_not_depend_on_what_else_is_asked() -> None:
    far = bend(np.array([0.5, 2.0, 12.0]))
    np.testing.assert_array_equal(bend(np.array([0.5, 2.0])), far[..., :2])
    own = np.broadcast_to(np.array([0.5, 2.0]), (4, 2000, 2))
    np.testing.assert_array_equal(bend(own), far[..., :2])
    assert np.abs(bend(np.array([2.0]), seed=1) - far[..., 1:2]).max() > 0


def test_only_four_models_have_a_plain_twin_and_all_losses_along_compute_drift() -> None:
    drifting = set()
    for name in model_names():
        spec = load_model(name)
        at = spec if spec.inputs else spec.at_resource("flops")
        along = at.axis == "flops" and at.target == "loss"
        assert (spec.drift is not None) == (along and not name.endswith("-plain")), name
        drifting |= {name} if spec.drift else set()
    assert {name for name in drifting if f"{name}-plain" in model_names()} == TWINS
    drifts = {name: load_model(name).drift for name in drifting}
    assert len({(*d.scale.given.items(), d.follows) for d in drifts.values() if d}) == 1


def edited(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = load_model(name).text.replace(f'name = "{name}"', 'name = "mine"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


DRIFT = """
[drift]
kind = "curvature"
scale = { dist = "HalfNormal", q95 = 0.01, unit = "log loss", why = "tried" }
"""


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("direct-accuracy", DRIFT, "bounded"),
        ("accuracy-sigmoid", DRIFT, "has none"),
        ("chinchilla-plain", DRIFT.replace("HalfNormal", "Normal").replace("q95", "q05 = 0, q95"),
         "standard deviation"),
        ("chinchilla-plain", DRIFT.replace("curvature", "jump"), "curvature"),
    ],
)  # fmt: skip
def test_drift_where_it_cannot_be_is_refused(
    tmp_path: Path, model: str, more: str, words: str
) -> None:
    path = edited(tmp_path, model)
    path.write_text(path.read_text() + more)
    with pytest.raises(UsageError, match=words):
        load_model(path)


def test_growth_is_positive_and_not_beside_groups(tmp_path: Path) -> None:
    growth = '[noise.growth]\ndist = "{}"\n{}unit = "1"\nwhy = "tried"\n'
    grouped = edited(tmp_path, "chinchilla-by-family")
    grouped.write_text(grouped.read_text() + growth.format("HalfNormal", "q95 = 1\n"))
    with pytest.raises(UsageError, match="groups"):
        load_model(grouped)
    plain = edited(tmp_path, "chinchilla-plain")
    plain.write_text(plain.read_text() + growth.format("Normal", "q05 = -1\nq95 = 1\n"))
    with pytest.raises(UsageError, match="growth"):
        load_model(plain)


def test_a_changed_drift_is_another_density(tmp_path: Path) -> None:
    base = load_model(edited(tmp_path, "chinchilla"))
    other = load_model(edited(tmp_path, "chinchilla", ("q95 = 0.005", "q95 = 0.008")))
    flat = load_model(edited(tmp_path, "chinchilla", ("follows = 0.5", "follows = 0.0")))
    assert base.digest == load_model("chinchilla").digest
    assert len({base.digest, other.digest, flat.digest}) == 3
