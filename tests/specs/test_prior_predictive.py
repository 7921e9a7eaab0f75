"""What every model of the shelf expects before it has seen a run."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.quantities import quantity
from bayes_scaling.specs.prior_predictive import LEVELS, prior_predictive


@pytest.mark.parametrize("name", bs.model_names())
def test_most_losses_at_the_reference_run_are_possible(name: str) -> None:
    found = prior_predictive(bs.load_model(name))
    assert found.possible > 0.9
    low, high = quantity(found.column).trial
    assert low <= found.amounts[0] < found.amounts[-1] <= high
    table = found.quantiles.to_numpy()
    assert np.all(np.diff(table, axis=1) >= 0) and np.all(np.isfinite(table))
    assert found.limits[0] <= found.reference[1] <= found.limits[1]


def test_quantiles_of_a_power_law_are_those_of_its_priors() -> None:
    """At the reference run the loss is A, moved by noise much smaller than its prior."""
    spec = bs.load_model("power", resource="flops")
    found = prior_predictive(spec)
    assert found.column == "flops"
    np.testing.assert_allclose(found.reference, spec.priors["A"].quantile(LEVELS), rtol=0.05)


def test_caption_says_what_priors_are_stated_against() -> None:
    assert "smallest loss of 2 nats" in prior_predictive(bs.load_model("chinchilla-plain")).caption
    assert "smallest loss" not in prior_predictive(bs.load_model("power")).caption
    assert "x_b against the ends" in prior_predictive(bs.load_model("broken-power")).caption
    assert "seen once" in prior_predictive(bs.load_model("data-constrained")).caption


def test_the_same_seed_gives_the_same_numbers_without_pymc() -> None:
    code = (
        "import sys, bayes_scaling as bs\n"
        "from bayes_scaling.specs.prior_predictive import prior_predictive\n"
        "found = prior_predictive(bs.load_model('skaling-plain'), seed=3)\n"
        "print(repr(found.reference), [m for m in ('pymc', 'pytensor') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = prior_predictive(bs.load_model("skaling-plain"), seed=3).reference
    assert ran.stdout.strip() == f"{here!r} []"
