"""Checks: each row fires where its trouble is planted, and not elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from scipy import special

import bayes_scaling as bs
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.residual_checks import _pattern, _sizes, patterns, suspects
from bayes_scaling.runs.table import Runs
from tests.conftest import REPLICATION, ladder, make_fit


def verdicts(fit: Fit) -> dict[str, str]:
    return {row.name.split(" (")[0]: row.verdict for row in bs.check(fit).rows}


def with_losses(factor: np.ndarray) -> Fit:
    """Tight posterior at the truth, losses moved by known factors."""
    table = ladder()
    table["loss"] *= factor
    fit = make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(table))
    tight = {name: float(v) for name, v in REPLICATION.items()}
    posterior = fit.posterior.assign(
        {name: xr.full_like(fit.posterior[name], value) for name, value in tight.items()}
    )
    return replace(fit, posterior=posterior.assign(sigma=fit.posterior["sigma"] * 2.5))


def noise(scale: float = 0.01) -> np.ndarray:
    return np.exp(scale * np.random.default_rng(8).standard_t(5, 36))


def residual_rows(fit: Fit) -> dict[str, str]:
    return {row.name: row.verdict for row in patterns(fit)}


def test_clean_residuals_raise_no_alarm() -> None:
    assert set(residual_rows(with_losses(noise())).values()) == {"ok"}


def test_patterns_are_found_where_they_are_planted() -> None:
    table = ladder()
    x = np.log(table["params"].to_numpy())
    x = x - x.mean()
    slope = residual_rows(with_losses(noise() * np.exp(0.02 * x)))
    assert slope["residual slope in N"] == "warn" and slope["residual slope in D"] == "ok"
    bow = residual_rows(with_losses(noise() * np.exp(0.02 * (x**2 - np.mean(x**2)))))
    assert bow["residual curvature in N"] == "warn" and bow["residual curvature in D"] == "ok"


def test_scatter_that_changes_with_size_is_found() -> None:
    rng = np.random.default_rng(5)
    compute = np.log(ladder().eval("params * tokens").to_numpy())
    share = (compute - compute.min()) / np.ptp(compute)
    for way, power in (("more", share), ("less", 1 - share)):
        fit = with_losses(np.exp(0.002 * 20**power * rng.standard_normal(36)))
        (row,) = (row for row in patterns(fit) if row.name.startswith("residual spread"))
        assert row.verdict == "warn" and f"scatter {way} the larger" in row.advice


def test_sizes_of_normal_scores_are_normal_scores() -> None:
    p = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
    sizes = special.ndtri((1 + p) / 2)
    np.testing.assert_allclose(_sizes(np.array([1, -1])[:, None] * sizes), [special.ndtri(p)] * 2)
    assert np.isfinite(_sizes(np.array([0.0, 30.0, -1e-20, 1e200, np.inf]))).all()


def test_a_pattern_that_the_unknowns_take_up_is_judged_by_what_they_leave() -> None:
    """With half of its variance in the draws, what is left of a clean table has half of it too."""
    rng = np.random.default_rng(6)
    values = np.sqrt(0.5) * rng.standard_normal(4000)
    verdict = [_pattern("any", values + mean, ("", ""), "C").verdict for mean in (1.7, 1.95)]
    assert verdict == ["ok", "warn"]  # 2.576 sqrt(.5) = 1.82


def test_false_alarms_are_rare() -> None:
    """Each pattern fires on 1% of clean tables: 9 rows x 40 tables, at most 12 alarms."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        fit = with_losses(np.exp(0.01 * rng.standard_t(5, 36)))
        alarms += sum(v == "warn" for v in residual_rows(fit).values())
    assert alarms <= 12


def test_a_bad_run_is_named() -> None:
    factor = noise()
    factor[17] *= 1.2
    (row,) = suspects(with_losses(factor))
    assert row.verdict == "info" and "run 17 (+0.18" in row.advice
    assert row.value == 1


def test_chains_that_disagree_fail(chinchilla_fit: Fit) -> None:
    assert verdicts(chinchilla_fit)["R-hat"] == "ok"
    shifted = chinchilla_fit.posterior.copy(deep=True)
    shifted["alpha"][0] *= 1.2
    found = verdicts(replace(chinchilla_fit, posterior=shifted))
    assert found["R-hat"] == "fail" and found["ESS bulk"] == "fail"


def test_divergences_fail_above_half_a_percent(chinchilla_fit: Fit) -> None:
    for count, verdict in ((5, "ok"), (6, "fail")):  # of 1,000 draws
        diverging = np.zeros((4, 250), bool)
        diverging.ravel()[:count] = True
        sampling = chinchilla_fit.sampling.assign(diverging=(("chain", "draw"), diverging))
        assert verdicts(replace(chinchilla_fit, sampling=sampling))["divergences"] == verdict


def test_findings_of_the_table_follow() -> None:
    table = ladder().assign(tokens=lambda t: 20 * t["params"])
    fit = make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(table))
    assert verdicts(fit)["table I001"] == "warn"
