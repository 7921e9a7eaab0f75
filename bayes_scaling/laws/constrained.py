"""Laws of repeated data: D tokens seen, of which U are distinct."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.joint import chinchilla
from bayes_scaling.laws.law import law

SEEN_ONCE = 1e-12
"""Extra epochs below which data count as fresh; keeps powers of it and their slopes finite."""


def _worth(xp: Any, distinct: Any, repeats: Any, scale: Any) -> Any:
    """What `distinct` and its repeats are worth, each further repeat less, in units of distinct."""
    return distinct * (1 + scale * (1 - xp.exp(-repeats / scale)))


@law(reference="Muennighoff et al. 2023, arXiv:2305.16264")
def data_constrained(
    xp: Any,
    N: Any,
    D: Any,
    U: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    R_D: Any,
    R_N: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens of which U are distinct.

    Repeated tokens, and parameters beyond the best size for U tokens, decay in worth over R_D and
    R_N repeats. Never rises with epochs.
    """
    distinct = xp.minimum(U, D)
    tokens = _worth(xp, distinct, D / distinct - 1, R_D)
    best = N_ref * (alpha * A / (beta * B) * (distinct / D_ref) ** beta) ** (1 / alpha)
    base = xp.minimum(N, best)
    params = _worth(xp, base, N / base - 1, R_N)
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(
        xp, params, tokens, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors
    )


@law(reference="Lovelace et al. 2026, arXiv:2605.01640", may_rise=("N", "D"))
def repetition_penalty(
    xp: Any,
    N: Any,
    D: Any,
    U: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    P: Any,
    delta: Any,
    kappa: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] where repeats of U distinct tokens cost: P R^delta (N/U)^kappa.

    R = D/U - 1 counts the extra epochs. Rises with epochs after a while, so it has a best number of
    them, which the decaying law cannot have.
    """
    repeats = D / xp.minimum(U, D) - 1  # none costs nothing, whatever the power
    penalty = P * repeats * xp.maximum(repeats, SEEN_ONCE) ** (delta - 1) * (N / U) ** kappa
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    joint = chinchilla.curve(xp, N, D, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors)
    return joint + penalty
