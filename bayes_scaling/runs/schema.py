"""Schema: the columns of a run table, as a JSON Schema of one row."""

from __future__ import annotations

import math
from typing import Any

from bayes_scaling.names import HELD_OUT, WEIGHT
from bayes_scaling.quantities import (
    NUMBER_COLUMNS,
    TARGETS,
    TEXT_MEANING,
    WEIGHT_QUANTITY,
    Quantity,
    quantity,
)
from bayes_scaling.runs.canonical import MEASURED


def runs_schema() -> dict[str, Any]:
    """Return a JSON Schema of one row: type, unit and meaning of each column, and what is needed.

    Needed is what a law explains (the loss, an accuracy, an error) and something that it reads.
    Other columns are allowed and serve for selecting rows. Cells may be texts such as "1.3B" where
    a number is asked for.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "one row of a run table",
        "type": "object",
        "properties": {name: _property(name) for name in MEASURED},
        "patternProperties": {f"^{WEIGHT}.+": _number(WEIGHT_QUANTITY)},
        "anyOf": [{"required": [name]} for name in TARGETS],
        "additionalProperties": True,
    }


def _property(name: str) -> dict[str, Any]:
    if name in NUMBER_COLUMNS:
        return _number(quantity(name))
    if name == HELD_OUT:
        meaning = "true where the run is drawn and scored but never fitted"
        return {"type": "boolean", "description": meaning}
    return {"type": "string", "description": TEXT_MEANING[name]}


def _number(each: Quantity) -> dict[str, Any]:
    bound = "" if each.closed else "exclusive"
    found: dict[str, Any] = {"type": "number", "unit": each.unit, "description": each.meaning}
    for side, end in (("Minimum", each.low), ("Maximum", each.high)):
        if math.isfinite(end):
            found[f"{bound}{side}" if bound else side.lower()] = end
    return found
