"""Review: what surrounds the fit of a report: past forecasts, other laws, money, the next run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.next_run import NextRun, next_run
from bayes_scaling.decisions.prospects import Prospects, prospects
from bayes_scaling.decisions.regret import regret_curve
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.evaluation.averaging import default_models
from bayes_scaling.evaluation.backtest import Backtest, backtest
from bayes_scaling.evaluation.comparison import Comparison, compare
from bayes_scaling.evaluation.evidence import with_backtest
from bayes_scaling.inference.sampling import fit as sample
from bayes_scaling.names import FLOPS, LOSS, MODEL, PARAMS, TOKENS, USD
from bayes_scaling.reporting.plots_backtest import plot_backtest
from bayes_scaling.reporting.plots_decisions import plot_pareto, plot_probability, plot_regret
from bayes_scaling.reporting.plots_next import plot_next_run
from bayes_scaling.specs.spec import load_model

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.inference.sampling import Progress
    from bayes_scaling.specs.spec import ModelSpec

SPREAD: Final = np.geomspace(1 / 10, 10, 13)
"""Budgets shown beside the one asked, as multiples of it."""
SHOWN_EVERY: Final = 3
"""One in so many of these is in the table of the page."""
STEP_NATS: Final = 0.01
"""Step of the loss whose price is said."""
CANDIDATES: Final = 6
"""Next runs in the table of the page."""


@dataclass(frozen=True)
class Review:
    """How forecasts of a table fared, and its law beside others; `gaps` says why one is missing.

    Examples
    --------
    >>> found = bs.review(fit, others=[bs.load_model("skaling")])
    >>> found.backtest.models, found.comparison is not None, found.gaps
    (('chinchilla', 'skaling', 'average'), True, {})
    """

    backtest: Backtest | None = None
    comparison: Comparison | None = None
    gaps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Around:
    """What lies around the first budget: other budgets, other sizes, the next run."""

    prospects: Prospects
    regret: pd.DataFrame
    next_run: NextRun | None


def review(
    fit: Fit,
    *,
    others: Sequence[ModelSpec] = (),
    seed: int = 0,
    draws: int = 1000,
    chains: int = 4,
    progress: Progress | None = None,
) -> Review:
    """Backtest the table of a fit, and compare its law with others.

    `others`: models to compare with, by default those that are averaged where none is named; each
    is fitted to the table and to its smaller runs. What a table cannot give is a gap with its
    reason, no error. Returns a `Review`, which `report` takes.

    Examples
    --------
    >>> found = bs.review(fit, others=[bs.load_model("skaling")])
    >>> "id=\\"weights\\"" in bs.report(fit, [1e22], review=found).page
    True
    """
    gaps: dict[str, str] = {}
    rivals = _rivals(fit, others)
    past = laws = None
    try:
        past = backtest([fit.spec, *rivals], fit.runs, seed=seed, progress=progress)
    except BayesScalingError as refusal:
        gaps["backtest"] = str(refusal)
    more: dict[str, Any] = {"seed": seed, "draws": draws, "chains": chains, "progress": progress}
    try:
        fits = {fit.spec.name: fit, **{s.name: sample(s, fit.runs, **more) for s in rivals}}
        laws = compare(fits, backtest=past, progress=progress)
    except BayesScalingError as refusal:
        gaps["weights"] = str(refusal)
    return Review(past, laws, gaps)


def around(fit: Fit, budget: float, setting: Setting) -> Around:
    """Return what lies around a budget [FLOP], from a tenth to ten times of it.

    Budgets that leave no plan within the limits are left out. No next run is sought where tokens
    are seen again: what a run without that would tell is not known. Raises what `allocate` raises.
    """
    budgets = budget * SPREAD
    serving, repetition = setting.serving, setting.repetition
    return Around(
        prospects=prospects(fit, budgets[setting.line.payable(budgets)].tolist(), setting=setting),
        regret=regret_curve(fit, budget, setting=setting),
        next_run=None
        if repetition is not None
        else next_run(
            fit,
            budget,
            cost=setting.cost,
            serve_tokens=serving.middle / Serving(1.0).middle if serving else None,
            limits=setting.limits,
            seed=setting.seed,
        ),
    )


def _rivals(fit: Fit, others: Sequence[ModelSpec]) -> list[ModelSpec]:
    """Models other than the fit's own that read the same table."""
    asked = list(others) or [load_model(name) for name in default_models(fit.runs)]
    settled = [spec if spec.inputs else spec.at_resource(fit.model.inputs[0]) for spec in asked]
    return [spec for spec in settled if spec.name != fit.spec.name]


def with_evidence(fit: Fit, found: Review) -> Fit:
    """Return the fit with the summary of its table's backtest, which its forecasts then carry."""
    past = found.backtest
    return with_backtest(fit, past) if past and fit.spec.name in past.models else fit


def pictures_of(found: Review, near: Around | None, model: str, target: float) -> dict[str, Axes]:
    """Figures by name; `target` is the loss whose probability is shown."""
    axes: dict[str, Axes] = {}
    past = found.backtest
    if past is not None:
        axes["backtest"] = plot_backtest(past, model=model if model in past.models else None)
    if near is not None:
        axes["regret"] = plot_regret(near.regret)
        axes["pareto"] = plot_pareto(near.prospects)
        axes["probability"] = plot_probability(near.prospects, target)
        if near.next_run is not None:
            axes["next_run"] = plot_next_run(near.next_run)
    return axes


def record_of(found: Review, near: Around | None, model: str, target: float) -> dict[str, Any]:
    """Every number as plain values: backtest, weights, money, next; and gaps."""
    past, laws = found.backtest, found.comparison
    return {
        "backtest": past and _backtest(past, model),
        "weights": laws and {"sentence": laws.sentence, "rows": _rows(laws.to_frame())},
        "money": near and _money(near, target),
        "next": near and near.next_run and _next(near.next_run),
        "gaps": dict(found.gaps),
    }


def _next(found: NextRun) -> dict[str, Any]:
    rows = _rows(found.table.head(CANDIDATES))
    return {"verdict": found.verdict, "rows": rows, "plan_flops": found.plan.flops}


def _backtest(past: Backtest, model: str) -> dict[str, Any]:
    scores = past.scores
    own = scores[scores[MODEL] == model] if model in past.models else scores
    return {
        "model": model if model in past.models else "",
        "rows": _rows(own),
        "by_model": _rows(past.by_model),
        "skipped": _rows(past.skipped),
        "cuts": len(past.provenance["cuts"]),
    }


def _money(near: Around, target: float) -> dict[str, Any]:
    asked = near.prospects
    quantiles = asked.quantiles((0.05, 0.5, 0.95))
    table = asked.plans[[FLOPS, USD, PARAMS, TOKENS, LOSS, "extrapolation"]].assign(
        q05=quantiles[0.05], q50=quantiles[0.5], q95=quantiles[0.95],
        probability=asked.probability(target),
    )  # fmt: skip
    falls = -np.gradient(table[LOSS], np.log(table[USD]))
    table["usd_per_step"] = STEP_NATS * table[USD] / np.where(falls > 0, falls, np.nan)
    return {
        "target": target,
        "step": STEP_NATS,
        "rows": _rows(table.iloc[(len(table) - 1) % SHOWN_EVERY :: SHOWN_EVERY]),
        "regret": _rows(near.regret),
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, NaN as None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(k): getattr(v, "item", lambda v=v: v)() for k, v in r.items()} for r in rows]
