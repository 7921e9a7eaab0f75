"""compute_multiplier: how many times the compute one group needs to do as well as another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_scaling.decisions.horizon import axis_of, positive_values
from bayes_scaling.decisions.optimum import per_draw_optimum, require_split
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from bayes_scaling.names import BUDGET, CHAIN, DRAW, PARAMS, TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MULTIPLIER = "compute_multiplier"
OUT_OF_REACH = "out_of_reach"
"""Attribute of multipliers: share of draws in which no compute is enough, one per budget."""
LOG_FACTOR_RANGE = (-35.0, 70.0)
"""Log factors searched, some 1e-15 to 1e30; what lies above is out of reach."""
HALVINGS = 60


def compute_multiplier(fit: Fit, group: str, than: str, *, flops: Sequence[float]) -> xr.DataArray:
    """Factor of compute that group `than` needs to reach the loss of `group` at each budget.

    `flops`: budgets [FLOP] of `group`; for a law of one resource, amounts of it. Joint laws are
    read at the best split of each group and draw. Both sides are expected losses: the factor is
    that of the recipes, without the luck of a run. Returns draws (chain, draw, budget), above 1
    where `group` is the better one, +inf where the floor of `than` lies above the loss; the
    attribute `out_of_reach` holds the share of those draws, one per budget.

    Raises UsageError for a fit without groups, unknown groups, and laws whose loss may rise,
    CheckError where the table cannot tell a split.

    Examples
    --------
    >>> bs.compute_multiplier(families, "a", "b", flops=[1e20, 1e21]).dims
    ('chain', 'draw', 'budget')
    """
    if not isinstance(fit, Fit) or fit.model.groups is None:
        raise UsageError(
            "a compute multiplier is that between two groups of one fit: fit a model that varies "
            "by group, such as chinchilla-by-family"
        )
    if group == than:
        raise UsageError(f"a multiplier is between two groups; {group!r} is given twice")
    if fit.model.law.may_rise:
        raise UsageError(f"law {fit.model.law.name!r} may rise: one loss has several budgets")
    amounts = positive_values(flops, axis_of(fit))
    ours, theirs = fit.at_group(group), fit.at_group(than)
    if len(fit.model.inputs) > 1:
        require_split(ours, amounts)
    target = _least_loss(ours, amounts)
    low, high = (np.full(target.shape, end) for end in LOG_FACTOR_RANGE)
    out_of_reach = _least_loss(theirs, amounts * np.exp(high)) > target
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        too_little = _least_loss(theirs, amounts * np.exp(middle)) > target
        low, high = np.where(too_little, middle, low), np.where(too_little, high, middle)
    factor = np.where(out_of_reach, np.inf, np.exp((low + high) / 2))
    return xr.DataArray(
        factor,
        dims=(CHAIN, DRAW, BUDGET),
        coords={CHAIN: fit.posterior[CHAIN], DRAW: fit.posterior[DRAW], BUDGET: amounts},
        name=MULTIPLIER,
        attrs={OUT_OF_REACH: out_of_reach.mean(axis=(0, 1)).tolist()},
    )


def _least_loss(fit: Fit, amounts: Floats) -> Floats:
    """Expected loss [nats/token] at the best split of each budget, (chain, draw, budget)."""
    if len(fit.model.inputs) == 1:
        return law_at(fit, {fit.model.inputs[0]: amounts})
    params, tokens, _ = per_draw_optimum(fit, amounts)
    return law_at(fit, {PARAMS: params, TOKENS: tokens})
