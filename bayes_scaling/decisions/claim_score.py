"""Score of a claim: what was measured against what had been claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.claim import QUANTILES
from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.quantile_scores import (
    crps_of_quantiles,
    pit_of_quantiles,
    quantile_between,
)
from bayes_scaling.evaluation.scores import LEVELS, MAIN_LEVEL, log_error, relative
from bayes_scaling.names import FLOPS, LOSS, PARAMS, RUN
from bayes_scaling.quantities import SHARES, is_number, quantity, unit_of
from bayes_scaling.runs.labels import display_name
from bayes_scaling.runs.units import format_quantity

if TYPE_CHECKING:
    from bayes_scaling.decisions.claim import Claim


@dataclass(frozen=True)
class ClaimScore:
    """How one measurement fared against a claim.

    `point` is the index of the point, from 0; `observed` and the claim's `median` are in the unit
    of the target. `pit` is the share of the claim below the measurement: .005 or .995 beyond its
    outermost quantiles. `crps` is the exact integral of the piecewise linear distribution function
    through the claimed quantiles (Gneiting and Raftery 2007, J. Am. Stat. Assoc. 102, 359, eq. 20),
    in the unit of the target, `relative_crps` as a share of the measurement. `inside` says of each
    central interval (.5, .8, .9, .95) whether it held, `intervals` gives their ends. `log_error` is
    the log of the claimed median over the measurement, above zero where the claim was too high; NaN
    where one of them is zero.

    Examples
    --------
    >>> score = bs.register(bs.forecast(fit, [1e22]), date="2026-11-27").score(9.9)
    >>> score.pit, score.inside[0.9], score.log_error < 0
    (0.995, False, True)
    >>> "crps" in score.to_dict()
    True
    """

    point: int
    observed: float
    median: float
    pit: float
    crps: float
    relative_crps: float
    inside: Mapping[float, bool]
    intervals: Mapping[float, tuple[float, float]]
    log_error: float
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return the score as plain values that JSON can hold."""
        return {
            "point": self.point,
            "observed": self.observed,
            "median": self.median,
            "pit": self.pit,
            "crps": self.crps,
            "relative_crps": self.relative_crps,
            "intervals": [
                {"share": level, "low": low, "high": high, "inside": self.inside[level]}
                for level, (low, high) in self.intervals.items()
            ],
            "log_error": self.log_error,
            "sentence": self.sentence,
        }


def score_of(claim: Claim, observed: float, point: int) -> ClaimScore:
    """Score a measurement; see `Claim.score`."""
    own = claim.point(point)
    seen = possible(observed, claim.target)
    q, p = np.asarray(own[QUANTILES], dtype=float), np.asarray(claim.content["levels"], dtype=float)
    ends = {
        level: (
            quantile_between(q, p, (1 - level) / 2),
            quantile_between(q, p, (1 + level) / 2),
        )
        for level in LEVELS
    }
    median, one = quantile_between(q, p, 0.5), np.array([seen])
    crps = crps_of_quantiles(q, p, seen)
    pit = pit_of_quantiles(q, p, seen)
    error = float(log_error(np.full((2, 1), median), one)[0])
    inside = {level: low <= seen <= high for level, (low, high) in ends.items()}
    return ClaimScore(
        point=point,
        observed=seen,
        median=median,
        pit=pit,
        crps=crps,
        relative_crps=float(relative(np.array([crps]), one)[0]),
        inside=inside,
        intervals=ends,
        log_error=error,
        sentence=_sentence(claim, own, seen, median, ends[MAIN_LEVEL], inside[MAIN_LEVEL], pit),
    )


def possible(observed: float, target: str) -> float:
    """Return a measurement as a number; UsageError where the target cannot have it."""
    number = isinstance(observed, int | float | np.number) and not isinstance(observed, bool)
    if number and quantity(target).holds(float(observed)):
        return float(observed)
    limits = "a finite number above 0" if target == LOSS else "a finite number"
    if target in SHARES:
        limits = "a share of items between 0 and 1"
        if number and 1 < float(observed) <= 100:
            limits += f"; for {observed:g}% write {observed / 100:g}"
    raise UsageError(f"{target.replace('_', ' ')} {observed!r}: give {limits}")


def place_of(point: Mapping[str, Any]) -> str:
    """Say in words which run a claimed point is of: its name, its group, its resources."""
    words = [display_name(point[name], 40) for name in (RUN, "group") if point.get(name)]
    sizes = [name for name in point if is_number(name) and point[name] is not None]
    if PARAMS in sizes and FLOPS in sizes:
        sizes.remove(FLOPS)
    amounts = [
        f"{point[name]:.4g} FLOP" if name == FLOPS else
        f"{format_quantity(float(point[name]), digits=4)} {_unit(name)}"
        for name in sizes
    ]  # fmt: skip
    return ", ".join([*words, *amounts])


def _unit(column: str) -> str:
    return column if unit_of(column) == "1" else unit_of(column)


def _sentence(
    claim: Claim,
    point: Mapping[str, Any],
    seen: float,
    median: float,
    ends: tuple[float, float],
    held: bool,
    pit: float,
) -> str:
    target = claim.target.replace("_", " ")
    percent = 100 * (median - seen) / abs(seen) if seen else float("nan")
    side = "high" if percent > 0 else "low"
    if seen == median:
        off = "; the median was exact"
    else:
        off = f"; the median was {abs(percent):.2g}% too {side}" if seen else ""
    low, high = claim.content["levels"][0], claim.content["levels"][-1]
    place = f"above {pit:.0%} of the claim"
    if pit < low:
        place = f"below {1 - low:.0%} of the claim"
    elif pit > high:
        place = f"above {high:.0%} of the claim"
    return (
        f"Point {point['number']} ({place_of(point)}): {target} {seen:.6g} was measured, "
        f"{median:.3f} had been claimed on {claim.date}, with {MAIN_LEVEL:.0%} between "
        f"{ends[0]:.3f} and {ends[1]:.3f}: the interval {'held' if held else 'did not hold'}. "
        f"The measurement lies {place}{off}."
    )
