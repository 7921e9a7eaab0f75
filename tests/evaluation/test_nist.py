"""A certified comparison of laws: NIST's Misra1a to Misra1d, four forms of the same 14 points."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import bayes_scaling as bs

MODELS = Path(__file__).parent / "misra"
VOLUME = (
    10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4, 75.47, 81.78,
)  # fmt: skip
PRESSURE = (
    77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0,
)  # fmt: skip
EXACT = {"c": 17.62, "d": 15.35, "b": 13.27, "a": 9.65}
"""Leave-one-out log scores by refits of least squares, each left-out point under its t."""
CERTIFIED = {"a": 2.3894212918e2, "b": 3.3799746163e2, "c": 6.3642725809e2, "d": 4.3736970754e2}
"""NIST's certified b1."""


def test_misra_is_ranked_as_certified_and_not_called_proven() -> None:
    runs = bs.read_runs(pd.DataFrame({"steps": PRESSURE, "loss": VOLUME}))
    fits = {name: bs.fit(bs.load_model(MODELS / f"{name}.toml"), runs) for name in "abcd"}
    for name, fit in fits.items():
        b1 = fit.summary().loc["b1"]
        assert abs(b1["q50"] - CERTIFIED[name]) < 0.2 * b1["sd"]
    found = bs.compare(fits)
    assert list(found.table.index) == ["c", "d", "b", "a"]
    for name, elpd in EXACT.items():
        assert found.table["elpd"][name] == pytest.approx(elpd, abs=0.25)
    assert found.table["elpd_diff"]["d"] == pytest.approx(-2.3, abs=0.25)
    for name in "dba":
        assert "n < 100" in found.table["flags"][name]
    assert "cannot be told apart" in found.table["flags"]["d"]
    assert found.sentence.startswith("c explains the 14 runs best, but d cannot be told apart")
    assert found.weights["c"] > 0.98
