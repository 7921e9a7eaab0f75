"""Quantities: what each column of a run table means, its unit, its letter in laws, its range."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from bayes_scaling.names import (
    ACCURACY,
    ACCURACY_SD,
    ADAPTER_RANK,
    ANSWER_TOKENS,
    ATTEMPTS,
    BITS_ACTIVATIONS,
    BITS_CACHE,
    BITS_INFERENCE,
    BITS_WEIGHTS,
    CHARACTERS,
    DOMAIN_SHARE,
    EPOCHS,
    ERROR,
    ERROR_SD,
    EXAMPLES,
    EXPERTS,
    FINETUNE_TOKENS,
    FLOPS,
    GRANULARITY,
    GROUP,
    ITEMS,
    LOSS,
    LOSS_SD,
    LR_ANNEALING,
    LR_DROPS,
    LR_RATES,
    LR_SINCE,
    LR_SUM,
    NORMALIZED_LOSS,
    NORMALIZED_LOSS_SD,
    PARAMS,
    PARAMS_EMBEDDING,
    PARAMS_NON_EMBEDDING,
    QUALITY,
    RUN,
    SEED,
    SOURCE_LOSS,
    SPARSITY,
    STEPS,
    STREAMS,
    TEACHER_LOSS,
    TOKENS,
    TOKENS_PER_PARAM,
    UNIQUE_TOKENS,
    WEIGHT,
)

NATS: Final = "nats/token"


class Quantity(NamedTuple):
    """One number that a run table may hold.

    `symbol` is the paper letter under which laws read it. `reference` is the run at which laws
    state their amplitudes, `trial` the range in which `check_law` tries them. A value lies
    strictly between `low` and `high`, or at an end where `closed`.
    """

    unit: str
    meaning: str
    symbol: str = ""
    reference: float = 1.0
    trial: tuple[float, float] = (1e-4, 1e4)
    low: float = 0.0
    high: float = math.inf
    closed: bool = False

    def tried(self, share: Any) -> Any:
        """Value at a share of the trial range, on the log scale where that is above zero."""
        low, high = self.trial
        return low * (high / low) ** share if low > 0 else low + (high - low) * share

    def holds(self, value: float) -> bool:
        """Return whether a value is possible."""
        inside = self.low <= value <= self.high if self.closed else self.low < value < self.high
        return inside and math.isfinite(value)


def _resource(unit: str, meaning: str, symbol: str, reference: float) -> Quantity:
    """A positive quantity that laws are tried at over eight decades."""
    return Quantity(unit, meaning, symbol, reference, (reference * 1e-4, reference * 1e4))


def _bits(meaning: str, symbol: str) -> Quantity:
    return Quantity("bits", meaning, symbol, 16.0, (2.0, 16.0))


def _loss(meaning: str, symbol: str = "", unit: str = NATS) -> Quantity:
    return Quantity(unit, meaning, symbol, 2.5, (1.5, 5.0))


def _share(meaning: str, symbol: str = "", reference: float = 0.5) -> Quantity:
    return Quantity("1", meaning, symbol, reference, (0.1, 0.9), 0.0, 1.0, closed=True)


def _pieces(
    columns: tuple[str, ...],
    meaning: str,
    symbol: str,
    reference: float,
    trial: tuple[float, float],
    *,
    closed: bool = False,
) -> dict[str, Quantity]:
    """One quantity for each piece of a decaying learning rate."""
    return {
        column: Quantity(
            "1", f"{meaning}, piece {i}", f"{symbol}{i}", reference, trial, closed=closed
        )
        for i, column in enumerate(columns, start=1)
    }


QUANTITIES: Final[dict[str, Quantity]] = {
    PARAMS: _resource(
        "parameters", "trained parameters N, embeddings included unless you decide otherwise", "N",
        1e9,
    ),
    TOKENS: _resource("tokens", "training tokens seen D", "D", 2e10),
    FLOPS: _resource("FLOP", "training compute C; 6 N D where the column is absent", "C", 1.2e20),
    LOSS: _loss("loss L on held-out text", "L"),
    LOSS_SD: Quantity(NATS, "known standard deviation of the measured loss"),
    UNIQUE_TOKENS: _resource(
        "unique tokens", "distinct tokens among the training tokens", "U", 2e10
    ),
    EPOCHS: Quantity("1", "passes over the unique tokens"),
    PARAMS_NON_EMBEDDING: _resource(
        "parameters", "parameters outside the embedding tables", "N_nv", 1e9
    ),
    EXPERTS: Quantity("experts", "experts of a sparse model", "E", 8.0, (1.0, 512.0)),
    STEPS: _resource("steps", "optimizer steps", "", 1e4),
    EXAMPLES: _resource("examples", "training examples", "", 1e5),
    ADAPTER_RANK: Quantity("1", "rank or length of the adapter", "r", 16.0, (1.0, 256.0)),
    FINETUNE_TOKENS: _resource("tokens", "fine-tuning data D_f", "D_f", 1e6),
    ATTEMPTS: Quantity("attempts", "samples drawn per problem", "", 10.0, (1.0, 1e4)),
    GRANULARITY: Quantity("1", "granularity of the experts", "G", 8.0, (1.0, 64.0)),
    SPARSITY: Quantity(
        "1", "share of weights or experts that are inactive", "S", 0.5, (0.0, 0.95), 0.0, 0.99999,
        closed=True,
    ),
    BITS_WEIGHTS: _bits("bits of the weights in training", "P_w"),
    BITS_ACTIVATIONS: _bits("bits of the activations in training", "P_a"),
    BITS_CACHE: _bits("bits of the key-value cache in training", "P_kv"),
    BITS_INFERENCE: _bits("bits of the weights after training", "P_post"),
    STREAMS: Quantity("1", "parallel streams of one model", "P", 2.0, (1.0, 16.0)),
    TEACHER_LOSS: _loss("loss of the teacher", "L_T"),
    SOURCE_LOSS: _loss("loss of the same runs on another data set", "L_0"),
    PARAMS_EMBEDDING: _resource("parameters", "parameters of the embedding tables", "N_v", 1e8),
    CHARACTERS: _resource("characters", "training data in characters", "H", 1e11),
    QUALITY: Quantity("1", "measured quality of the data", "Q", 1.0, (0.1, 10.0)),
    DOMAIN_SHARE: Quantity(
        "1", "share of one domain in the training tokens", "h", 0.5, (0.01, 1.0), 0.0, 1.0,
        closed=True,
    ),
    LR_SUM: Quantity("1", "sum of the learning rate over the steps so far", "S1", 10.0, (0.1, 1e3)),
    LR_ANNEALING: Quantity(
        "1", "learning rate annealed so far, with its decaying weight", "S2", 0.1, (0.0, 0.3),
        closed=True,
    ),
    **_pieces(LR_DROPS, "fall of the learning rate", "d", 5e-5, (0.0, 1e-4), closed=True),
    **_pieces(LR_RATES, "learning rate after the fall", "e", 1e-4, (1e-5, 1e-3)),
    **_pieces(LR_SINCE, "sum of the learning rate since the fall", "s", 0.1, (1e-3, 10.0)),
    ANSWER_TOKENS: Quantity("tokens", "tokens of the answer", "m", 5.0, (1.0, 20.0)),
    ITEMS: Quantity("items", "test items behind an accuracy or error"),
    ACCURACY: _share("share of test items answered right"),
    ACCURACY_SD: Quantity("1", "known standard deviation of the accuracy"),
    ERROR: _share("share of test items answered wrong"),
    ERROR_SD: Quantity("1", "known standard deviation of the error"),
    NORMALIZED_LOSS: Quantity(
        NATS, "loss minus that of a unigram model", "", 0.0, (-3.0, 0.0), -math.inf
    ),
    NORMALIZED_LOSS_SD: Quantity(NATS, "known standard deviation of the normalized loss"),
}  # fmt: skip
"""Every number column, in the order of the canonical table."""
TOKENS_PER_PARAM_QUANTITY: Final = _resource(
    "tokens per parameter", "tokens per parameter M = D/N, computed from the two", "M", 20.0
)
WEIGHT_QUANTITY: Final = _share("share of one data source in the training tokens", "w", 1 / 3)

RESOURCES: Final = (PARAMS, TOKENS, FLOPS)
"""What a run spends, in table order."""
ONE_RESOURCES: Final = (*RESOURCES, STEPS, EXAMPLES, ADAPTER_RANK, FINETUNE_TOKENS, ATTEMPTS)
"""Columns that a law of one resource may read."""
SD_OF: Final = {
    LOSS: LOSS_SD, ACCURACY: ACCURACY_SD, ERROR: ERROR_SD, NORMALIZED_LOSS: NORMALIZED_LOSS_SD,
}  # fmt: skip
"""What a law can explain, and the column of its known standard deviation."""
TARGETS: Final = tuple(SD_OF)
SHARES: Final = (ACCURACY, ERROR)
"""Targets that are shares of test items: their binomial error follows from `items`."""
NUMBER_COLUMNS: Final = tuple(QUANTITIES)
"""Columns of a run table that hold numbers, besides the `weight_<source>` columns."""
TEXT_COLUMNS: Final = (RUN, SEED, GROUP)
"""Columns of a run table that hold text."""
TEXT_MEANING: Final = {
    RUN: "name of the training run",
    SEED: "seed of the training run",
    GROUP: "family of the run: data mixture, architecture, ...",
}
ANY_RESOURCE: Final = "x"
"""Symbol of the resource of a one-resource law."""
SOURCES: Final = "w"
"""Symbol of the weights of all data sources, one `weight_<source>` column each."""

_KNOWN: Final = {**QUANTITIES, TOKENS_PER_PARAM: TOKENS_PER_PARAM_QUANTITY}
COLUMN_OF_SYMBOL: Final = {each.symbol: name for name, each in _KNOWN.items() if each.symbol}
"""Paper letters of what laws read and the columns that hold it."""


def is_weight(column: object) -> bool:
    """Return whether a column holds the weight of a data source."""
    return isinstance(column, str) and column.startswith(WEIGHT) and column != WEIGHT


def is_number(column: object) -> bool:
    """Return whether a column of a run table holds numbers of the vocabulary."""
    return column in QUANTITIES or is_weight(column)


def quantity(column: str) -> Quantity:
    """Return what a column means; KeyError where it is none of the vocabulary."""
    return WEIGHT_QUANTITY if is_weight(column) else _KNOWN[column]


def grows(column: str) -> bool:
    """Return whether more of it can be spent without end: sizes, not shares and losses."""
    each = quantity(column)
    return math.isinf(each.high) and not each.closed and each.unit != NATS


def unit_of(column: str) -> str:
    """Return the unit of a column in words."""
    return quantity(column).unit


def reference_of(column: str) -> float:
    """Return the reference run's value of a column: 1B parameters, 20B tokens, 6ND FLOP, ..."""
    return quantity(column).reference


def mean_of(target: str) -> str:
    """Return the variable that holds the expected target, the curve: `loss_mean`."""
    return f"{target}_mean"


def new_of(target: str) -> str:
    """Return the variable that holds the target of one new run, noise included: `loss_new`."""
    return f"{target}_new"


def column_of(symbol: str) -> str:
    """Return the column that a symbol of a law reads; `w_web` reads `weight_web`."""
    if symbol.startswith(f"{SOURCES}_"):
        return WEIGHT + symbol.removeprefix(f"{SOURCES}_")
    return COLUMN_OF_SYMBOL[symbol]
