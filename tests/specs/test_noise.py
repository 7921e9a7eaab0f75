"""Noise: density, draws and normal scores are those of one distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_scaling.specs.noise import UNKNOWNS_OF_KIND, Noise
from bayes_scaling.specs.prior import Prior

SIGMA = Prior("HalfNormal", {"q95": 0.03})
NU = Prior("Gamma", {"alpha": 2.0, "beta": 0.1}, lower=1.0)
CASES = [(kind, scale) for kind in UNKNOWNS_OF_KIND for scale in ("log", "additive")]
UNKNOWNS = {"sigma": 0.05, "nu": 4.0}


def noise(kind: str, scale: str) -> Noise:
    priors = {"sigma": SIGMA, "nu": NU} if kind == "student_t" else {"sigma": SIGMA}
    return Noise(kind, scale, priors)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "scale"), CASES)
def test_density_integrates_to_one_in_nats(kind: str, scale: str) -> None:
    each = noise(kind, scale)
    density = lambda loss: np.exp(each.log_density(loss, 2.5, 0.02, UNKNOWNS))  # noqa: E731
    mass = sum(integrate.quad(density, a, b)[0] for a, b in ((1e-3, 2), (2, 3), (3, 60)))
    assert mass == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("kind", "scale"), CASES)
def test_draws_have_standard_normal_scores(kind: str, scale: str) -> None:
    each = noise(kind, scale)
    draws = each.sample(np.random.default_rng(5), np.full(20_000, 2.5), UNKNOWNS)
    scores = each.normal_scores(draws, 2.5, 0.0, UNKNOWNS)
    assert stats.kstest(scores, "norm").pvalue > 1e-3


def test_known_sd_widens_in_quadrature_on_either_scale() -> None:
    loss = np.array([2.0, 4.0])
    np.testing.assert_allclose(noise("normal", "log").known_sd(loss, 0.02), [0.01, 0.005])
    np.testing.assert_allclose(noise("normal", "additive").known_sd(loss, 0.02), 0.02)
    wide = noise("normal", "additive").log_density(2.6, 2.5, 0.12, {"sigma": 0.05})
    assert wide == pytest.approx(stats.norm(2.5, 0.13).logpdf(2.6))
