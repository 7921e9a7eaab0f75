"""plan: everything about one named run: what it will reach, what it costs, what it gives away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.allocation import REGRET
from bayes_scaling.decisions.forecast import LEVELS, Forecast, forecast
from bayes_scaling.decisions.horizon import positive_values
from bayes_scaling.decisions.quantiles import quantiles_of
from bayes_scaling.decisions.robust import TOLERANCE, near_optimal, objective_of, robust_plans
from bayes_scaling.decisions.setting import USUAL, Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.names import CHAIN, DRAW, GPU_HOURS, PARAMS, POINT, TOKENS, USD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

STEP = 1e-3
"""Step in log N and log D of the differences that give marginal returns."""
SMALL_GAIN = 0.01
"""Loss [nats/token] whose price is quoted."""
PER_PARAMS, PER_TOKENS = "return_params", "return_tokens"
PRICE_OF_GAIN = "usd_per_hundredth"


@dataclass(frozen=True)
class Plan:
    """One run, judged: `params` parameters on `tokens` tokens, `flops` FLOP in all.

    `forecast`: draws of its loss, with evidence and findings. `draws`, dims (chain, draw, point)
    with one point: regret [nats/token], its loss above the best split of the same spending;
    best_params and best_tokens of that split; return_params and return_tokens, by how many nats the
    loss falls for each e-fold of parameters or tokens; double_params and double_tokens, the drop in
    loss that doubling either buys; usd_per_hundredth, the price of the next .01 nats at the same
    tokens per parameter; usd and gpu_hours. `robust`: the plan of least expected loss for the same
    spending, with the sizes about as good. `given_away` [nats/token]: expected loss above it.

    Examples
    --------
    >>> found = bs.plan(fit, params=7e9, tokens=1.4e11)
    >>> found.draws["regret"].dims, found.given_away >= 0
    (('chain', 'draw', 'point'), True)
    >>> 0 <= found.near_optimal <= 1, 0 <= found.tokens_first <= 1
    (True, True)
    >>> found.quantiles([0.05, 0.95], of="regret").shape, list(found.to_frame())
    ((1, 2), ['variable', 'level', 'value'])
    """

    params: float
    tokens: float
    flops: float
    forecast: Forecast
    draws: xr.Dataset
    robust: pd.DataFrame
    given_away: float
    setting: Setting

    @property
    def near_optimal(self) -> float:
        """Probability that the plan is within .005 nats of the best split."""
        return float((self.draws[REGRET] <= TOLERANCE).mean())

    @property
    def tokens_first(self) -> float:
        """Probability that more tokens would help more than as much more of parameters.

        One half where the returns of both are balanced.
        """
        return float((self.draws[PER_TOKENS] > self.draws[PER_PARAMS]).mean())

    def quantiles(self, levels: Sequence[float] = LEVELS, *, of: str = REGRET) -> pd.DataFrame:
        """Quantiles of what `draws` holds: one row, one float-named column per level."""
        return quantiles_of(self.draws, of, levels, POINT)

    def to_frame(self) -> pd.DataFrame:
        """Return long quantiles: variable, level, value; those of the loss come first."""
        own = [
            {"variable": name, "level": level, "value": value}
            for name in map(str, self.draws)
            for level, value in self.quantiles(of=name).iloc[0].items()
        ]
        loss = self.forecast.to_frame()[["variable", "level", "value"]]
        return pd.concat([loss, pd.DataFrame(own)], ignore_index=True)


def plan(
    source: Source, params: float, tokens: float, *, setting: Setting = USUAL, seed: int = 0
) -> Plan:
    """Judge one run of `params` parameters on `tokens` tokens.

    `source` is a fit, an `Average`, fits by name or a run table, as for `allocate`. Raises
    UsageError for sizes that cannot be, and what `allocate` raises.

    Examples
    --------
    >>> found = bs.plan(fit, params=7e9, tokens=1.4e11)
    >>> found.flops
    5.88e+21
    """
    point = {PARAMS: positive_values([params], PARAMS), TOKENS: positive_values([tokens], TOKENS)}
    spent = np.asarray(setting.line.total(point[PARAMS], point[TOKENS]), dtype=float)
    mixed = setting.average(source, spent, seed=seed, backtest=True)
    each = {name: _of_fit(fit, point, setting) for name, fit in mixed.fits.items()}
    drawn = {
        key: mixed.pick({name: one[key] for name, one in each.items()})
        for key in next(iter(each.values()))
    }
    price = setting.cost.drawn(mixed.shape, seed=setting.seed)
    slope = np.maximum((drawn[PER_PARAMS] + drawn[PER_TOKENS]) / 2, 1e-300)
    with np.errstate(over="ignore"):
        more = spent * np.expm1(SMALL_GAIN / slope)
    drawn |= {
        USD: np.broadcast_to(price.usd(spent), slope.shape),
        GPU_HOURS: np.broadcast_to(price.gpu_hours(spent), slope.shape),
        PRICE_OF_GAIN: price.usd(more),
    }
    best = robust_plans(mixed, spent, setting)
    best = best.join(near_optimal(mixed, best, setting))
    own = objective_of(mixed, setting, None)(point[PARAMS], point[TOKENS])
    return Plan(
        params=float(params),
        tokens=float(tokens),
        flops=float(spent[0]),
        forecast=forecast_of_plans(mixed, point, setting, seed),
        draws=xr.Dataset({k: ((CHAIN, DRAW, POINT), v) for k, v in drawn.items()}),
        robust=best,
        given_away=float(own[0] - best["loss"][0]),
        setting=setting,
    )


def forecast_of_plans(
    mixed: Average, point: Mapping[str, Floats], setting: Setting, seed: int
) -> Forecast:
    """Return the forecast of runs, params and tokens (run,), within a setting.

    Where tokens are scarce, with those that are seen again.
    """
    found = forecast(mixed, pd.DataFrame(point), seed=seed)
    if setting.repetition is None:
        return found
    each = {
        name: predict_at(fit, setting.inputs(fit)(point[PARAMS], point[TOKENS]), seed=seed)
        for name, fit in mixed.fits.items()
    }
    drawn = found.draws.copy()
    for name in (found.mean, found.new):
        values = mixed.pick({model: one[name].values for model, one in each.items()})
        drawn[name] = ((CHAIN, DRAW, POINT), values)
    return replace(found, draws=drawn)


def _of_fit(fit: Fit, point: Mapping[str, Floats], setting: Setting) -> dict[str, NDArray[Any]]:
    """What each draw of one law says of the run, (chain, draw, 1)."""
    N, D = point[PARAMS], point[TOKENS]
    line, law, curve = setting.drawn_line(fit), setting.curve(fit, drift=False), setting.curve(fit)
    spent = np.asarray(line.total(N, D), dtype=float)
    best_N, best_D, _ = setting.best_split(fit, spent, line)
    here, loss = law(N, D), curve(N, D)
    stretch = np.exp(STEP)
    scale = loss / here  # the drift, which both directions share
    return {
        REGRET: loss * (1 - law(best_N, best_D) / here),
        "best_params": best_N,
        "best_tokens": best_D,
        PER_PARAMS: scale * (law(N / stretch, D) - law(N * stretch, D)) / (2 * STEP),
        PER_TOKENS: scale * (law(N, D / stretch) - law(N, D * stretch)) / (2 * STEP),
        "double_params": scale * (here - law(2 * N, D)),
        "double_tokens": scale * (here - law(N, 2 * D)),
    }
