"""A certified comparison of laws: NIST's Misra1a to Misra1d, four forms of the same 14 points."""

from __future__ import annotations

import pytest

import bayes_scaling as bs
from bayes_scaling.proofs.nist_data import CERTIFIED
from tests.trust.nist import ELPD, misra_fits


def test_misra_is_ranked_as_certified_and_not_called_proven() -> None:
    fits = misra_fits()
    for name, fit in fits.items():
        b1 = fit.summary().loc["b1"]
        assert abs(b1["q50"] - CERTIFIED[f"Misra1{name}"].estimates[0]) < 0.2 * b1["sd"]
    found = bs.compare(fits)
    assert list(found.table.index) == ["c", "d", "b", "a"]
    for name, elpd in ELPD.items():
        assert found.table["elpd"][name] == pytest.approx(elpd, abs=0.25)
    assert found.table["elpd_diff"]["d"] == pytest.approx(-2.3, abs=0.25)
    for name in "dba":
        assert "n < 100" in found.table["flags"][name]
    assert "cannot be told apart" in found.table["flags"]["d"]
    assert found.sentence.startswith("c explains the 14 runs best, but d cannot be told apart")
    assert found.weights["c"] > 0.98
