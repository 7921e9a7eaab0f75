"""Information: what outcomes not yet seen are expected to tell, from posterior draws alone.

Nothing is refitted. Each of some draws simulates an outcome y of a run; given y, draw j has weight
p(y | draw j) (importance sampling from the posterior, its own draw left out). Where few draws keep
weight, quantities are regressed on the simulated outcomes instead (Strong, Oakley, Brennan and
Breeze 2015, doi:10.1177/0272989X15575286). The value of an outcome to a decision is the expected
value of sample information (Raiffa and Schlaifer 1961): min_N E[loss] - E_y min_N E[loss | y].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MIN_EFFECTIVE = 50.0
"""Effective draws, median over outcomes, below which regression replaces weights."""
MOST_RUNS = 5
"""Largest set of runs that is searched: with more, too few draws agree with all outcomes."""
MOST_EXCHANGES = 3
CLOSE = 1e-12


@dataclass(frozen=True)
class Outlook:
    """What posterior draws say of a final run and of candidate runs.

    `log_loss` (draw,): log of the curve at the final plan. `losses` (draw, size): the curve
    [nats/token] at each size that the final run may have. `outcomes` (draw, candidate): log of one
    measured loss that each draw simulates. `origin` (outcome,): the draws whose outcomes are
    weighed. `log_density` (candidate, outcome, draw): log p(y | draw), up to a constant of each
    outcome.
    """

    log_loss: Floats
    losses: Floats
    outcomes: Floats
    origin: NDArray[np.int64]
    log_density: NDArray[Any]


@dataclass(frozen=True)
class Gain:
    """What the outcomes of runs are expected to change.

    `kept`: standard deviation of log_loss expected afterwards (root of the mean variance), as a
    share of that of now. `value`: expected value of sample information [nats/token]. `effective`:
    median over outcomes of the effective number of draws (1 / sum of squared weights). `regressed`:
    whether so few were left that regression was used.
    """

    kept: float
    value: float
    effective: float
    regressed: bool


def gain(
    outlook: Outlook, chosen: Sequence[int], *, regress: bool | None = None, decide: bool = True
) -> Gain:
    """Return what the outcomes of the chosen candidates together are expected to change.

    `regress` True or False forces the way; None takes weights unless fewer than 50 effective draws
    are left. Without `decide` the value is left out, NaN, which takes a third of the time. An
    empty choice changes nothing.
    """
    if not len(chosen):
        return Gain(1.0, 0.0, float(len(outlook.log_loss)), False)
    weights = _weights(outlook, chosen)
    squares = (weights**2).sum(axis=1)
    effective = float(np.median(1 / squares))
    poor = effective < MIN_EFFECTIVE if regress is None else regress
    if poor:
        basis = _basis(outlook.outcomes[:, list(chosen)])
        kept = _kept_by_regression(outlook, basis)
        value = _value(basis @ (basis.T @ outlook.losses)) if decide else np.nan
    else:
        kept = _kept_by_weights(outlook, weights, squares)
        value = _value(weights @ outlook.losses) if decide else np.nan
    return Gain(kept, value, effective, poor)


def _weights(outlook: Outlook, chosen: Sequence[int]) -> Floats:
    """Weight of each draw given each outcome, (outcome, draw); that of its own draw is 0."""
    logs = outlook.log_density[list(chosen)].sum(axis=0, dtype=float)
    logs[np.arange(len(logs)), outlook.origin] = -np.inf
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _kept_by_weights(outlook: Outlook, weights: Floats, squares: Floats) -> float:
    """Share of the standard deviation kept, from weighted draws.

    Variances are those of weighted samples, freed of what the finite number of draws adds.
    """
    centred = outlook.log_loss - outlook.log_loss.mean()
    mean = weights @ centred
    spread = np.maximum(weights @ centred**2 - mean**2, 0.0)
    inner = spread / np.maximum(1 - squares, CLOSE)
    within = float(inner.mean())
    between = max(float(mean.var(ddof=1) - (inner * squares).mean()), 0.0)
    return _kept(within, between)


def _kept_by_regression(outlook: Outlook, basis: Floats) -> float:
    """Share of the standard deviation kept, from a regression on simulated outcomes."""
    found = basis @ (basis.T @ outlook.log_loss)
    draws, terms = basis.shape
    rest = float(((outlook.log_loss - found) ** 2).sum() / (draws - terms))
    between = max(float(found.var(ddof=1) - rest * (terms - 1) / draws), 0.0)
    return _kept(rest, between)


def _basis(outcomes: Floats) -> Floats:
    """Orthonormal polynomials (draw, term) of outcomes (draw, run), read as normal scores.

    Cubic in each, with products of pairs. Scores take the weight from outcomes far out.
    """
    from scipy import special

    draws, runs = outcomes.shape
    places = outcomes.argsort(axis=0).argsort(axis=0)
    z = special.ndtri((places + 0.5) / draws)
    pairs = [z[:, i] * z[:, j] for i, j in combinations(range(runs), 2)]
    terms = [np.ones(draws), *z.T, *(z.T**2 - 1), *(z.T**3 - 3 * z.T), *pairs]
    return np.asarray(np.linalg.qr(np.stack(terms, axis=1))[0])


def _kept(within: float, between: float) -> float:
    total = within + between
    return float(np.sqrt(within / total)) if total > 0 else 1.0


def _value(expected: Floats) -> float:
    """Value of choosing the size after the outcome, from E[loss | y] (outcome, size).

    What is expected now is the mean over outcomes, so that errors common to both cancel.
    """
    return max(float(lowest(expected.mean(axis=0)) - lowest(expected).mean()), 0.0)


def lowest(curves: Floats) -> Floats:
    """Least value of curves (..., size) on an even grid, by the parabola through the three lowest.

    At the ends of the grid the end itself.
    """
    size = curves.shape[-1]
    best = curves.argmin(axis=-1)
    inner = np.clip(best, 1, size - 2)

    def at(offset: int) -> Floats:
        return np.take_along_axis(curves, (inner + offset)[..., None], axis=-1)[..., 0]

    left, middle, right = at(-1), at(0), at(1)
    bend = left - 2 * middle + right
    drop = (right - left) ** 2 / (8 * np.where(bend > 0, bend, 1.0))
    found = np.where((bend > 0) & (inner == best), middle - drop, curves.min(axis=-1))
    return np.asarray(found)


def best_set(
    value: Callable[[tuple[int, ...]], float],
    costs: Floats,
    budget: float,
    *,
    exact: bool = False,
    most: int = MOST_RUNS,
) -> tuple[int, ...]:
    """Return the set of most value whose costs stay within a budget, at most `most` of them.

    Grown one by one, once by value per cost and once by value, the better of the two kept (Leskovec
    et al. 2007, doi:10.1145/1281192.1281239, section 3.2); then single exchanges while they help.
    `exact` tries every set instead: for few candidates.
    """
    if exact:
        sets = [s for size in range(most + 1) for s in combinations(range(len(costs)), size)]
        return max((s for s in sets if costs[list(s)].sum() <= budget), key=value)
    grown = [_grown(value, costs, budget, prices, most) for prices in (costs, np.ones(len(costs)))]
    return _exchanged(value, costs, budget, max(grown, key=value))


def _exchanged(
    value: Callable[[tuple[int, ...]], float],
    costs: Floats,
    budget: float,
    chosen: tuple[int, ...],
) -> tuple[int, ...]:
    """Swap one member for another candidate as long as that raises the value."""
    for _ in range(MOST_EXCHANGES):
        swaps = [
            tuple(sorted((*(c for c in chosen if c != out), new)))
            for out in chosen
            for new in range(len(costs))
            if new not in chosen
        ]
        swaps = [each for each in swaps if costs[list(each)].sum() <= budget]
        best = max(swaps, key=value, default=chosen)
        if value(best) <= value(chosen):
            break
        chosen = best
    return chosen


def _grown(
    value: Callable[[tuple[int, ...]], float],
    costs: Floats,
    budget: float,
    prices: Floats,
    most: int,
) -> tuple[int, ...]:
    chosen: tuple[int, ...] = ()
    have, left = value(chosen), budget
    while len(chosen) < most:
        open_ = [c for c in range(len(costs)) if c not in chosen and costs[c] <= left]
        gains = {c: value(tuple(sorted((*chosen, c)))) - have for c in open_}
        if not gains or max(gains.values()) <= 0:
            break
        best = max(gains, key=lambda c: gains[c] / max(float(prices[c]), CLOSE))
        chosen = tuple(sorted((*chosen, best)))
        have, left = have + gains[best], left - costs[best]
    return chosen
