"""Limits: what a plan must respect besides its budget.

Each limit is a quantity of (N, D) that must stay at or below a bound. Along the line of a budget
every one of them rises or falls with N all the way, so that it cuts the line once; what is left of
the line is an interval of sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bayes_scaling.errors import UsageError


class Limit(NamedTuple):
    """A bound in words, and log of the bounded quantity minus log of the bound: must be <= 0."""

    words: str
    excess: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Latency:
    """Time to generate one token: T = seconds_at_1b * (N / 1e9)^power, at most `at_most` seconds.

    Of a memory-bound decoder all weights are read for each token: power 1 and seconds_at_1b = bytes
    per parameter * 1e9 / memory bandwidth.

    Examples
    --------
    >>> round(bs.Latency(at_most=0.05, seconds_at_1b=0.001).max_params / 1e9, 6)
    50.0
    """

    at_most: float
    seconds_at_1b: float
    power: float = 1.0

    @property
    def max_params(self) -> float:
        """Largest size that answers in time."""
        return float(1e9 * (self.at_most / self.seconds_at_1b) ** (1 / self.power))


@dataclass(frozen=True)
class Linear:
    """params_power * log N + tokens_power * log D <= log bound: N^a D^b <= bound.

    N in parameters, D in tokens; with both powers 1 a `bound` on N D, a sixth of 6ND.

    Examples
    --------
    >>> shape = bs.Linear(bound=1e22, params_power=1.0, tokens_power=1.0)
    >>> bs.allocate(fit, [1e22], limits=bs.Limits(linear=(shape,))).robust.shape[0]
    1
    """

    bound: float
    params_power: float = 0.0
    tokens_power: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What a plan must respect; None is no limit.

    Sizes [parameters] `min_params` to `max_params`, or only those of `sizes`; `max_tokens`; tokens
    per parameter from `min_tokens_per_param` to `max_tokens_per_param`; `latency`; `linear` ones in
    the logs. Raises UsageError for values that cannot be and limits that exclude each other, all at
    once.

    Examples
    --------
    >>> limits = bs.Limits(max_params=7e10, max_tokens_per_param=40)
    >>> limits.largest
    (70000000000.0, 'at most 7e+10 params')
    >>> [each.words for each in limits.each()]
    ['at most 7e+10 params', 'at most 40 tokens per parameter']
    """

    min_params: float | None = None
    max_params: float | None = None
    max_tokens: float | None = None
    min_tokens_per_param: float | None = None
    max_tokens_per_param: float | None = None
    sizes: tuple[float, ...] = ()
    latency: Latency | None = None
    linear: tuple[Linear, ...] = ()

    def __post_init__(self) -> None:
        """Gather every fault into one error."""
        faults = [
            f"{name} = {value:g}: must be finite and above 0"
            for name, value in self._numbers()
            if not 0 < value < math.inf
        ]
        for low, high in (PARAMS_ENDS, RATIO_ENDS):
            ends = getattr(self, low), getattr(self, high)
            if None not in ends and not faults and ends[0] > ends[1]:
                faults.append(f"{low} = {ends[0]:g} above {high} = {ends[1]:g}: nothing is left")
        faults += [
            "a linear limit needs a power of params or of tokens"
            for each in self.linear
            if each.params_power == 0 == each.tokens_power
        ]
        if faults:
            raise UsageError("limits: " + "; ".join(faults))

    def _numbers(self) -> Iterator[tuple[str, float]]:
        for name in (*PARAMS_ENDS, "max_tokens", *RATIO_ENDS):
            if (value := getattr(self, name)) is not None:
                yield name, value
        yield from (("sizes", size) for size in self.sizes)
        if self.latency is not None:
            for name in ("at_most", "seconds_at_1b", "power"):
                yield f"latency {name}", getattr(self.latency, name)
        yield from (("linear bound", each.bound) for each in self.linear)

    @property
    def largest(self) -> tuple[float, str]:
        """Largest size allowed [params] and the limit that sets it; infinite without one."""
        found = [(math.inf, "")]
        if self.max_params is not None:
            found.append((self.max_params, f"at most {self.max_params:.3g} params"))
        if self.latency is not None:
            words = f"latency of {self.latency.at_most:g} s"
            found.append((self.latency.max_params, words))
        return min(found)

    def clipped(self, params: Any, tokens: Any) -> tuple[Any, Any]:
        """Return sizes [parameters] and tokens that a search left on a limit, without its rounding.

        Examples
        --------
        >>> bs.Limits(max_params=7e9).clipped(7.0000001e9, 1e11)[0].item()
        7000000000.0
        """
        most = math.inf if self.max_tokens is None else self.max_tokens
        return np.clip(params, self.min_params or 0.0, self.largest[0]), np.minimum(tokens, most)

    def each(self) -> Iterator[Limit]:
        """All limits but `sizes`, each as a quantity that must not be above 0."""
        size, words = self.largest
        if words:
            yield Limit(words, lambda N, D: np.log(N / size))
        if (least := self.min_params) is not None:
            yield Limit(f"at least {least:.3g} params", lambda N, D: np.log(least / N))
        if (most := self.max_tokens) is not None:
            yield Limit(f"at most {most:.3g} tokens", lambda N, D: np.log(D / most))
        if (low := self.min_tokens_per_param) is not None:
            words = f"at least {low:.3g} tokens per parameter"
            yield Limit(words, lambda N, D: np.log(low * N / D))
        if (high := self.max_tokens_per_param) is not None:
            words = f"at most {high:.3g} tokens per parameter"
            yield Limit(words, lambda N, D: np.log(D / (high * N)))
        for a, b, bound in ((x.params_power, x.tokens_power, x.bound) for x in self.linear):

            def excess(N: Any, D: Any, a: float = a, b: float = b, bound: float = bound) -> Any:
                return a * np.log(N) + b * np.log(D) - math.log(bound)

            yield Limit(f"params^{a:g} tokens^{b:g} at most {bound:.3g}", excess)


PARAMS_ENDS = ("min_params", "max_params")
RATIO_ENDS = ("min_tokens_per_param", "max_tokens_per_param")
