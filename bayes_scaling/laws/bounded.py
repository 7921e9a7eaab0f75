"""Laws of bounded measures: errors and accuracies against one resource, between two ends."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.downstream import TINY, direct_accuracy, falling_step
from bayes_scaling.laws.law import law

HALLEY_STEPS = 3
"""Steps to the solution of an implicit law, for twelve digits with q between 0.2 and 5."""
LEAST_LOG_ODDS = -700.0
"""Below, exp would be zero."""


def _ends(xp: Any, *, R0: Any, reach: Any, **_: Any) -> dict[str, Any]:
    return {"R1": R0 + (1 - R0) * reach}


@law(
    reference="Khatri et al. 2025, arXiv:2510.13786",
    target="accuracy",
    may_rise=("x",),
    derived=_ends,
)
def sigmoid_compute(xp: Any, x: Any, *, R0: Any, reach: Any, x_mid: Any, q: Any) -> Any:
    """Expected reward or accuracy [share of items]: R0 + (R1 - R0)/(1 + (x_mid/x)^q).

    Rises from R0 to R1 = R0 + (1 - R0) reach as the resource x, such as compute of reinforcement
    learning, grows; half of the way is gone at x_mid, which has the unit of x.
    """
    return R0 + (1 - R0) * reach * falling_step(xp, q * xp.log(x_mid / x))


@law(reference="Brown et al. 2024, arXiv:2407.21787", target="accuracy", may_rise=("x",))
def pass_at_k(xp: Any, x: Any, *, A: Any, alpha: Any, x_ref: Any = 1.0) -> Any:
    """Expected share of problems [share of items] solved by any of x attempts.

    exp(-A (x/x_ref)^-alpha); A is minus the log coverage of x_ref attempts.
    """
    return direct_accuracy.curve(xp, x, A=A, alpha=alpha, x_ref=x_ref)


def _m4(
    xp: Any, e: Any, x: Any, *, e_inf: Any, A: Any, alpha: Any, q: Any, e_0: Any, x_ref: Any
) -> tuple[Any, Any]:
    return (e - e_inf) / (e_0 - e) ** q, A * (x / x_ref) ** -alpha


@law(
    reference="Alabdulmohsin et al. 2022, form M4, arXiv:2209.06640",
    target="error",
    implicit=_m4,
)
def bounded_m4(
    xp: Any,
    x: Any,
    *,
    e_inf: Any,
    A: Any,
    alpha: Any,
    q: Any,
    e_0: Any = 0.75,
    x_ref: Any = 1.0,
) -> Any:
    """Expected error [share of items] between chance and a floor, the e of an implicit equation.

    (e - e_inf)/(e_0 - e)^q = A (x/x_ref)^-alpha. e_0 is the error of a guess, 0.75 for four
    choices: set it in the model file. Written in the log odds v of (e - e_inf)/(e_0 - e) it is
    v + (q - 1) log(1 + e^v) = c, which a few Halley steps solve.
    """
    span = xp.maximum(e_0 - e_inf, TINY)
    c = xp.log(A) - alpha * xp.log(x / x_ref) - (1 - q) * xp.log(span)
    v = xp.minimum(c, 0.0) + xp.maximum(c, 0.0) / q
    for _ in range(HALLEY_STEPS):
        v = _halley_step(xp, v, q, c)
    return e_inf + span * falling_step(xp, -v)


def _halley_step(xp: Any, v: Any, q: Any, c: Any) -> Any:
    """Move v towards the root of v + (q - 1) log(1 + e^v) - c."""
    share = falling_step(xp, -v)
    gap = v + (q - 1) * (xp.log1p(xp.exp(-xp.abs(v))) + xp.maximum(v, 0.0)) - c
    slope, bend = 1 + (q - 1) * share, (q - 1) * share * (1 - share)
    # the bound is never met; without it PyTensor multiplies nested fractions out, for minutes
    return xp.maximum(v - 2 * gap * slope / (2 * slope**2 - gap * bend), LEAST_LOG_ODDS)
