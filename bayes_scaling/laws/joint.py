"""Joint laws L(N, D): loss of N parameters trained once on D fresh tokens.

On N^p D^q fixed (N*D, for C = 6ND), a sum of a falling power of N and one of D, and any rising
function of that sum, is least where the two weighted slopes meet: `meeting_point`.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law


def meeting_point(
    K: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    *,
    N_ref: Any,
    D_ref: Any,
    N_power: float = 1.0,
    D_power: float = 1.0,
) -> tuple[Any, Any]:
    """Minimise A n^-alpha + B d^-beta on N^p D^q = K, with p and q the powers.

    For p = q = 1: Hoffmann et al. 2022, arXiv:2203.15556, eq. 4. In general the slopes along the
    line, alpha A n^-alpha / p and beta B d^-beta / q, are equal at the best split.
    """
    steps = beta * N_power / D_power
    g = (alpha * A * D_power / (beta * B * N_power)) ** (1 / (alpha + steps))
    k = (K / (N_ref**N_power * D_ref**D_power)) ** (1 / D_power)
    n = g * k ** (beta / (alpha + steps))
    return N_ref * n, D_ref * k / n ** (N_power / D_power)


def _elasticity(alpha: Any, beta: Any) -> Any:
    """Elasticity of substitution of N and D at the optimum under N*D: 1 / (1 + (alpha + beta)/2).

    Along a line of equal loss of X + Y, X = A n^-alpha and Y = B d^-beta, the ratio D/N changes by
    (alpha X + beta Y) / (alpha X + beta Y + alpha beta (X + Y)) percent for each percent of the
    ratio of marginal losses (dL/dN) / (dL/dD) (Hicks). On N*D fixed the best split has alpha X =
    beta Y, which makes it 1 / (1 + (alpha + beta)/2) at every budget. A rising function of the sum
    has the same lines, so k does not matter.
    """
    return 1 / (1 + (alpha + beta) / 2)


def _chinchilla_optimum(
    xp: Any,
    K: Any,
    *,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    N_ref: Any,
    D_ref: Any,
    N_power: float = 1.0,
    D_power: float = 1.0,
    **_: Any,
) -> tuple[Any, Any]:
    return meeting_point(
        K, A, alpha, B, beta, N_ref=N_ref, D_ref=D_ref, N_power=N_power, D_power=D_power
    )


def _chinchilla_derived(
    xp: Any, *, A: Any, alpha: Any, B: Any, beta: Any, N_ref: Any, D_ref: Any, **_: Any
) -> dict[str, Any]:
    return {
        "A_at_1": A * xp.power(N_ref, alpha),
        "B_at_1": B * xp.power(D_ref, beta),
        "a": beta / (alpha + beta),
        "gamma_C": alpha * beta / (alpha + beta),
        "elasticity": _elasticity(alpha, beta),
    }


@law(
    reference="Hoffmann et al. 2022, eq. 2, arXiv:2203.15556",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",)},
    optimum=_chinchilla_optimum,
    derived=_chinchilla_derived,
)
def chinchilla(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters trained once on D fresh tokens.

    L_inf is the floor; A and B are the losses above it at the reference run (N_ref, D_ref).
    """
    return L_inf + A * (N / N_ref) ** -alpha + B * (D / D_ref) ** -beta


def _skaling_optimum(
    xp: Any,
    K: Any,
    *,
    w: Any,
    alpha: Any,
    beta: Any,
    N_ref: Any,
    D_ref: Any,
    N_power: float = 1.0,
    D_power: float = 1.0,
    **_: Any,
) -> tuple[Any, Any]:
    return meeting_point(
        K, w, alpha, 1 - w, beta, N_ref=N_ref, D_ref=D_ref, N_power=N_power, D_power=D_power
    )


def _skaling_derived(
    xp: Any,
    *,
    S: Any,
    w: Any,
    alpha: Any,
    beta: Any,
    k: Any,
    N_ref: Any,
    D_ref: Any,
    **_: Any,
) -> dict[str, Any]:
    inner = xp.power(S, 1 / k)
    return {
        "A": w * inner,
        "B": (1 - w) * inner,
        "A_at_1": w * inner * xp.power(N_ref, alpha),
        "B_at_1": (1 - w) * inner * xp.power(D_ref, beta),
        "a": beta / (alpha + beta),
        "gamma_C": k * alpha * beta / (alpha + beta),
        "elasticity": _elasticity(alpha, beta),
    }


@law(
    reference="Videau et al. 2026, arXiv:2608.07222",
    terms={"L_inf": (), "S": ("alpha", "beta")},
    share=("w", "k"),
    optimum=_skaling_optimum,
    derived=_skaling_derived,
)
def skaling(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    S: Any,
    w: Any,
    alpha: Any,
    beta: Any,
    k: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token]: floor plus a power k of the sum of a model and a data term.

    L_inf + (A n^-alpha + B d^-beta)^k with n = N/N_ref, d = D/D_ref, written in quantities that
    can be read: S = (A + B)^k is the loss above the floor at the reference run, w = A/(A + B) the
    model term's share in it.
    """
    return L_inf + S * (w * (N / N_ref) ** -alpha + (1 - w) * (D / D_ref) ** -beta) ** k


def _kaplan_optimum(
    xp: Any,
    K: Any,
    *,
    w: Any,
    p: Any,
    N_ref: Any,
    D_ref: Any,
    N_power: float = 1.0,
    D_power: float = 1.0,
    **_: Any,
) -> tuple[Any, Any]:
    return meeting_point(
        K, w, p, 1 - w, 1.0, N_ref=N_ref, D_ref=D_ref, N_power=N_power, D_power=D_power
    )


def _kaplan_derived(
    xp: Any, *, S: Any, w: Any, p: Any, k: Any, N_ref: Any, D_ref: Any, **_: Any
) -> dict[str, Any]:
    inner = xp.power(S, 1 / k)
    A, B = w * inner, (1 - w) * inner
    return {
        "A": A,
        "B": B,
        "A_at_1": A * xp.power(N_ref, p),
        "B_at_1": B * D_ref,
        "a": 1 / (1 + p),
        "gamma_C": k * p / (1 + p),
        "elasticity": _elasticity(p, 1.0),
        "alpha_N": k * p,
        "alpha_D": k,
        "N_c": N_ref * xp.power(A, 1 / p),
        "D_c": D_ref * B,
    }


@law(
    reference="Kaplan et al. 2020, eq. 1.5, arXiv:2001.08361",
    terms={"S": ("p",)},
    share=("w", "k"),
    optimum=_kaplan_optimum,
    derived=_kaplan_derived,
)
def kaplan(
    xp: Any,
    N: Any,
    D: Any,
    *,
    S: Any,
    w: Any,
    p: Any,
    k: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens, without a floor.

    [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D, written as (A n^-p + B/d)^k with p =
    alpha_N/alpha_D, k = alpha_D, in the readable quantities S = (A + B)^k, the loss at the
    reference run, and w = A/(A + B).
    """
    return S * (w * (N / N_ref) ** -p + (1 - w) * D_ref / D) ** k
