"""Which runs are the past of a table, and which its future."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.cuts import CUTS, Cut, LeftOut, place_cuts
from bayes_scaling.runs.table import Runs


def line(rows: int = 20, **columns: object) -> Runs:
    """Runs 0, 1, ... of 2^0, 2^1, ... times the compute of the smallest."""
    at = np.arange(rows)
    frame = pd.DataFrame(
        {
            "run": [f"run {i}" for i in at],
            "params": 1e8 * 2.0**at,
            "tokens": np.full(rows, 1e9) * 1.01**at,
            "flops": 1e18 * 2.0**at,
            "loss": 4.0 - 0.1 * at,
        }
    )
    return Runs.from_frame(frame.assign(**columns), source="line.csv")


def placed(runs: Runs, cuts: list[float]) -> list[Cut | LeftOut]:
    return place_cuts(runs, "flops", "loss", cuts)


def only(runs: Runs, cut: float) -> Cut:
    (found,) = placed(runs, [cut])
    assert isinstance(found, Cut)
    return found


def test_an_expanding_past() -> None:
    found = place_cuts(line(), "flops", "loss", tuple(reversed(CUTS)))
    cuts = [each for each in found if isinstance(each, Cut)]
    assert [len(cut.trained.fitted) for cut in cuts] == [8, 10, 12, 14, 16]
    assert [cut.quantile for cut in cuts] == list(CUTS)
    for cut in cuts:
        fitted, scored = set(cut.trained.fitted["run"]), set(cut.scored.frame["run"])
        assert not fitted & scored
        assert len(fitted) + len(scored) == 20
        assert_allclose(cut.ratio, 2.0 ** np.arange(1, 1 + len(scored)))


def test_an_amount_is_a_cut() -> None:
    cut = only(line(), 1e18 * 2**10)
    assert math.isnan(cut.quantile)
    assert cut.trained.fitted["run"].iloc[-1] == "run 9"
    assert cut.scored.frame["run"].iloc[0] == "run 10"


def test_held_out_rows_are_scored_above_and_never_fitted() -> None:
    runs = line(24).hold_out(["run 3", "run 20"])
    cut = only(runs, 0.5)
    assert "run 3" not in {*cut.trained.fitted["run"], *cut.scored.frame["run"]}
    assert "run 20" in set(cut.scored.frame["run"])
    assert cut.ratio.min() == 2.0


def test_the_last_row_of_a_run_is_scored() -> None:
    """Rows 0 to 11 are runs of their own; 12 to 19 are checkpoints of two runs."""
    names = [*(f"run {i}" for i in range(12)), *["a", "a", "a", "a", "b", "b", "b", "b"]]
    params = [*(1e8 * 2.0 ** np.arange(12)), *[5e12] * 8]
    cut = only(line(run=names, params=params), 0.7)
    assert cut.scored.frame["run"].tolist() == ["a", "b"]
    assert_allclose(cut.scored.frame["flops"], 1e18 * 2.0 ** np.array([15, 19]))
    assert "a" in set(cut.trained.fitted["run"])  # its earlier rows lie below


def test_what_is_left_out_says_why() -> None:
    tied = line(flops=1e18 * 2.0 ** np.repeat(np.arange(4), 5))
    found = placed(tied, [0.1, 0.5, 0.6, 0.9, 1e30])
    assert [isinstance(each, Cut) for each in found] == [False, True, False, True, False]
    reasons = [each.reason for each in found if isinstance(each, LeftOut)]
    assert reasons[0] == "0 runs to fit, fewer than 8: cut higher, or add smaller runs"
    assert "the same runs are fitted as with the cut at" in reasons[1]
    assert reasons[2] == "no run was measured from here on: cut lower"


def test_runs_without_the_target_are_not_scored() -> None:
    loss = np.where(np.arange(20) == 19, np.nan, 3.0)
    frame = line().frame.assign(loss=loss, held_out=np.arange(20) == 19)
    cut = only(Runs.from_frame(frame), 0.5)
    assert "run 19" not in set(cut.scored.frame["run"])


@pytest.mark.parametrize("cut", [0, -1.0, float("nan"), float("inf"), True, "0.5", None])
def test_no_such_cut(cut: object) -> None:
    with pytest.raises(UsageError, match=r"between 0 and 1, such as 0\.6, or an amount"):
        place_cuts(line(), "flops", "loss", [cut])  # type: ignore[list-item]


@pytest.mark.parametrize("cuts", [0.5, [], "0.5"])
def test_cuts_are_a_list(cuts: object) -> None:
    with pytest.raises(UsageError, match="give a list such as"):
        place_cuts(line(), "flops", "loss", cuts)  # type: ignore[arg-type]
