"""Support sensitivity: another choice of runs, and runs resampled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.support import (
    MAX_ROW_SPREAD,
    across_fits,
    row_spread,
    within_fit,
)
from bayes_scaling.runs.table import Runs
from bayes_scaling.verdicts import Check
from tests.conftest import REPLICATION, ladder, make_fit


def moved(fit: Fit, **factors: float) -> Fit:
    """The fit on 35 of its 36 runs, with draws of some unknowns multiplied."""
    posterior = fit.posterior.assign({k: fit.posterior[k] * v for k, v in factors.items()})
    return replace(fit, posterior=posterior, runs=Runs.from_frame(ladder().iloc[1:]))


def rows_of(fit: Fit, other: Fit) -> dict[str, Check]:
    rows = across_fits(fit, {"most runs": other})
    return {row.name.removeprefix("I009 support sensitivity of "): row for row in rows}


def test_a_moved_answer_is_told_with_both_intervals(
    chinchilla_fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draws scatter by 2%: a factor 1.03 is 1.5 sd and stays, 1.05 is 2.4 sd and is told."""
    calm = {**dict.fromkeys(REPLICATION, 1.0)}
    for name in bs.load_law("chinchilla").derived(np, **REPLICATION, N_ref=1e9, D_ref=2e10):  # type: ignore[misc]
        calm[name] = 1.0
    monkeypatch.setattr("bayes_scaling.inference.support.row_spread", lambda _: calm)
    found = rows_of(chinchilla_fit, moved(chinchilla_fit, alpha=1.05, beta=1.03))
    alpha, beta = found["alpha (most runs)"], found["beta (most runs)"]
    assert (alpha.verdict, beta.verdict) == ("warn", "ok")
    assert alpha.value == pytest.approx(np.log(1.05) / 0.02, rel=0.1)
    low, high = np.quantile(chinchilla_fit.posterior["alpha"], (0.05, 0.95))
    assert f"{low:.3g} to {high:.3g} with these runs" in alpha.advice
    assert f"{1.05 * low:.3g} to {1.05 * high:.3g} with most runs" in alpha.advice
    assert {"a (most runs)", "A_at_1 (most runs)"} <= set(found)  # what is derived, too


def test_resampling_a_normal_mean() -> None:
    """Closed form: for a normal mean with known sd the jackknife gives the sample variance."""
    rng = np.random.default_rng(5)
    rows, draws = 200, 40_000
    y = np.sqrt(2) * rng.standard_normal(rows)  # twice the variance that the noise claims
    table = pd.DataFrame({"params": np.geomspace(1e7, 1e9, rows), "loss": np.exp(y / 100)})
    mean = (y.mean() + rng.standard_normal((4, draws // 4)) / np.sqrt(rows)) / 100
    spec = bs.load_model("power", resource="params")
    noise = replace(spec.noise, kind="normal")
    coords = {"chain": np.arange(4), "draw": np.arange(draws // 4)}
    posterior = xr.Dataset(
        {
            "A": (("chain", "draw"), np.exp(mean)),
            "alpha": (("chain", "draw"), np.zeros_like(mean)),
            "sigma": (("chain", "draw"), np.full_like(mean, 0.01)),
        },
        coords=coords,
    )
    fit = Fit(replace(spec, noise=noise), Runs.from_frame(table), posterior, xr.Dataset(), {})
    with np.errstate(divide="ignore"):
        found = row_spread(
            replace(fit, posterior=posterior.assign(alpha=posterior["alpha"] + 1e-9))
        )
    assert found["A"] == pytest.approx(np.std(y), rel=0.02)
    assert found["alpha"] == 0.0


def test_other_models_and_the_same_runs_are_refused(chinchilla_fit: Fit) -> None:
    tied = {k: v for k, v in REPLICATION.items() if k != "beta"}
    with pytest.raises(UsageError, match=r"fit of another model.*chinchilla-tied"):
        bs.check(chinchilla_fit, others={"tied": make_fit("chinchilla-tied", tied)})
    with pytest.raises(UsageError, match="the same runs"):
        bs.check(chinchilla_fit, others={"again": chinchilla_fit})
    with pytest.raises(UsageError, match="not a fit but str"):
        bs.check(chinchilla_fit, others={"path": "fit.nc"})  # type: ignore[dict-item]


def test_ladders_are_calm_and_digitised_points_are_not(shared_data: Path) -> None:
    """Designed ladders: about 1 for every unknown. Points read off a figure: near 2."""
    spec = bs.load_model("chinchilla-plain")
    ladders = bs.read_runs(bs.example_path()).split("train_dataset")
    points = bs.read_runs(shared_data / "chinchilla_epoch.csv", columns={"run": "run_id"})
    spreads = {name: row_spread(bs.fit(spec, runs)) for name, runs in ladders.items()}
    digitised = bs.fit(spec, points)
    spreads["digitised"] = row_spread(digitised)
    for name, spread in spreads.items():
        print(name, {k: round(v, 2) for k, v in spread.items() if k in spec.priors})
    calm = [v for name in ladders for v in spreads[name].values()]
    assert min(calm) > 0.5 and max(calm) < MAX_ROW_SPREAD
    assert max(spreads["digitised"].values()) > MAX_ROW_SPREAD
    assert [row.verdict for row in within_fit(digitised)] == ["warn"]


@pytest.mark.slow
def test_repeated_data_depend_on_the_choice_of_runs(shared_data: Path) -> None:
    """The authors' 182 runs against all: R_N moves; R_D stays, but not if runs are resampled."""
    table = pd.read_csv(shared_data / "datablations.csv").rename(columns={"run_id": "run"})
    table = table[table["loss"].notna()]
    columns = ["run", "params", "tokens", "unique_tokens", "loss"]
    authors = bs.read_runs(table.loc[table["in_authors_fit"], columns])
    everything = bs.read_runs(table[columns])
    assert (len(authors.fitted), len(everything.fitted)) == (182, 325)
    spec = bs.load_model("data-constrained")
    ours, all_runs = bs.fit(spec, authors), bs.fit(spec, everything)
    rows = {r.name: r for r in bs.check(ours, others={"all runs": all_runs}).rows}
    repeats = rows["I009 support sensitivity of R_N (all runs)"]
    epochs = rows["I009 support sensitivity of R_D (all runs)"]
    for row in (repeats, epochs):
        print(row)
    assert repeats.verdict == epochs.verdict == "warn"
    assert repeats.value > 2 and "different answers" in repeats.advice
    assert "resampling the runs moves it" in epochs.advice
    (alone,) = within_fit(ours)
    assert alone.verdict == "warn" and "R_D" in alone.advice
