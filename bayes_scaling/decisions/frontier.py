"""frontier: the data for a model, or the model for the data, where both are at their best.

On the line of best splits each size has its tokens: the data set is known, and the model is sought
that is worth training on it, or the other way round. Compute follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.budget_line import NO_LIMITS
from bayes_scaling.decisions.forecast import LEVELS
from bayes_scaling.decisions.horizon import positive_values
from bayes_scaling.decisions.quantiles import quantiles_of
from bayes_scaling.decisions.robust import robust_plans
from bayes_scaling.decisions.roots import falling_root
from bayes_scaling.decisions.setting import USUAL, Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.names import CHAIN, DRAW, FLOPS, PARAMS, POINT, TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frontier:
    """Best splits that have a stated size, or stated tokens.

    `robust`, one row per value asked: params, tokens, flops, tokens_per_param and loss of the
    robust plan that has it. `draws`, dims (chain, draw, point): params, tokens and flops where each
    draw's own best split has it; at_edge where none has within reach.

    Examples
    --------
    >>> found = bs.frontier(fit, params=[7e9])
    >>> found.draws["tokens"].dims
    ('chain', 'draw', 'point')
    >>> found.quantiles([0.05, 0.95], of="flops").shape
    (1, 2)
    """

    robust: pd.DataFrame
    draws: xr.Dataset

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str = FLOPS) -> pd.DataFrame:
        """Quantiles of `params`, `tokens` or `flops`: one row per value, a column per level."""
        return quantiles_of(self.draws, of, levels, POINT)


def frontier(
    source: Source,
    *,
    params: Sequence[float] | None = None,
    tokens: Sequence[float] | None = None,
    setting: Setting = USUAL,
) -> Frontier:
    """Return the tokens at which sizes are compute-optimal, or the sizes that tokens ask for.

    One of `params` [parameters] and `tokens` [tokens], as many values as wanted. The other, and the
    compute, are roots along the line of best splits (Hoffmann et al. 2022, arXiv:2203.15556,
    section 3.4), for every draw and for the robust plan. Limits of the setting do not apply: they
    cut the line. Raises UsageError for none or both, and what `allocate` raises; CheckError where
    no budget of the robust plan has the value.

    Examples
    --------
    >>> list(bs.frontier(fit, tokens=[1e11]).robust)
    ['params', 'tokens', 'flops', 'tokens_per_param', 'loss']
    """
    if (params is None) == (tokens is None):
        raise UsageError("name either params or tokens; the other is what the frontier says")
    name = PARAMS if params is not None else TOKENS
    wanted = positive_values((params if params is not None else tokens) or [], name)
    setting = replace(setting, limits=NO_LIMITS)
    mixed = setting.average(source)
    each = {k: _of_fit(fit, wanted, name, setting) for k, fit in mixed.fits.items()}
    drawn = {
        key: mixed.pick({k: one[key] for k, one in each.items()})
        for key in next(iter(each.values()))
    }
    return Frontier(
        robust=_robust(mixed, wanted, name, setting),
        draws=xr.Dataset({k: ((CHAIN, DRAW, POINT), v) for k, v in drawn.items()}),
    )


def _of_fit(
    fit: Fit, wanted: Floats, name: str, setting: Setting
) -> dict[str, NDArray[np.generic]]:
    line = setting.drawn_line(fit)

    def best(log_flops: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        return setting.best_split(fit, np.exp(log_flops), line)

    def short(log_flops: Floats) -> Floats:
        N, D, _ = best(log_flops)
        return np.log(wanted) - np.log(N if name == PARAMS else D)

    start = np.full((*fit.shape, len(wanted)), np.log(fit.largest))
    found, beyond = falling_root(short, start)
    N, D, at_edge = best(found)
    return {PARAMS: N, TOKENS: D, FLOPS: np.exp(found), "at_edge": at_edge | beyond}


def _robust(mixed: Average, wanted: Floats, name: str, setting: Setting) -> pd.DataFrame:
    largest = next(iter(mixed.fits.values())).largest

    def short(log_flops: Floats) -> Floats:
        plans = robust_plans(mixed, np.exp(log_flops), setting)
        return np.log(wanted) - np.log(plans[name].to_numpy())

    found, beyond = falling_root(short, np.full(len(wanted), np.log(largest)))
    if beyond.any():
        raise CheckError(
            f"no robust plan has {wanted[beyond][0]:.3g} {name}: the best split runs out of the "
            "range searched"
        )
    plans = robust_plans(mixed, np.exp(found), setting)
    return plans[[PARAMS, TOKENS, FLOPS, "tokens_per_param", "loss"]]
