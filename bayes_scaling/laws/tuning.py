"""Laws of fine-tuning: loss on the new task against model size, adapter rank and data."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law

RANK_BARELY_MATTERS = (
    "the rank of an adapter barely matters: published exponents are .005 and smaller, of either "
    "sign; take a small rank and spend on data or on a larger model"
)


@law(
    reference="Zhang et al. 2024, arXiv:2402.17193, with a factor for each resource",
    terms={"L_inf": (), "A": ("alpha_m", "beta")},
    may_rise=("r",),
    no_split=RANK_BARELY_MATTERS,
)
def adapter_rank(
    xp: Any,
    N: Any,
    r: Any,
    D_f: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha_m: Any,
    alpha_r: Any,
    beta: Any,
    N_ref: Any = 1e9,
    r_ref: Any = 16.0,
    D_f_ref: Any = 1e6,
) -> Any:
    """Expected loss [nats/token] of N parameters tuned by an adapter of rank r on D_f tokens.

    A is the loss above the floor at the reference run. Published exponents alpha_r of the rank are
    compatible with 0; runs of one rank say nothing about it.
    """
    return L_inf + A * (N / N_ref) ** -alpha_m * (r / r_ref) ** -alpha_r * (D_f / D_f_ref) ** -beta


def _finetune_derived(
    xp: Any, *, A: Any, alpha: Any, beta: Any, N_ref: Any, D_f_ref: Any, **_: Any
) -> dict[str, Any]:
    return {"A_at_1": A * xp.power(N_ref, alpha) * xp.power(D_f_ref, beta)}


@law(
    reference="Zhang et al. 2024, eq. 1, arXiv:2402.17193",
    terms={"L_inf": (), "A": ("alpha", "beta")},
    derived=_finetune_derived,
)
def finetune(
    xp: Any,
    N: Any,
    D_f: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    beta: Any,
    N_ref: Any = 1e9,
    D_f_ref: Any = 1e6,
) -> Any:
    """Expected loss [nats/token] of a pre-trained model of N parameters fine-tuned on D_f tokens.

    A is the loss above the floor at the reference run. One model for each way of tuning: floor and
    beta are those of the task.
    """
    return L_inf + A * (N / N_ref) ** -alpha * (D_f / D_f_ref) ** -beta


def _rectified_derived(
    xp: Any, *, A: Any, beta: Any, x_0: Any, x_ref: Any, **_: Any
) -> dict[str, Any]:
    learned = xp.power(x_0, beta)
    return {"D_l": learned, "B": A * (learned + xp.power(x_ref, beta))}


@law(
    reference="Lin et al. 2024, arXiv:2402.02314",
    terms={"L_inf": (), "A": ()},
    derived=_rectified_derived,
)
def finetune_rectified(
    xp: Any, x: Any, *, L_inf: Any, A: Any, beta: Any, x_0: Any, x_ref: Any = 1.0
) -> Any:
    """Expected loss [nats/token] of fine-tuning on x tokens: flat below x_0, then a power law.

    L_inf + B/(D_l + x^beta), written with A, the loss above the floor at x_ref, and x_0, the data
    that pre-training is worth: D_l = x_0^beta. Without a plateau at the small end x_0 is its prior.
    """
    known = (x_0 / x_ref) ** beta
    return L_inf + A * (1 + known) / (known + (x / x_ref) ** beta)
