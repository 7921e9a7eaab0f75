"""Laws of one resource: loss against parameters, tokens or compute."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law


def _amplitude_at_one(xp: Any, *, A: Any, alpha: Any, x_ref: Any, **_: Any) -> dict[str, Any]:
    return {"A_at_1": A * xp.power(x_ref, alpha)}


@law(
    reference="Hestness et al. 2017, arXiv:1712.00409; Henighan et al. 2020, arXiv:2010.14701",
    terms={"L_inf": (), "A": ("alpha",)},
    derived=_amplitude_at_one,
)
def power_floor(xp: Any, x: Any, *, L_inf: Any, A: Any, alpha: Any, x_ref: Any = 1.0) -> Any:
    """Expected loss [nats/token] of a run that spends x of one resource.

    L_inf is the floor, A the loss above it at the reference x_ref.
    """
    return L_inf + A * (x / x_ref) ** -alpha


@law(
    reference="Kaplan et al. 2020, arXiv:2001.08361; Hestness et al. 2017, arXiv:1712.00409",
    terms={"A": ("alpha",)},
    derived=_amplitude_at_one,
)
def power(xp: Any, x: Any, *, A: Any, alpha: Any, x_ref: Any = 1.0) -> Any:
    """Expected loss [nats/token] of a run that spends x of one resource, without a floor.

    A is the loss at the reference x_ref. Floorless exponents are small and not comparable with
    floored ones; far beyond the data the law is too hopeful.
    """
    return A * (x / x_ref) ** -alpha


def _critical_scale(xp: Any, *, A: Any, alpha: Any, x_ref: Any, **_: Any) -> dict[str, Any]:
    return {"X_c": x_ref * xp.power(A, 1 / alpha)}


@law(
    reference="Kaplan et al. 2020, arXiv:2001.08361; Henighan et al. 2020, arXiv:2010.14701",
    terms={"L_inf": (), "A": ("alpha",)},
    derived=_critical_scale,
)
def power_scale(xp: Any, x: Any, *, L_inf: Any, A: Any, alpha: Any, x_ref: Any = 1.0) -> Any:
    """Expected loss [nats/token]: L_inf + (x/X_c)^-alpha, with the critical scale X_c derived.

    X_c and alpha are almost perfectly correlated, so the unknown is A = (x_ref/X_c)^-alpha, the
    loss above the floor at the reference.
    """
    return power_floor.curve(xp, x, L_inf=L_inf, A=A, alpha=alpha, x_ref=x_ref)


@law(
    reference="Zhai et al. 2021, arXiv:2106.04560",
    terms={"L_inf": (), "A": ("alpha",)},
    derived=_amplitude_at_one,
)
def power_shifted(
    xp: Any, x: Any, *, L_inf: Any, A: Any, alpha: Any, x_0: Any, x_ref: Any = 1.0
) -> Any:
    """Expected loss [nats/token]: a power law of x + x_0, which bends the small end.

    x_0 has the unit of x; unless the smallest runs bend, its posterior is its prior.
    """
    return L_inf + A * ((x + x_0) / x_ref) ** -alpha


@law(
    reference="Hoffmann et al. 2022, arXiv:2203.15556; Porian et al. 2024, arXiv:2406.19146",
    terms={"L_inf": (), "F": ("gamma_C",)},
)
def frontier(xp: Any, C: Any, *, L_inf: Any, F: Any, gamma_C: Any, C_ref: Any = 1.2e20) -> Any:
    """Least expected loss [nats/token] that C FLOP can reach.

    F is the loss above the floor at C_ref, gamma_C the exponent of the frontier. Runs on the
    frontier alone say nothing about the split between parameters and tokens.
    """
    return L_inf + F * (C / C_ref) ** -gamma_C


@law(reference="Alabdulmohsin et al. 2022, form M3, arXiv:2209.06640", terms={"L_inf": (), "A": ()})
def saturating(xp: Any, x: Any, *, L_inf: Any, A: Any, alpha: Any, g: Any, x_ref: Any = 1.0) -> Any:
    """Expected loss [nats/token] that stops falling at a finite size: A (x_ref/x + g)^alpha.

    Approaches L_inf + A g^alpha.
    """
    return L_inf + A * (x_ref / x + g) ** alpha


@law(reference="Caballero et al. 2022, arXiv:2210.14891", may_rise=("x",))
def broken_power(
    xp: Any,
    x: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    x_b: Any,
    c: Any,
    f: Any,
    x_ref: Any = 1.0,
) -> Any:
    """Expected loss [nats/token] whose exponent turns from alpha to alpha + c around x_b.

    L_inf + A x^-alpha (1 + (x/x_b)^(1/f))^(-c f); f is the sharpness of the break, x_b has the
    unit of x. A break beyond the data is prior only.
    """
    turn = xp.logaddexp(0.0, xp.log(x / x_b) / f)
    return L_inf + A * (x / x_ref) ** -alpha * xp.exp(-c * f * turn)


@law(
    reference="this project; Nakkiran et al. 2019, arXiv:1912.02292, for the shape",
    may_rise=("x",),
)
def double_descent(
    xp: Any,
    x: Any,
    *,
    L_inf: Any,
    A: Any,
    alpha: Any,
    H: Any,
    x_p: Any,
    w: Any,
    x_ref: Any = 1.0,
) -> Any:
    """Expected loss [nats/token]: a power law with a bump of H nats around x_p.

    w is the width of the bump in log x; x_p has the unit of x. Rises somewhere if the bump is
    steeper than the power law falls.
    """
    bump = xp.exp(-(xp.log(x / x_p) ** 2) / (2 * w**2))
    return L_inf + A * (x / x_ref) ** -alpha + H * bump
