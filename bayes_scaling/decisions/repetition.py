"""Repetition: what tokens are worth that a model sees again.

    D' = U + U R (1 - exp(-(D/U - 1) / R)),   D' = D up to U,

the effective tokens of D tokens drawn from U unique ones, where R epochs of repetition carry value
(Muennighoff et al. 2023, arXiv:2305.16264, eq. 5). For laws of fresh tokens; a law that reads
`unique_tokens` says it itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.uncertain import Quantity, drawn, quantile
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORTH = Prior(
    "LogNormal",
    {"q05": 6.6, "q95": 34.0},
    unit="epochs",
    why="Published value 15.4; the same rows allow 7 to beyond 95 (arXiv:2305.16264).",
)


@dataclass(frozen=True)
class Repetition:
    """Data that may be seen again: `unique_tokens` [tokens] and what their repetition is worth.

    `worth` [epochs] is the repetition that carries value, a number or a prior.

    Raises UsageError for values that are not finite and above 0.

    Examples
    --------
    >>> data = bs.Repetition(unique_tokens=1e11, worth=15.4)
    >>> data.describe()
    '1e+11 unique tokens, of which 15.4 repetitions carry value'
    >>> float(data.effective(4e11, data.drawn((4, 250))).round(-9))
    373000000000.0
    """

    unique_tokens: float
    worth: Quantity = WORTH

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        given = {"unique_tokens": self.unique_tokens}
        given |= {} if isinstance(self.worth, Prior) else {"worth": self.worth}
        bad = [f"{k} = {v}" for k, v in given.items() if not 0 < v < math.inf]
        if isinstance(self.worth, Prior) and self.worth.support[0] < 0:
            bad.append("worth below 0")
        if bad:
            raise UsageError(f"repetition: {', '.join(bad)}: must be finite and above 0")

    def drawn(self, shape: tuple[int, ...], *, seed: int = 0) -> Any:
        """Worth from draw to draw, (*shape, 1), or the one number; the same for the same seed."""
        return drawn(self.worth, rng_of(seed, "repetition"), shape)

    def effective(self, tokens: Any, worth: Any) -> NDArray[np.float64]:
        """Effective tokens of all tokens seen, at a `worth` in epochs, elementwise."""
        again = np.maximum(tokens / self.unique_tokens - 1, 0.0)
        fresh = np.minimum(tokens, self.unique_tokens)
        return np.asarray(fresh + self.unique_tokens * worth * -np.expm1(-again / worth))

    def describe(self) -> str:
        """Say the assumption in one line."""
        ends = (0.05, 0.95) if isinstance(self.worth, Prior) else (0.5,)
        values = [quantile(self.worth, level) for level in ends]
        worth = " to ".join(f"{value:.3g}" for value in values)
        return f"{self.unique_tokens:.3g} unique tokens, of which {worth} repetitions carry value"
