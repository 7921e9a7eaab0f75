"""One row's log density under a fit without it, for every kind of model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.left_out import left_out_density, refit_without
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import curve_at, log_likelihood
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model
from tests.conftest import REPLICATION, ladder, make_fit, make_grouped_fit, posterior_around


@pytest.mark.parametrize("name", ["chinchilla-plain", "chinchilla-imputed"])
def test_of_plain_models_it_is_the_likelihood(name: str) -> None:
    fit = make_fit(name, REPLICATION)
    there = log_likelihood(fit).values
    for row in (0, 17, 35):
        assert np.allclose(left_out_density(fit, fit.runs, row), there[..., row])


def test_a_known_group_has_its_own_values_and_a_lost_one_is_new() -> None:
    fit = make_grouped_fit()
    there = log_likelihood(fit).values
    assert np.allclose(left_out_density(fit, fit.runs, 4), there[..., 4])
    frame = fit.runs.frame.copy()
    frame.loc[4, "group"] = "lost"
    density = left_out_density(fit, Runs.from_frame(frame), 4)
    assert np.isfinite(density).all() and not np.allclose(density, there[..., 4])
    with pytest.raises(UsageError, match="fit of one group"):
        refit_without(fit.at_group("a"), 0)


def test_with_run_effects_the_other_rows_of_the_run_inform_it() -> None:
    """Against the conditional of the joint normal of all rows of the run, draw by draw."""
    table = ladder()
    table["run"] = [f"run {i // 6}" for i in range(36)]
    table["params"] = table["params"].to_numpy()[np.arange(36) // 6 * 6]
    scatter = 0.01 * np.random.default_rng(5).standard_normal(36)
    runs = Runs.from_frame(table.assign(loss=table["loss"] * np.exp(scatter)))
    spec = load_model("chinchilla-checkpoints")
    values = {**REPLICATION, "sigma": 0.004, "run_effect": 0.006}
    plain = make_fit("chinchilla-plain", REPLICATION, runs)
    fit = replace(plain, spec=spec, posterior=posterior_around(values, draws=5))
    row, same = 8, np.arange(6, 12)
    found = left_out_density(fit, fit.runs, row)
    gap = np.log(runs.fitted["loss"].to_numpy()) - np.log(curve_at(fit, _inputs(fit)))
    for chain, draw in np.ndindex(found.shape):
        sigma, effect = (float(fit.posterior[k][chain, draw]) for k in ("sigma", "run_effect"))
        cov = effect**2 * np.ones((6, 6)) + sigma**2 * np.eye(6)
        others = same != row
        ratio = stats.multivariate_normal(np.zeros(6), cov).logpdf(gap[chain, draw, same])
        ratio -= stats.multivariate_normal(np.zeros(5), cov[1:, 1:]).logpdf(
            gap[chain, draw, same[others]]
        )
        expected = ratio - np.log(runs.fitted["loss"][row])
        assert found[chain, draw] == pytest.approx(expected, rel=1e-8)


def _inputs(fit: Fit) -> dict[str, np.ndarray]:
    return {name: fit.runs.resource(name) for name in fit.model.inputs}
