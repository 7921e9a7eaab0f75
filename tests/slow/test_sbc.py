"""Every model on the shelf is calibrated, as far as 60 simulations tell: see tests/trust/sbc.py.

They find gross faults only; BAYES_SCALING_SBC=500 asks for more, and `python -m tests.trust --full
B1` goes on where it stopped. A failure is tried once more, with fresh seeds and twice as many.
"""

from __future__ import annotations

import os

import pytest

from tests.designs import each_model
from tests.trust.ranks import FRESH, fresh, uneven
from tests.trust.sbc import SEED

pytestmark = pytest.mark.slow
SIMULATIONS = int(os.environ.get("BAYES_SCALING_SBC", "60"))


@pytest.mark.parametrize("name", each_model())
def test_ranks_are_uniform(name: str) -> None:
    first = uneven(fresh(name, SIMULATIONS))
    if first:
        again = uneven(fresh(name, 2 * SIMULATIONS, SEED + FRESH))
        assert not again, {"first": first, "again": again}
