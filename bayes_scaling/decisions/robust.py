"""The one plan to fund at each budget: of least expected loss, or of least loss where it is bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_scaling.decisions.optimum import best_on_line
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, PARAMS, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.runs.compute import train_flop

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.evaluation.averaging import Average

    Floats = NDArray[np.float64]
    Objective = Callable[[Floats, Floats], Floats]

TOLERANCE = 0.005
"""Expected loss above the robust plan's, in nats, up to which a size counts as near-optimal."""
NEAR_GRID = 400
WORST = "loss_worst"
"""Column: mean loss of the worst share of draws."""


def mean_of_worst(losses: Floats, level: float) -> Floats:
    """Mean of the worst share 1 - level of draws (chain, draw, ...): conditional value at risk.

    Rockafellar and Uryasev 2000, J. Risk 2, 21. Level 0 is the mean. Raises UsageError for a level
    outside [0, 1).
    """
    if not 0 <= level < 1:
        raise UsageError(f"cvar = {level}: a level lies in [0, 1); 0.9 looks at the worst tenth")
    flat = losses.reshape(-1, *losses.shape[2:])
    count = max(1, round((1 - level) * len(flat)))
    return np.asarray(np.partition(flat, len(flat) - count, axis=0)[-count:].mean(axis=0))


def objective_of(mixed: Average, setting: Setting, cvar: float | None) -> Objective:
    """Return expected loss of (N, D) (plan,) over all draws, or its mean over the worst of them."""
    curves = {name: setting.curve(fit) for name, fit in mixed.fits.items()}

    def expected(params: Floats, tokens: Floats) -> Floats:
        each = {name: curve(params, tokens).mean(axis=(0, 1)) for name, curve in curves.items()}
        return np.asarray(sum(mixed.weights[name] * loss for name, loss in each.items()))

    def worst(params: Floats, tokens: Floats) -> Floats:
        assert cvar is not None
        losses = mixed.pick({name: curve(params, tokens) for name, curve in curves.items()})
        return mean_of_worst(losses, cvar)

    return expected if cvar is None else worst


def robust_plans(
    mixed: Average, flops: Floats, setting: Setting, *, cvar: float | None = None
) -> pd.DataFrame:
    """Return the best plan at each budget, one row each.

    Columns: flops, params, tokens, tokens_per_param, loss (expected), with `cvar` loss_worst (mean
    of the worst draws, which is least), train_flops (6ND), limited_by, at_edge.
    """
    objective, line = objective_of(mixed, setting, cvar), setting.line
    params, tokens, at_end = best_on_line(objective, flops, line, ())
    params, tokens = line.limits.clipped(params, tokens)
    mean = objective if cvar is None else objective_of(mixed, setting, None)
    worst = {} if cvar is None else {WORST: objective(params, tokens)}
    ends = line.ends(flops)
    low, high = np.exp(ends.low), np.exp(ends.high)
    words = np.where(np.isclose(params, low), ends.low_by, "")
    words = np.where(np.isclose(params, high), ends.high_by, words)
    return pd.DataFrame(
        {
            FLOPS: flops,
            PARAMS: params,
            TOKENS: tokens,
            TOKENS_PER_PARAM: tokens / params,
            "loss": mean(params, tokens),
            **worst,
            "train_flops": train_flop(params, tokens),
            "limited_by": words,
            "at_edge": at_end & (words == "") & (not line.limits.sizes),
        }
    )


def near_optimal(
    mixed: Average, plans: pd.DataFrame, setting: Setting, *, cvar: float | None = None
) -> pd.DataFrame:
    """Return params_low and params_high of each plan: sizes within 0.005 nats of its loss."""
    objective = objective_of(mixed, setting, cvar)
    ends = setting.line.ends(plans[FLOPS].to_numpy())
    least = plans[WORST] if WORST in plans else plans["loss"]
    rows = zip(plans[FLOPS], plans[PARAMS], least, strict=True)
    found = [
        [_near(objective, setting, *row, float(np.exp(end[i]))) for end in (ends.low, ends.high)]
        for i, row in enumerate(rows)
    ]
    return pd.DataFrame(found, columns=["params_low", "params_high"])


def _near(
    objective: Objective, setting: Setting, flops: float, best: float, loss: float, end: float
) -> float:
    """The farthest size towards an end of the line within TOLERANCE of the best plan's loss."""
    sizes = np.geomspace(best, end, NEAR_GRID)
    tokens = np.asarray(setting.line.tokens(flops, sizes))
    excess = objective(sizes, tokens) - loss - TOLERANCE
    over = np.flatnonzero(excess > 0)
    if not over.size or over[0] == 0:
        return end if not over.size else best
    i = over[0]
    part = -excess[i - 1] / (excess[i] - excess[i - 1])
    return float(sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** part)
