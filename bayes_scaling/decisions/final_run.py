"""Final run: what a planned run of fixed compute may be, and what each draw expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.budget_line import BudgetLine
from bayes_scaling.decisions.information import Outlook, lowest
from bayes_scaling.inference.predict import curve_at, scatter_at
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.names import PARAMS, TOKENS
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.specs.noise import RUN_EFFECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

COARSE, FINE = 121, 81
"""Sizes searched over the whole range, and around all that is of interest."""
TAIL = 0.005
"""Share of the draws, on each side, whose own best size may lie outside the fine grid."""
MOST_DRAWS, MOST_OUTCOMES = 1600, 400
"""Draws that are weighed, and draws whose outcomes are simulated."""
LARGEST = 1e100
USUAL_LINE = BudgetLine()
"""Training alone, 6ND, without limits."""
MORE_COMPUTE = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 2.0)
"""Natural logs of the multiples of the budget at which its worth is read."""


@dataclass(frozen=True)
class FinalRun:
    """A run that spends `flops` FLOP, of training or of training and serving, along a line."""

    flops: float
    line: BudgetLine = USUAL_LINE

    def tokens(self, params: Any, times: float = 1.0) -> Any:
        """Tokens that runs of `params` are trained on where `times` the budget is spent."""
        return self.line.tokens(times * self.flops, params)

    def ends(self, times: float = 1.0) -> tuple[float, float]:
        """Least and most parameters of runs that spend `times` the budget, within the limits."""
        found = self.line.ends(np.array([times * self.flops]))
        return float(np.exp(found.low[0])), float(np.exp(found.high[0]))


@dataclass(frozen=True)
class Plan:
    """Plan of least posterior-expected loss, and what the draws say of it.

    `flops` is its training compute; `loss` its expected loss, `regret` the mean loss above each
    draw's own best size, [nats/token]; `sd` the standard deviation of the log of loss_mean;
    `sizes` (size,) the grid on which decisions are compared; `at_edge` whether the plan lies at an
    end of the range searched.
    """

    params: float
    tokens: float
    flops: float
    loss: float
    regret: float
    sd: float
    sizes: Floats
    at_edge: bool


def plan_of(mixed: Average, run: FinalRun) -> Plan:
    """Return the plan of least expected loss for the final run."""
    wide = np.geomspace(*run.ends(), COARSE)
    curves = losses_at(mixed, run, wide)
    middle = int(curves.mean(axis=0).argmin())
    low, high = np.quantile(curves.argmin(axis=1), (TAIL, 1 - TAIL))
    low, high = max(int(min(low, middle)) - 2, 0), min(int(max(high, middle)) + 3, COARSE - 1)
    sizes = np.geomspace(wide[low], wide[high], FINE)
    curves = losses_at(mixed, run, sizes)
    params = _best_size(sizes, curves.mean(axis=0))
    tokens = float(run.tokens(params))
    loss = _curve(mixed, {PARAMS: np.array([params]), TOKENS: np.array([tokens])})[:, 0]
    return Plan(
        params=params,
        tokens=tokens,
        flops=train_flop(params, tokens),
        loss=float(loss.mean()),
        regret=max(float((loss - lowest(curves)).mean()), 0.0),
        sd=float(np.log(loss).std()),
        sizes=sizes,
        at_edge=middle in (0, COARSE - 1),
    )


def _best_size(sizes: Floats, expected: Floats) -> float:
    """Size of least expected loss, by the parabola through the three lowest of the grid."""
    i = int(np.clip(expected.argmin(), 1, len(sizes) - 2))
    left, middle, right = expected[i - 1 : i + 2]
    bend = left - 2 * middle + right
    step = np.clip((left - right) / (2 * bend), -1, 1) if bend > 0 else np.sign(left - right)
    return float(sizes[i] * (sizes[1] / sizes[0]) ** step)


def losses_at(mixed: Average, run: FinalRun, sizes: Floats, times: float = 1.0) -> Floats:
    """Curve [nats/token] of each draw at sizes that spend `times` the budget, (draw, size)."""
    return _curve(mixed, {PARAMS: sizes, TOKENS: run.tokens(sizes, times)})


def _curve(mixed: Average, inputs: Mapping[str, Floats]) -> Floats:
    return _flat(mixed, lambda fit: curve_at(fit, inputs))


def _flat(mixed: Average, of_fit: Callable[[Fit], Floats]) -> Floats:
    """Mix arrays (chain, draw, n) of the members into one (draw, n), each draw of its own law."""
    found = mixed.pick({name: of_fit(fit) for name, fit in mixed.fits.items()})
    return found.reshape(-1, found.shape[-1])


def outlook_of(
    mixed: Average, run: FinalRun, plan: Plan, candidates: pd.DataFrame, seed: int
) -> Outlook:
    """Return what thinned draws say of the final run and of each candidate."""
    size = int(np.prod(mixed.shape))
    kept = _even(size, MOST_DRAWS)
    origin = _even(len(kept), MOST_OUTCOMES)
    inputs = {name: candidates[name].to_numpy(float) for name in (PARAMS, TOKENS)}
    at_plan = {PARAMS: np.array([plan.params]), TOKENS: np.array([plan.tokens])}
    with np.errstate(over="ignore"):  # exp of a heavy tail can leave the numbers
        drawn = _flat(mixed, lambda fit: _outcomes(fit, inputs, seed))[kept]
    outcomes = np.clip(drawn, 1 / LARGEST, LARGEST)
    return Outlook(
        log_loss=np.log(_curve(mixed, at_plan)[kept, 0]),
        losses=losses_at(mixed, run, plan.sizes)[kept],
        outcomes=np.log(outcomes),
        origin=origin,
        log_density=_log_density(mixed, inputs, outcomes[origin], kept),
    )


def _even(size: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` places among `size`, evenly spaced."""
    return np.linspace(0, size - 1, min(size, most)).round().astype(np.int64)


def _outcomes(fit: Fit, inputs: Mapping[str, Floats], seed: int) -> Floats:
    rng = rng_of(seed, f"next run of {fit.spec.name}")
    return fit.model.noise.sample(rng, curve_at(fit, inputs), scatter_at(fit, inputs))


def _log_density(
    mixed: Average, inputs: Mapping[str, Floats], outcomes: Floats, kept: NDArray[np.int64]
) -> NDArray[Any]:
    """Log density of outcomes (outcome, candidate) given draws, (candidate, outcome, draw).

    Up to a constant of each outcome. A new run's own effect adds to its noise.
    """
    count = outcomes.shape[1]
    found = np.empty((count, len(outcomes), len(kept)), dtype=np.float32)
    members = mixed.members().ravel()[kept]
    chains, draws = mixed.shape

    def own_rows(values: Floats, own: NDArray[np.int64]) -> Floats:
        part = values[:chains, :draws].reshape(chains * draws, values.shape[-1])[own]
        return np.broadcast_to(part, (len(own), count))

    for place, fit in enumerate(mixed.fits.values()):
        columns = np.flatnonzero(members == place)
        if not columns.size:
            continue
        mean = own_rows(curve_at(fit, inputs), kept[columns])
        noise = {k: own_rows(v, kept[columns]) for k, v in scatter_at(fit, inputs).items()}
        known = noise[RUN_EFFECT] if fit.model.noise.has_run_effect else np.zeros_like(mean)
        for c in range(count):
            at = {name: values[:, c] for name, values in noise.items()}
            y = outcomes[:, c, None]
            found[c][:, columns] = fit.model.noise.log_density(y, mean[:, c], known[:, c], at)
    return found


def worth_of(mixed: Average, run: FinalRun, plan: Plan) -> Callable[[Floats], Floats]:
    """Return how much compute [FLOP], added to the budget, lowers the expected loss by as much.

    Of the best plan at each budget. NaN where no compute does: the expected loss does not fall.
    """
    each = []
    for step in MORE_COMPUTE:
        times = float(np.exp(step))
        sizes = np.clip(plan.sizes * np.sqrt(times), *run.ends(times))
        curves = losses_at(mixed, run, sizes, times)
        each.append(float(lowest(curves.mean(axis=0))))
    drops = np.maximum.accumulate(each[0] - np.array(each))
    added = run.flops * np.expm1(MORE_COMPUTE)

    def worth(values: Floats) -> Floats:
        if drops[1] <= 0:
            return np.where(values > 0, np.nan, 0.0)
        inside = np.interp(values, drops, added)
        beyond = added[-1] * values / max(drops[-1], 1e-300)
        return np.asarray(np.where(values > drops[-1], beyond, inside))

    return worth
