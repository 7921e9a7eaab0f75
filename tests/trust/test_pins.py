"""Every dependency has a lower bound, and none allows a version that is known to be unsafe."""

from __future__ import annotations

from tests.trust.pins import UNSAFE, allowed, bounds, numbers


def test_no_bound_allows_a_known_flaw() -> None:
    assert allowed() == []


def test_the_table_is_about_dependencies_and_would_be_seen() -> None:
    known = bounds()
    assert {each.package for each in UNSAFE} <= set(known)
    assert all(each.cve.startswith("CVE-") for each in UNSAFE)
    assert numbers("3.1.6") > numbers("3.1") and numbers("14.0.1") < numbers("18")
