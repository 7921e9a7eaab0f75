"""Evidence: what stands behind a forecast, and when it says that it should not be believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.evaluation.averaging import average
from bayes_scaling.evaluation.backtest import RATIO_LABELS
from bayes_scaling.evaluation.calibration import BOOTSTRAP, OURS, PLAIN
from bayes_scaling.evaluation.evidence import (
    BACKTEST,
    Held,
    evidence_at,
    held_by_bin,
    pooled_record,
)
from tests.conftest import REPLICATION, make_fit

GOOD = (Held("1-3x", 20, 10, 18, 2.9), Held("3-10x", 10, 5, 9, 8.0))


def rows(ratios: list[float], inside: list[bool]) -> pd.DataFrame:
    held = np.array(inside)
    return pd.DataFrame({"ratio": ratios, "inside50": held & False, "inside90": held})


def test_counts_by_class_of_extrapolation() -> None:
    near, far = held_by_bin(rows([1.0, 2.0, 50.0], [True, False, True]))
    assert (near.ratio_bin, near.n, near.inside90, near.farthest) == ("1-3x", 2, 1, 2.0)
    assert (far.ratio_bin, far.n, far.share90) == ("30-100x", 1, 1.0)


@pytest.mark.parametrize(
    ("ratio", "own", "verdict", "words"),
    [
        (2.0, GOOD, "supported", "18 of 20"),
        (8.0, GOOD, "supported", "9 of 10"),
        (20.0, GOOD, "supported", "9 of 10"),  # within a factor of three of what was tried
        (50.0, GOOD, "stretched", "9 of 10"),
        (200.0, GOOD, "beyond evidence", "more than 100 times"),
        (8.0, None, "stretched", "not backtested"),
        (8.0, (Held("3-10x", 10, 2, 7, 9.0),), "stretched", "7 of 10"),
        (0.5, GOOD, "supported", "18 of 20"),
    ],
)
def test_verdicts(ratio: float, own: tuple[Held, ...] | None, verdict: str, words: str) -> None:
    (found,) = evidence_at([ratio], own, "")
    assert found.verdict == verdict and words in found.sentence and not found.failed


def test_a_failed_backtest_is_an_error_that_comes_first() -> None:
    fit = make_fit("chinchilla", REPLICATION)
    kept = {"ratio_bin": "1-3x", "n": 12, "inside50": 1, "inside90": 4, "farthest": 2.5}
    failed = bs.Fit(
        fit.spec, fit.runs, fit.posterior, fit.sampling, {**fit.provenance, BACKTEST: [kept]}
    )
    found = bs.forecast(failed, [1e22])
    first = found.findings[0]
    assert (first.code, first.severity) == ("E001", "error") and "4 of 12" in first.message
    assert found.evidence[0].failed and found.evidence[0].verdict == "stretched"


def test_the_record_that_ships_has_every_way_and_class() -> None:
    record = pooled_record()
    assert {OURS, PLAIN, BOOTSTRAP, "chinchilla", "skaling"} <= set(record)
    for bins in record.values():
        assert [each.ratio_bin for each in bins] == list(RATIO_LABELS[1:])
        assert all(0 <= each.inside90 <= 1 and each.families >= 1 for each in bins)


def test_every_forecast_has_evidence_for_every_point() -> None:
    found = bs.forecast(make_fit("chinchilla", REPLICATION), [1e22, 1e23])
    assert len(found.evidence) == 2
    assert found.evidence[1].record is not None and found.evidence[0].own is None


def test_a_table_fitted_with_one_model_keeps_its_backtest() -> None:
    one = replace(average({"chinchilla": make_fit("chinchilla", REPLICATION)}), backtest=GOOD)
    (found,) = bs.forecast(one, [1.5e22]).evidence
    assert found.own == GOOD[1] and "9 of 10" in found.sentence
