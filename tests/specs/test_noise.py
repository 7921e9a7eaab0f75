"""Noise: density, draws and normal scores are those of one distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.backend import import_pymc
from bayes_scaling.inference.fit import stated_against
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs import one_sided
from bayes_scaling.specs.noise import GROWTH, RUN_EFFECT, UNKNOWNS_OF_KIND, Noise
from bayes_scaling.specs.prior import Prior
from bayes_scaling.specs.spec import load_model, model_from_text

SIGMA = Prior("HalfNormal", {"q95": 0.03})
NU = Prior("Gamma", {"alpha": 2.0, "beta": 0.1}, lower=1.0)
P_BAD = Prior("Beta", {"alpha": 1.0, "beta": 6.0})
EXCESS = Prior("LogNormal", {"q05": 0.01, "q95": 0.2})
CASES = [(kind, scale) for kind in UNKNOWNS_OF_KIND for scale in ("log", "additive")]
UNKNOWNS = {"sigma": 0.05, "nu": 4.0, "p_bad": 0.3, "excess": 0.1}


def noise(kind: str, scale: str) -> Noise:
    every = {"sigma": SIGMA, "nu": NU, "p_bad": P_BAD, "excess": EXCESS}
    priors = {name: every[name] for name in UNKNOWNS_OF_KIND[kind]}
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


GRID = [(s, p, m) for s in (1e-4, 0.01, 0.3) for p in (1e-6, 0.2, 0.999) for m in (1e-5, 0.03, 2.0)]


@pytest.mark.parametrize(("s", "p", "m"), GRID)
def test_one_sided_density_is_the_exponentially_modified_bell(s: float, p: float, m: float) -> None:
    """Against SciPy's exponnorm where that is finite; finite everywhere."""
    from scipy import special

    r = s * np.array([-30.0, -4.0, -0.5, 0.0, 0.5, 4.0, 30.0, 1e4])
    found = one_sided.log_density(np, special, r, s, p, m)
    assert np.isfinite(found).all()
    shifted = stats.exponnorm(m / s, scale=s).logpdf(r)
    slow = np.logaddexp(np.log1p(-p) + stats.norm(0, s).logpdf(r), np.log(p) + shifted)
    known = np.isfinite(slow) & (np.abs(r) < 30 * s) & (0.01 * s < m) & (m < 100 * s)
    np.testing.assert_allclose(found[known], slow[known], rtol=1e-6)


@pytest.mark.parametrize(("s", "p", "m"), GRID)
def test_one_sided_scores_are_finite_and_rise(s: float, p: float, m: float) -> None:
    r = s * np.linspace(-12, 40, 400)
    scores = one_sided.normal_scores(r, s, p, m)
    assert np.isfinite(scores).all() and (np.diff(scores) > -1e-9).all()
    cdf = (1 - p) * stats.norm(0, s).cdf(r) + p * stats.exponnorm(m / s, scale=s).cdf(r)
    inner = (cdf > 1e-4) & (cdf < 1 - 1e-4)
    np.testing.assert_allclose(stats.norm.cdf(scores)[inner], cdf[inner], rtol=1e-5)


def test_one_sided_graph_is_the_density_with_its_slopes() -> None:
    import_pymc()
    import pytensor
    import pytensor.tensor as pt
    from scipy import special

    symbols = pt.dvectors(4)
    total = one_sided.log_density(pt, pt, *symbols).sum()
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    graph = pytensor.function(symbols, [total, *pytensor.grad(total, symbols)], mode=mode)
    rows = [(x * s, s, p, m) for s, p, m in GRID for x in (-9.0, 0.7, 30.0)]
    at = list(np.array(rows).T)
    value, *slopes = graph(*at)
    density = lambda *a: one_sided.log_density(np, special, *a)  # noqa: E731
    assert value == pytest.approx(density(*at).sum(), rel=1e-12)
    for i, slope in enumerate(slopes):
        step = 1e-6 * np.maximum(np.abs(at[i]), 1e-6)
        up, down = ([a + k * step * (j == i) for j, a in enumerate(at)] for k in (1, -1))
        np.testing.assert_allclose(slope, (density(*up) - density(*down)) / (2 * step), rtol=2e-3,
                                   atol=1e-2 * np.abs(slope).max() ** 0.5)  # fmt: skip


def test_bad_runs_are_those_far_above_the_curve() -> None:
    each = noise("one_sided", "log")
    loss = 2.5 * np.exp([-0.3, -0.05, 0.0, 0.1, 0.5])
    found = each.bad_probability(loss, 2.5, 0.0, UNKNOWNS)
    assert (np.diff(found) > 0).all() and found[0] < 0.05 and found[-1] > 0.999
    assert np.median(found[2]) < UNKNOWNS["p_bad"]


def test_a_share_of_bad_runs_is_a_share() -> None:
    text = load_model("chinchilla-one-sided").text
    wide = text.replace(
        'dist = "Beta"\nalpha = 1\nbeta = 6\nupper = 0.5', 'dist = "HalfNormal"\nq95 = 0.5'
    )
    assert wide != text
    with pytest.raises(UsageError, match="p_bad is a share"):
        model_from_text(wide, "mine.toml")


def test_a_relative_error_of_nothing_is_refused() -> None:
    """The log of an accuracy of zero is no number."""
    text = load_model("accuracy-sigmoid").text.replace('scale = "additive"', 'scale = "log"')
    table = pd.DataFrame({"loss": np.linspace(2, 3, 12), "accuracy": np.linspace(0.5, 0.0, 12)})
    with pytest.raises(UsageError, match=r"noise of scale 'log'.*accuracy 0"):
        stated_against(model_from_text(text, "mine.toml"), Runs.from_frame(table))
    some = Runs.from_frame(table[:11])
    assert stated_against(model_from_text(text, "mine.toml"), some).target == "accuracy"


def test_a_tail_beyond_all_floats_is_infinite_without_a_warning() -> None:
    """Student's t with nu near 1 draws a log loss that no float holds, once in many draws."""
    noise = load_model("chinchilla-plain").noise
    assert noise.from_scale(np.array([0.0, 800.0])).tolist() == [1.0, np.inf]


SEEN, CENTER = np.array([0.9, 1.0, 1.3]), np.array([1.0, 0.98, 1.1])
KNOWN = np.array([0.0, 0.02, 0.1])


def observed(each: Noise, unknowns: dict[str, float], known_sd: object, run: object = 0) -> float:
    """Log density of SEEN around CENTER in the graph that is sampled."""
    pm = import_pymc()
    import pytensor

    with pm.Model() as model:
        each.observe(pm, "loss", CENTER, known_sd, unknowns, SEEN, run)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    return float(pytensor.function([], model.logp(), mode=mode)())


@pytest.mark.parametrize("kind", UNKNOWNS_OF_KIND)
@pytest.mark.parametrize("known", [0.0, KNOWN], ids=["alone", "known sd"])
def test_the_graph_has_the_density(kind: str, known: object) -> None:
    each = noise(kind, "additive")
    expected = each.log_density(SEEN, CENTER, known, UNKNOWNS).sum()
    assert observed(each, UNKNOWNS, known) == pytest.approx(expected, rel=1e-8)


def test_the_graph_of_a_run_effect_has_its_density() -> None:
    each = Noise("normal", "additive", {"sigma": SIGMA, RUN_EFFECT: SIGMA})
    run = np.array([0, 0, 1])
    unknowns = {"sigma": 0.05, RUN_EFFECT: 0.2}
    shared = 0.2**2 * (run[:, None] == run)
    cov = np.diag(0.05**2 + KNOWN**2) + shared
    expected = stats.multivariate_normal(CENTER, cov).logpdf(SEEN)
    assert observed(each, unknowns, KNOWN, run) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("kind", ["normal", "student_t", "laplace"])
def test_scores_have_the_sign_and_the_probability_of_the_residual(kind: str) -> None:
    each, loss = noise(kind, "additive"), np.array([2.3, 2.49, 2.5, 2.6, 2.9])
    sigma = np.hypot(0.05, 0.12)
    law = {"normal": stats.norm(), "student_t": stats.t(4.0), "laplace": stats.laplace()}[kind]
    found = each.normal_scores(loss, 2.5, 0.12, UNKNOWNS)
    np.testing.assert_allclose(stats.norm.cdf(found), law.cdf((loss - 2.5) / sigma), atol=1e-9)


@pytest.mark.parametrize("kind", ["normal", "laplace", "student_t", "one_sided"])
def test_known_sds_widen_draws_in_quadrature(kind: str) -> None:
    each, center = noise(kind, "additive"), np.full(40_000, 2.5)
    drawn = each.sample(np.random.default_rng(3), center, UNKNOWNS, 0.12)
    scores = each.normal_scores(drawn, 2.5, 0.12, UNKNOWNS)
    assert stats.kstest(scores, "norm").pvalue > 1e-3
    assert (each.normal_scores(drawn, 2.5, 0.0, UNKNOWNS)).std() > 1.1


def test_runs_are_moved_by_their_effects_on_the_scale_of_the_noise() -> None:
    each = Noise("normal", "log", {"sigma": SIGMA, RUN_EFFECT: SIGMA})
    loss = np.exp([0.2, 0.2, -0.2])
    moved = each.move(np.random.default_rng(4), loss, np.ones((4000, 3)), 0.0,
                      {"sigma": 0.01, RUN_EFFECT: 1.0}, np.array([0, 0, 1]))  # fmt: skip
    assert moved.shape == (4000, 3)
    np.testing.assert_allclose(np.log(moved).mean(axis=0), [0.2, 0.2, -0.2], atol=2e-3)
    np.testing.assert_array_equal(moved[:, 0], moved[:, 1])


def test_scatter_grows_below_the_largest_run() -> None:
    grows = Noise("normal", "log", {"sigma": SIGMA, GROWTH: SIGMA})
    at = grows.at(np, {"sigma": 0.01, GROWTH: 0.5}, np.array([0.0, 2.0]))
    np.testing.assert_allclose(at["sigma"], [0.01, 0.01 * np.e])
    assert grows.grows and not noise("normal", "log").grows
    assert noise("normal", "log").at(np, {"sigma": 0.01}, 3.0) == {"sigma": 0.01}
    assert noise("normal", "log").relative_scatter({"sigma": 0.01}, 2.0) == 0.01
    assert noise("normal", "additive").relative_scatter({"sigma": 0.01}, 2.0) == 0.005
