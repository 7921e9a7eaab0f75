"""Variants of the joint law: tied, shifted, in compute and ratio, with third terms, products.

Forms with N, D and C can be fitted only where C is more than a function of N and D.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.joint import chinchilla, meeting_point
from bayes_scaling.laws.law import law

NO_SPLIT = "the loss falls or rises all the way along a budget: this form has no interior optimum"


def _tied_optimum(
    xp: Any,
    K: Any,
    *,
    A: Any,
    alpha: Any,
    B: Any,
    N_ref: Any,
    D_ref: Any,
    N_power: float = 1.0,
    D_power: float = 1.0,
    **_: Any,
) -> tuple[Any, Any]:
    return meeting_point(
        K, A, alpha, B, alpha, N_ref=N_ref, D_ref=D_ref, N_power=N_power, D_power=D_power
    )


def _tied_derived(
    xp: Any, *, A: Any, alpha: Any, B: Any, N_ref: Any, D_ref: Any, **_: Any
) -> dict[str, Any]:
    return {
        "A_at_1": A * xp.power(N_ref, alpha),
        "B_at_1": B * xp.power(D_ref, alpha),
        "gamma_C": alpha / 2,
    }


@law(
    reference="Muennighoff et al. 2023, arXiv:2305.16264; Gadre et al. 2024, arXiv:2403.08540",
    terms={"L_inf": (), "A": ("alpha",), "B": ("alpha",)},
    optimum=_tied_optimum,
    derived=_tied_derived,
)
def chinchilla_tied(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens, one exponent for both.

    Forces a constant ratio of tokens to parameters at the optimum: a rival of the additive law,
    not a default.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(xp, N, D, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=alpha, **anchors)


def _split_exponents(a: Any, s: Any) -> dict[str, Any]:
    return {"alpha": (1 - a) * s, "beta": a * s}


def _split_optimum(
    xp: Any,
    K: Any,
    *,
    A: Any,
    B: Any,
    a: Any,
    s: Any,
    N_ref: Any,
    D_ref: Any,
    N_power: float = 1.0,
    D_power: float = 1.0,
    **_: Any,
) -> tuple[Any, Any]:
    """Hoffmann et al. 2022, arXiv:2203.15556, eq. 4, in split and sum of the exponents."""
    return meeting_point(
        K, A, (1 - a) * s, B, a * s, N_ref=N_ref, D_ref=D_ref, N_power=N_power, D_power=D_power
    )


def _split_derived(
    xp: Any, *, A: Any, B: Any, a: Any, s: Any, N_ref: Any, D_ref: Any, **_: Any
) -> dict[str, Any]:
    exponents = _split_exponents(a, s)
    return {
        **exponents,
        "A_at_1": A * xp.power(N_ref, exponents["alpha"]),
        "B_at_1": B * xp.power(D_ref, exponents["beta"]),
        "gamma_C": a * (1 - a) * s,
    }


@law(
    reference="Hoffmann et al. 2022, eq. 2, arXiv:2203.15556",
    terms={"L_inf": (), "A": ("s",), "B": ("s",)},
    optimum=_split_optimum,
    derived=_split_derived,
)
def chinchilla_split(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    A: Any,
    B: Any,
    a: Any,
    s: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters on D tokens, in the split of a budget.

    The additive law with alpha = (1 - a) s and beta = a s: the best N grows as C^a, and a is what
    published fits agree on.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(xp, N, D, L_inf=L_inf, A=A, B=B, **_split_exponents(a, s), **anchors)


@law(
    reference="Zhai et al. 2021, arXiv:2106.04560, in both resources",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",)},
)
def chinchilla_shifted(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    N_0: Any,
    D_0: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N + N_0 parameters on D + D_0 tokens.

    The shifts, in parameters and tokens, bend the small end; unless the smallest runs bend, their
    posterior is their prior.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(
        xp, N + N_0, D + D_0, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors
    )


def _ratio_optimum(
    xp: Any, ND: Any, *, A: Any, alpha: Any, B: Any, M_ref: Any, **_: Any
) -> tuple[Any, Any]:
    ratio = M_ref * xp.power(B / A, 1 / alpha)
    return xp.sqrt(ND / ratio), xp.sqrt(ND * ratio)


def _ratio_derived(xp: Any, *, A: Any, alpha: Any, B: Any, M_ref: Any, **_: Any) -> dict[str, Any]:
    return {"M_opt": M_ref * xp.power(B / A, 1 / alpha), "gamma_C": alpha / 2}


@law(
    reference="Gadre et al. 2024, arXiv:2403.08540",
    terms={"L_inf": (), "A": ("alpha",), "B": ("alpha",)},
    optimum=_ratio_optimum,
    derived=_ratio_derived,
    may_rise=("M",),
)
def overtraining(
    xp: Any,
    C: Any,
    M: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    C_ref: Any = 1.2e20,
    M_ref: Any = 20.0,
) -> Any:
    """Expected loss [nats/token] of C FLOP spent at M tokens per parameter.

    The tied law written in compute and ratio, with the same A and B: nats above the floor at the
    reference run. The slope in C does not depend on M.
    """
    eta = alpha / 2
    balance = A * (M / M_ref) ** eta + B * (M / M_ref) ** -eta
    return L_inf + balance * (C / C_ref) ** -eta


@law(
    reference="this project: additive law with a term for cost that varies apart from N and D",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",), "G": ("gamma",)},
)
def three_term(
    xp: Any,
    N: Any,
    D: Any,
    C: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    G: Any,
    gamma: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
    C_ref: Any = 1.2e20,
) -> Any:
    """Expected loss [nats/token] of N parameters, D tokens and C FLOP that vary apart.

    G is the part of the loss at the reference run that compute buys beyond N and D.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    joint = chinchilla.curve(xp, N, D, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors)
    return joint + G * (C / C_ref) ** -gamma


@law(
    reference="Zhang et al. 2024, arXiv:2402.17193, for the product form",
    terms={"L_inf": (), "A": ("a_N", "a_D")},
    no_split=NO_SPLIT,
)
def product(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    A: Any,
    a_N: Any,
    a_D: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token]: floor plus a product of powers of N and D.

    A is the whole loss above the floor at the reference run.
    """
    return L_inf + A * (N / N_ref) ** -a_N * (D / D_ref) ** -a_D


@law(
    reference="this project: product form with a factor for compute that varies apart from N and D",
    terms={"L_inf": (), "A": ("a_N", "a_D", "a_C")},
    no_split=NO_SPLIT,
)
def product_three(
    xp: Any,
    N: Any,
    D: Any,
    C: Any,
    *,
    L_inf: Any,
    A: Any,
    a_N: Any,
    a_D: Any,
    a_C: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
    C_ref: Any = 1.2e20,
) -> Any:
    """Expected loss [nats/token]: floor plus a product of powers of N, D and C that vary apart.

    Where C = 6ND only a_N + a_C and a_D + a_C can be known.
    """
    joint = product.curve(xp, N, D, L_inf=0.0, A=A, a_N=a_N, a_D=a_D, N_ref=N_ref, D_ref=D_ref)
    return L_inf + joint * (C / C_ref) ** -a_C
