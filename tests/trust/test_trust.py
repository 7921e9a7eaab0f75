"""Each promise in its short form, as `python -m tests.trust` measures it."""

from __future__ import annotations

import pytest

from bayes_scaling.proofs.plan import prove
from tests.trust.plan import PLAN, WHOLE
from tests.trust.record import records
from tests.trust.tables import README, trust_page, with_short_table


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PLAN if name not in WHOLE])
def test_promise_is_kept(name: str) -> None:
    proof = prove(PLAN[name], False, print)
    assert proof.cases > 0 and proof.id == name
    assert proof.kept, f"{proof.claim}: {proof.observed}, limit {proof.limit}"


def test_records_are_of_the_plan() -> None:
    assert {record.id for record in records()} <= set(PLAN)


def test_readme_and_page_show_the_records() -> None:
    text = README.read_text()
    assert with_short_table(text) == text
    (page,) = trust_page().values()
    for record in records():
        assert f"| {record.id} |" in page and record.digest in page
        assert record.kept or record.note, f"{record.id} is not kept and does not say why"
