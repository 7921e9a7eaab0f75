"""Forecast: order, names, units, horizon, and the two kinds of loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit

PLAN = pd.DataFrame({"params": [7e9, 1e9, 7e10], "tokens": [1.4e11, 2e10, 1.4e12]}, index=[9, 4, 7])


def test_rows_keep_their_order_and_columns_are_levels(chinchilla_fit: Fit) -> None:
    found = bs.forecast(chinchilla_fit, PLAN).quantiles([0.05, 0.5, 0.95])
    assert list(found.columns) == [0.05, 0.5, 0.95] and len(found) == 3
    assert found.loc[1, 0.5] > found.loc[0, 0.5] > found.loc[2, 0.5]
    assert (found[0.05] < found[0.5]).all() and (found[0.5] < found[0.95]).all()


def test_curve_is_the_law_draw_by_draw(chinchilla_fit: Fit) -> None:
    draws = bs.forecast(chinchilla_fit, PLAN).draws["loss_mean"]
    p = chinchilla_fit.posterior
    for j, (N, D) in enumerate(PLAN.to_numpy()):
        slow = p["L_inf"] + p["A"] * (N / 1e9) ** -p["alpha"] + p["B"] * (D / 2e10) ** -p["beta"]
        np.testing.assert_allclose(draws.isel(point=j), slow, rtol=1e-13)


def test_a_new_run_scatters_around_the_curve_as_the_noise_says(chinchilla_fit: Fit) -> None:
    many = pd.DataFrame({"params": np.full(200, 1e9), "tokens": np.full(200, 2e10)})
    draws = bs.forecast(chinchilla_fit, many).draws
    ratio = np.log(draws["loss_new"] / draws["loss_mean"]).to_numpy()
    t = ratio / chinchilla_fit.posterior["sigma"].to_numpy()[..., None]
    # Student-t with nu near 5: half of the draws within .727 scales
    assert np.mean(np.abs(t) < 0.7267) == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(ratio[0, 0], ratio[0, 1])[0, 1]) < 0.3


def test_seed_is_the_only_chance(chinchilla_fit: Fit) -> None:
    a, b, c = (bs.forecast(chinchilla_fit, PLAN, seed=s).draws for s in (1, 1, 2))
    assert a.identical(b) and not a["loss_new"].equals(c["loss_new"])
    assert a["loss_mean"].equals(c["loss_mean"])


def test_budgets_are_read_at_each_draws_own_optimum(chinchilla_fit: Fit) -> None:
    found = bs.forecast(chinchilla_fit, [1e22, 1e23])
    split = bs.allocate(chinchilla_fit, [1e22, 1e23])
    np.testing.assert_allclose(found.draws["loss_mean"], split.draws["loss"], rtol=1e-12)
    np.testing.assert_allclose(found.draws["params"], split.draws["params"])
    assert list(found.points.columns) == ["flops", "extrapolation"]


def test_horizon_is_an_error_finding_and_small_questions_a_warning(chinchilla_fit: Fit) -> None:
    largest = 6 * 5e9 * 1e11
    assert bs.forecast(chinchilla_fit, [99 * largest]).findings == ()
    (beyond,) = bs.forecast(chinchilla_fit, [101 * largest]).findings
    assert (beyond.code, beyond.severity) == ("X001", "error") and "101" in beyond.message
    (below,) = bs.forecast(chinchilla_fit, [1e15]).findings
    assert (below.code, below.severity) == ("X002", "warn")
    assert bs.forecast(chinchilla_fit, [largest]).points.loc[0, "extrapolation"] == pytest.approx(1)


def test_each_resource_has_a_horizon(chinchilla_fit: Fit) -> None:
    """Compute within the runs, but a size or a ratio far outside them."""

    def codes(params: float, tokens: float) -> set[tuple[str, str]]:
        at = pd.DataFrame({"params": [params], "tokens": [tokens]})
        return {(f.code, f.severity) for f in bs.forecast(chinchilla_fit, at).findings}

    assert codes(1e9, 2e10) == set()
    assert ("X003", "error") in codes(1e13, 1e7)
    assert ("X003", "error") in codes(1e3, 1e16)
    assert ("X003", "warn") in codes(5e9, 5e7)


def test_amounts_as_people_write_them(chinchilla_fit: Fit) -> None:
    found = bs.forecast(chinchilla_fit, ["1e23 FLOP"])  # type: ignore[list-item]
    assert found.points.loc[0, "flops"] == 1e23
    for wrong in ({"flops": [1e23]}, "1e23", [None], ["x"]):
        with pytest.raises(UsageError):
            bs.forecast(chinchilla_fit, wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="seed"):
        bs.forecast(chinchilla_fit, [1e23], seed=-1)


def test_long_table_is_tidy(chinchilla_fit: Fit) -> None:
    long = bs.forecast(chinchilla_fit, PLAN).to_frame()
    assert set(long["variable"]) == {"loss_mean", "loss_new"}
    assert {"point", "level", "value", "params", "tokens", "flops", "extrapolation"} <= set(long)
    assert len(long) == 3 * 2 * 7


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (pd.DataFrame({"params": [1e9]}), "tokens"),
        (pd.DataFrame({"params": [1e9], "tokens": [-1.0]}), "above 0"),
        (pd.DataFrame({"params": [], "tokens": []}), "empty"),
        (pd.DataFrame({"params": [1e9], "tokens": [float("nan")]}), "no value"),
    ],
)
def test_impossible_points(chinchilla_fit: Fit, at: pd.DataFrame, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        bs.forecast(chinchilla_fit, at)
