"""Priors: quantiles as written, densities that integrate, PyMC and SciPy in agreement."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from bayes_scaling.errors import UsageError
from bayes_scaling.specs.coordinate import coordinate_of
from bayes_scaling.specs.prior import Prior

PRIORS = {
    "normal": Prior("Normal", {"q05": -1.0, "q95": 2.0}),
    "normal cut off": Prior("Normal", {"q05": 0.3, "q95": 0.7}, lower=0.0, upper=1.0),
    "log-normal": Prior("LogNormal", {"q05": 0.19, "q95": 0.6}),
    "log-normal cut off": Prior("LogNormal", {"q05": 0.52, "q95": 1.93}, upper=2.0),
    "half-normal": Prior("HalfNormal", {"q95": 0.03}),
    "beta": Prior("Beta", {"alpha": 4.0, "beta": 4.0}),
    "gamma cut off": Prior("Gamma", {"alpha": 2.0, "beta": 0.1}, lower=1.0),
    "fraction": Prior("FractionOfMin", {"q05": 0.42, "q95": 0.94}, of="loss", scale=(2.5, 2.5)),
}


@pytest.mark.parametrize("name", PRIORS)
def test_quantiles_density_and_draws_agree(name: str) -> None:
    prior = PRIORS[name]
    levels = np.array([0.05, 0.3, 0.5, 0.9, 0.95])
    points = prior.quantile(levels)
    low, high = prior.support
    start = low if np.isfinite(low) else -np.inf
    for level, point in zip(levels, points, strict=True):
        mass = integrate.quad(lambda v: float(prior.density(v)), start, point, epsabs=1e-10)[0]
        assert mass == pytest.approx(level, abs=1e-6)
    draws = prior.sample(np.random.default_rng(7), 4000)
    assert draws.min() > low and draws.max() < high
    assert np.mean(draws < points[2]) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))


@pytest.mark.parametrize("name", ["normal", "log-normal", "half-normal", "fraction"])
def test_written_quantiles_are_the_quantiles(name: str) -> None:
    prior = PRIORS[name]
    for key, level in (("q05", 0.05), ("q95", 0.95)):
        if key in prior.given:
            expected = prior.given[key] * prior.scale[0]
            assert float(prior.quantile(level)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", PRIORS)
def test_graph_density_is_the_scipy_density(name: str) -> None:
    from bayes_scaling.inference.backend import import_pymc

    pm = import_pymc()
    prior = PRIORS[name]
    points = prior.quantile(np.array([0.1, 0.5, 0.9]))
    hyper = {k: np.float64(v) for k, v in prior.hyper.items()}
    graph = prior.log_density_graph(pm, points, hyper).eval(mode="FAST_COMPILE")
    gap = graph - prior.log_density(points)
    np.testing.assert_allclose(gap, gap[0], atol=1e-10)  # equal up to the constant of a cut-off
    if prior.lower is None and prior.upper is None:
        assert gap[0] == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("name", PRIORS)
def test_coordinates_invert_and_their_slope_is_the_derivative(name: str) -> None:
    prior = PRIORS[name]
    coordinate = coordinate_of(prior)
    values = prior.quantile(np.array([0.01, 0.5, 0.99]))
    free = coordinate.to_free(np, values)
    np.testing.assert_allclose(coordinate.to_value(np, free), values, rtol=1e-12)
    up, down = coordinate.to_value(np, free + 1e-6), coordinate.to_value(np, free - 1e-6)
    slope = np.log((up - down) / 2e-6)
    np.testing.assert_allclose(coordinate.log_slope(np, values), slope, atol=1e-6)


@pytest.mark.parametrize(
    ("dist", "given", "word"),
    [
        ("LogNormal", {"q05": 0.6, "q95": 0.2}, "below q95"),
        ("LogNormal", {"q05": -1.0, "q95": 0.2}, "above 0"),
        ("Normal", {"q05": float("nan"), "q95": 0.2}, "finite"),
        ("Beta", {"alpha": 0.0, "beta": 1.0}, "above 0"),
    ],
)
def test_impossible_priors_are_refused(dist: str, given: dict[str, float], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        Prior(dist, given)
    with pytest.raises(UsageError, match="nothing is left"):
        Prior("Normal", {"q05": 0.0, "q95": 1.0}, lower=2.0, upper=1.0)
