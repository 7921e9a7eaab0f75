"""Laws of sparse models: mixtures of experts and pruned weights.

Most sweeps tie experts, active and total parameters together: say which of them N counts, and do
not compare fits that count otherwise.
"""

from __future__ import annotations

import math
from typing import Any

from bayes_scaling.laws.joint import chinchilla
from bayes_scaling.laws.law import law


def _routing_derived(
    xp: Any, *, A: Any, alpha: Any, gamma: Any, zeta: Any, X_s: Any, N_ref: Any, **_: Any
) -> dict[str, Any]:
    """The published base-10 coefficients, for N in parameters, and where routing stops helping."""
    ten = math.log(10)
    p_NX = zeta * ten
    p_N = -alpha - zeta * xp.log(X_s)
    p_X = -gamma - zeta * xp.log(N_ref)
    constant = xp.log(A) + alpha * xp.log(N_ref) + gamma * xp.log(X_s)
    constant = constant + zeta * xp.log(N_ref) * xp.log(X_s)
    return {
        "p_N": p_N,
        "p_X": p_X,
        "p_NX": p_NX,
        "p_0": constant / ten,
        "log10_N_cutoff": xp.log(N_ref) / ten + gamma / p_NX,
    }


@law(
    reference="Clark et al. 2022, arXiv:2202.01169",
    terms={"A": ("alpha",)},
    derived=_routing_derived,
    may_rise=("N", "E"),
)
def moe_routing(
    xp: Any,
    N: Any,
    E: Any,
    *,
    A: Any,
    alpha: Any,
    gamma: Any,
    zeta: Any,
    X_s: Any,
    X_m: Any,
    N_ref: Any = 1e9,
) -> Any:
    """Expected loss [nats/token] of a model of N dense-equivalent parameters with E experts.

    A n^-alpha y^-gamma exp(zeta ln n ln y), n = N/N_ref: bilinear in logs. y grows from 1 for the
    dense model to X_m/X_s for many experts: y = X^/X_s, 1/X^ = 1/(E - 1 + X_0) + 1/X_m with
    1/X_0 = 1/X_s - 1/X_m. A is the dense model's loss at N_ref. Beyond log10_N_cutoff more experts
    no longer help; that size moves by orders of magnitude with small errors in gamma and zeta. Runs
    of one number of tokens only, and no floor: too hopeful for larger models.
    """
    start = 1 / (1 / X_s - 1 / X_m)
    gain = xp.log((1 / X_s) / (1 / (E - 1 + start) + 1 / X_m))
    log_n = xp.log(N / N_ref)
    return A * xp.exp(-alpha * log_n - gamma * gain + zeta * log_n * gain)


@law(
    reference="Krajewski et al. 2024, arXiv:2402.07871",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",), "g": ("alpha",)},
)
def moe_granular(
    xp: Any,
    N: Any,
    D: Any,
    G: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    g: Any,
    gamma: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
    G_ref: Any = 8.0,
) -> Any:
    """Expected loss [nats/token] of a mixture of N parameters on D tokens with granularity G.

    L_inf + (A + g (G/G_ref)^-gamma) n^-alpha + B d^-beta: g is what a finer division of the
    experts can still save at the reference run. Routing costs compute that the law does not count,
    so a best granularity needs that cost beside it.
    """
    whole = A + g * (G / G_ref) ** -gamma
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    return chinchilla.curve(xp, N, D, L_inf=L_inf, A=whole, alpha=alpha, B=B, beta=beta, **anchors)


@law(
    reference="Abnar et al. 2025, arXiv:2501.12370",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",), "c_S": (), "H": ()},
    may_rise=("S",),
)
def moe_sparsity(
    xp: Any,
    N: Any,
    D: Any,
    S: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    c_S: Any,
    kappa: Any,
    H: Any,
    delta: Any,
    gamma: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N parameters in all on D tokens, a share S of them inactive.

    L_inf + A n^-alpha + B d^-beta + c_S (1 - S)^kappa + H (1 - S)^-delta n^-gamma, where kappa is
    the published -lambda: sparsity lowers the loss through the fourth term and raises it through
    the fifth, so each budget has a best sparsity.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    dense = chinchilla.curve(xp, N, D, L_inf=L_inf, A=A, alpha=alpha, B=B, beta=beta, **anchors)
    active = xp.log1p(-S)
    sparse = H * xp.exp(-delta * active) * (N / N_ref) ** -gamma
    return dense + c_S * xp.exp(kappa * active) + sparse


@law(
    reference="Ludziejewski et al. 2025, arXiv:2502.05172",
    terms={"L_inf": (), "A": ("alpha",), "B": ("beta",)},
    may_rise=("N", "D", "E"),
)
def moe_joint(
    xp: Any,
    N: Any,
    D: Any,
    E: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    beta: Any,
    delta: Any,
    omega: Any,
    gamma: Any,
    zeta: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of N active parameters on D tokens with E experts.

    L_inf + A E^-delta n^-(alpha + gamma ln E) + B E^-omega d^-(beta + zeta ln E): the additive law
    whose four constants move with the experts. A, alpha, B and beta are those of the dense model,
    E = 1; delta, omega, gamma and zeta may have either sign, so that far out it may rise. The paper
    puts in the place of E a count that saturates for very many experts.
    """
    experts = xp.log(E)
    model = A * xp.exp(-delta * experts - (alpha + gamma * experts) * xp.log(N / N_ref))
    data = B * xp.exp(-omega * experts - (beta + zeta * experts) * xp.log(D / D_ref))
    return L_inf + model + data


@law(
    reference="Frantar et al. 2023, arXiv:2309.08520",
    terms={"L_inf": (), "a_S": ("b_N",), "c_S": ("b_N",), "B": ("b_D",)},
)
def weight_sparsity(
    xp: Any,
    N: Any,
    D: Any,
    S: Any,
    *,
    L_inf: Any,
    a_S: Any,
    b_S: Any,
    c_S: Any,
    b_N: Any,
    B: Any,
    b_D: Any,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
) -> Any:
    """Expected loss [nats/token] of a pruned model on D tokens: N weights left, a share S pruned.

    L_inf + (a_S (1 - S)^b_S + c_S) n^-b_N + B d^-b_D. N counts the weights that are not zero, so
    that at equal N a sparser model is a larger one and never worse.
    """
    size = a_S * xp.exp(b_S * xp.log1p(-S)) + c_S
    return L_inf + size * (N / N_ref) ** -b_N + B * (D / D_ref) ** -b_D
