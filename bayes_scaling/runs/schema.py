"""Schema: the columns of a run table, as a JSON Schema of one row."""

from __future__ import annotations

from typing import Any, Final

from bayes_scaling.names import (
    EPOCHS,
    EXPERTS,
    FLOPS,
    GROUP,
    HELD_OUT,
    LOSS,
    LOSS_SD,
    NUMBER_COLUMNS,
    PARAMS,
    PARAMS_NON_EMBEDDING,
    RESOURCES,
    RUN,
    SEED,
    TEXT_COLUMNS,
    TOKENS,
    UNIQUE_TOKENS,
    UNIT,
)
from bayes_scaling.runs.canonical import MEASURED
from bayes_scaling.runs.compute import FLOP_CONVENTION

MEANING: Final[dict[str, str]] = {
    RUN: "name of the training run",
    PARAMS: "trained parameters N, embeddings included unless you decide otherwise",
    TOKENS: "training tokens seen D",
    FLOPS: f"training compute C; computed as {FLOP_CONVENTION} where the column is absent",
    LOSS: "loss L on held-out text",
    LOSS_SD: "known standard deviation of the measured loss",
    SEED: "seed of the training run",
    GROUP: "family of the run: data mixture, architecture, ...",
    UNIQUE_TOKENS: "distinct tokens among the training tokens",
    EPOCHS: "passes over the unique tokens",
    PARAMS_NON_EMBEDDING: "parameters outside the embedding tables",
    EXPERTS: "experts of a sparse model",
    HELD_OUT: "true where the run is drawn and scored but never fitted",
}
UNIT_OF_EXTRA: Final = {
    LOSS_SD: UNIT[LOSS],
    UNIQUE_TOKENS: UNIT[TOKENS],
    PARAMS_NON_EMBEDDING: UNIT[PARAMS],
    EPOCHS: "1",
    EXPERTS: "1",
}


def runs_schema() -> dict[str, Any]:
    """Return a JSON Schema of one row: type, unit and meaning of each column, and what is needed.

    Needed are the loss and at least one of params, tokens, flops. Other columns are allowed and
    serve for selecting rows. Cells may be texts such as "1.3B" where a number is asked for.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "one row of a run table",
        "type": "object",
        "properties": {name: _property(name) for name in MEASURED},
        "required": [LOSS],
        "anyOf": [{"required": [name]} for name in RESOURCES],
        "additionalProperties": True,
    }


def _property(name: str) -> dict[str, Any]:
    if name in NUMBER_COLUMNS:
        unit = UNIT.get(name) or UNIT_OF_EXTRA[name]
        kind: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "unit": unit}
    elif name in TEXT_COLUMNS:
        kind = {"type": "string"}
    else:
        kind = {"type": "boolean"}
    return {**kind, "description": MEANING[name]}
