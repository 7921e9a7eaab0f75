"""Laws of whole loss curves: what a learning-rate schedule has done up to a checkpoint.

`schedule_columns` turns a schedule into the columns that they read.
"""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law


def _annealing_derived(xp: Any, *, A: Any, alpha: Any, S_ref: Any, **_: Any) -> dict[str, Any]:
    return {"A_at_1": A * xp.power(S_ref, alpha)}


@law(reference="Tissue et al. 2024, arXiv:2408.11029", derived=_annealing_derived)
def annealing(
    xp: Any,
    S1: Any,
    S2: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    G: Any,
    S_ref: Any = 10.0,
) -> Any:
    """Expected loss [nats/token] after a learning-rate sum of S1, of which S2 was annealed.

    L_inf + A (S1/S_ref)^-alpha - G S2 for one model on one data set; G is the nats that a unit of
    annealed area brings. Rows are checkpoints: they share their run's deviation.
    """
    return L_inf + A * (S1 / S_ref) ** -alpha - G * S2


def _multi_power_derived(
    xp: Any,
    *,
    A: Any,
    alpha: Any,
    B: Any,
    K: Any,
    gamma: Any,
    S_ref: Any,
    d_ref: Any,
    e_ref: Any,
    **_: Any,
) -> dict[str, Any]:
    return {
        "A_at_1": A * xp.power(S_ref, alpha),
        "B_at_1": B / d_ref,
        "K_at_1": K * xp.power(e_ref, gamma),
    }


@law(
    reference="Luo et al. 2025, arXiv:2503.12811",
    may_rise=("e1", "e2", "e3", "e4"),
    derived=_multi_power_derived,
)
def multi_power(
    xp: Any,
    S1: Any,
    d1: Any,
    e1: Any,
    s1: Any,
    d2: Any,
    e2: Any,
    s2: Any,
    d3: Any,
    e3: Any,
    s3: Any,
    d4: Any,
    e4: Any,
    s4: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    B: Any,
    K: Any,
    beta: Any,
    gamma: Any,
    S_ref: Any = 10.0,
    d_ref: Any = 3e-4,
    e_ref: Any = 1e-4,
) -> Any:
    """Expected loss [nats/token] after a learning-rate sum of S1 and a decay in four pieces.

    L_inf + A (S1/S_ref)^-alpha - B sum_k d_k/d_ref (1 - (K (e_k/e_ref)^-gamma s_k + 1)^-beta): the
    rate fell by d_k to e_k, and sums to s_k since. S1 counts the warm-up. B is the nats that a fall
    by d_ref brings in the end. Rows are checkpoints: they share their run's deviation.
    """
    gain = sum(
        fall / d_ref * (1 - (K * (rate / e_ref) ** -gamma * since + 1) ** -beta)
        for fall, rate, since in ((d1, e1, s1), (d2, e2, s2), (d3, e3, s3), (d4, e4, s4))
    )
    return L_inf + A * (S1 / S_ref) ** -alpha - B * gain
