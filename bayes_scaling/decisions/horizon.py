"""Horizon: how far a question lies beyond the fitted runs, and what must be said with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.checks import sampler_faults
from bayes_scaling.names import FLOPS, UNIT
from bayes_scaling.runs.finding import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

MAX_EXTRAPOLATION = 100.0
"""Multiple of the largest fitted run up to which an answer is not flagged."""
MAX_FLOPS = 1e32
"""Compute beyond which a question is refused: no machine on earth will spend it."""


def axis_of(fit: Fit) -> str:
    """Return the column in which this fit extrapolates: compute, or the one resource of its law."""
    return fit.model.inputs[0] if len(fit.model.inputs) == 1 else FLOPS


def positive_values(
    values: Sequence[float] | NDArray[np.float64], column: str
) -> NDArray[np.float64]:
    """Return budgets as a float array (n,); raises UsageError naming each impossible one."""
    array = np.atleast_1d(np.asarray(values, dtype=float))
    if array.ndim != 1 or array.size == 0:
        raise UsageError(f"give at least one amount of {UNIT[column]}")
    bad = [f"{v:g}" for v in array if not (np.isfinite(v) and v > 0)]
    if bad:
        raise UsageError(f"{column} = {', '.join(bad)}: must be finite and above 0")
    if column == FLOPS and (array > MAX_FLOPS).any():
        raise UsageError(f"{column} = {array.max():.3g}: above {MAX_FLOPS:.0e} FLOP is refused")
    return array


def extrapolation_of(fit: Fit, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each amount as a multiple of the largest fitted run, (n,)."""
    return np.asarray(amounts / fit.runs.resource(axis_of(fit)).max())


def caveats(fit: Fit, ratios: NDArray[np.float64]) -> tuple[Finding, ...]:
    """Return what a reader must know before an answer.

    Errors: a posterior whose chains failed their checks (S001), questions beyond the runs (X001).
    Warning: questions below the runs (X002).
    """
    axis = axis_of(fit)
    amounts = fit.runs.resource(axis)
    found = []
    if faults := sampler_faults(fit.provenance):
        found.append(
            Finding(
                code="S001",
                severity="error",
                rows=(),
                message=f"the posterior is not to be trusted: {'; '.join(faults)}",
                hint="fit again with more draws",
            )
        )
    far = ratios[ratios > MAX_EXTRAPOLATION]
    if far.size:
        found.append(
            Finding(
                code="X001",
                severity="error",
                rows=(),
                message=f"{far.size} of {ratios.size} questions lie up to {far.max():.3g} times "
                f"beyond the largest fitted run ({amounts.max():.3g} {UNIT[axis]}); "
                f"answers are supported up to {MAX_EXTRAPOLATION:g} times",
                hint="these intervals assume that the same law holds all the way; "
                "add a larger run or ask for less",
            )
        )
    below = ratios[ratios * amounts.max() < amounts.min()]
    if below.size:
        found.append(
            Finding(
                code="X002",
                severity="warn",
                rows=(),
                message=f"{below.size} of {ratios.size} questions lie below the smallest fitted "
                f"run ({amounts.min():.3g} {UNIT[axis]})",
                hint="laws bend for very small runs; read these answers as rough",
            )
        )
    return tuple(found)
