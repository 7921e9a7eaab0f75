"""All cases of the catalogue, and how many items it has."""

from __future__ import annotations

from tests.catalogue.case import Case
from tests.catalogue.files import KINDS, WRITING
from tests.catalogue.outputs import ASKED, SHOWN
from tests.catalogue.tables import VALUES

ITEMS = 53
CASES: list[Case] = sorted([*VALUES, *WRITING, *KINDS, *SHOWN, *ASKED], key=lambda each: each.item)
