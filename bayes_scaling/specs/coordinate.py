"""Coordinate: the map between the support of an unknown and the whole real line."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from bayes_scaling.specs.prior import Prior


class Coordinate(NamedTuple):
    """Free coordinate of an unknown on (low, high): its log, its logit, or itself."""

    low: float
    high: float

    @property
    def kind(self) -> str:
        """`log`, `logit` or `plain`."""
        if math.isinf(self.low):
            return "plain"
        return "log" if math.isinf(self.high) else "logit"

    def to_free(self, xp: Any, value: Any) -> Any:
        """Map a value on (low, high) to the real line."""
        if self.kind == "plain":
            return value
        above = xp.log(value - self.low)
        return above if self.kind == "log" else above - xp.log(self.high - value)

    def to_value(self, xp: Any, free: Any) -> Any:
        """Map a point of the real line to (low, high)."""
        if self.kind == "plain":
            return free
        if self.kind == "log":
            return self.low + xp.exp(free)
        return self.low + (self.high - self.low) * 0.5 * (1 + xp.tanh(free / 2))

    def log_slope(self, xp: Any, value: Any) -> Any:
        """Log of d value / d free, at a value on (low, high)."""
        if self.kind == "plain":
            return 0.0 * value
        above = xp.log(value - self.low)
        if self.kind == "log":
            return above
        return above + xp.log(self.high - value) - math.log(self.high - self.low)


def coordinate_of(prior: Prior) -> Coordinate:
    """Return the coordinate in which an unknown with this prior is sampled."""
    low, high = prior.support
    if math.isinf(low) and not math.isinf(high):
        raise ValueError("a prior that is cut off only above has no coordinate")
    return Coordinate(low, high)


def standardise(xp: Any, prior: Prior) -> tuple[float, float]:
    """Prior median and half the distance of its 16% and 84% quantiles, in the free coordinate."""
    coordinate = coordinate_of(prior)
    low, middle, high = (
        float(coordinate.to_free(xp, prior.quantile(p))) for p in (0.16, 0.5, 0.84)
    )
    return middle, (high - low) / 2
