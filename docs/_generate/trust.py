"""Trust: every promise of the test plan as it was last measured."""

from tests.trust.tables import trust_page

__all__ = ["trust_page"]
