"""Work: what one task computes: a fit, its health, and the answers to the study's questions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.decisions.allocation import allocate_within
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.decisions.plan import plan
from bayes_scaling.decisions.prospects import prospects
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.evaluation.scores import coverage, interval_score, relative
from bayes_scaling.inference.checks import DIVERGENT, WORST_ESS, WORST_RHAT
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.inference.sampling import fit as sample
from bayes_scaling.names import PARAMS, TOKENS, USD
from bayes_scaling.runs.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from bayes_scaling.batch.sections import PlanSection
    from bayes_scaling.batch.study import Study
    from bayes_scaling.batch.task import Task
    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.decisions.wanted import Wanted
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.inference.sampling import Progress

LEVELS = (0.05, 0.5, 0.95)
NAMES = ("q05", "q50", "q95")
HEALTH = (WORST_RHAT, WORST_ESS, DIVERGENT, "attempts")


def work(task: Task, study: Study, progress: Progress | None = None) -> tuple[dict[str, Any], Fit]:
    """Fit the task's table and answer the study's questions; returns the result and the fit.

    The result holds plain JSON values: `fit` (health, unknowns), `rows`, one for each question and
    one without a question where none is asked. Raises what reading and fitting raise.
    """
    assert task.runs is not None
    own = study.sampling
    found = sample(
        task.spec(study),
        task.runs,
        seed=own.seed,
        draws=own.draws,
        chains=own.chains,
        progress=progress,
    )
    base = {"table": task.table, "model": task.model, "cut": task.cut, **_health(found)}
    base["axis"] = axis_of(found)
    rows = [{**base, **row} for row in _answers(found, study)] or [{**base, "question": ""}]
    summary = {
        str(name): dict(zip(NAMES, map(float, np.quantile(draws.values, LEVELS)), strict=True))
        for name, draws in found.quantities.items()
    }
    return {"fit": {**base, "unknowns": summary, **_held_out(found, own.seed)}, "rows": rows}, found


def _health(found: Fit) -> dict[str, Any]:
    health = {key: found.provenance[key] for key in HEALTH}
    return {"fitted": len(found.runs.fitted), "held_out": len(found.runs.held_out), **health}


def _answers(found: Fit, study: Study) -> list[dict[str, Any]]:
    """Rows of the questions; one that cannot be answered says why."""
    setting = study.setting(study.cost.cost(), study.sampling.seed)
    axis = found.model.axis
    wanted, planned = study.allocate.wanted(), study.plan
    asked = [*study.forecast.flops, *(_amount(each, axis) for each in study.forecast.amounts)]
    rows = [_said("forecast", each, partial(_forecast, found, each, setting)) for each in asked]
    if wanted.ways:
        try:
            budgets, _ = wanted.budgets(found, setting)
        except BayesScalingError as fault:
            rows.append({"question": "allocation", "amount": None, "fault": str(fault)})
        else:
            for each in budgets:
                ask = partial(_allocation, found, each, setting, wanted)
                rows.append(_said("allocation", each, ask))
    if planned is not None:
        spent = float(setting.cost.convention.flops(planned.params, planned.tokens))
        rows.append(_said("plan", spent, partial(_plan, found, planned, setting)))
    return rows


def _said(question: str, amount: float, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        answer = ask()
    except BayesScalingError as fault:
        answer = {"fault": str(fault)}
    return {"question": question, "amount": amount, **answer}


def _forecast(found: Fit, amount: float, setting: Setting) -> dict[str, Any]:
    answer = forecast(found, [amount], seed=setting.seed)
    new, mean = (answer.quantiles(LEVELS, of=name).iloc[0] for name in (answer.new, answer.mean))
    return {
        "extrapolation": float(answer.points["extrapolation"].iloc[0]),
        **_named(answer.new, new),
        **_named(answer.mean, mean),
        "findings": " ".join(finding.code for finding in answer.findings),
    }


def _allocation(found: Fit, amount: float, setting: Setting, wanted: Wanted) -> dict[str, Any]:
    answer = allocate_within(found, [amount], setting, cvar=wanted.cvar)
    plan = answer.robust.iloc[0]
    names = (PARAMS, TOKENS, "loss", "regret_mean", "params_low", "params_high", "limited_by")
    return {
        "extrapolation": float(answer.budgets["extrapolation"].iloc[0]),
        USD: float(answer.budgets[USD].iloc[0]),
        **{f"plan_{name}": plan[name] for name in names},
        **_named("optimum_params", answer.quantiles(LEVELS).iloc[0]),
        **({} if wanted.loss is None else {"reaches": _reaches(found, amount, setting, wanted)}),
        "findings": " ".join(finding.code for finding in answer.findings),
    }


def _reaches(found: Fit, amount: float, setting: Setting, wanted: Wanted) -> float:
    """Probability that a new run of the plan reaches the loss that is wanted."""
    assert wanted.loss is not None
    at = prospects(found, [amount], setting=setting, cvar=wanted.cvar)
    return float(at.probability(wanted.loss)[0])


def _plan(found: Fit, asked: PlanSection, setting: Setting) -> dict[str, Any]:
    answer = plan(found, asked.params, asked.tokens, setting=setting, seed=setting.seed)
    shown = answer.forecast
    new, mean = (shown.quantiles(LEVELS, of=name).iloc[0] for name in (shown.new, shown.mean))
    return {
        "amount": answer.flops,
        "extrapolation": float(shown.points["extrapolation"].iloc[0]),
        **_named(shown.new, new),
        **_named(shown.mean, mean),
        **_named("regret", answer.quantiles(LEVELS, of="regret").iloc[0]),
        USD: float(answer.quantiles((0.5,), of=USD)[0.5].iloc[0]),
        "findings": " ".join(finding.code for finding in shown.findings),
    }


def _held_out(found: Fit, seed: int) -> dict[str, Any]:
    """How the runs that were not fitted fared; nothing where there is none."""
    frame = found.runs.held_out
    if frame.empty:
        return {}
    inputs = {name: frame[name].to_numpy(dtype=float) for name in found.model.inputs
              if name in frame}  # fmt: skip
    drawn = predict_at(found, inputs, seed=seed)[f"{found.model.target}_new"].values
    flat = drawn.reshape(-1, drawn.shape[-1])
    seen = frame[found.model.target].to_numpy(dtype=float)
    inside = coverage(flat, seen, levels=(0.5, 0.9))
    score = relative(interval_score(flat, seen), seen)
    return {
        "inside50": float(inside[0]),
        "inside90": float(inside[1]),
        "interval_score90": float(score.mean()),
    }


def _named(name: str, values: pd.Series[Any]) -> dict[str, float]:
    return {f"{name}_{q}": float(v) for q, v in zip(NAMES, np.asarray(values), strict=True)}


def _amount(amount: float | str, column: str) -> float:
    return parse_quantity(amount, column) if isinstance(amount, str) else amount
