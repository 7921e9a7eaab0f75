"""BudgetLine: the sizes that a budget can pay for, and the tokens it buys at each.

    X = per_token(N) D^q + served * N   for a budget X of training, or of training and serving.

Limits cut the line to an interval of sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes_scaling.decisions.convention import SIX_ND, Convention
from bayes_scaling.decisions.limits import Limit, Limits
from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RATIO_RANGE = (1e-4, 1e5)
"""Tokens per parameter searched: far beyond anything trained, on both sides."""
SIZES = (1e-30, 1e40)
"""Parameters between which ends of a line are sought."""
HALVINGS = 80
TOUCH = 1e-9
"""Log by which a limit may be passed: rounding of what lies on it."""
NO_LIMITS = Limits()


class Ends(NamedTuple):
    """Ends of a line in log N, and the limits that set them in words; empty where none does."""

    low: Floats
    high: Floats
    low_by: str
    high_by: str


@dataclass(frozen=True)
class BudgetLine:
    """Training by a convention, and FLOP served per parameter: a number or draws (*shape, 1)."""

    convention: Convention = SIX_ND
    served: Any = 0.0
    limits: Limits = NO_LIMITS

    @property
    def is_power(self) -> bool:
        """Whether the line is kappa N^p D^q = X without limits, on which closed forms hold."""
        own = self.convention.power is not None
        return own and self.unlimited and not np.any(np.asarray(self.served) != 0)

    @property
    def is_usual(self) -> bool:
        """Whether the line is C = 6ND without limits."""
        return self.convention is SIX_ND and self.is_power

    @property
    def unlimited(self) -> bool:
        """Whether no limit cuts the line."""
        return not self.limits.sizes and next(self.limits.each(), None) is None

    def total(self, params: Any, tokens: Any) -> Any:
        """Training and serving compute [FLOP], elementwise."""
        return self.convention.flops(params, tokens) + self.served * params

    def tokens(self, total: Any, params: Any) -> Any:
        """Tokens that are left for training, elementwise; as good as none where nothing is left."""
        if np.ndim(self.served) == 0 and self.served == 0:
            return self.convention.tokens(total, params)
        left = np.maximum(total - self.served * params, 1e-12 * total)
        return self.convention.tokens(left, params)

    def ends(self, total: Floats) -> Ends:
        """Ends of the line in log N for each budget; UsageError where no size is left.

        Without limits: where tokens per parameter leave 1e-4 to 1e5. Where demand varies from draw
        to draw, one that leaves no size gets the size that comes closest to the limits.
        """

        def excess(limit: Limit) -> Callable[[Floats], Floats]:
            def at(log_size: Floats) -> Floats:
                N = np.exp(log_size)
                return np.asarray(limit.excess(N, self.tokens(total, N)))

            return at

        def ratio(bound: float) -> Callable[[Floats], Floats]:
            def at(log_size: Floats) -> Floats:
                N = np.exp(log_size)
                return np.asarray(np.log(self.tokens(total, N) / N / bound))

            return at

        shape = np.broadcast_shapes(np.shape(total), np.shape(self.served))
        wide = [np.full(shape, np.log(size)) for size in SIZES]
        low = _crossing(ratio(RATIO_RANGE[1]), *wide)
        high = _crossing(ratio(RATIO_RANGE[0]), *wide)
        low_by = high_by = ""
        for limit in self.limits.each():
            at = excess(limit)
            at_low, at_high = at(low) <= TOUCH, at(high) <= TOUCH
            broken = ~at_low & ~at_high & (low < high)
            if broken.any() and not np.ndim(self.served):
                raise _refusal(total, broken, [limit.words, low_by, high_by])
            if broken.any():  # a demand so high in this draw: the size that comes closest
                nearest = np.where(at(low) < at(high), low, high)
                low, high = np.where(broken, nearest, low), np.where(broken, nearest, high)
            cut = _crossing(at, low, high)
            if not at_high.all():
                high_by, high = limit.words, np.where(at_high, high, cut)
            if not at_low.all():
                low_by, low = limit.words, np.where(at_low, low, cut)
        return Ends(low, high, low_by, high_by)

    def payable(self, total: Floats) -> NDArray[np.bool_]:
        """Return which budgets [FLOP] leave a size that keeps the limits, (budget,)."""
        found = np.zeros(len(total), dtype=bool)
        for i in range(len(total)):
            with suppress(UsageError):
                self.ends(total[i : i + 1])
                found[i] = True
        return found

    def spendable(self, total: Floats) -> Floats:
        """Return what of each budget can be spent where sizes and tokens are both limited."""
        size, words = self.limits.largest
        most = self.limits.max_tokens
        if not words or most is None:
            return np.asarray(total)
        return np.asarray(np.minimum(total, self.total(size, most)))


def _crossing(at: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Where a rising or falling function passes zero between two ends, by bisection."""
    rises = at(high) > at(low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        go_down = (at(middle) > 0) == rises
        low, high = np.where(go_down, low, middle), np.where(go_down, middle, high)
    return np.asarray((low + high) / 2)


def _refusal(total: Floats, broken: Any, words: list[str]) -> UsageError:
    budget = float(np.broadcast_to(total, np.shape(broken))[broken].min())
    said = " and ".join(f"'{each}'" for each in dict.fromkeys(words) if each)
    return UsageError(
        f"no plan of {budget:.3g} FLOP keeps the limits {said}: loosen one of them or change the "
        "budget"
    )
