"""Residual checks: patterns that the law leaves over, and runs far from the curve."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.inference.predict import (
    bad_run_probability,
    normal_scores,
    residuals,
    robust_sd,
)
from bayes_scaling.names import CHAIN, DRAW, FLOPS, PARAMS, RUN, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import COLUMN_OF_SYMBOL
from bayes_scaling.verdicts import INFO, OK, WARN, Check, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

MAX_PATTERN = 0.995
"""Probability that a residual pattern has its sign beyond which it is named."""
LEAST_LEFT = 0.1
"""Share of a pattern's variance that is counted as left by the law, at the least."""
NEVER, LEAST_TAIL = 1e-15, 1e-300
"""Probabilities of scores so small, and so large, that no smaller and no larger one is told."""
RESIDUAL_AXES = {"N": PARAMS, "D": TOKENS, "C": FLOPS, "D/N": TOKENS_PER_PARAM}
"""What residuals are examined against, and the column that holds it."""
SYMBOL_OF_COLUMN = {
    **{column: symbol for symbol, column in COLUMN_OF_SYMBOL.items()},
    **{column: name for name, column in RESIDUAL_AXES.items()},
}
SAME = 1e-6
"""Spread of log values below which they are all the same."""
MISSED = "the law misses a pattern; compare other laws, widen far forecasts"
WORDS = {
    "slope": ("residuals rise with log {}: " + MISSED, "residuals fall with log {}: " + MISSED),
    "curvature": (
        "residuals curve up in log {}: " + MISSED,
        "residuals curve down in log {}: " + MISSED,
    ),
    "spread": (
        "runs scatter more the larger they are in {}: a larger run scatters more than its forecast "
        "says; look at the large runs",
        "runs scatter less the larger they are in {}, more than the noise says: choose a model "
        "whose noise grows, or leave out the smallest runs",
    ),
}
"""What a pattern says to its reader, where it rises and where it falls."""
MOST_CELLS = 2_000_000
"""Draws times runs beyond which residuals are examined on thinned draws."""
FEWEST_DRAWS = 50
"""Draws of a chain that thinning leaves."""
PROBABLY_BAD = 0.5
"""Probability of being bad, under one-sided noise, beyond which a run is named."""
MAX_SUSPECT_SCORE = 4.0
"""Normal score of a run's residual beyond which the run is named."""


def thinned(fit: Fit) -> Fit:
    """Return the fit with so few draws that draws times runs fit in memory; mostly unchanged."""
    draws, chains = fit.posterior.sizes[DRAW], fit.posterior.sizes[CHAIN]
    step = math.ceil(draws * chains * len(fit.runs.fitted) / MOST_CELLS)
    step = max(1, min(step, draws // FEWEST_DRAWS or 1))
    return replace(fit, posterior=fit.posterior.isel({DRAW: slice(None, None, step)}))


def patterns(fit: Fit) -> Iterator[Check]:
    """Yield slope and curvature of the residuals along each resource: probability of the sign.

    If curve and noise are right, the normal scores weighted with any fixed pattern of unit length
    are standard normal at the true unknowns. Their posterior mean then varies from table to table
    by what is left of that 1 after their posterior variance, which the unknowns take up themselves
    (law of total variance); the probability is that of a normal value of that size. Along the
    axis, the size of the scatter is examined in the same way.
    """
    scores = normal_scores(fit).stack(draws=(CHAIN, DRAW)).transpose("draws", RUN).values
    axes = {name: np.log(axis) for name, axis in residual_axes(fit).items()}
    for name, axis in axes.items():
        for kind, pattern in _unit_patterns(axis).items():
            yield _pattern(f"residual {kind} in {name}", scores @ pattern, WORDS[kind], name)
    name = SYMBOL_OF_COLUMN.get(fit.model.axis, fit.model.axis)
    slope = _unit_patterns(axes[name]).get("slope") if name in axes else None
    if slope is not None:
        yield _pattern(f"residual spread in {name}", _sizes(scores) @ slope, WORDS["spread"], name)


def _pattern(row: str, values: NDArray[np.float64], words: tuple[str, str], name: str) -> Check:
    """Judge a pattern by its values (draw,), standard normal where law and noise are right."""
    from scipy import special

    left = max(1 - float(values.var()), LEAST_LEFT)
    found = float(values.mean()) / left**0.5
    strength = float(special.ndtr(abs(found)))
    verdict: Verdict = OK if strength <= MAX_PATTERN else WARN
    limit = f"probability of the sign <= {MAX_PATTERN}"
    return Check(row, verdict, strength, limit, words[0 if found > 0 else 1].format(name))


def _sizes(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sizes of scores, whatever their signs, as standard normal scores themselves."""
    from scipy import special

    size = np.abs(scores) / 2**0.5
    small = special.ndtri(np.maximum(special.erf(size), NEVER))
    large = -special.ndtri(np.clip(special.erfc(size), LEAST_TAIL, 0.5))
    return np.asarray(np.where(size < 0.4, small, large))


def residual_axes(fit: Fit) -> dict[str, NDArray[np.float64]]:
    """Return what residuals may depend on, (run,) each: N, D, C and D/N, and what the law reads."""
    axes = RESIDUAL_AXES if {PARAMS, TOKENS} <= set(fit.runs.resources) else {}
    if len(fit.model.inputs) == 1:
        axes = {}
    known = set(axes.values())
    own = {SYMBOL_OF_COLUMN.get(c, c): c for c in fit.model.inputs if c not in known}
    values = {name: fit.runs.resource(column) for name, column in {**axes, **own}.items()}
    return {k: v for k, v in values.items() if (v > 0).all() and np.ptp(np.log(v)) > SAME}


def _unit_patterns(x: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    line = x - x.mean()
    bow = line**2 - np.mean(line**2)
    bow = bow - line * (bow @ line) / (line @ line)
    patterns = {"slope": line, "curvature": bow}
    lengths = {k: float(np.linalg.norm(v)) for k, v in patterns.items()}
    return {k: v / lengths[k] for k, v in patterns.items() if lengths[k] > 1e-9}


def suspects(fit: Fit) -> Iterator[Check]:
    """Yield one row: runs far from the curve in the bulk's spread, whatever the tails forgive."""
    gap = np.median(residuals(fit), axis=(0, 1))
    scores = np.abs(gap) / robust_sd(gap)
    names = fit.runs.fitted[RUN].to_numpy(dtype=str)
    far = [i for i in np.argsort(-scores) if scores[i] > MAX_SUSPECT_SCORE]
    listed = ", ".join(f"{names[i]} ({gap[i]:+.3f})" for i in far[:6])
    more = f" and {len(far) - 6} more" if len(far) > 6 else ""
    advice = f"runs far from the curve: {listed}{more}; look at them" if far else ""
    limit = f"none beyond {MAX_SUSPECT_SCORE:g} robust sd"
    yield Check("suspicious runs", OK if not far else INFO, float(len(far)), limit, advice)


def bad_runs(fit: Fit) -> Iterator[Check]:
    """Yield one row: runs that one-sided noise holds for worse than the curve beyond noise."""
    if fit.model.noise.kind != "one_sided":
        return
    found = bad_run_probability(fit)
    worst = found.sortby(found, ascending=False)
    worst = worst[worst.values > PROBABLY_BAD]
    listed = ", ".join(
        f"{name} ({float(p):.2f})" for name, p in zip(worst[RUN].values[:6], worst, strict=False)
    )
    more = f" and {len(worst) - 6} more" if len(worst) > 6 else ""
    advice = f"probably bad runs, set aside by the noise: {listed}{more}" if len(worst) else ""
    limit = f"none above {PROBABLY_BAD:g}"
    yield Check("bad runs", INFO if len(worst) else OK, float(len(worst)), limit, advice)
