"""Does the 90% interval of the optimal size hold the true one? 200 tables drawn from the prior."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trust.ranks import fresh
from tests.trust.sbc import KEPT, SEED

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chinchilla-plain")]
TABLES = 200


def test_intervals_of_the_optimum_hold() -> None:
    """Share of true N* at 1e22 FLOP between the 5% and 95% quantiles of 99 draws: 84% to 96%."""
    found = np.asarray(fresh("chinchilla-plain", TABLES, SEED + 7)["N*"])
    low, high = 0.05 * (KEPT + 1), 0.95 * (KEPT + 1)
    held = np.mean((found >= low) & (found < high))
    assert len(found) == TABLES and 0.84 <= held <= 0.96, held
