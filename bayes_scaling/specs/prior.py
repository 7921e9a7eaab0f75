"""Prior: a named distribution for one unknown, as a reviewer would state it.

Normal, LogNormal, HalfNormal and the relative ones are written as 5% and 95% quantiles, the others
by the arguments PyMC gives them. Three are relative to the table, for what has no unit beforehand:
FractionOfMin, a Weibull-distributed fraction of the smallest observed loss, for a floor (unlike a
Beta fraction it may pass 1, with little probability, so that one lucky run is no hard ceiling);
OfRange, a LogNormal whose 5% quantile is a multiple of the smallest and whose 95% quantile a
multiple of the largest value of a column, for a break; OfSmallest, a HalfNormal in multiples of
the smallest value, for a shift.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z95 = 1.6448536269514722
"""95% quantile of the standard normal."""
Z975 = 1.959963984540054
"""97.5% quantile of the standard normal: 95% quantile of its absolute value."""

Numbers = Mapping[str, float]


class Family(NamedTuple):
    """How one distribution is written in a model file and what it is in PyMC and SciPy."""

    arguments: tuple[str, ...]
    support: tuple[float, float]
    resolve: Callable[[Numbers], dict[str, float]]
    scipy: Callable[[Numbers], Any]
    pymc: str


def _as_written(given: Numbers) -> dict[str, float]:
    return dict(given)


def _normal(given: Numbers) -> dict[str, float]:
    low, high = given["q05"], given["q95"]
    return {"mu": (low + high) / 2, "sigma": (high - low) / (2 * Z95)}


def _log_normal(given: Numbers) -> dict[str, float]:
    return _normal({q: math.log(given[q]) for q in ("q05", "q95")})


def _half_normal(given: Numbers) -> dict[str, float]:
    return {"sigma": given["q95"] / Z975}


def _weibull(given: Numbers) -> dict[str, float]:
    low, high = given["q05"], given["q95"]
    shape = math.log(math.log(0.05) / math.log(0.95)) / math.log(high / low)
    return {"alpha": shape, "beta": high / (-math.log(0.05)) ** (1 / shape)}


def _stats() -> Any:
    from scipy import stats

    return stats


POSITIVE = (0.0, math.inf)
FAMILIES: dict[str, Family] = {
    "Normal": Family(
        ("q05", "q95"),
        (-math.inf, math.inf),
        _normal,
        lambda h: _stats().norm(h["mu"], h["sigma"]),
        "Normal",
    ),
    "LogNormal": Family(
        ("q05", "q95"),
        POSITIVE,
        _log_normal,
        lambda h: _stats().lognorm(h["sigma"], scale=math.exp(h["mu"])),
        "LogNormal",
    ),
    "HalfNormal": Family(
        ("q95",),
        POSITIVE,
        _half_normal,
        lambda h: _stats().halfnorm(scale=h["sigma"]),
        "HalfNormal",
    ),
    "FractionOfMin": Family(
        ("q05", "q95"),
        POSITIVE,
        _weibull,
        lambda h: _stats().weibull_min(h["alpha"], scale=h["beta"]),
        "Weibull",
    ),
    "OfRange": Family(
        ("q05", "q95"),
        POSITIVE,
        _log_normal,
        lambda h: _stats().lognorm(h["sigma"], scale=math.exp(h["mu"])),
        "LogNormal",
    ),
    "OfSmallest": Family(
        ("q95",),
        POSITIVE,
        _half_normal,
        lambda h: _stats().halfnorm(scale=h["sigma"]),
        "HalfNormal",
    ),
    "Beta": Family(
        ("alpha", "beta"),
        (0.0, 1.0),
        _as_written,
        lambda h: _stats().beta(h["alpha"], h["beta"]),
        "Beta",
    ),
    "Gamma": Family(
        ("alpha", "beta"),
        POSITIVE,
        _as_written,
        lambda h: _stats().gamma(h["alpha"], scale=1 / h["beta"]),
        "Gamma",
    ),
}


RELATIVE = ("FractionOfMin", "OfRange", "OfSmallest")


@dataclass(frozen=True)
class Prior:
    """Distribution of one unknown; `lower` and `upper` cut it off, `why` says where it is from.

    `given` holds the numbers as the model file writes them, in `unit` like the ends. A relative
    distribution names in `of` the column it is relative to; `scale` holds what its 5% and its 95%
    quantile are multiples of.

    Examples
    --------
    >>> prior = bs.Prior("LogNormal", {"q05": 0.19, "q95": 0.6}, unit="1", why="published")
    >>> prior.quantile([0.05, 0.95]).round(2).tolist()
    [0.19, 0.6]
    >>> prior.support, prior.relative, list(prior.hyper)
    ((0.0, inf), False, ['mu', 'sigma'])
    >>> prior.sample(np.random.default_rng(0), 3).shape
    (3,)
    >>> prior.family.arguments
    ('q05', 'q95')
    """

    dist: str
    given: Numbers
    lower: float | None = None
    upper: float | None = None
    unit: str = ""
    why: str = ""
    of: str = ""
    scale: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse arguments that describe no distribution."""
        numbers = dict(self.given)
        if any(not math.isfinite(v) for v in numbers.values()):
            raise UsageError(f"{self.dist}: its numbers must be finite, they are {numbers}")
        positive_arguments = self.dist != "Normal"
        if positive_arguments and any(v <= 0 for v in numbers.values()):
            raise UsageError(f"{self.dist}: its numbers must be above 0, they are {numbers}")
        if self.dist != "OfRange" and numbers.get("q05", -math.inf) >= numbers.get("q95", math.inf):
            raise UsageError(f"{self.dist}: q05 must be below q95, they are {numbers}")
        low, high = self.support
        if not low < high:
            raise UsageError(f"{self.dist}: nothing is left between {low} and {high}")

    @property
    def family(self) -> Family:
        """How this distribution is known to PyMC and SciPy."""
        return FAMILIES[self.dist]

    @property
    def relative(self) -> bool:
        """True where the distribution is stated relative to a column of the table."""
        return self.dist in RELATIVE

    def against(self, smallest: float, largest: float) -> Prior:
        """Return a relative distribution stated against the ends of its column, in its unit.

        Examples
        --------
        >>> share = {"q05": 0.4, "q95": 0.9}
        >>> floor = bs.Prior("FractionOfMin", share, unit="1", why="a floor", of="target")
        >>> floor.against(2.0, 4.0).quantile(0.95).round(2).item()
        1.8
        """
        ends = (smallest, largest if self.dist == "OfRange" else smallest)
        return replace(self, scale=ends)

    @property
    def support(self) -> tuple[float, float]:
        """Open interval that holds every value."""
        low, high = self.family.support
        low = low if self.lower is None else max(low, self.lower)
        return low, high if self.upper is None else min(high, self.upper)

    @cached_property
    def hyper(self) -> dict[str, float]:
        """The numbers in PyMC's arguments, in the unit of the table."""
        factor = {"q05": self.scale[0], "q95": self.scale[1]}
        return self.family.resolve({k: v * factor.get(k, 1.0) for k, v in self.given.items()})

    @cached_property
    def _frozen(self) -> Any:
        return self.family.scipy(self.hyper)

    @cached_property
    def _cut(self) -> tuple[float, float]:
        low, high = self.support
        return float(self._frozen.cdf(low)), float(self._frozen.cdf(high))

    def quantile(self, p: Any) -> NDArray[np.float64]:
        """Quantiles of the distribution, cut-offs included; shape of `p`."""
        low, high = self._cut
        return np.asarray(self._frozen.ppf(low + np.asarray(p) * (high - low)), dtype=float)

    def log_density(self, value: Any) -> NDArray[np.float64]:
        """Log density at `value` in the prior's unit, cut-offs included; -inf outside the support.

        Examples
        --------
        >>> half = bs.Prior("HalfNormal", {"q95": 1.0}, unit="1", why="a scale")
        >>> half.log_density(-1.0).item()
        -inf
        """
        value = np.asarray(value, dtype=float)
        low, high = self.support
        inside = (value > low) & (value < high)
        mass = math.log(self._cut[1] - self._cut[0])
        with np.errstate(divide="ignore"):
            return np.where(inside, self._frozen.logpdf(value) - mass, -np.inf)

    def density(self, value: Any) -> NDArray[np.float64]:
        """Density at `value` in the prior's unit, elementwise, cut-offs included.

        Examples
        --------
        >>> half = bs.Prior("HalfNormal", {"q95": 1.0}, unit="1", why="a scale")
        >>> half.density([0.0, 1.0]).shape
        (2,)
        """
        return np.exp(self.log_density(value))

    def sample(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        """Independent draws, shape (size,)."""
        return self.quantile(rng.uniform(size=size))

    def log_density_graph(self, pm: Any, value: Any, hyper: Mapping[str, Any]) -> Any:
        """PyTensor log density at `value` in the prior's unit, but for the constant of a cut-off.

        Examples
        --------
        >>> import pymc as pm
        >>> half = bs.Prior("HalfNormal", {"q95": 1.0}, unit="1", why="a scale")
        >>> half.log_density_graph(pm, 0.5, half.hyper).eval().shape
        ()
        """
        return pm.logp(getattr(pm, self.family.pymc).dist(**hyper), value)
