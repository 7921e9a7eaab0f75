"""One-sided noise finds undertuned runs and is misled by them less than normal noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.predict import bad_run_probability
from bayes_scaling.specs.spec import ModelSpec
from tests.conftest import REPLICATION

pytestmark = pytest.mark.slow
SIGMA = 0.004


def normal_twin(folder: Path) -> ModelSpec:
    """The same model with normal noise."""
    head, _, noise = bs.load_model("chinchilla-one-sided").text.partition("[noise.p_bad]")
    text = head.replace('"one_sided"', '"normal"').replace("chinchilla-one-sided", "normal-twin")
    path = folder / "normal-twin.toml"
    path.write_text(text)
    assert "excess" in noise and "p_bad" not in text
    return bs.load_model(path)


def undertuned(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A grid of 64 runs; a fifth, all below 3e20 FLOP, lies 3% or more too high."""
    rng = np.random.default_rng(seed)
    params, tokens = (
        m.ravel() for m in np.meshgrid(np.geomspace(5e7, 5e9, 8), np.geomspace(1e9, 1e11, 8))
    )
    small = np.flatnonzero(6 * params * tokens < 3e20)
    bad = np.isin(np.arange(64), rng.choice(small, 13, replace=False))
    log_loss = np.log(bs.load_law("chinchilla").curve(np, params, tokens, **REPLICATION))
    log_loss += SIGMA * rng.standard_normal(64) + bad * (0.03 + rng.exponential(0.05, 64))
    table = {"params": params, "tokens": tokens, "loss": np.exp(log_loss)}
    return pd.DataFrame(table), bad


def test_bad_runs_are_found_and_do_not_bend_the_curve(tmp_path: Path) -> None:
    one_sided, normal = bs.load_model("chinchilla-one-sided"), normal_twin(tmp_path)
    errors: dict[str, list[float]] = {}
    for seed in range(3):
        table, bad = undertuned(seed)
        runs = bs.read_runs(table)
        fits = {"one-sided": bs.fit(one_sided, runs), "normal": bs.fit(normal, runs)}
        found = bad_run_probability(fits["one-sided"])
        assert (found.values > 0.5).tolist() == bad.tolist()
        row = next(r for r in bs.check(fits["one-sided"]).rows if r.name == "bad runs")
        assert row.verdict == "info" and row.value == 13.0
        names = found["run"].values
        assert sum(f"{name} (" in row.advice for name in names[bad]) == 6  # "and 7 more"
        assert not any(f"{name} (" in row.advice for name in names[~bad])
        assert fits["one-sided"].provenance["worst_rhat"] <= 1.01
        for kind, fit in fits.items():
            for name in ("L_inf", "beta"):
                gap = abs(float(fit.posterior[name].median()) - REPLICATION[name])
                errors.setdefault(f"{kind} {name}", []).append(gap)
    for name in ("L_inf", "beta"):
        pairs = (errors[f"one-sided {name}"], errors[f"normal {name}"])
        assert np.mean(pairs[0]) < 0.5 * np.mean(pairs[1]), (name, pairs)
