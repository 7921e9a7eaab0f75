"""The least-loss split of a budget between parameters and tokens, draw by draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.budget_line import RATIO_RANGE, BudgetLine
from bayes_scaling.decisions.horizon import require_mixture
from bayes_scaling.decisions.search import least
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.grouped import require_one_group
from bayes_scaling.inference.predict import law_at
from bayes_scaling.names import BUDGET, FLOPS, LOSS, PARAMS, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import RESOURCES
from bayes_scaling.runs.compute import FLOP_PER_PARAM_TOKEN
from bayes_scaling.runs.identifiability import split_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]
    Curve = Callable[[Floats, Floats], Floats]

USUAL = BudgetLine()
"""C = 6ND without limits."""


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
    fit: Fit, budgets: Floats, line: BudgetLine = USUAL, curve: Curve | None = None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return params and tokens of least expected loss on a line, and whether at an end of it.

    `budgets` [FLOP] are (budget,) or from draw to draw (chain, draw, budget), which is the shape of
    each answer. Closed form where law and line have one, cut at the limits; else a search, of
    `curve` if it is not the law. A drift acts along compute alone, so the law decides.
    """
    shape = (*fit.shape, budgets.shape[-1])
    if curve is None and _is_closed(fit, line):
        params, tokens = np.broadcast_arrays(*_closed(fit, budgets, line), np.empty(shape))[:2]
        ratio = tokens / params
        return params, tokens, (ratio < RATIO_RANGE[0]) | (ratio > RATIO_RANGE[1])
    found = curve or (lambda N, D: law_at(fit, {PARAMS: N, TOKENS: D}))
    return best_on_line(found, budgets, line, fit.shape)


def best_on_line(
    curve: Curve, budgets: Floats, line: BudgetLine, shape: tuple[int, ...]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Minimise curve(N, D) on the line of each budget, for all draws at once.

    `curve` broadcasts against `shape` + (budget,). Returns N, D and whether at an end of the line,
    each of shape `shape` + (budget,).
    """
    full = (*shape, budgets.shape[-1])
    if line.limits.sizes:
        return _best_size(curve, budgets, line, full)

    def loss(log_size: Floats, total: Floats) -> Floats:
        N = np.exp(log_size)
        return curve(N, line.tokens(total, N))

    def ends(total: Floats) -> tuple[Floats, Floats]:
        found = line.ends(total)
        return found.low, found.high

    best, at_end = least(loss, ends, budgets, full, smooth=line.unlimited)
    N = np.exp(best)
    return N, np.asarray(line.tokens(budgets, N)), at_end


def _best_size(
    curve: Curve, budgets: Floats, line: BudgetLine, full: tuple[int, ...]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The best of the sizes allowed, for each draw and budget."""
    ends = line.ends(budgets)
    best, lowest = np.full(full, np.nan), np.full(full, np.inf)
    for size in sorted(line.limits.sizes):
        N = np.full(full, size)
        value = np.where(
            (np.log(size) < ends.low) | (np.log(size) > ends.high),
            np.inf,
            curve(N, np.asarray(line.tokens(budgets, N))),
        )
        best, lowest = np.where(value < lowest, size, best), np.minimum(value, lowest)
    none = np.isnan(best)
    if none.any() and np.ndim(line.served):  # a demand so high in this draw: the smallest size
        best = np.where(none, min(line.limits.sizes), best)
    elif none.any():
        said = ", ".join(f"{size:.3g}" for size in line.limits.sizes)
        raise UsageError(f"none of the sizes {said} params can be trained within a budget")
    sizes = (min(line.limits.sizes), max(line.limits.sizes))
    at_end = (best == sizes[0]) | (best == sizes[1])
    return best, np.asarray(line.tokens(budgets, best)), at_end & (len(line.limits.sizes) > 1)


def _is_closed(fit: Fit, line: BudgetLine) -> bool:
    law, power = fit.model.law, line.convention.power
    if law.optimum is None or power is None or not line.is_power:
        return False
    if not {PARAMS, TOKENS, FLOPS, TOKENS_PER_PARAM} >= set(fit.model.inputs):
        return False
    return law.knows_powers or (power[1] == line.convention.q == 1.0)


def _closed(fit: Fit, budgets: Floats, line: BudgetLine) -> tuple[Floats, Floats]:
    """Closed form on kappa N^p D^q = budget."""
    law, power = fit.model.law, line.convention.power
    assert law.optimum is not None and power is not None
    values = fit.unknowns(BUDGET)
    named: dict[str, Any] = {name: values[name] for name in law.unknowns}
    kappa, p = power
    if p != 1.0 or line.convention.q != 1.0:
        named |= {"N_power": p, "D_power": line.convention.q}
    params, tokens = law.optimum(np, budgets / kappa, **named, **fit.model.numbers)
    return params, tokens
