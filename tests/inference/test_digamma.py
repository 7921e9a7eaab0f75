"""Digamma against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from bayes_scaling.inference.digamma import digamma


def test_digamma_to_double_precision() -> None:
    at = np.geomspace(1e-8, 1e8, 4001)
    found, known = np.array([digamma(x) for x in at]), special.psi(at)
    assert np.max(np.abs(found - known) / np.maximum(np.abs(known), 1.0)) < 4e-15


@pytest.mark.parametrize("x", [0.0, -1.5, math.nan])
def test_digamma_of_nothing_positive_is_not_a_number(x: float) -> None:
    assert math.isnan(digamma(x))
