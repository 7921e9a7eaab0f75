"""Support sensitivity: how far an answer depends on which runs were fitted (I009).

Two measures. Between two fits of one model: the distance of the medians, in standard deviations of
the narrower posterior. Within one fit: how far resampling the runs would move the posterior's
mean, in its own standard deviations, by the Bayesian infinitesimal jackknife: the covariances of
an unknown with the log likelihood of each unit that may or may not have been in the table, squared
and summed (Giordano & Broderick 2023, arXiv:2305.06466). Rows of one model on one data set stand
or fall together, where a table has enough of them. Where the law is right and the rows are
independent, the second measure is about 1. Both are taken in the free coordinate, the log or the
logit.

| code | severity | what was found |
|---|---|---|
| I009 | warn | the choice of runs moves an unknown |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.predict import log_likelihood
from bayes_scaling.inference.residual_checks import thinned
from bayes_scaling.names import CHAIN, DRAW, PARAMS, UNIQUE_TOKENS
from bayes_scaling.specs.coordinate import coordinate_of
from bayes_scaling.specs.prior import Z95
from bayes_scaling.verdicts import OK, WARN, Check, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

MAX_SHIFT = Z95
"""Narrower standard deviations beyond which one median lies outside the other's 90% interval."""
MAX_ROW_SPREAD = 1.5
"""Spread over resampled runs, in posterior standard deviations, beyond which a 90% interval holds
fewer than three quarters of the answers of other draws of runs."""
FEWEST_UNITS = 10
"""Models on data sets below which rows are resampled one by one."""


def within_fit(fit: Fit) -> Iterator[Check]:
    """Yield one row: the unknown that resampling the runs moves most, and which move too far."""
    spread = {name: v for name, v in row_spread(fit).items() if name in fit.model.priors}
    if not spread:
        return
    worst = max(spread, key=lambda name: spread[name])
    far = sorted((n for n in spread if spread[n] > MAX_ROW_SPREAD), key=lambda n: -spread[n])
    listed = ", ".join(f"{name} ({spread[name]:.1f} sd)" for name in far)
    advice = f"other runs of the same kind would move {listed}: the intervals are too narrow; "
    advice += "fit another choice of runs and compare: check --also"
    verdict: Verdict = WARN if far else OK
    limit = f"<= {MAX_ROW_SPREAD:g} posterior sd"
    yield Check(f"I009 row sensitivity ({worst})", verdict, spread[worst], limit, advice)


def across_fits(fit: Fit, others: Mapping[str, Fit]) -> Iterator[Check]:
    """Yield a row for each quantity and other fit: does the choice of runs decide the answer?

    Value: distance of the medians in standard deviations of the narrower posterior. Warns beyond
    1.64, where one median lies outside the other's 90% interval, and where resampling the runs of
    either fit moves its answer by more than 1.5 posterior standard deviations.

    Raises UsageError for a fit of another model, or of the same runs.
    """
    for label, other in others.items():
        _refuse(fit, label, other)
        spreads = [row_spread(thinned(each)) for each in (fit, other)]
        ours, theirs = quantities(fit), quantities(other)
        for name in ours:
            moved = max(spread[name] for spread in spreads)
            yield _row(name, label, (ours[name], theirs[name]), _free_pair(fit, name, other), moved)


def quantities(fit: Fit) -> dict[str, Floats]:
    """Return the draws (chain, draw) of the law's unknowns and of what is derived from them."""
    unknowns = {name: fit.posterior[name] for name in fit.model.priors}
    both = {**unknowns, **{str(k): v for k, v in fit.derived.items()}}
    return {name: v.values for name, v in both.items() if set(v.dims) == {CHAIN, DRAW}}


def row_spread(fit: Fit) -> dict[str, float]:
    """Return how far resampling the runs would move each quantity, in its posterior sds."""
    units = _units(fit)
    log_density = log_likelihood(fit).values.reshape(-1, len(units))
    draws = len(log_density)
    each = np.zeros((draws, int(units.max()) + 1))
    np.add.at(each.T, units, log_density.T)
    each -= each.mean(axis=0)
    found = {}
    for name in quantities(fit):
        values = _free(fit, name)
        centered = (values - values.mean()).ravel()
        variance = float(centered.var())
        if variance == 0:  # a quantity that the law fixes
            found[name] = 0.0
            continue
        squares = float(np.sum((centered @ each / draws) ** 2))
        chance = variance * float(each.var(axis=0).sum()) / draws  # what independent draws give
        found[name] = float(np.sqrt(max(squares - chance, 0.0) / variance))
    return found


def _units(fit: Fit) -> NDArray[np.int64]:
    """Number the models on data sets, (run,); the rows where a table has fewer than ten."""
    fitted = fit.runs.fitted
    columns = [name for name in (PARAMS, UNIQUE_TOKENS) if name in fitted]
    rows: NDArray[np.int64] = np.arange(len(fitted), dtype=np.int64)
    if not columns:
        return rows
    groups = fitted.groupby(columns, sort=False, dropna=False)
    numbers = np.asarray(groups.ngroup(), dtype=np.int64)
    return numbers if numbers.max() + 1 >= FEWEST_UNITS else rows


def _free(fit: Fit, name: str) -> Floats:
    values = quantities(fit)[name]
    if name in fit.model.priors:
        return np.asarray(coordinate_of(fit.model.priors[name]).to_free(np, values))
    return np.log(values) if (values > 0).all() else values


def _free_pair(fit: Fit, name: str, other: Fit) -> tuple[Floats, Floats]:
    ours, theirs = quantities(fit)[name], quantities(other)[name]
    if name in fit.model.priors or ((ours > 0).all() and (theirs > 0).all()):
        return _free(fit, name), _free(other, name)
    return ours, theirs


def _row(
    name: str, label: str, draws: tuple[Floats, Floats], free: tuple[Floats, Floats], moved: float
) -> Check:
    distance = abs(float(np.median(free[0]) - np.median(free[1])))
    narrower = min(float(each.std()) for each in free)
    shift = distance / narrower if distance else 0.0
    ends = [np.quantile(each, (0.05, 0.95)) for each in draws]
    here, there = (f"{low:.3g} to {high:.3g}" for low, high in ends)
    why = "the two choices of runs give different answers; show both"
    if shift <= MAX_SHIFT:
        why = (
            f"these two choices agree, but resampling the runs moves it by {moved:.1f} posterior sd"
        )
    advice = (
        f"90% of {name} lies between {here} with these runs and between {there} with {label}: {why}"
    )
    verdict: Verdict = OK if shift <= MAX_SHIFT and moved <= MAX_ROW_SPREAD else WARN
    limit = f"<= {MAX_SHIFT:.2f} sd, resampled <= {MAX_ROW_SPREAD:g}"
    title = f"I009 support sensitivity of {name} ({label})"
    return Check(title, verdict, shift, limit, advice)


def _refuse(fit: Fit, label: str, other: Fit) -> None:
    if not hasattr(other, "posterior"):
        raise UsageError(f"{label}: not a fit but {type(other).__name__}")
    if other.spec.digest != fit.spec.digest or other.model.inputs != fit.model.inputs:
        names = [f"{f.spec.name} of {', '.join(f.model.inputs)}" for f in (other, fit)]
        raise UsageError(
            f"{label} is a fit of another model ({names[0]}, this one is {names[1]}, digests "
            f"{other.spec.digest[:12]} and {fit.spec.digest[:12]}): the choice of runs is judged "
            "by fits of one model; fit the same model file to both tables"
        )
    if other.runs.digest == fit.runs.digest:
        raise UsageError(f"{label} was fitted to the same runs; give a fit to another choice")
