"""Laws of distillation: a student that learns from a teacher."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.joint import skaling
from bayes_scaling.laws.law import law


def _distillation_derived(xp: Any, *, h: Any, f: Any, u: Any, **_: Any) -> dict[str, Any]:
    return {"d_1": xp.exp(u * f), "c_1": h / (f * xp.logaddexp(0.0, -u))}


@law(
    reference="Busbridge et al. 2025, arXiv:2502.08606",
    derived=_distillation_derived,
    may_rise=("L_T",),
)
def distillation(
    xp: Any,
    N: Any,
    D: Any,
    L_T: Any,
    *,
    S: Any,
    w: Any,
    alpha: Any,
    beta: Any,
    k: Any,
    c_0: Any,
    h: Any,
    f: Any,
    u: Any,
    E_alone: Any = 1.220,
    S_alone: Any = 1.155,
    w_alone: Any = 0.519,
    alpha_alone: Any = 0.408,
    beta_alone: Any = 0.431,
    k_alone: Any = 0.452,
    N_ref: Any = 1e9,
    D_ref: Any = 2e10,
    L_ref: Any = 2.5,
) -> Any:
    """Expected loss [nats/token] of a student of N parameters distilled on D tokens.

    L_T + S (w n^-alpha + (1 - w) d^-beta)^k (L_T/L_ref)^-c_0 (1 + (ratio/d_1)^(1/f))^(-c_1 f),
    ratio = L_T/L_alone: the student's gap to a teacher of loss L_T. L_alone is the loss of the same
    student trained on the same tokens without a teacher. It is computed, not read from the table:
    law `skaling` with the constants E_alone (its floor), S_alone, w_alone, alpha_alone, beta_alone
    and k_alone, which must be those of supervised runs on the same data. S is the gap at the
    reference run to a teacher of loss L_ref that is far better than the student; h = c_1 f log(1 +
    d_1^(-1/f)) is the log of how much smaller the gap is when the teacher is as good as the student
    alone; f is the width of that onset in the log ratio, and u = log(d_1)/f how many widths above
    ratio 1 it turns into a power law.
    """
    anchors = {"N_ref": N_ref, "D_ref": D_ref}
    alone = skaling.curve(
        xp, N, D, L_inf=E_alone, S=S_alone, w=w_alone,
        alpha=alpha_alone, beta=beta_alone, k=k_alone, **anchors,
    )  # fmt: skip
    gap = skaling.curve(
        xp, N, D, L_inf=0.0, S=S, w=w, alpha=alpha, beta=beta, k=k, **anchors
    ) * (L_T / L_ref) ** -c_0  # fmt: skip
    onset = xp.logaddexp(0.0, xp.log(L_T / alone) / f - u) / xp.logaddexp(0.0, -u)
    return L_T + gap * xp.exp(-h * onset)
