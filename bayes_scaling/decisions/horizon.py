"""Horizon: how far a question lies beyond the fitted runs, and what must be said with it.

| code | severity | what was found |
|---|---|---|
| X001 | error | beyond 100 times the largest fitted run |
| X002 | warn | below the smallest fitted run |
| X003 | error, warn | sizes or tokens far beyond all runs; a ratio of them far off theirs |
| X004 | warn | a law without a floor, far beyond the runs |
| X005 | error, warn | losses outside those that a link was fitted on |
| E002 | error | the chains of a fit failed their checks (of a choice of a scan: warn) |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.inference.checks import sampler_faults
from bayes_scaling.names import FLOPS, LOSS, PARAMS, SOURCE_LOSS, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import grows, is_weight, quantity, unit_of
from bayes_scaling.runs.finding import Finding
from bayes_scaling.runs.plausibility import WEIGHT_TOLERANCE
from bayes_scaling.runs.units import parse_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

MAX_RATIO_STEP = 10.0
"""Multiple beyond the fitted runs' tokens per parameter from which an answer carries a warning."""
MAX_BEYOND_LOSSES = 0.5
"""Share of the range of a link's losses by which a question may lie outside with a warning."""
FLOORLESS_REACH = 10.0
"""Multiple of the largest run from which an answer of a law without a floor carries a warning."""
NO_FLOOR = 1e-3
"""Share of its loss that a law without a floor keeps, at most, where every resource is endless."""
ENDLESS = 1e100
MAX_FLOPS = 1e32
"""Compute beyond which a question is refused: no machine on earth will spend it."""


def axis_of(fit: Fit) -> str:
    """Return the column in which this fit extrapolates: compute, or what its law reads first."""
    return fit.model.axis


def positive_values(
    values: Sequence[float] | NDArray[np.float64], column: str
) -> NDArray[np.float64]:
    """Return amounts of a column as an array (n,); raises UsageError naming impossible ones."""
    if isinstance(values, str | Mapping):
        raise UsageError(f"give amounts of {unit_of(column)} as a list, such as [1e24]")
    given = np.atleast_1d(np.asarray(values, dtype=object)).ravel().tolist()
    try:
        numbers = [parse_quantity(v, column) if isinstance(v, str) else float(v) for v in given]
    except (TypeError, ValueError) as fault:
        raise UsageError(f"{column}: {fault}") from None
    array = np.asarray(numbers, dtype=float)
    if array.size == 0:
        raise UsageError(f"give at least one amount of {unit_of(column)}")
    each = quantity(column)
    bad = [f"{v:g}" for v in array if not each.holds(v)]
    if bad:
        limits = f"between {each.low:g} and {each.high:g}" if each.closed else "above 0"
        raise UsageError(f"{column} = {', '.join(bad)}: must be finite and {limits}")
    if column == FLOPS and (array > MAX_FLOPS).any():
        raise UsageError(f"{column} = {array.max():.3g}: above {MAX_FLOPS:.0e} FLOP is refused")
    return array


def require_mixture(fit: Fit, inputs: Mapping[str, NDArray[np.float64]]) -> None:
    """Refuse weights of data sources, given or asked, that do not sum to 1; raises UsageError."""
    known = {**fit.given, **inputs}
    names = [name for name in fit.model.inputs if is_weight(name)]
    if not names or any(name not in known for name in names):
        return
    total = np.atleast_1d(sum((np.asarray(known[name]) for name in names), start=np.zeros(1)))
    off = total[np.abs(total - 1) > WEIGHT_TOLERANCE]
    if off.size:
        raise UsageError(f"{', '.join(names)} sum to {off[0]:g}: weights of data sources sum to 1")


def extrapolation_of(fit: Fit, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each amount as a multiple of the largest fitted run, (n,)."""
    return np.asarray(amounts / fit.runs.resource(axis_of(fit)).max())


def stated_of(fit: Fit) -> dict[str, dict[str, float]]:
    """Return, for provenance, what an answer takes as given; empty where nothing was."""
    return {"given": dict(fit.given)} if fit.given else {}


def _beyond_each(fit: Fit, inputs: Mapping[str, NDArray[np.float64]]) -> list[Finding]:
    """X003 for what the law reads: sizes or tokens far beyond all runs, ratios far off theirs."""
    stated = {name: np.atleast_1d(v) for name, v in fit.given.items()}
    asked = {
        name: np.median(v.reshape(-1, v.shape[-1]), axis=0)
        for name, v in {**stated, **inputs}.items()
    }
    if {PARAMS, TOKENS} <= asked.keys():
        asked[TOKENS_PER_PARAM] = asked[TOKENS] / asked[PARAMS]
    asked.pop(axis_of(fit), None)  # X001's business
    found = []
    for name, values in asked.items():
        if not grows(name):
            continue  # shares and losses have no scale to go beyond
        runs, ratio = fit.runs.resource(name), name == TOKENS_PER_PARAM
        what = name if unit_of(name) == "1" else unit_of(name)
        limit = MAX_RATIO_STEP if ratio else MAX_EXTRAPOLATION
        steps = np.maximum(values / runs.max(), runs.min() / values)
        if steps.max() > limit:
            found.append(
                Finding(
                    code="X003",
                    severity="warn" if ratio else "error",
                    rows=(),
                    message=f"{what} up to {steps.max():.3g} times outside the fitted runs "
                    f"({runs.min():.3g} to {runs.max():.3g}); supported up to {limit:g} times",
                    hint="add runs in that direction or ask for less",
                )
            )
    return found


def distrust(fit: Fit) -> list[Finding]:
    """E002 where the chains of a fit failed their checks."""
    faults = sampler_faults(fit.provenance)
    message = f"the posterior of {fit.spec.name} is not to be trusted: {'; '.join(faults)}"
    hint = "fit again with more draws"
    return [Finding("E002", "error", (), message, hint)] if faults else []


def beyond_losses(fit: Fit, column: str, losses: NDArray[np.float64]) -> list[Finding]:
    """X005 for losses (..., point) whose median lies outside those that a link was fitted on."""
    runs = fit.runs.resource(column)
    low, high = float(runs.min()), float(runs.max())
    asked = np.median(losses.reshape(-1, losses.shape[-1]), axis=0)
    beyond = np.maximum(low - asked, asked - high)
    if not (beyond > 0).any():
        return []
    far = bool((beyond > MAX_BEYOND_LOSSES * (high - low)).any())
    outside = asked[beyond > 0]
    return [
        Finding(
            code="X005",
            severity="error" if far else "warn",
            rows=(),
            message=f"{outside.size} of {asked.size} questions have a loss "
            f"({outside.min():.3g} to {outside.max():.3g}) outside the losses {low:.3g} to "
            f"{high:.3g} that {fit.spec.name} was fitted on"
            + (f", by more than {MAX_BEYOND_LOSSES:g} of their range" if far else ""),
            hint="a link says nothing about losses it has not seen; add runs with such losses",
        )
    ]


def _without_floor(fit: Fit, ratios: NDArray[np.float64]) -> list[Finding]:
    """X004: a law whose loss goes to 0 is too hopeful far beyond the runs."""
    far = ratios[ratios > FLOORLESS_REACH]
    if not far.size or has_floor(fit):
        return []
    message = (
        f"the law {fit.spec.law.name} has no floor: {far.size} of {ratios.size} questions lie up "
        f"to {far.max():.3g} times beyond the largest run, where it is too hopeful"
    )
    hint = "ask a law with a floor as well, such as power-floor or chinchilla"
    return [Finding("X004", "warn", (), message, hint)]


def has_floor(fit: Fit) -> bool:
    """Return whether the law keeps a loss where every resource is endless, at a middle draw.

    Shares, losses and ratios that the law reads stay as in the largest run. Only a loss has a floor
    to miss: True for other targets.
    """
    model = fit.model
    if model.target != LOSS:
        return True
    middle = {name: np.median(values) for name, values in fit.unknowns().items()}
    runs = [float(fit.runs.resource(name).max()) for name in model.inputs]
    endless = [
        x * ENDLESS if grows(name) and name != TOKENS_PER_PARAM else x
        for name, x in zip(model.inputs, runs, strict=True)
    ]
    here, there = (float(model.curve(np, tuple(at), middle)) for at in (runs, endless))
    return there > NO_FLOOR * here


def caveats(
    fit: Fit, ratios: NDArray[np.float64], inputs: Mapping[str, NDArray[np.float64]]
) -> tuple[Finding, ...]:
    """Return what a reader must know before an answer.

    Errors: a posterior whose chains failed their checks (E002), questions beyond the runs in
    compute (X001) or in parameters or tokens (X003). Warnings: questions below the runs (X002), at
    ratios of tokens to parameters far off theirs (X003), or to a law without a floor far beyond
    them (X004). A link answers inside the losses it was fitted on (X005).
    """
    axis = axis_of(fit)
    amounts = fit.runs.resource(axis)
    found = distrust(fit)
    if axis in (LOSS, SOURCE_LOSS) and axis in inputs:
        return tuple(found + beyond_losses(fit, axis, inputs[axis]))
    far = ratios[ratios > MAX_EXTRAPOLATION]
    if far.size:
        found.append(
            Finding(
                code="X001",
                severity="error",
                rows=(),
                message=f"{far.size} of {ratios.size} questions lie up to {far.max():.3g} times "
                f"beyond the largest fitted run ({amounts.max():.3g} {unit_of(axis)}); "
                f"answers are supported up to {MAX_EXTRAPOLATION:g} times",
                hint="these intervals assume that the same law holds all the way; "
                "add a larger run or ask for less",
            )
        )
    found += [*_beyond_each(fit, inputs), *_without_floor(fit, ratios)]
    below = ratios[ratios * amounts.max() < amounts.min()]
    if below.size:
        found.append(
            Finding(
                code="X002",
                severity="warn",
                rows=(),
                message=f"{below.size} of {ratios.size} questions lie below the smallest fitted "
                f"run ({amounts.min():.3g} {unit_of(axis)})",
                hint="laws bend for very small runs; read these answers as rough",
            )
        )
    return tuple(found)
