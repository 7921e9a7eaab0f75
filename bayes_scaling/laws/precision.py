"""Laws of numerical precision: bits in training, and bits after it."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.joint import chinchilla
from bayes_scaling.laws.law import law


@law(
    reference="Kumar et al. 2024, arXiv:2411.04330",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",)},
)
def precision_training(
    xp: Any,
    N: Any,
    D: Any,
    P_w: Any,
    P_a: Any,
    P_kv: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    g_w: Any,
    g_a: Any,
    g_kv: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters trained on D tokens in few bits.

    P_w, P_a and P_kv are the bits of weights, activations and key-value cache in training. The
    additive law of effective parameters: N times 1 - exp(-P/g) for each of the three. Where only
    one of them varies, the other two keep their priors.
    """
    kept = xp.expm1(-P_w / g_w) * xp.expm1(-P_a / g_a) * -xp.expm1(-P_kv / g_kv)
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(
        xp, N * kept, D, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors
    )


def _precision_derived(xp: Any, *, Q: Any, g_post: Any, P_ref: Any, **_: Any) -> dict[str, Any]:
    return {"C_T": Q * xp.exp(P_ref / g_post)}


@law(
    reference="Kumar et al. 2024, arXiv:2411.04330",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",), "Q": ()},
    derived=_precision_derived,
    may_rise=("D",),
)
def precision(
    xp: Any,
    N: Any,
    D: Any,
    P_w: Any,
    P_a: Any,
    P_kv: Any,
    P_post: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    g_w: Any,
    g_a: Any,
    g_kv: Any,
    Q: Any,
    g_D: Any,
    g_N: Any,
    g_post: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
    P_ref: Any = 4.0,
) -> Any:
    """Expected loss [nats/token] of a model trained in few bits and then stored in P_post bits.

    The law `precision-training` plus the damage of quantising the weights after training,
    Q d^g_D n^-g_N exp(-(P_post - P_ref)/g_post): Q is that of the reference run at P_ref bits. The
    damage grows with tokens, so that more data can hurt a model that is then stored in few bits.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    trained = precision_training.curve(
        xp, N, D, P_w, P_a, P_kv,
        L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, g_w=g_w, g_a=g_a, g_kv=g_kv, **anchors,
    )  # fmt: skip
    scale = (D / D_ref) ** g_D * (N / N_ref) ** -g_N
    return trained + Q * scale * xp.exp(-(P_post - P_ref) / g_post)
