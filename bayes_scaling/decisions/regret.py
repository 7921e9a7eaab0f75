"""Regret curve: what each size would lose on one budget, and how likely it is about as good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_scaling.decisions.horizon import positive_values
from bayes_scaling.decisions.robust import TOLERANCE, mean_of_worst
from bayes_scaling.decisions.setting import USUAL, Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.names import FLOPS, PARAMS, TOKENS, TOKENS_PER_PARAM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

SIZES = 81
REACH = 10.0
"""Sizes shown: the middle optimum divided and multiplied by this."""
WORST = 0.9
MOST_SHOWN = 0.5
"""Mean regret [nats/token] beyond which a size of the default grid is no question."""


def regret_curve(
    source: Source,
    flops: float,
    params: Sequence[float] | None = None,
    *,
    tolerance: float = TOLERANCE,
    setting: Setting = USUAL,
) -> pd.DataFrame:
    """Return the regret of sizes that spend `flops` FLOP, one row per size.

    `params`: sizes [parameters]. Columns: params, tokens, tokens_per_param, loss (expected),
    regret_mean, regret_q05, regret_q50, regret_q95 and regret_worst (mean of the worst tenth of
    draws), all [nats/token] above each draw's own best split, and near, the probability of being
    within `tolerance` nats of it. Sizes default to a grid around the middle optimum, without those
    that lose half a nat: a demand can leave nothing to train them with. Raises what `allocate`
    raises.

    Examples
    --------
    >>> sizes = [5e9, 1e10, 2e10]
    >>> bs.regret_curve(fit, 1e22, sizes)[["params", "regret_mean", "near"]].shape
    (3, 3)
    """
    budget = positive_values([flops], FLOPS)
    mixed = setting.average(source, budget)
    best = {name: _best(fit, budget, setting) for name, fit in mixed.fits.items()}
    chosen = params is None
    if params is None:
        middle = float(np.median(mixed.pick({k: v[0] for k, v in best.items()})))
        params = np.geomspace(middle / REACH, middle * REACH, SIZES).tolist()
    N = positive_values(params, PARAMS)
    D = np.asarray(setting.line.tokens(budget, N))
    loss, regret = {}, {}
    for name, fit in mixed.fits.items():
        law = setting.curve(fit, drift=False)
        loss[name] = setting.curve(fit)(N, D)
        regret[name] = loss[name] * (1 - best[name][1] / law(N, D))
    lost = mixed.pick(regret)
    low, middle_, high = np.quantile(lost, (0.05, 0.5, 0.95), axis=(0, 1))
    table = pd.DataFrame(
        {
            PARAMS: N,
            TOKENS: D,
            TOKENS_PER_PARAM: D / N,
            "loss": mixed.pick(loss).mean(axis=(0, 1)),
            "regret_mean": lost.mean(axis=(0, 1)),
            "regret_q05": low,
            "regret_q50": middle_,
            "regret_q95": high,
            "regret_worst": mean_of_worst(lost, WORST),
            "near": (lost <= tolerance).mean(axis=(0, 1)),
        }
    )
    return table[table["regret_mean"] <= MOST_SHOWN].reset_index(drop=True) if chosen else table


def _best(fit: Fit, budget: Floats, setting: Setting) -> tuple[Floats, Floats]:
    """Size of each draw's own best split and the law's loss at it, (chain, draw, 1)."""
    law = setting.curve(fit, drift=False)
    params, tokens, _ = setting.best_split(fit, budget, setting.line)
    return params, law(params, tokens)
