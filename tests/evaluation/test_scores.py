"""Scores against hand computation, closed forms and scoringrules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scoringrules
from numpy.testing import assert_allclose
from scipy import stats

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation import scores

LADDER = np.linspace(0.0, 1.0, 101)[:, None]
"""101 draws whose quantile at level p is p exactly."""


def normal_draws(count: int, centers: list[float], sd: float) -> np.ndarray:
    """Draws at the quantiles of normal distributions: no sampling error, (draw, row)."""
    levels = (np.arange(count) + 0.5) / count
    return np.asarray(centers) + sd * stats.norm.ppf(levels)[:, None]


def test_by_hand() -> None:
    """Quantiles of the ladder are their levels, so every score can be written down."""
    inside, above = np.array([0.4]), np.array([1.15])
    assert scores.interval_score(LADDER, inside).shape == scores.crps(LADDER, inside).shape == (1,)
    assert_allclose(scores.interval_score(LADDER, inside), [0.9])
    assert_allclose(scores.interval_score(LADDER, above), [0.9 + 2 / 0.1 * 0.2])
    widths = np.array([0.5, 0.8, 0.9, 0.95])
    expected = (0.5 * 0.1 + ((1 - widths) / 2 * widths).sum()) / 4.5
    assert_allclose(scores.weighted_interval_score(LADDER, inside), [expected])
    misses = widths + 2 / (1 - widths) * (1.15 - (1 + widths) / 2)
    expected = (0.5 * 0.65 + ((1 - widths) / 2 * misses).sum()) / 4.5
    assert_allclose(scores.weighted_interval_score(LADDER, above), [expected])
    assert_allclose(scores.pit(LADDER, inside), [40.5 / 101])
    assert_allclose(scores.log_error(LADDER, np.array([0.25])), [np.log(2)])
    assert_allclose(scores.coverage(LADDER, np.array([0.8])), [0, 1, 1, 1])


def test_crps_of_two_and_of_normal_draws() -> None:
    """Two draws: mean |x - y| minus half of |x1 - x2|; a normal: closed form."""
    assert_allclose(scores.crps(np.array([[1.0], [2.0]]), np.array([1.25])), [0.5 - 0.5])
    draws, observed = normal_draws(4000, [2.0, 3.0], 0.1), np.array([2.05, 3.4])
    exact = scoringrules.crps_normal(observed, np.array([2.0, 3.0]), 0.1)
    assert_allclose(scores.crps(draws, observed), exact, rtol=1e-3)


def test_scoringrules_agrees() -> None:
    rng = np.random.default_rng(1)
    draws, observed = rng.normal(2.5, 0.05, (500, 40)), rng.normal(2.5, 0.1, 40)
    ends = np.quantile(draws, (0.05, 0.95), axis=0)
    theirs = scoringrules.interval_score(observed, *ends, 0.1)
    assert_allclose(scores.interval_score(draws, observed), theirs)
    assert_allclose(
        scores.crps(draws, observed),
        scoringrules.crps_ensemble(observed, draws, m_axis=0, estimator="pwm"),
    )
    # WIS is the mean pinball loss of all its quantiles, each counted twice (Bracher et al., eq. 3)
    levels = np.array(sorted({0.5, *((1 + s * v) / 2 for v in scores.LEVELS for s in (-1, 1))}))
    quantiles = np.quantile(draws, levels, axis=0)
    pinball = scoringrules.quantile_score(observed, quantiles, levels[:, None])
    assert_allclose(scores.weighted_interval_score(draws, observed), 2 * pinball.mean(axis=0))


def test_wis_tends_to_crps() -> None:
    draws, observed = normal_draws(2000, [2.5], 0.1), np.array([2.58])
    many = tuple(np.linspace(0.01, 0.99, 99))
    found = scores.weighted_interval_score(draws, observed, levels=many)
    assert_allclose(found, scores.crps(draws, observed), rtol=0.02)


def test_one_draw_far_out_does_not_decide_crps() -> None:
    draws = normal_draws(2000, [2.5], 0.1)
    wild = draws.copy()
    wild[-1] = 1e100
    observed = np.array([2.55])
    assert_allclose(scores.crps(wild, observed), scores.crps(draws, observed), rtol=0.01)


def test_right_draws_score_best_and_pit_is_uniform() -> None:
    """Propriety, seen: of wider, narrower and shifted forecasts the true one scores best."""
    rng = np.random.default_rng(2)
    observed = rng.normal(2.5, 0.1, 4000)
    forecasts = {"true": (2.5, 0.1), "wide": (2.5, 0.2), "narrow": (2.5, 0.05), "off": (2.6, 0.1)}
    for score in (scores.interval_score, scores.weighted_interval_score, scores.crps):
        means = {
            name: score(np.repeat(normal_draws(400, [m], sd), 4000, axis=1), observed).mean()
            for name, (m, sd) in forecasts.items()
        }
        assert min(means, key=means.__getitem__) == "true"
    draws = np.repeat(normal_draws(400, [2.5], 0.1), 4000, axis=1)
    assert_allclose(scores.coverage(draws, observed), scores.LEVELS, atol=0.02)
    assert stats.kstest(scores.pit(draws, observed), "uniform").pvalue > 0.001
    assert abs(scores.bias(draws, observed)) < 0.002
    assert scores.median_error(draws, observed) == pytest.approx(0.6745 * 0.1 / 2.5, rel=0.05)


def test_rows_and_their_summary() -> None:
    draws, observed = normal_draws(1000, [2.0, 2.0, 4.0], 0.1), np.array([2.0, 2.5, 4.1])
    rows = scores.score_rows(draws, observed)
    assert list(rows) == [
        "observed", *scores.QUANTILES, "inside50", "inside80", "inside90", "inside95",
        "interval_score90", "wis", "crps", "error", "pit",
    ]  # fmt: skip
    assert rows["inside90"].tolist() == [True, False, True]
    assert_allclose(rows["wis"], scores.weighted_interval_score(draws, observed) / observed)
    table = scores.summarise(rows.assign(model=["a", "a", "b"]), ["model"]).set_index("model")
    assert table["n"].tolist() == [2, 1]
    assert table.loc["a", "coverage90"] == 0.5
    assert table.loc["a", "bias"] == pytest.approx(np.log(2.0 / 2.5) / 2)
    assert table.loc["a", "median_error"] == pytest.approx(-np.log(2.0 / 2.5) / 2)
    assert table.loc["b", "width90"] == pytest.approx(2 * 1.645 * 0.1 / 4.1, rel=0.01)
    assert table.loc["a", "crps"] == pytest.approx(rows["crps"][:2].mean())


def test_pooling_does_not_depend_on_the_unit() -> None:
    draws, observed = normal_draws(1000, [2.0, 3.0], 0.1), np.array([2.1, 2.8])
    ours, scaled = scores.score_rows(draws, observed), scores.score_rows(7 * draws, 7 * observed)
    columns = [*scores.RELATIVE_SCORES, "error", "pit"]
    pd.testing.assert_frame_equal(ours[columns], scaled[columns])


def test_targets_below_zero_and_at_zero() -> None:
    """Too high is above zero for negative targets too; what cannot be divided by is no number."""
    rows = scores.score_rows(normal_draws(100, [-1.0, 0.2, -0.1], 0.01), np.array([-1.1, 0, 0.1]))
    assert rows["error"][0] == pytest.approx(np.log(1.1), abs=1e-3)
    assert np.isnan(rows.loc[1, ["error", "wis"]].astype(float)).all()
    assert np.isnan(rows["error"][2]) and rows["wis"][2] > 0


@pytest.mark.parametrize(
    ("draws", "observed", "words"),
    [
        (np.ones((5, 2)), np.ones(3), "give two or more draws"),
        (np.ones(5), np.ones(5), "give two or more draws"),
        (np.ones((1, 2)), np.ones(2), "give two or more draws"),
        (np.full((5, 2), np.nan), np.ones(2), "not numbers"),
        (np.ones((5, 2)), np.array([1.0, np.nan]), "not numbers"),
    ],
)
def test_refusals(draws: np.ndarray, observed: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scores.score_rows(draws, observed)


def test_refusals_of_levels_and_columns() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        scores.inside(LADDER, np.array([0.5]), level=90)
    with pytest.raises(UsageError, match="colour: name columns of observed"):
        scores.summarise(scores.score_rows(LADDER, np.array([0.5])), ["colour"])
