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
