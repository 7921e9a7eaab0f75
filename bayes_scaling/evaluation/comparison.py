"""compare: which law explains the runs best, and whether the difference can be trusted.

| code | severity | what was found |
|---|---|---|
| M001 | info | laws that cannot be told apart |
| M002 | info | too few runs for standard errors |
| M003 | warn | runs that could not be left out |
| M004 | warn | a refit without a run failed |
| M005 | warn | the best by leave-one-out did not forecast best |
| M006 | error | chains of a fit did not mix |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.leave_one_out import LeaveOneOut, leave_one_out
from bayes_scaling.evaluation.row_changes import require_same_data
from bayes_scaling.evaluation.stacking import stacking_weights
from bayes_scaling.inference.checks import sampler_faults
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.sampling import Progress
from bayes_scaling.names import MODEL, RUN
from bayes_scaling.runs.finding import ERROR, INFO, WARN, Finding, worst_first
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes_scaling.evaluation.backtest import Backtest

SAME_ELPD = 4.0
"""Difference of summed log scores below which two models cannot be told apart (Sivula et al. 2025,
arXiv:2008.10296)."""
FEW_RUNS = 100
"""Runs below which the standard error of a difference is not to be trusted (ibid.)."""
CLEAR_SE = 2.0
"""Standard errors of the difference beyond which it counts as more than chance."""
SCORES = {"coverage90": "coverage90", "interval_score90": "interval_score", "crps": "crps"}
"""Columns taken from a backtest, and what they are called in the table."""
TABLE_COLUMNS = (
    "rank", "elpd", "elpd_diff", "dse", "p_loo", "worst_k", "exact_refits", "weight", "flags",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Models of one table side by side, the best first.

    `table`: index model; `elpd` the sum of the leave-one-out log scores, `elpd_diff` its distance
    from the best (never above 0) with standard error `dse`, `p_loo` the effective number of
    unknowns, `worst_k` the largest k-hat, `exact_refits`, `weight` and, in words, `flags`; with a
    backtest `coverage90`, `interval_score`, `crps` and the rank by crps, `extrapolation_rank`.
    `weights` are those of stacking on the leave-one-out scores, `pointwise` these scores and
    `khat` their k-hat, both (run, model).

    Examples
    --------
    >>> models = [bs.load_model(name) for name in ("chinchilla-plain", "skaling-plain")]
    >>> fits = {model.name: bs.fit(model, runs) for model in models}
    >>> found = bs.compare(fits, exact=False)
    >>> found.pointwise.dims, float(found.table["elpd_diff"].max())
    (('run', 'model'), 0.0)
    >>> list(found.to_frame())[:3]
    ['model', 'rank', 'elpd']
    """

    table: pd.DataFrame
    weights: Mapping[str, float]
    pointwise: xr.DataArray
    khat: xr.DataArray
    sentence: str
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Return the table with the model as a column."""
        return self.table.reset_index()


def compare(
    fits: Mapping[str, Fit],
    *,
    backtest: Backtest | None = None,
    exact: bool = True,
    progress: Progress | None = None,
) -> Comparison:
    """Compare fits of several models to the same runs by how well each predicts left-out ones.

    Leave-one-out log scores by importance sampling (Vehtari et al. 2024, arXiv:1507.02646); with
    `exact`, runs that it cannot leave out are left out by refits, at most 20 of a model. Weights by
    stacking (Yao et al. 2018, arXiv:1704.02030). `backtest` adds how well each model forecast the
    larger runs from the smaller ones. Raises UsageError for fewer than two fits and for fits of
    different data, targets or loss units; names the runs that differ.

    Examples
    --------
    >>> models = [bs.load_model(name) for name in ("chinchilla-plain", "skaling-plain")]
    >>> fits = {model.name: bs.fit(model, runs) for model in models}
    >>> found = bs.compare(fits, exact=False)
    >>> round(sum(found.weights.values()), 6)
    1.0
    """
    _require_several(fits)
    require_same_data(fits)
    scores = _scores_of(backtest, fits)
    loos = {}
    for name, fit in fits.items():
        if progress is not None:
            progress(f"leaving out runs of {name}", None)
        loos[name] = leave_one_out(fit, exact=exact, progress=progress)
    pointwise = np.column_stack([loo.scores for loo in loos.values()])
    weights = dict(zip(fits, map(float, stacking_weights(pointwise)), strict=True))
    table = _table(loos, weights)
    if scores is not None:
        table = table.join(scores)
    one = next(iter(fits.values()))
    rough = any(loo.unsettled.any() for loo in loos.values())
    label = partial(_labelled, one.runs.fitted[RUN].to_numpy(dtype=str), list(fits))
    return Comparison(
        table=table,
        weights=weights,
        pointwise=label(pointwise),
        khat=label(np.column_stack([loo.khat for loo in loos.values()])),
        sentence=sentence_of(table, len(pointwise), rough=rough),
        findings=worst_first(_findings(fits, loos, table)),
        provenance={name: dict(fit.provenance) for name, fit in fits.items()},
    )


def _require_several(fits: object) -> None:
    if not isinstance(fits, Mapping) or not all(isinstance(f, Fit) for f in fits.values()):
        raise UsageError('compare takes fits by name: compare({"name": fit, "other": other_fit})')
    if len(fits) < 2:
        raise UsageError(
            f"compare takes at least two fits of the same runs, not {len(fits)}; "
            "fit another model to the table"
        )


def _labelled(runs: Any, models: list[str], values: Any) -> xr.DataArray:
    return xr.DataArray(values, dims=(RUN, MODEL), coords={RUN: runs, MODEL: models})


def _scores_of(backtest: Backtest | None, fits: Mapping[str, Fit]) -> pd.DataFrame | None:
    """Scores of the backtest, index model, with the rank by crps; None without a backtest."""
    if backtest is None:
        return None
    by_model = backtest.by_model
    by_model = by_model.set_index(MODEL) if MODEL in by_model else by_model
    missing = [name for name in SCORES if name not in by_model]
    if missing or not by_model.index.is_unique or not set(fits) & set(by_model.index):
        has = ", ".join(display_name(name, 40) for name in by_model.index)
        raise UsageError(
            f"the backtest needs one row for each model with {', '.join(SCORES)}; it has rows of "
            f"{has or 'no model'}, to be compared are {', '.join(map(display_name, fits))}"
        )
    scores = by_model[list(SCORES)].rename(columns=SCORES).reindex(list(fits)).astype(float)
    return scores.assign(extrapolation_rank=scores["crps"].rank(method="min").astype("Int64"))


def _table(loos: Mapping[str, LeaveOneOut], weights: Mapping[str, float]) -> pd.DataFrame:
    totals = {name: float(loo.scores.sum()) for name, loo in loos.items()}
    order = sorted(totals, key=lambda name: -totals[name])
    best = loos[order[0]].scores
    rows = {}
    for rank, name in enumerate(order, start=1):
        loo = loos[name]
        gaps = loo.scores - best
        diff, dse = float(gaps.sum()), float(np.sqrt(len(gaps)) * gaps.std())
        p_loo = float((loo.in_sample - loo.scores).sum())
        refits, flags = int(loo.refitted.sum()), "; ".join(_flags(loo, diff, rank))
        weight, worst = weights[name], float(loo.khat.max())
        rows[name] = (rank, totals[name], diff, dse, p_loo, worst, refits, weight, flags)
    found = pd.DataFrame.from_dict(rows, orient="index", columns=list(TABLE_COLUMNS))
    return found.rename_axis(MODEL)


def _flags(loo: LeaveOneOut, diff: float, rank: int) -> Iterator[str]:
    if rank > 1 and abs(diff) < SAME_ELPD:
        yield "cannot be told apart from the best"
    if rank > 1 and len(loo.scores) < FEW_RUNS:
        yield f"n < {FEW_RUNS}: standard errors are not to be trusted"
    if count := int(loo.unsettled.sum()):
        yield f"k-hat above {loo.good_k:.2f} for {count} runs"


def _findings(
    fits: Mapping[str, Fit], loos: Mapping[str, LeaveOneOut], table: pd.DataFrame
) -> Iterator[Finding]:
    n = len(next(iter(loos.values())).scores)
    close = [str(name) for name in table.index[1:] if -table["elpd_diff"][name] < SAME_ELPD]
    if close:
        message = f"{_names(close)} cannot be told apart from {_names(table.index[:1])}"
        yield Finding("M001", INFO, (), message, "average over them, by their weights")
    if n < FEW_RUNS:
        message = f"{n} runs, fewer than {FEW_RUNS}: standard errors are not to be trusted"
        yield Finding("M002", INFO, (), message, "read the order of the laws, not the odds")
    for name, loo in loos.items():
        who = display_name(name, 40)
        if loo.unsettled.any():
            count = int(loo.unsettled.sum())
            message = (
                f"{who}: k-hat above {loo.good_k:.2f} for {count} runs, their scores are rough"
            )
            yield Finding("M003", WARN, (), message, "allow refits, or look at the runs")
        for fault in loo.faults:
            yield Finding("M004", WARN, (), f"{who}: {fault}")
        for fault in sampler_faults(fits[name].provenance):
            hint = "sample longer, or give the unknowns tighter priors"
            yield Finding("M006", ERROR, (), f"{who}: the chains did not mix: {fault}", hint)
    if better := _better_ahead(table):
        message = (
            f"{_names([better])} forecast the larger runs better than {_names(table.index[:1])}"
        )
        yield Finding("M005", WARN, (), message, "for forecasts trust the backtest, not LOO")


def _better_ahead(table: pd.DataFrame) -> str | None:
    """The model that extrapolated best, where it is not the one that LOO prefers."""
    if "crps" not in table or table["crps"].isna().all():
        return None
    ahead = str(table["crps"].idxmin())
    return None if ahead == table.index[0] else ahead


def _names(names: Any) -> str:
    *rest, last = (display_name(name, 40) for name in names)
    return f"{', '.join(rest)} and {last}" if rest else last


def sentence_of(table: pd.DataFrame, n: int, *, rough: bool = False) -> str:
    """Say in plain words what the table of a comparison of `n` runs tells.

    `rough`: scores of some runs are importance-sampled where that fails.
    """
    best, second = table.index[:2]
    diff, dse = -float(table["elpd_diff"][second]), float(table["dse"][second])
    close = [name for name in table.index[1:] if -table["elpd_diff"][name] < SAME_ELPD]
    words = f"{_names([best])} explains the {n} runs best"
    behind = f"{_names([second])} is {diff:.1f} behind"
    doubt = f"not to be trusted with fewer than {FEW_RUNS} runs"
    if close:
        far = f", the nearest {diff:.1f} behind" if len(close) > 1 else f" ({diff:.1f} behind)"
        words += f", but {_names(close)} cannot be told apart from it{far}."
    elif n < FEW_RUNS:
        words += f": {behind} (standard error {dse:.1f}, {doubt})."
    elif diff < CLEAR_SE * dse:
        words += f", perhaps by chance: {behind} (standard error {dse:.1f})."
    else:
        words += f", clearly: {behind} (standard error {dse:.1f})."
    if close and n < FEW_RUNS:
        words += f" Standard errors are {doubt}."
    if rough:
        words += " Some scores are rough: importance sampling fails for their runs."
    return f"{words} {_ahead_words(table)}".strip()


def _ahead_words(table: pd.DataFrame) -> str:
    if "crps" not in table or table["crps"].isna().all():
        return ""
    best, better = table.index[0], _better_ahead(table)
    if better is None:
        return f"{_names([best])} also forecast the larger runs best."
    ours, theirs = (
        f"{row['crps']:.2g} with {100 * row['coverage90']:.0f}%"
        for row in (table.loc[better], table.loc[best])
    )
    return (
        f"LOO prefers {_names([best])}, but {_names([better])} forecast the larger runs better "
        f"(CRPS {ours} inside the 90% intervals, against {theirs})."
    )
