"""Prior predictive: the losses that a model expects before it has seen a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_scaling.names import (
    ACCURACY,
    ERROR,
    FLOPS,
    LOSS,
    NORMALIZED_LOSS,
    PARAMS,
    TARGET,
    TOKENS,
    UNIQUE_TOKENS,
)
from bayes_scaling.quantities import is_weight, quantity, reference_of, unit_of
from bayes_scaling.specs.spec import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVELS = (0.05, 0.5, 0.95)
DECADES = 4.0
"""Decades of the main resource, the reference run in their middle."""
POINTS = 61
DRAWS = 4000
SMALLEST_LOSS = 2.0
"""Nats per token: the smallest observed loss against which unit-free floors are stated."""
SMALLEST_SHARE = 0.1
"""The same for errors."""
POSSIBLE = {
    LOSS: (0.3, 10.0),
    ACCURACY: (0.0, 1.0),
    ERROR: (0.0, 1.0),
    NORMALIZED_LOSS: (-10.0, 0.0),
}
"""What may be reached at the reference run. Loss [nats/token]: more than the best models of code
reach, less than a uniform guess over 22,000 tokens."""


@dataclass(frozen=True)
class PriorPredictive:
    """Quantiles of one new run's loss [nats/token], or other target, over one resource.

    `amounts` (point,) of `column`; `quantiles` has a row per point and a float-named column per
    level; `possible` is the share of values at the reference run inside `limits`, `reference`
    their quantiles.
    """

    model: str
    column: str
    amounts: Floats
    quantiles: pd.DataFrame
    possible: float
    reference: tuple[float, ...]
    caption: str
    limits: tuple[float, float]
    target: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point: the amount, then the loss at each level."""
        frame = self.quantiles.rename(
            columns={q: f"{self.target}_q{100 * q:02.0f}" for q in LEVELS}
        )
        frame.insert(0, self.column, self.amounts)
        return frame


def prior_predictive(spec: ModelSpec, *, seed: int = 0) -> PriorPredictive:
    """Return what a model expects of new runs before any data; 4,000 draws of its priors.

    A law of several resources is read along the reference run's own ratio, every token seen once,
    compute 6ND; a law of one resource along that one (tokens, unless the model says). Priors
    relative to a table are stated against a smallest loss of 2 nats and the ends of the axis.
    """
    spec = spec if spec.inputs else spec.at_resource(TOKENS)
    column, factor = _axis(spec)
    at = {name: _along(name, spec, column, factor) for name in spec.inputs}
    smallest = SMALLEST_LOSS if spec.target == LOSS else SMALLEST_SHARE
    ends = {name: (float(v.min()), float(v.max())) for name, v in at.items()}
    stated = spec.against({TARGET: (smallest, 2 * smallest), **ends})
    rng = np.random.default_rng(seed)
    draws = {name: prior.sample(rng, DRAWS)[:, None] for name, prior in stated.all_priors.items()}
    mean = np.asarray(stated.curve(np, tuple(at.values()), draws))
    mean = np.broadcast_to(mean, (DRAWS, POINTS))
    low, high = POSSIBLE[spec.target]
    loss = stated.noise.sample(rng, mean, draws)
    expected = loss[:, POINTS // 2]
    if quantity(spec.target).closed:  # measured shares end where shares end
        loss, expected = np.clip(loss, low, high), mean[:, POINTS // 2]
    quantiles = np.quantile(loss, LEVELS, axis=0).T
    middle = loss[:, POINTS // 2]
    return PriorPredictive(
        model=spec.name,
        column=column,
        amounts=reference_of(column) * factor,
        quantiles=pd.DataFrame(quantiles, columns=list(LEVELS)),
        possible=float(np.mean((expected >= low) & (expected <= high))),
        reference=tuple(float(q) for q in np.quantile(middle, LEVELS)),
        caption=_caption(spec, column),
        limits=(low, high),
        target=spec.target,
    )


def _axis(spec: ModelSpec) -> tuple[str, Floats]:
    """The main resource, and multiples of its reference: four decades, or as far as it goes."""
    column = spec.axis
    each = quantity(column)
    low, high = (end / each.reference for end in each.trial)
    ends = max(10 ** (-DECADES / 2), low), min(10 ** (DECADES / 2), high)
    return column, np.geomspace(*ends, POINTS) if low > 0 else np.linspace(*ends, POINTS)


def _along(name: str, spec: ModelSpec, column: str, factor: Floats) -> Floats:
    """One input along the ray: compute as it is, sizes by its root, anything else held."""
    power = 0.0
    if name == column:
        power = 1.0
    elif column == FLOPS and name in (PARAMS, TOKENS, UNIQUE_TOKENS):
        power = 0.5
    weights = sum(map(is_weight, spec.inputs))
    held = 1 / weights if is_weight(name) else reference_of(name)
    return np.asarray(held * factor**power)


def _caption(spec: ModelSpec, column: str) -> str:
    words = [f"{spec.target} of a new run before any data, against {unit_of(column)}"]
    if {PARAMS, TOKENS} <= set(spec.inputs):
        words.append(f"at {reference_of(TOKENS) / reference_of(PARAMS):g} tokens per parameter")
    if UNIQUE_TOKENS in spec.inputs:
        words.append("every token seen once")
    plain = {PARAMS, TOKENS, UNIQUE_TOKENS, column}
    if other := [n for n in spec.inputs if n not in plain and not is_weight(n)]:
        words.append(", ".join(f"{n.replace('_', ' ')} {reference_of(n):g}" for n in other))
    relative = [k for k, p in spec.priors.items() if p.relative]
    if any(spec.priors[k].of == TARGET for k in relative):
        smallest = f"{SMALLEST_LOSS:g} nats" if spec.target == LOSS else f"{SMALLEST_SHARE:g}"
        words.append(f"floor stated against a smallest {spec.target} of {smallest}")
    if ranged := [k for k in relative if spec.priors[k].of != TARGET]:
        words.append(f"{', '.join(ranged)} against the ends of the axis")
    return ", ".join(words)


def record_of(found: PriorPredictive) -> dict[str, Any]:
    """Return the numbers as plain values that JSON can hold."""
    return {
        "column": found.column,
        "smallest_loss": SMALLEST_LOSS if found.target == LOSS else SMALLEST_SHARE,
        "possible_losses": list(found.limits),
        "possible_share": found.possible,
        "at_reference": dict(
            zip((f"q{100 * q:02.0f}" for q in LEVELS), found.reference, strict=True)
        ),
        "points": found.to_frame().to_dict("records"),
        "caption": found.caption,
    }
