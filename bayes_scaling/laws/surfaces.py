"""Further surfaces of the loss: parallel streams, vocabulary, bounded errors, moving exponents."""

from __future__ import annotations

import math
from typing import Any

from bayes_scaling.laws.joint import chinchilla
from bayes_scaling.laws.law import law

STEEPEST = 650.0
"""Log of an exponent at which a power is as good as 0; keeps its slopes finite."""


def _parallel_derived(xp: Any, *, A: Any, alpha: Any, **_: Any) -> dict[str, Any]:
    return {"A_inner": xp.power(A, 1 / alpha)}


@law(
    reference="Chen et al. 2025, arXiv:2505.10475",
    terms={"L_inf": (), "A": ("alpha",)},
    derived=_parallel_derived,
)
def parallel(
    xp: Any, N: Any, P: Any, *, L_inf: Any, A: Any, alpha: Any, k: Any, N_ref: Any = 1e9
) -> Any:
    """Expected loss [nats/token] of a model of N parameters run in P parallel streams.

    P streams are worth N (1 + k ln P) parameters. A is the loss above the floor at N_ref and one
    stream; the published amplitude inside the power is A_inner. k and alpha are told apart only by
    several sizes and several numbers of streams.
    """
    return L_inf + A * (N / N_ref * (1 + k * xp.log(P))) ** -alpha


@law(
    reference="Tao et al. 2024, arXiv:2407.13623",
    target="normalized_loss",
)
def vocabulary(
    xp: Any,
    N_nv: Any,
    N_v: Any,
    H: Any,
    *,
    E: Any,
    A_1: Any,
    alpha_1: Any,
    A_2: Any,
    alpha_2: Any,
    B: Any,
    beta: Any,
    N_nv_ref: Any = 1e9,
    N_v_ref: Any = 1e8,
    H_ref: Any = 1e11,
) -> Any:
    """Expected loss minus that of a unigram model [nats/token]: negative, -E as all grows.

    Of N_nv parameters outside and N_v inside the embedding tables, trained on H characters: A_1,
    A_2 and B are what each still costs at the reference run. Characters, so that vocabularies
    compare.
    """
    sizes = A_1 * (N_nv / N_nv_ref) ** -alpha_1 + A_2 * (N_v / N_v_ref) ** -alpha_2
    return sizes + B * (H / H_ref) ** -beta - E


@law(reference="Rosenfeld et al. 2019, arXiv:1909.12673", target="error")
def bounded_envelope(
    xp: Any,
    N: Any,
    D: Any,
    *,
    e_0: Any,
    c_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected error [share of items] of N parameters on D tokens, bounded by random guessing.

    e_0 e/sqrt(e^2 + e_0^2) with e = c_inf + A n^-alpha + B d^-beta: small errors are e itself,
    large ones approach e_0. The published e_0 |e'/(e' - i eta)| has one number more, which rescales
    e' and nothing else: here eta = e_0.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    free = chinchilla.curve(xp, N, D, L_inf=c_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors)
    return e_0 * free / xp.sqrt(free**2 + e_0**2)


def _bent(xp: Any, decades: Any, before: Any, after: Any) -> Any:
    """Log change of exp(a N^g + b) from N_ref: -before at a tenth of it, after at ten times it."""
    bend = xp.log(after / before)
    return before * xp.expm1(bend * decades) / -xp.expm1(-bend)


@law(
    reference="Li et al. 2025, arXiv:2506.10972; amplitudes at D_ref",
    terms={"L_inf": (), "B": ("beta",)},
    may_rise=("N",),
)
def farseer(
    xp: Any,
    N: Any,
    D: Any,
    *,
    L_inf: Any,
    L_before: Any,
    L_after: Any,
    B: Any,
    B_before: Any,
    B_after: Any,
    beta: Any,
    beta_before: Any,
    beta_after: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token]: a power law in D whose floor, amplitude and exponent move with N.

    F(N) + G(N) d^-h(N), each of the three of the form exp(a N^g + b), written in its values at
    three sizes: L_inf, B and beta at N_ref; from a tenth of N_ref to N_ref the floor falls by the
    factor exp(L_before), the amplitude rises by exp(B_before), the exponent falls by
    exp(beta_before), and `after` likewise from N_ref to ten times it. With D_ref = 1 this is the
    published form; with amplitudes at D_ref, which can be read, G and not its value at one token
    has that form in N.
    """
    decades = xp.log(N / N_ref) / math.log(10)
    floor = L_inf * xp.exp(-_bent(xp, decades, L_before, L_after))
    amplitude = B * xp.exp(_bent(xp, decades, B_before, B_after))
    steeper = xp.minimum(-_bent(xp, decades, beta_before, beta_after), STEEPEST)
    exponent = beta * xp.exp(steeper)
    return floor + amplitude * (D / D_ref) ** -exponent
