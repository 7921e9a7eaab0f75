"""Convention: how many FLOP it takes to train N parameters on D tokens.

    C(N, D) = per_token(N) * D^q

6ND is the usual one. Others count attention over a long context and the output embedding, only the
active parameters of a sparse model, or any function of yours. What a split of a budget needs is the
other way round: the tokens that a budget buys at each size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.compute import FLOP_CONVENTION, FLOP_PER_PARAM_TOKEN

TRIED = np.geomspace(1e3, 1e16, 131)
"""Sizes at which a convention of one's own is tried."""
PARAMS_PER_LAYER = 12.0
"""Parameters of one transformer layer, in squares of its width (Kaplan et al. 2020, table 1)."""


@dataclass(frozen=True)
class Convention:
    """Training compute as FLOP per token of a model of N parameters, times tokens to the power q.

    `per_token(N)` [FLOP] rises with N, elementwise on arrays. `power` is (kappa, p) where it is
    kappa N^p: closed forms of best splits are then used. Raises UsageError for a function that
    does not give finite, positive, rising numbers, naming where.

    Examples
    --------
    >>> dense = bs.Convention("6ND", lambda N: 6 * N)
    >>> dense.flops(1e9, 2e10), dense.tokens(1.2e20, 1e9)
    (1.2e+20, 20000000000.0)
    """

    name: str
    per_token: Callable[[Any], Any]
    q: float = 1.0
    power: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Try the function at sizes of 1e3 to 1e16 parameters."""
        if not (math.isfinite(self.q) and self.q > 0):
            raise UsageError(f"convention {self.name}: q = {self.q} must be finite and above 0")
        found = np.broadcast_to(np.asarray(self.per_token(TRIED), dtype=float), TRIED.shape)
        bad = ~(np.isfinite(found) & (found > 0))
        bad[1:] |= found[1:] <= found[:-1]
        if bad.any():
            raise UsageError(
                f"convention {self.name}: FLOP per token must be finite, above 0 and rising with "
                f"the parameters; at {TRIED[bad][0]:.3g} parameters it gives {found[bad][0]:.3g}"
            )

    def flops(self, params: Any, tokens: Any) -> Any:
        """Training compute [FLOP] of N parameters on that many tokens, elementwise."""
        return self.per_token(params) * tokens**self.q

    def tokens(self, flops: Any, params: Any) -> Any:
        """Tokens that a budget [FLOP] buys for a model of `params` parameters, elementwise."""
        return (flops / self.per_token(params)) ** (1 / self.q)


SIX_ND = Convention(
    FLOP_CONVENTION, lambda N: FLOP_PER_PARAM_TOKEN * N, power=(FLOP_PER_PARAM_TOKEN, 1.0)
)


def power_convention(kappa: float, p: float = 1.0, q: float = 1.0) -> Convention:
    """C = kappa N^p D^q [FLOP]. Raises UsageError for values that are not finite and above 0.

    Examples
    --------
    >>> bs.power_convention(6.0).flops(1e9, 2e10)
    1.2e+20
    """
    bad = {k: v for k, v in (("kappa", kappa), ("p", p), ("q", q)) if not (0 < v < math.inf)}
    if bad:
        said = ", ".join(f"{k} = {v}" for k, v in bad.items())
        raise UsageError(f"convention: {said}: must be finite and above 0")
    name = f"{kappa:g} N^{p:g} D^{q:g}"
    return Convention(name, lambda N: kappa * N**p, q=q, power=(kappa, p))


def active_convention(share: float) -> Convention:
    """C = 6 N_active D of a sparse model, with N its total parameters and `share` of them active.

    Where a law reads active parameters as `params`, use 6ND. Raises UsageError for a share outside
    (0, 1].

    Examples
    --------
    >>> bs.active_convention(0.25).flops(8e9, 1e11)
    1.2e+21
    """
    if not 0 < share <= 1:
        raise UsageError(f"active share {share}: the share of active parameters lies in (0, 1]")
    kappa = FLOP_PER_PARAM_TOKEN * share
    return Convention(f"6 N D of {share:.0%} active", lambda N: kappa * N, power=(kappa, 1.0))


def attention_convention(
    depth: float, width: float, context: float, *, vocabulary: float = 0.0
) -> Convention:
    """C = (6 N + 6 depth context width + 6 vocabulary width) D: attention and output embedding.

    `depth` layers of `width` at a context of `context` tokens and a `vocabulary` of so many entries
    state the shape of one model; other sizes keep its ratio of width to depth (12 depth width^2
    parameters; Kaplan et al. 2020, arXiv:2001.08361, table 1: 2 depth context width FLOP per token
    forward, thrice that with the backward pass). N counts no embeddings. Raises UsageError for
    values that are not above 0.

    Examples
    --------
    >>> shape = bs.attention_convention(depth=24, width=2048, context=4096)
    >>> shape.flops(1.2e9, 1e10) > 6 * 1.2e9 * 1e10
    True
    """
    given = {"depth": depth, "width": width, "context": context}
    bad = {k: v for k, v in given.items() if not 0 < v < math.inf}
    bad |= {} if 0 <= vocabulary < math.inf else {"vocabulary": vocabulary}
    if bad:
        said = ", ".join(f"{k} = {v}" for k, v in bad.items())
        raise UsageError(f"convention: {said}: must be finite and above 0")
    stated = PARAMS_PER_LAYER * depth * width**2

    def per_token(N: Any) -> Any:
        stretch = (N / stated) ** (1 / 3)
        more = depth * stretch * context + vocabulary
        return FLOP_PER_PARAM_TOKEN * (N + width * stretch * more)

    words = f"6ND with attention over {context:g} tokens"
    return Convention(words + (f" and {vocabulary:g} embeddings" if vocabulary else ""), per_token)
