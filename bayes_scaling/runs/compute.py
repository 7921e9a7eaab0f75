"""Training compute from parameters and tokens: the one home of the six."""

from __future__ import annotations

FLOP_PER_PARAM_TOKEN = 6.0
FLOP_CONVENTION = "6ND"
PFLOP_S_DAY = 8.64e19
"""FLOP in one PFLOP/s-day."""


def train_flop[T](params: T, tokens: T) -> T:
    """Return the training compute C = 6ND in FLOP of dense models, elementwise.

    Forward and backward pass cost 2 + 4 FLOP per parameter and token (Kaplan et al. 2020,
    arXiv:2001.08361, section 2.1). Attention over long contexts, sparse models and repeated
    evaluation are not counted. Inputs must be floats: in int64 the product overflows.
    """
    return FLOP_PER_PARAM_TOKEN * params * tokens  # type: ignore[operator,return-value]
