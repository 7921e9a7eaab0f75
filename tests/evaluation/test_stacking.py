"""Stacking weights: outliers, invariances, and ArviZ where it works."""

from __future__ import annotations

from typing import Any

import arviz_stats as azs
import numpy as np
import pytest
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.stacking import stacking_weights


def scores(models: int, *, seed: int = 0, runs: int = 60) -> np.ndarray:
    """Log densities that differ from run to run, of models of which none is best everywhere."""
    rng = np.random.default_rng(seed)
    return 2 + rng.normal(0, 1, (runs, 1)) + rng.normal(0, 0.7, (runs, models))


def loo_of(values: np.ndarray) -> Any:
    """ArviZ's LOO of one model whose log likelihood hardly varies around these values."""
    rng = np.random.default_rng(3)
    draws = values + rng.normal(0, 0.05, (4, 100, len(values)))
    groups = {
        "posterior": xr.Dataset({"x": (("chain", "draw"), rng.normal(size=(4, 100)))}),
        "log_likelihood": xr.Dataset({"y": (("chain", "draw", "run"), draws)}),
    }
    return azs.loo(xr.DataTree.from_dict(groups), pointwise=True)


@pytest.mark.parametrize("models", [2, 3, 5])
def test_agrees_with_arviz_on_ordinary_cases(models: int) -> None:
    table = scores(models, seed=models)
    loos = {f"m{i}": loo_of(column) for i, column in enumerate(table.T)}
    theirs = azs.compare(loos, method="stacking", round_to="none")["weight"]
    found = stacking_weights(np.column_stack([loo.elpd_i for loo in loos.values()]))
    assert found.sum() == pytest.approx(1)
    assert np.allclose(found, theirs[list(loos)], atol=2e-3)


def test_a_run_far_out_under_every_model_does_not_flatten_the_objective() -> None:
    """ArviZ returns 0.5 and 0.5 here."""
    table = np.column_stack([np.full(40, 2.0), np.full(40, 1.0)])
    table[7] = -1000.0
    assert np.allclose(stacking_weights(table), [1, 0], atol=0.02)
    table[7] = [-1003.0, -1000.0]
    assert np.allclose(stacking_weights(table), [1, 0], atol=0.02)


def test_weights_are_the_best_on_a_fine_grid() -> None:
    table = scores(2, seed=9)
    grid = np.linspace(0, 1, 20_001)[1:-1]
    mixed = np.logaddexp(table[:, :1] + np.log(grid), table[:, 1:] + np.log1p(-grid))
    assert stacking_weights(table)[0] == pytest.approx(grid[mixed.sum(axis=0).argmax()], abs=1e-3)


def test_a_constant_per_row_changes_nothing() -> None:
    table = scores(3)
    moved = table + np.random.default_rng(1).normal(0, 500, (len(table), 1))
    assert np.allclose(stacking_weights(table), stacking_weights(moved), atol=1e-6)


def test_equal_models_share_and_impossible_runs_say_nothing() -> None:
    same = np.repeat(scores(1), 2, axis=1)
    assert np.allclose(stacking_weights(same), 0.5)
    table = scores(2)
    impossible = np.vstack([table, [[-np.inf, -np.inf]]])
    assert np.allclose(stacking_weights(impossible), stacking_weights(table))
    assert np.allclose(stacking_weights([[-np.inf, -np.inf]]), 0.5)
    assert stacking_weights([[-np.inf, 0.0]])[0] < 1e-6


@pytest.mark.parametrize("bad", [np.zeros((0, 2)), np.zeros(3), [[np.nan, 0.0]], [[np.inf, 0.0]]])
def test_what_is_no_table_of_log_densities_is_refused(bad: object) -> None:
    with pytest.raises(UsageError, match="stacking"):
        stacking_weights(bad)
