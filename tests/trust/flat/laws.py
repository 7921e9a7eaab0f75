"""NIST's sets with flat priors: each parameter between two ends, from a share in (0, 1)."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law

REFERENCE = "NIST Statistical Reference Datasets, nonlinear regression"


def _parameters(
    xp: Any, *, u_1: Any, u_2: Any, low_1: Any, high_1: Any, low_2: Any, high_2: Any, **_: Any
) -> dict[str, Any]:
    return {"b1": low_1 + (high_1 - low_1) * u_1, "b2": low_2 + (high_2 - low_2) * u_2}


@law(reference=REFERENCE, derived=_parameters, may_rise=("x",))
def danwood(
    xp: Any, x: Any, *, u_1: Any, u_2: Any,
    low_1: Any = 0.0, high_1: Any = 1.0, low_2: Any = 0.0, high_2: Any = 1.0,
) -> Any:  # fmt: skip
    """Expected energy [any unit]: a pure power of x."""
    ends = {"low_1": low_1, "high_1": high_1, "low_2": low_2, "high_2": high_2}
    b = _parameters(xp, u_1=u_1, u_2=u_2, **ends)
    return b["b1"] * x ** b["b2"]


@law(reference=REFERENCE, derived=_parameters, may_rise=("x",))
def misra(
    xp: Any, x: Any, *, u_1: Any, u_2: Any,
    low_1: Any = 0.0, high_1: Any = 1.0, low_2: Any = 0.0, high_2: Any = 1.0,
    alpha: Any = 1.0, stretch: Any = 1.0,
) -> Any:  # fmt: skip
    """Expected volume [any unit]: b1 (1 - (1 + stretch b2 x)^-alpha)."""
    ends = {"low_1": low_1, "high_1": high_1, "low_2": low_2, "high_2": high_2}
    b = _parameters(xp, u_1=u_1, u_2=u_2, **ends)
    return b["b1"] * (1 - (1 + stretch * b["b2"] * x) ** -alpha)
