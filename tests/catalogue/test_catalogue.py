"""The whole catalogue of bad inputs: each as a file, with its verdict, lines and exit code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.catalogue.case import Case, faults_of
from tests.catalogue.cases import CASES, ITEMS


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_verdict(case: Case, tmp_path: Path) -> None:
    assert faults_of(case, tmp_path) == []


def test_every_item_is_there_twice() -> None:
    counts = Counter(case.item for case in CASES)
    assert set(counts) == set(range(1, ITEMS + 1))
    assert min(counts.values()) >= 2 and len(CASES) >= 120
    assert len({case.id for case in CASES}) == len(CASES)
