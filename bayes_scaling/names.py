"""The vocabulary: columns, symbols, dims, variables and units, each written once."""

from __future__ import annotations

from typing import Final

RUN: Final = "run"
"""Column: name of a training run, text."""
PARAMS: Final = "params"
"""Column: trained parameters N."""
TOKENS: Final = "tokens"
"""Column: training tokens seen D."""
FLOPS: Final = "flops"
"""Column: training compute C in FLOP."""
LOSS: Final = "loss"
"""Column: held-out loss L in nats per token."""
LOSS_SD: Final = "loss_sd"
"""Column: known standard deviation of the measured loss, nats per token."""
SEED: Final = "seed"
"""Column: seed of the training run."""
GROUP: Final = "group"
"""Column: family of the run (data mixture, architecture, ...)."""
NEW_GROUP: Final = "new"
"""Name that stands for a group that is not in the table."""
UNIQUE_TOKENS: Final = "unique_tokens"
"""Column: distinct tokens among the training tokens."""
EPOCHS: Final = "epochs"
"""Column: passes over the unique tokens."""
PARAMS_NON_EMBEDDING: Final = "params_non_embedding"
"""Column: parameters outside the embedding tables."""
EXPERTS: Final = "experts"
"""Column: experts of a sparse model."""
TOKENS_PER_PARAM: Final = "tokens_per_param"
"""Quantity: tokens per parameter M = D/N, computed from the two."""
HELD_OUT: Final = "held_out"
"""Column: True where the run is drawn and scored but never fitted."""
FILE_LINE: Final = "file_line"
"""Column: line of the source file (header = 1), or row number + 1 of a frame."""

RESOURCES: Final = (PARAMS, TOKENS, FLOPS)
"""What a run spends, in table order."""
NUMBER_COLUMNS: Final = (
    PARAMS, TOKENS, FLOPS, LOSS, LOSS_SD, UNIQUE_TOKENS, EPOCHS, PARAMS_NON_EMBEDDING, EXPERTS,
)  # fmt: skip
"""Columns of a run table that hold positive numbers."""
TEXT_COLUMNS: Final = (RUN, SEED, GROUP)
"""Columns of a run table that hold text."""

COLUMN_OF_SYMBOL: Final = {
    "N": PARAMS, "D": TOKENS, "C": FLOPS, "M": TOKENS_PER_PARAM, "U": UNIQUE_TOKENS,
}  # fmt: skip
"""Paper letters of what laws read and the columns that hold it; `x` is any one resource."""
ANY_RESOURCE: Final = "x"
"""Symbol of the resource of a one-resource law."""

UNIT: Final = {
    PARAMS: "parameters", TOKENS: "tokens", FLOPS: "FLOP", LOSS: "nats/token",
    TOKENS_PER_PARAM: "tokens per parameter", UNIQUE_TOKENS: "unique tokens",
}  # fmt: skip
"""Unit of a column, in words."""
REFERENCE: Final = {
    PARAMS: 1e9, TOKENS: 2e10, FLOPS: 1.2e20, TOKENS_PER_PARAM: 20.0, UNIQUE_TOKENS: 2e10,
}  # fmt: skip
"""The reference run at which amplitudes are stated: 1B parameters, 20B tokens, 6ND FLOP."""

CHAIN: Final = "chain"
DRAW: Final = "draw"
POINT: Final = "point"
BUDGET: Final = "budget"
LOSS_MEAN: Final = "loss_mean"
"""Variable: expected loss, the curve."""
LOSS_NEW: Final = "loss_new"
"""Variable: loss of one new run, noise included."""
