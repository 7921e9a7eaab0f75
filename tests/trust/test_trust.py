"""Each promise in its short form, as `python -m tests.trust` measures it."""

from __future__ import annotations

import pytest

from tests.trust.plan import PLAN
from tests.trust.record import records


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAN)
def test_promise_is_kept(name: str) -> None:
    proof = PLAN[name].prove(False, print)
    assert proof.cases > 0 and proof.id == name
    assert proof.kept, f"{proof.claim}: {proof.observed}, limit {proof.limit}"


def test_records_are_of_the_plan() -> None:
    assert {record.id for record in records()} <= set(PLAN)
