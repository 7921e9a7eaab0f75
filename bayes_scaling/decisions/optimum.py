"""The least-loss split of a budget between parameters and tokens, draw by draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.horizon import require_mixture
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.grouped import require_one_group
from bayes_scaling.inference.predict import law_at
from bayes_scaling.names import BUDGET, FLOPS, LOSS, PARAMS, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import RESOURCES
from bayes_scaling.runs.compute import FLOP_PER_PARAM_TOKEN
from bayes_scaling.runs.identifiability import split_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

RATIO_RANGE = (1e-4, 1e5)
"""Tokens per parameter searched: far beyond anything trained, on both sides."""
COARSE = 61
GOLDEN = (5.0**0.5 - 1) / 2
NEWTON_WIDTHS = (3e-2, 1e-2, 1e-2)
"""Half widths in log(D/N) of the differences that successive Newton steps use."""
GOLDEN_STEPS = 30


def require_split(fit: Fit, flops: Floats) -> None:
    """Refuse to split a budget where the law has no split or the table cannot tell it.

    Raises UsageError in the first case and for a fit of several groups, CheckError in the second.
    """
    require_one_group(fit)
    if fit.model.law.no_split:
        raise CheckError(f"model {fit.spec.name!r}: {fit.model.law.no_split}")
    if fit.model.target != LOSS:
        raise UsageError(
            f"model {fit.spec.name!r} explains the {fit.model.target}; a budget is split where the "
            "loss is least"
        )
    if not fit.model.law.allocates:
        raise UsageError(
            f"model {fit.spec.name!r} reads {', '.join(fit.model.inputs)}; a split between "
            "parameters and tokens needs a joint law, such as chinchilla"
        )
    if fixed := [name for name in (*RESOURCES, TOKENS_PER_PARAM) if name in fit.given]:
        raise UsageError(
            f"{', '.join(fixed)}: given, and what a budget buys; give one or the other"
        )
    require_mixture(fit, {})
    refusal = split_refusal(fit.runs.findings)
    if refusal is not None:
        ray = own_ray(fit)
        params = params_on_ray(flops[0], ray)
        raise CheckError(
            f"{refusal.code}: {refusal.message}. This table cannot say how to split a budget. "
            f"Along its own {ray:.3g} tokens per parameter it can forecast: ask for "
            f"{params:.3g} params and {params * ray:.3g} tokens instead of {flops[0]:.3g} FLOP."
        )


def own_ray(fit: Fit) -> float:
    """Return the mean tokens per parameter of the fitted runs, on the log scale."""
    return float(np.exp(np.mean(np.log(fit.runs.resource(TOKENS_PER_PARAM)))))


def params_on_ray(flops: Any, ray: float) -> Any:
    """Return the parameters that spend `flops` at `ray` tokens per parameter, C = 6ND."""
    return np.sqrt(flops / FLOP_PER_PARAM_TOKEN / ray)


def per_draw_optimum(
    fit: Fit, flops: Floats, others: Mapping[str, Floats] | None = None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return params and tokens of least expected loss under C = 6ND, and whether at an edge.

    `flops` are budgets, (budget,) or from draw to draw (chain, draw, budget), which is the shape of
    each answer. Closed form where the law has one, else `search_split`. A drift acts along compute
    alone, so the law decides. `others` states what the law reads besides at each budget, (budget,).
    """
    known = dict(others or {})
    ND = flops / FLOP_PER_PARAM_TOKEN
    law, model = fit.model.law, fit.model
    if law.optimum is None or not {PARAMS, TOKENS, FLOPS, TOKENS_PER_PARAM} >= set(model.inputs):
        return search_split(
            lambda N, D: law_at(fit, {**known, PARAMS: N, TOKENS: D}), ND, _shape(fit)
        )
    values = fit.unknowns(BUDGET)
    named = {name: values[name] for name in law.unknowns}
    params, tokens = law.optimum(np, ND, **named, **model.numbers)
    shape = (*_shape(fit), flops.shape[-1])
    params, tokens = np.broadcast_to(params, shape), np.broadcast_to(tokens, shape)
    ratio = tokens / params
    return params, tokens, (ratio < RATIO_RANGE[0]) | (ratio > RATIO_RANGE[1])


def _shape(fit: Fit) -> tuple[int, int]:
    first = next(iter(fit.posterior.values()))
    return first.shape[0], first.shape[1]


def search_split(
    curve: Callable[[Floats, Floats], Floats], ND: Floats, shape: tuple[int, ...]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Minimise curve(N, D) on N*D = ND for all draws at once.

    `curve` broadcasts against `shape` + (budget,). A grid in log(D/N) finds the valley, golden
    sections narrow it, and Newton steps on a parabola through three points finish it beyond the
    precision at which neighbouring losses can be told apart. Returns N, D and at_edge, each of
    shape `shape` + (budget,).
    """

    def loss(log_ratio: Floats) -> Floats:
        ratio = np.exp(log_ratio)
        return curve(np.sqrt(ND / ratio), np.sqrt(ND * ratio))

    full = (*shape, ND.shape[-1])
    grid = np.linspace(np.log(RATIO_RANGE[0]), np.log(RATIO_RANGE[1]), COARSE)
    best, lowest = np.zeros(full, dtype=int), np.full(full, np.inf)
    for i, x in enumerate(grid):
        value = loss(np.full(full, x))
        better = value < lowest
        best, lowest = np.where(better, i, best), np.where(better, value, lowest)
    at_edge = (best == 0) | (best == COARSE - 1)
    inner = np.clip(best, 1, COARSE - 2)
    refined = _newton(loss, _golden(loss, grid[inner - 1], grid[inner + 1]))
    ratio = np.exp(np.where(at_edge, grid[best], refined))
    return np.sqrt(ND / ratio), np.sqrt(ND * ratio), at_edge


def _golden(loss: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(GOLDEN_STEPS):
        go_left = at_left < at_right
        low, high = np.where(go_left, low, left), np.where(go_left, right, high)
        new = np.where(go_left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_new = loss(new)
        left, right = np.where(go_left, new, right), np.where(go_left, left, new)
        at_left, at_right = (
            np.where(go_left, at_new, at_right),
            np.where(go_left, at_left, at_new),
        )
    return (low + high) / 2


def _newton(loss: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Newton steps on five-point differences: accurate far below the loss's own resolution."""
    for step in NEWTON_WIDTHS:
        far_low, low, high, far_high = (loss(x + k * step) for k in (-2, -1, 1, 2))
        slope = (8 * (high - low) - (far_high - far_low)) / (12 * step)
        bend = (16 * (high + low) - (far_high + far_low) - 30 * loss(x)) / (12 * step**2)
        move = np.where(bend > 0, -slope / np.where(bend > 0, bend, 1.0), 0.0)
        x = x + np.clip(move, -step, step)
    return x
