"""Input error: what a resource that is not known exactly adds to the scatter of a loss.

The effective variance method (Orear 1982, Am. J. Phys. 50, 912; York et al. 2004, Am. J. Phys. 72,
367): an error of sd s in the log of an input moves the loss by its slope times as much, so the
variance of that row grows by (s d loss / d log input)^2, with the slope of the curve itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

STEP = 1e-3
"""Half width in the log of an input of the difference that stands for the slope."""


@dataclass(frozen=True)
class InputError:
    """Standard deviation of the log of a measured input, and where that number is from."""

    sd: float
    why: str


def variance_of_inputs(
    outcome: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Any], sds: Mapping[str, Any]
) -> Any:
    """Variance that errors in `inputs` add to `outcome(inputs)`, shape of the outcome.

    `sds` maps the inputs that have an error to the standard deviation of their log. Works on NumPy
    arrays and on PyTensor's.
    """
    total: Any = 0.0
    for name, sd in sds.items():
        up, down = (
            outcome({**inputs, name: inputs[name] * math.exp(way * STEP)}) for way in (1, -1)
        )
        total = total + (sd * (up - down) / (2 * STEP)) ** 2
    return total
