"""Prior predictive: the losses that a model expects before it has seen a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_scaling.names import FLOPS, LOSS, PARAMS, REFERENCE, TOKENS, UNIQUE_TOKENS, UNIT
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
POSSIBLE = (0.3, 10.0)
"""Nats per token that a language model may reach at the reference run: more than the best models
of code reach, less than a uniform guess over 22,000 tokens."""


@dataclass(frozen=True)
class PriorPredictive:
    """Quantiles of the loss [nats/token] of one new run, over four decades of one resource.

    `amounts` (point,) of `column`; `quantiles` has a row per point and a float-named column per
    level; `possible` is the share of losses at the reference run inside `POSSIBLE`, `reference`
    their quantiles.
    """

    model: str
    column: str
    amounts: Floats
    quantiles: pd.DataFrame
    possible: float
    reference: tuple[float, ...]
    caption: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point: the amount, then the loss at each level."""
        frame = self.quantiles.rename(columns={q: f"{LOSS}_q{100 * q:02.0f}" for q in LEVELS})
        frame.insert(0, self.column, self.amounts)
        return frame


def prior_predictive(spec: ModelSpec, *, seed: int = 0) -> PriorPredictive:
    """Return what a model expects of new runs before any data; 4,000 draws of its priors.

    A law of several resources is read along the reference run's own ratio, every token seen once,
    compute 6ND; a law of one resource along that one (tokens, unless the model says). Priors
    relative to a table are stated against a smallest loss of 2 nats and the ends of the axis.
    """
    spec = spec if spec.inputs else spec.at_resource(TOKENS)
    column = spec.inputs[0] if len(spec.inputs) == 1 else FLOPS
    factor = 10 ** np.linspace(-DECADES / 2, DECADES / 2, POINTS)
    at = {name: _along(name, spec, factor) for name in spec.inputs}
    ends = {name: (float(v.min()), float(v.max())) for name, v in at.items()}
    stated = spec.against({LOSS: (SMALLEST_LOSS, 2 * SMALLEST_LOSS), **ends})
    rng = np.random.default_rng(seed)
    draws = {name: prior.sample(rng, DRAWS)[:, None] for name, prior in stated.all_priors.items()}
    mean = np.asarray(stated.curve(np, tuple(at.values()), draws))
    mean = np.broadcast_to(mean, (DRAWS, POINTS))
    loss = stated.noise.sample(rng, mean, draws)
    quantiles = np.quantile(loss, LEVELS, axis=0).T
    middle = loss[:, POINTS // 2]
    low, high = POSSIBLE
    return PriorPredictive(
        model=spec.name,
        column=column,
        amounts=REFERENCE[column] * factor,
        quantiles=pd.DataFrame(quantiles, columns=list(LEVELS)),
        possible=float(np.mean((middle > low) & (middle < high))),
        reference=tuple(float(q) for q in np.quantile(middle, LEVELS)),
        caption=_caption(spec, column),
    )


def _along(name: str, spec: ModelSpec, factor: Floats) -> Floats:
    """One input along the ray: compute as it is, sizes by its root, anything else held."""
    power = 0.0
    if name == FLOPS or len(spec.inputs) == 1:
        power = 1.0
    elif name in (PARAMS, TOKENS, UNIQUE_TOKENS):
        power = 0.5
    return np.asarray(REFERENCE.get(name, 1.0) * factor**power)


def _caption(spec: ModelSpec, column: str) -> str:
    words = [f"loss of a new run before any data, against {UNIT[column]}"]
    if len(spec.inputs) > 1:
        words.append(f"at {REFERENCE[TOKENS] / REFERENCE[PARAMS]:g} tokens per parameter")
    if UNIQUE_TOKENS in spec.inputs:
        words.append("every token seen once")
    relative = [k for k, p in spec.priors.items() if p.relative]
    if any(spec.priors[k].of == LOSS for k in relative):
        words.append(f"floor stated against a smallest loss of {SMALLEST_LOSS:g} nats")
    if ranged := [k for k in relative if spec.priors[k].of != LOSS]:
        words.append(f"{', '.join(ranged)} against the ends of the axis")
    return ", ".join(words)


def record_of(found: PriorPredictive) -> dict[str, Any]:
    """Return the numbers as plain values that JSON can hold."""
    return {
        "column": found.column,
        "smallest_loss": SMALLEST_LOSS,
        "possible_losses": list(POSSIBLE),
        "possible_share": found.possible,
        "at_reference": dict(
            zip((f"q{100 * q:02.0f}" for q in LEVELS), found.reference, strict=True)
        ),
        "points": found.to_frame().to_dict("records"),
        "caption": found.caption,
    }
