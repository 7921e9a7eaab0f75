"""Cost: what training compute costs in GPU-hours, in hours and in money.

    GPU-hours = C / (peak * mfu) * (1 + overhead),    USD = GPU-hours * price,
    hours = GPU-hours / devices

Each of price, peak, utilisation (MFU) and overhead is a number or a prior. A prior makes money
uncertain from draw to draw; `middle` has the medians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.convention import SIX_ND, Convention
from bayes_scaling.decisions.prices import FLOPS_PER_GPU_SECOND, MFU, USD_PER_GPU_HOUR
from bayes_scaling.decisions.uncertain import Quantity, drawn, middle, words
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SECONDS_PER_HOUR = 3600.0
SMALLEST_MFU = 1e-4
TAIL = (0.001, 0.999)
"""Quantiles of a prior that must be possible values."""


@dataclass(frozen=True)
class Price:
    """Price of compute in numbers, or in arrays of draws that broadcast against FLOP."""

    usd_per_gpu_hour: Any
    gpu_hours_per_flop: Any
    devices: int | None

    def gpu_hours(self, flops: Any) -> Any:
        """GPU-hours that `flops` FLOP take at the achieved speed, failures included."""
        return flops * self.gpu_hours_per_flop

    def usd(self, flops: Any) -> Any:
        """Price of `flops` FLOP in USD."""
        return self.gpu_hours(flops) * self.usd_per_gpu_hour

    def hours(self, flops: Any) -> Any:
        """Wall-clock hours of `flops` FLOP on all devices; UsageError without their number."""
        return self.gpu_hours(flops) / self._count()

    def flops_of(self, *, usd: Any = None, gpu_hours: Any = None, hours: Any = None) -> Any:
        """FLOP that a budget in exactly one of USD, GPU-hours and wall-clock hours buys.

        Raises UsageError for none or several of them, and for hours without a number of devices.
        """
        if sum(each is not None for each in (usd, gpu_hours, hours)) != 1:
            raise UsageError("a budget is stated in one of usd, gpu_hours and hours")
        if hours is not None:
            gpu_hours = hours * self._count()
        if usd is not None:
            gpu_hours = usd / self.usd_per_gpu_hour
        return gpu_hours / self.gpu_hours_per_flop

    def _count(self) -> int:
        if self.devices is None:
            raise UsageError(
                "hours of wall-clock need the number of devices: Cost(devices=...), --devices"
            )
        return self.devices


@dataclass(frozen=True)
class Cost:
    """What compute costs.

    `usd_per_gpu_hour` in USD, `flops_per_gpu_second` the peak of one device in FLOP/s (9.9e14: an
    H100 at dense BF16), `mfu` the share of that peak a training run achieves, in (0, 1],
    `overhead` the share of further time lost to failures and restarts, each a number or a prior;
    `devices` for wall-clock hours; `convention` how FLOP are counted.
    Raises UsageError for values that cannot be, all at once.

    Examples
    --------
    >>> cost = bs.Cost(usd_per_gpu_hour=2.5, flops_per_gpu_second=1e15, mfu=0.4)
    >>> round(cost.gpu_hours(1e21)), round(cost.usd(1e21)), cost.uncertain
    (694, 1736, False)
    >>> cost.describe()
    '2.5 USD per GPU-hour, 1e+15 FLOP/s peak, 40% utilisation'
    >>> round(cost.middle.usd(1e21)) == round(cost.usd(1e21)), cost.to_dict()["mfu"]
    (True, 0.4)
    >>> price = bs.Prior("LogNormal", {"q05": 2.0, "q95": 3.0}, unit="USD", why="quotes")
    >>> bs.Cost(usd_per_gpu_hour=price).drawn((4, 250)).usd_per_gpu_hour.shape
    (4, 250, 1)
    """

    usd_per_gpu_hour: Quantity = USD_PER_GPU_HOUR
    flops_per_gpu_second: Quantity = FLOPS_PER_GPU_SECOND
    mfu: Quantity = MFU
    overhead: Quantity = 0.0
    devices: int | None = None
    convention: Convention = SIX_ND

    def __post_init__(self) -> None:
        """Gather every impossible value into one error."""
        faults = [fault for name in QUANTITIES if (fault := _fault(name, getattr(self, name)))]
        count = self.devices
        if count is not None and not (isinstance(count, int) and count > 0):
            faults.append(f"devices = {count}: a whole number above 0")
        if faults:
            raise UsageError("cost: " + "; ".join(faults))

    @property
    def uncertain(self) -> bool:
        """Whether money is uncertain: a price, a speed or an overhead has a prior."""
        return any(isinstance(getattr(self, name), Prior) for name in QUANTITIES)

    @property
    def middle(self) -> Price:
        """Price at the median of each quantity."""
        return self._price({k: middle(getattr(self, k)) for k in QUANTITIES})

    def drawn(self, shape: tuple[int, ...], *, seed: int = 0) -> Price:
        """Price from draw to draw, arrays (*shape, 1); the same for the same seed."""
        rng = rng_of(seed, "cost")
        values = {name: drawn(getattr(self, name), rng, shape) for name in QUANTITIES}
        values["mfu"] = np.clip(values["mfu"], SMALLEST_MFU, 1.0)
        return self._price(values)

    def gpu_hours[T](self, flops: T) -> T:
        """GPU-hours that `flops` FLOP take, at the median of each quantity, elementwise."""
        return self.middle.gpu_hours(flops)  # type: ignore[no-any-return]

    def usd[T](self, flops: T) -> T:
        """Price of `flops` FLOP in USD, at the median of each quantity, elementwise."""
        return self.middle.usd(flops)  # type: ignore[no-any-return]

    def describe(self) -> str:
        """Say the assumptions in one line, for wherever a price is shown."""
        parts = [
            f"{words(self.usd_per_gpu_hour, 'g')} USD per GPU-hour",
            f"{words(self.flops_per_gpu_second, '.3g')} FLOP/s peak",
            f"{words(self.mfu, '.0%')} utilisation",
        ]
        if self.overhead != 0.0:
            parts.append(f"{words(self.overhead, '.0%')} lost to failures")
        if self.devices is not None:
            parts.append(f"{self.devices} devices")
        if self.convention is not SIX_ND:
            parts.append(f"C = {self.convention.name}")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the assumptions as JSON values: numbers, or the distribution and its quantiles."""
        found: dict[str, Any] = {name: _json(getattr(self, name)) for name in QUANTITIES}
        return {**found, "devices": self.devices, "convention": self.convention.name}

    def _price(self, values: dict[str, Any]) -> Price:
        per_hour = values["flops_per_gpu_second"] * values["mfu"] * SECONDS_PER_HOUR
        return Price(values["usd_per_gpu_hour"], (1 + values["overhead"]) / per_hour, self.devices)


QUANTITIES = tuple(each.name for each in fields(Cost))[:4]
"""Fields of `Cost` that are a number or a prior."""


def _fault(name: str, value: Quantity) -> str | None:
    """Say why a number, or the values of a prior, cannot be; None where they can."""
    ends = [value] if not isinstance(value, Prior) else [float(value.quantile(q)) for q in TAIL]
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in ends):
        return f"{name} = {value}: must be a finite number above 0, or a prior"
    low, high = ends[0], ends[-1]
    said = f"{name} = {value}" if not isinstance(value, Prior) else f"{name} from {low:.3g}"
    if low < 0 or (low == 0 and name != "overhead"):
        return f"{said}: must be a finite number above 0"
    if name == "mfu" and (high > 1 if not isinstance(value, Prior) else value.quantile(0.95) > 1):
        return f"{name} = {high:.3g}: a share of the peak, at most 1 (40% is 0.4)"
    return None


def _json(value: Quantity) -> Any:
    return {"dist": value.dist, **value.given} if isinstance(value, Prior) else value
