"""Cost: what training compute costs in GPU-hours and in money."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from bayes_scaling.errors import UsageError

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """Price of compute.

    `usd_per_gpu_hour` in USD, `flops_per_gpu_second` the peak of one device in FLOP/s (9.9e14: an
    H100 at dense BF16), `mfu` the share of that peak a training run achieves, in (0, 1].
    Raises UsageError for values that cannot be.
    """

    usd_per_gpu_hour: float = 2.5
    flops_per_gpu_second: float = 9.9e14
    mfu: float = 0.4

    def __post_init__(self) -> None:
        """Gather every impossible value into one error."""
        faults = [
            f"{name} = {value}: must be a finite number above 0"
            for name, value in asdict(self).items()
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0)
        ]
        if not faults and self.mfu > 1:
            faults.append(f"mfu = {self.mfu}: a share of the peak, at most 1 (40% is 0.4)")
        if faults:
            raise UsageError("cost: " + "; ".join(faults))

    def gpu_hours[T](self, flops: T) -> T:
        """GPU-hours that `flops` FLOP take at the achieved speed, elementwise."""
        per_hour = self.flops_per_gpu_second * self.mfu * SECONDS_PER_HOUR
        return flops / per_hour  # type: ignore[operator,return-value]

    def usd[T](self, flops: T) -> T:
        """Price of `flops` FLOP in USD, elementwise."""
        return self.gpu_hours(flops) * self.usd_per_gpu_hour  # type: ignore[operator,return-value]

    def describe(self) -> str:
        """Say the assumptions in one line, for wherever a price is shown."""
        return (
            f"{self.usd_per_gpu_hour:g} USD per GPU-hour, {self.flops_per_gpu_second:.3g} FLOP/s "
            f"peak, {self.mfu:.0%} utilisation"
        )
