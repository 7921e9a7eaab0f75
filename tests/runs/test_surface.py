"""Single losses far from the rest: named, and kept from deciding what the rest may be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.runs.reader import read_runs
from bayes_scaling.runs.surface import lowest_credible
from tests.conftest import ladder


def noisy() -> pd.DataFrame:
    table = ladder()
    rng = np.random.default_rng(20261124)
    return table.assign(loss=table["loss"] * np.exp(0.005 * rng.standard_t(5, len(table))))


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.6, 10.0])
def test_a_typing_error_is_named_with_its_line(factor: float) -> None:
    table = noisy()
    table.loc[17, "loss"] *= factor
    (found,) = (f for f in read_runs(table).findings if f.code == "R008")
    assert found.rows == (19,) and found.severity == "warn"


def test_clean_tables_raise_no_alarm() -> None:
    assert not [f for f in read_runs(noisy()).findings if f.code == "R008"]


def test_one_absurd_loss_is_no_ceiling_for_the_floor() -> None:
    table = noisy()
    honest = lowest_credible(table)
    assert honest == table["loss"].min()
    table.loc[17, "loss"] = 1e-6
    assert lowest_credible(table) == pytest.approx(honest)
