"""The digamma function in arithmetic that compiles to machine code of its own.

The stack would look SciPy's up by name in a running Python, at every evaluation and under its lock:
chains would wait for one another, and the code could not be kept between processes.
"""

from __future__ import annotations

import math
from typing import Any

SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
"""B_2k / 2k of the asymptotic series, DLMF 5.11.2 (https://dlmf.nist.gov/5.11)."""
LARGE = 10.0
"""From here on the series is exact to double precision."""


def digamma(x: float) -> float:
    """Return psi(x) for x > 0 to double precision; NaN elsewhere."""
    if not x > 0:
        return math.nan
    value = 0.0
    while x < LARGE:
        value -= 1.0 / x
        x += 1.0
    square = 1.0 / (x * x)
    tail = 0.0
    for term in SERIES[::-1]:
        tail = square * (term + tail)
    return value + math.log(x) - 0.5 / x - tail


def register() -> None:
    """Let PyTensor compile this function wherever a graph asks for digamma."""
    from pytensor.link.numba.dispatch import basic
    from pytensor.link.numba.dispatch.scalar import register_scalar_funcify
    from pytensor.scalar.math import Psi

    compiled: Any = basic.numba_njit(digamma)

    @register_scalar_funcify(Psi)  # type: ignore[untyped-decorator]
    def numba_digamma(op: Any, node: Any, **_options: Any) -> tuple[Any, str]:
        return compiled, "bayes-scaling digamma 1"
