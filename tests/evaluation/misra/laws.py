"""Four rival forms of one calibration curve (NIST StRD, sets Misra1a to Misra1d)."""

from typing import Any

from bayes_scaling.laws.law import law
from bayes_scaling.proofs.nist import exponential_approach

REFERENCE = "NIST Statistical Reference Datasets, Misra1"


a = exponential_approach


@law(reference=REFERENCE, may_rise=("x",))
def b(xp: Any, x: Any, *, b1: Any, b2: Any) -> Any:
    """Expected volume [any unit]: approach to b1 by an inverse square."""
    return b1 * (1 - (1 + b2 * x / 2) ** -2)


@law(reference=REFERENCE, may_rise=("x",))
def c(xp: Any, x: Any, *, b1: Any, b2: Any) -> Any:
    """Expected volume [any unit]: approach to b1 by an inverse square root."""
    return b1 * (1 - (1 + 2 * b2 * x) ** -0.5)


@law(reference=REFERENCE, may_rise=("x",))
def d(xp: Any, x: Any, *, b1: Any, b2: Any) -> Any:
    """Expected volume [any unit]: hyperbolic approach to b1."""
    return b1 * b2 * x / (1 + b2 * x)
