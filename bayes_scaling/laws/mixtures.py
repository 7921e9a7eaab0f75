"""Laws of mixed data: a run's tokens come from several sources with known weights w."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.joint import chinchilla
from bayes_scaling.laws.law import law

ABSENT = 1e-9
"""Share below which a source counts as absent; keeps powers of it and their slopes finite."""


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


def _worth_of_sources(xp: Any, *, M: Any, **values: Any) -> dict[str, Any]:
    worth = {k.removeprefix("c_"): v for k, v in values.items() if k.startswith("c_")}
    return {"C_first": 1 / M, **{f"C_{source}": value / M for source, value in worth.items()}}


@law(
    reference="Ye et al. 2024, arXiv:2403.16952",
    terms={"c": (), "k": ()},
    families={"t": 0.0},
)
def mixture_exp(xp: Any, w: Any, *, c: Any, k: Any, t: Any) -> Any:
    """Expected loss [nats/token] on one evaluation set of a fixed run whose data have weights w.

    c + k exp(sum_j t_j w_j), with t = 0 for the first source: c + k is the loss of a run on that
    source alone, and a source with negative t is better for this evaluation set. One table is one
    evaluation set and one size of run. The best mixture for one set is a corner; a balance between
    several sets has an interior.
    """
    pull = sum(each * share for each, share in zip(t, w, strict=True))
    return c + k * xp.exp(pull)


@law(
    reference="Shukor et al. 2025, additive form, arXiv:2507.09404",
    terms={"L_inf": (), "M": (), "A": ("alpha",), "B": ("beta",)},
    families={"c": 1.0, "g": None},
    derived=_worth_of_sources,
)
def mixture_additive(
    xp: Any,
    N: Any,
    D: Any,
    w: Any,
    *,
    L_inf: Any,
    M: Any,
    c: Any,
    g: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens with weights w of the data sources.

    L_inf + A n^-alpha + B d^-beta + 1/sum_i C_i w_i^g_i, written with M = 1/C of the first source:
    the nats that a run on that source alone loses to its mixture, and c_i = C_i/C_1. The best
    mixture does not depend on N and D.
    """
    match = sum(
        each * xp.maximum(share, ABSENT) ** power
        for each, share, power in zip(c, w, g, strict=True)
    )
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    joint = chinchilla.curve(xp, N, D, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors)
    return joint + M / match


@law(
    reference="Que et al. 2024, arXiv:2406.01375",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",), "K": ("gamma",)},
    may_rise=("h",),
)
def mixture_continued(
    xp: Any,
    N: Any,
    D: Any,
    h: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    eta: Any,
    K: Any,
    gamma: Any,
    eps: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of pre-training continued on D tokens, a share h of one domain.

    L_inf + A n^-alpha + B h^eta d^-beta + K (h + eps)^-gamma. K, gamma and eps can be told apart
    only where some shares lie near 0.
    """
    data = B * xp.maximum(h, ABSENT) ** eta * (D / D_ref) ** -beta
    return L_inf + A * (N / N_ref) ** -alpha + data + K * (h + eps) ** -gamma


@law(
    reference="Subramanyam et al. 2025, arXiv:2510.03313",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta", "gamma")},
)
def data_quality(
    xp: Any,
    N: Any,
    D: Any,
    Q: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    gamma: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
    Q_ref: Any = 1.0,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens of measured quality Q.

    L_inf + A n^-alpha + B d^-beta (Q/Q_ref)^-gamma: D tokens of quality Q are worth
    D (Q/Q_ref)^(gamma/beta) tokens of the reference quality. Q is measured, never fitted.
    """
    worth = (D / D_ref) ** -beta * (Q / Q_ref) ** -gamma
    return L_inf + A * (N / N_ref) ** -alpha + B * worth
