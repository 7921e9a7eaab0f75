"""Compute multipliers: exact where one group's resources count for less, infinite beyond floors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from tests.conftest import make_grouped_fit

BUDGETS = [1e20, 3e22]


def test_the_factor_is_exact_and_inverts(grouped_fit: Fit) -> None:
    found = bs.compute_multiplier(grouped_fit, "a", "b", flops=BUDGETS)
    assert found.dims == ("chain", "draw", "budget") and found.shape == (4, 250, 2)
    np.testing.assert_allclose(found, 2.0, rtol=1e-9)
    np.testing.assert_allclose(bs.compute_multiplier(grouped_fit, "b", "a", flops=BUDGETS), 0.5)
    np.testing.assert_allclose(bs.compute_multiplier(grouped_fit, "a", "c", flops=BUDGETS), 1.0)
    assert found.attrs["out_of_reach"] == [0.0, 0.0]


def test_searched_splits_agree_with_the_closed_form(grouped_fit: Fit) -> None:
    law = replace(grouped_fit.spec.law, optimum=None)
    few = grouped_fit.posterior.isel(draw=slice(10))
    searched = replace(grouped_fit, spec=replace(grouped_fit.spec, law=law), posterior=few)
    found = bs.compute_multiplier(searched, "a", "b", flops=[1e22])
    np.testing.assert_allclose(found, 2.0, rtol=1e-6)


def test_a_floor_above_the_loss_is_out_of_reach() -> None:
    fit = make_grouped_fit(floor_of_c=1.1)
    found = bs.compute_multiplier(fit, "a", "c", flops=[1e20, 1e26])
    assert np.isfinite(found[..., 0]).all() and (found[..., 0] > 1).all()
    assert np.isinf(found[..., 1]).all() and not np.isnan(found).any()
    assert found.attrs["out_of_reach"] == [0.0, 1.0]


def test_what_has_no_multiplier_is_refused(grouped_fit: Fit, chinchilla_fit: Fit) -> None:
    with pytest.raises(UsageError, match="chinchilla-by-family"):
        bs.compute_multiplier(chinchilla_fit, "a", "b", flops=[1e22])
    with pytest.raises(UsageError, match="no group 'd'"):
        bs.compute_multiplier(grouped_fit, "a", "d", flops=[1e22])
    with pytest.raises(UsageError, match="given twice"):
        bs.compute_multiplier(grouped_fit, "a", "a", flops=[1e22])
    rising = replace(grouped_fit.spec, law=replace(grouped_fit.spec.law, may_rise=("N",)))
    with pytest.raises(UsageError, match="may rise"):
        bs.compute_multiplier(replace(grouped_fit, spec=rising), "a", "b", flops=[1e22])
