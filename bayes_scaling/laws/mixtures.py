"""Laws of mixed data: a run's tokens come from several sources with known weights w."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.joint import chinchilla
from bayes_scaling.laws.law import law


@law(
    reference="additive worth of tokens by source; base law Hoffmann et al. 2022, arXiv:2203.15556",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",)},
    families={"q": 1.0},
)
def effective_tokens(
    xp: Any,
    N: Any,
    D: Any,
    w: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    q: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens of which source k gives the share w_k.

    A token of source k is worth q_k tokens of the first source: D_eff = D sum_k q_k w_k. Known only
    where the weights differ between runs; the best mixture is then a corner.
    """
    worth = sum(each * share for each, share in zip(q, w, strict=True))
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(
        xp, N, D * worth, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors
    )
