"""Serving: what a model costs after its training, and the lifetime compute of both.

    X = C(N, D) + w * flops_per_token * N * T

for T tokens generated and read over the model's life, 2N FLOP each (Sardana et al. 2024,
arXiv:2401.00448). w is what a served FLOP costs as a multiple of a trained one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_scaling.decisions.uncertain import Quantity, drawn, middle, words
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bayes_scaling.decisions.cost import Price

FLOP_PER_PARAM_SERVED = 2.0
"""Forward pass alone (Kaplan et al. 2020, arXiv:2001.08361, section 2.1)."""


@dataclass(frozen=True)
class Serving:
    """Demand for a model: `tokens` generated or read over its life, a number or a prior.

    `requests` multiplies them, for tokens stated for each. `weight` is what a served FLOP costs
    as a multiple of a trained one (see `serving_weight`). Raises UsageError for values that are
    not finite and above 0.

    Examples
    --------
    >>> demand = bs.Serving(tokens=2e12)
    >>> demand.middle, demand.describe()
    (4000000000000.0, '2e+12 tokens served')
    >>> sales = bs.Prior("LogNormal", {"q05": 1e12, "q95": 1e13}, unit="tokens", why="sales")
    >>> bs.Serving(tokens=sales).flop_per_param((4, 250)).shape
    (4, 250, 1)
    """

    tokens: Quantity
    requests: Quantity = 1.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Gather every impossible value into one error."""
        faults = [
            f"{name} = {value}: must be finite and above 0"
            for name in ("tokens", "requests", "weight")
            if not isinstance(value := getattr(self, name), Prior) and not 0 < value < math.inf
        ]
        faults += [
            f"{name} from {value.support[0]:g}: must be above 0"
            for name in ("tokens", "requests")
            if isinstance(value := getattr(self, name), Prior) and value.support[0] < 0
        ]
        if faults:
            raise UsageError("serving: " + "; ".join(faults))

    def flop_per_param(self, shape: tuple[int, ...], *, seed: int = 0) -> NDArray[np.float64] | Any:
        """FLOP served per parameter, (*shape, 1) where uncertain; the same for the same seed."""
        rng = rng_of(seed, "serving")
        demand = drawn(self.tokens, rng, shape) * drawn(self.requests, rng, shape)
        return self.weight * FLOP_PER_PARAM_SERVED * demand

    @property
    def middle(self) -> float:
        """FLOP served per parameter at the medians."""
        return self.weight * FLOP_PER_PARAM_SERVED * middle(self.tokens) * middle(self.requests)

    def describe(self) -> str:
        """Say the demand in a few words."""
        tokens, requests = words(self.tokens, ".3g"), words(self.requests, ".3g")
        demand = f"{tokens} tokens served" + (f" in {requests} requests" if requests != "1" else "")
        return demand + (f", {self.weight:.3g} times the price" if self.weight != 1 else "")


def serving_weight(training: Price, serving: Price) -> float:
    """What a served FLOP costs in USD as a multiple of a trained one, from two prices.

    Examples
    --------
    >>> train, serve = bs.Cost(mfu=0.4), bs.Cost(mfu=0.2)
    >>> bs.serving_weight(train.middle, serve.middle)
    2.0
    """
    return float(serving.usd(1.0) / training.usd(1.0))
