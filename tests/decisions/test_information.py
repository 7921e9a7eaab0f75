"""Expected information against closed forms: a linear-Gaussian posterior made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from bayes_scaling.decisions.information import (
    MIN_EFFECTIVE,
    MOST_RUNS,
    Outlook,
    best_set,
    gain,
    lowest,
)

SIZES = np.linspace(-4.0, 4.0, 81)
BEND = 0.3


@dataclass(frozen=True)
class Gaussian:
    """theta ~ N(0, cov); forecast a.theta, best size b.theta, outcomes x.theta + noise."""

    cov: np.ndarray
    a: np.ndarray
    b: np.ndarray
    x: np.ndarray
    noise: np.ndarray

    def told(self, direction: np.ndarray, chosen: Sequence[int]) -> float:
        """Variance of E[direction . theta | outcomes]: what conjugate normal updates remove."""
        if not len(chosen):
            return 0.0
        x = self.x[list(chosen)]
        total = x @ self.cov @ x.T + np.diag(self.noise[list(chosen)] ** 2)
        shared = x @ self.cov @ direction
        return float(shared @ np.linalg.solve(total, shared))

    def kept(self, chosen: Sequence[int]) -> float:
        return float(np.sqrt(1 - self.told(self.a, chosen) / (self.a @ self.cov @ self.a)))

    def value(self, chosen: Sequence[int]) -> float:
        """Of choosing n under the loss BEND (n - b.theta)^2 / 2."""
        return BEND / 2 * self.told(self.b, chosen)

    def outlook(self, draws: int = 2000, outcomes: int = 500, seed: int = 0) -> Outlook:
        rng = np.random.default_rng(seed)
        theta = rng.multivariate_normal(np.zeros(len(self.cov)), self.cov, draws)
        mean = theta @ self.x.T
        y = mean + self.noise * rng.standard_normal(mean.shape)
        origin = np.linspace(0, draws - 1, outcomes).round().astype(np.int64)
        z = (y[origin].T[:, :, None] - mean.T[:, None, :]) / self.noise[:, None, None]
        return Outlook(
            log_loss=theta @ self.a,
            losses=BEND / 2 * (SIZES - (theta @ self.b)[:, None]) ** 2,
            outcomes=y,
            origin=origin,
            log_density=-0.5 * z**2,
        )


def problem(candidates: int, seed: int = 3) -> Gaussian:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((3, 3))
    return Gaussian(
        cov=root @ root.T / 3,
        a=rng.standard_normal(3),
        b=0.5 * rng.standard_normal(3),
        x=rng.standard_normal((candidates, 3)),
        noise=np.exp(rng.uniform(-1.5, 1.0, candidates)),
    )


@pytest.mark.parametrize("regress", [False, True], ids=["weights", "regression"])
@pytest.mark.parametrize("chosen", [(0,), (1,), (2,), (3,), (4,), (5,), (0, 3), (1, 2, 4)])
def test_variance_and_value_are_those_of_conjugate_updates(
    chosen: tuple[int, ...], regress: bool
) -> None:
    exact = problem(6)
    found = gain(exact.outlook(), chosen, regress=regress)
    assert found.regressed is regress
    assert found.kept == pytest.approx(exact.kept(chosen), abs=0.025)
    assert found.value == pytest.approx(exact.value(chosen), rel=0.15, abs=0.003)


def test_candidates_are_ranked_as_exactly_known() -> None:
    exact = problem(12, seed=8)
    outlook = exact.outlook()
    found = [gain(outlook, (c,)) for c in range(12)]
    for mine, right in (
        ([1 - g.kept for g in found], [1 - exact.kept((c,)) for c in range(12)]),
        ([g.value for g in found], [exact.value((c,)) for c in range(12)]),
    ):
        ranks = [np.argsort(np.argsort(each)) for each in (mine, right)]
        assert np.corrcoef(*ranks)[0, 1] > 0.95


def test_value_is_not_negative_and_nothing_is_told_by_noise() -> None:
    exact = problem(4)
    deaf = Gaussian(exact.cov, exact.a, exact.b, exact.x, np.full(4, 1e4))
    outlook = deaf.outlook()
    whole = BEND / 2 * float(exact.b @ exact.cov @ exact.b)
    for regress in (False, True):
        for c in range(4):
            found = gain(outlook, (c,), regress=regress)
            assert 0 <= found.value < 0.01 * whole
            assert 0.99 < found.kept <= 1
    assert gain(outlook, (0,)).effective == pytest.approx(1999, abs=1)
    nothing = gain(outlook, ())
    assert (nothing.kept, nothing.value) == (1.0, 0.0)


def test_a_noisier_run_at_the_same_place_tells_less() -> None:
    base = problem(1)
    noise = np.array([0.5, 4.0, 12.0, 50.0])
    x = np.repeat((base.a + 2 * base.b)[None], 4, axis=0)  # a place that tells of both
    each = Gaussian(base.cov, base.a, base.b, x, noise)
    outlook = each.outlook()
    for regress in (False, True):
        found = [gain(outlook, (c,), regress=regress) for c in range(4)]
        assert (np.diff([g.value for g in found]) < 0).all()
        assert (np.diff([g.kept for g in found]) > 0).all()


def test_regression_stands_in_where_few_draws_keep_weight() -> None:
    """With hardly any noise hardly any draw agrees; the regression still knows the answer."""
    base = problem(2)
    x = np.stack([base.a + 2 * base.b, base.x[0]])
    sharp = Gaussian(base.cov, base.a, base.b, x, np.full(2, 0.01))
    found = gain(sharp.outlook(), (0,))
    assert found.regressed and found.effective < MIN_EFFECTIVE
    assert found.kept == pytest.approx(sharp.kept((0,)), abs=0.02)
    assert found.value == pytest.approx(sharp.value((0,)), rel=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_set_is_nearly_the_best_three_of_ten(seed: int) -> None:
    exact = problem(10, seed=seed)
    for value in (exact.value, lambda chosen: 1 - exact.kept(chosen)):
        greedy = best_set(value, np.ones(10), 3.0)
        best = best_set(value, np.ones(10), 3.0, exact=True)
        assert len(greedy) == len(best) == 3
        assert value(greedy) >= 0.95 * value(best)


def test_the_greedy_set_of_simulated_gains_is_nearly_the_best() -> None:
    exact = problem(10)
    outlook = exact.outlook(draws=400, outcomes=160)
    known: dict[tuple[int, ...], float] = {}

    def value(chosen: tuple[int, ...]) -> float:
        return known.setdefault(chosen, 1 - gain(outlook, chosen).kept)

    greedy, best = (best_set(value, np.ones(10), 3.0, exact=e) for e in (False, True))
    assert value(greedy) >= 0.95 * value(best)
    assert 1 - exact.kept(greedy) >= 0.95 * (
        1 - exact.kept(best_set(lambda s: 1 - exact.kept(s), np.ones(10), 3.0, exact=True))
    )


def test_sets_keep_within_budget_and_take_the_better_of_two_ways() -> None:
    worth = np.array([10.0, 1.0, 1.0, 1.0])
    costs = np.array([10.0, 0.1, 0.1, 0.1])

    def value(chosen: tuple[int, ...]) -> float:
        return float(worth[list(chosen)].sum())

    assert best_set(value, costs, 10.0) == (0,)  # by value per cost the cheap ones: worth 3
    assert best_set(value, costs, 0.25) == (1, 2)
    assert best_set(value, costs, 0.05) == ()
    assert best_set(value, costs, 0.05, exact=True) == ()
    assert best_set(value, costs, 100.0) == (0, 1, 2, 3)
    many = best_set(lambda s: float(len(s)), np.ones(9), 100.0)
    assert len(many) == MOST_RUNS


def test_lowest_is_the_bottom_of_the_parabola() -> None:
    x = np.linspace(-1, 1, 11)
    curves = np.stack([2 + (x - 0.07) ** 2, 5 - x, 5 + x])
    np.testing.assert_allclose(lowest(curves), [2.0, 4.0, 4.0], atol=1e-12)
