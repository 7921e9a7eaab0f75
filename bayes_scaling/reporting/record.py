"""Record: every number of a report, written once, from which page, JSON and CSV are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.decisions.allocation import AT_EDGE, OPTIMAL_LOSS, REGRET
from bayes_scaling.decisions.claim import QUANTILES
from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.decisions.robust import TOLERANCE
from bayes_scaling.decisions.uncertain import middle
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.evaluation.evidence import BACKTEST
from bayes_scaling.evaluation.quantile_scores import quantile_between
from bayes_scaling.inference.identifiability_rows import contraction
from bayes_scaling.inference.prior_sensitivity import DECIDES, SENSITIVE, prior_sensitivity
from bayes_scaling.inference.sampling import versions
from bayes_scaling.names import FLOPS, PARAMS, RUN, TARGET, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import RESOURCES, unit_of
from bayes_scaling.reporting.answers import budgets_of
from bayes_scaling.reporting.plots_claim import claimed_points
from bayes_scaling.reporting.wording import interval_levels, level_name, say_number, say_share
from bayes_scaling.verdicts import FAIL, OK, WARN

if TYPE_CHECKING:
    from bayes_scaling.decisions.allocation import Allocation
    from bayes_scaling.decisions.claim import Claim
    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.reporting.answers import Answers
    from bayes_scaling.runs.finding import Finding
    from bayes_scaling.specs.spec import ModelSpec

SCHEMA_VERSION: Final = 1
MEDIAN: Final = 0.5
TABLE_ROW: Final = "table "
"""How the names of checks begin that repeat a finding of the table."""
Numbers = dict[str, Any]


def record(
    answers: Answers, *, command: str, intervals: Sequence[float], claims: Sequence[Claim] = ()
) -> Numbers:
    """Return every number of the report as plain values; see the keys for what there is."""
    fit = answers.fit
    levels = sorted({MEDIAN, *(v for share in intervals for v in interval_levels(share))})
    shares = sorted(intervals)
    return {
        "schema_version": SCHEMA_VERSION,
        "status": _status(answers),
        "axis": axis_of(fit),
        "target": {"name": fit.model.target, "unit": unit_of(fit.model.target)},
        "new": answers.asked.new,
        "mean": answers.asked.mean,
        "given": dict(answers.fit.given),
        "intervals": [_interval(share) for share in shares],
        "widest": _interval(shares[-1]),
        "max_extrapolation": MAX_EXTRAPOLATION,
        "model": _model(fit),
        "runs": _runs(fit),
        "forecast": _forecast(answers, levels),
        "ray_tokens_per_param": answers.ray,
        "cost": answers.setting.cost.to_dict(),
        "cost_words": _cost_words(answers.setting.cost),
        "setting": answers.setting.describe()[1:],
        "claims": _claims(claims, axis_of(fit), levels),
        "no_split": answers.no_split,
        "refused": answers.refused,
        "tolerance": TOLERANCE,
        "allocation": _allocation(answers.allocation, levels),
        "held_out": _held_out(answers, shares, levels),
        "checks": [
            asdict(row)
            for row in answers.checks.worst_first()
            if not row.name.startswith(TABLE_ROW)
        ],
        "evidence": [each.sentence for each in answers.asked.evidence],
        "caveats": [_finding(each) for each in answers.asked.findings],
        "table_findings": [_finding(each) for each in fit.runs.findings],
        "parameters": _parameters(fit),
        "sensitive": SENSITIVE,
        "decided_by": DECIDES,
        "provenance": {
            **{k: v for k, v in fit.provenance.items() if k not in ("versions", BACKTEST)},
            "forecast_seed": answers.setting.seed,
            "command": command,
        },
        "versions_fit": dict(fit.provenance.get("versions", {})),
        "versions_report": versions(),
    }


def _cost_words(cost: Cost) -> str:
    """Price and speed in words; of priors, what `Cost.describe` says."""
    if cost.uncertain:
        return cost.describe()
    parts = [
        f"{say_number(cost.usd_per_gpu_hour)} USD per GPU-hour",
        f"{say_number(cost.flops_per_gpu_second)} FLOP/s peak",
        f"{say_share(middle(cost.mfu))} utilisation",
    ]
    lost = [f"{say_share(middle(cost.overhead))} lost to failures"] if cost.overhead else []
    return ", ".join(parts + lost)


def _status(answers: Answers) -> str:
    """`fail` where a check fails, the table forbids the question or lost rows, or it is too far."""
    found = {each.severity for each in (*answers.asked.findings, *answers.fit.runs.findings)}
    if answers.checks.verdict == FAIL or answers.refused or "error" in found:
        return FAIL
    return WARN if answers.checks.verdict == WARN or WARN in found else OK


def _interval(share: float) -> Numbers:
    low, high = interval_levels(share)
    return {"share": share, "low": level_name(low), "high": level_name(high)}


def _quantiles(table: pd.DataFrame) -> list[dict[str, float]]:
    """One mapping of quantile name to value per row of a table of quantiles."""
    named = table.rename(columns=lambda level: level_name(float(level)))
    return [{str(k): float(v) for k, v in row.items()} for _, row in named.iterrows()]


def _model(fit: Fit) -> Numbers:
    spec = fit.spec
    return {
        "name": spec.name,
        "version": spec.version,
        "law": spec.law.name,
        "answers": spec.answers,
        "references": [
            spec.law.reference,
            *(each for each in spec.references if each not in spec.law.reference),
        ],
        "inputs": list(fit.model.inputs),
        "constants": fit.model.numbers,
        "noise": ", ".join([spec.noise.kind, spec.noise.scale, *_parts(spec)]),
    }


def _parts(spec: ModelSpec) -> list[str]:
    """What the density has beside law and noise, in words."""
    run_effect = ["run effect"] if spec.noise.has_run_effect else []
    return run_effect + [f"{name} known to {sd:.1%}" for name, sd in spec.input_sds.items()]


def _runs(fit: Fit) -> Numbers:
    fitted = fit.runs.fitted
    known = dict.fromkeys((*RESOURCES, *fit.model.inputs))
    columns = {name: fit.runs.resource(name) for name in known if name in fitted}
    columns[axis_of(fit)] = fit.runs.resource(axis_of(fit))
    columns[fit.model.target] = fit.observed
    return {
        "source": fit.runs.source,
        "digest": fit.runs.digest,
        "loss_unit": fit.runs.loss_unit,
        "fitted": len(fitted),
        "held_out": len(fit.runs.held_out),
        "ranges": {k: {"min": float(v.min()), "max": float(v.max())} for k, v in columns.items()},
    }


def _forecast(answers: Answers, levels: Sequence[float]) -> list[Numbers]:
    asked, axis, cost = answers.asked, axis_of(answers.fit), answers.setting.cost
    amounts = budgets_of(answers)
    new, mean = (_quantiles(asked.quantiles(levels, of=of)) for of in (asked.new, asked.mean))
    known = [name for name in RESOURCES if name in asked.points and name != axis]
    return [
        {
            axis: float(amounts[i]),
            **{name: float(row[name]) for name in known},
            **({"usd": float(cost.usd(amounts[i]))} if axis == FLOPS else {}),
            "extrapolation": float(row["extrapolation"]),
            "beyond": bool(row["extrapolation"] > MAX_EXTRAPOLATION),
            asked.new: new[i],
            asked.mean: mean[i],
        }
        for i, (_, row) in enumerate(asked.points.iterrows())
    ]


def _claims(claims: Sequence[Claim], axis: str, levels: Sequence[float]) -> list[Numbers]:
    """What was forecast before, one row a point, those of other resources than the axis left."""
    rows = []
    for claim, point, amount in claimed_points(claims, axis):
        values = [quantile_between(point[QUANTILES], claim.content["levels"], p) for p in levels]
        named = dict(zip(map(level_name, levels), map(float, values), strict=True))
        row = {"date": claim.date, "by": claim.content["by"], "sha256": claim.sha256, axis: amount}
        rows.append({**row, **named})
    return rows


def _allocation(allocation: Allocation | None, levels: Sequence[float]) -> list[Numbers]:
    if allocation is None:
        return []
    names = (PARAMS, TOKENS, TOKENS_PER_PARAM, OPTIMAL_LOSS, REGRET)
    optimum = {name: _quantiles(allocation.quantiles(levels, of=name)) for name in names}
    edge = allocation.draws[AT_EDGE].values.mean(axis=(0, 1))
    words = (FLOPS, AT_EDGE, "limited_by")
    return [
        {
            **{str(k): float(v) for k, v in allocation.budgets.iloc[i].items()},
            "plan": {str(k): float(v) for k, v in plan.items() if k not in words},
            "plan_at_edge": bool(plan[AT_EDGE]),
            "plan_limited_by": str(plan["limited_by"]),
            "optimum": {name: optimum[name][i] for name in names},
            "at_edge_share": float(edge[i]),
        }
        for i, (_, plan) in enumerate(allocation.robust.iterrows())
    ]


def _held_out(answers: Answers, shares: Sequence[float], levels: Sequence[float]) -> Numbers | None:
    """Intervals for the runs that were not fitted, what was observed, and how many are inside."""
    if answers.held_out is None:
        return None
    frame = answers.fit.runs.held_out
    observed = frame[answers.fit.model.target].to_numpy(dtype=float)
    points, quantiles = answers.held_out.points, _quantiles(answers.held_out.quantiles(levels))
    known = [name for name in RESOURCES if name in points]
    ends = [_interval(share) for share in shares]
    rows: list[Numbers] = []
    for i, (_, point) in enumerate(points.iterrows()):
        q = quantiles[i]
        rows.append(
            {
                RUN: str(frame[RUN].iloc[i]),
                **{name: float(point[name]) for name in known},
                "extrapolation": float(point["extrapolation"]),
                "observed": float(observed[i]),
                answers.held_out.new: q,
                "error_percent": 100 * float(np.log(observed[i] / q[level_name(MEDIAN)])),
                "inside": [bool(q[e["low"]] <= observed[i] <= q[e["high"]]) for e in ends],
            }
        )
    rows.sort(key=lambda row: float(row["extrapolation"]))
    inside = np.array([row["inside"] for row in rows], dtype=bool).sum(axis=0)
    return {"count": len(rows), "inside": [int(n) for n in inside], "rows": rows}


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {**finding.to_dict(), "sentence": str(finding).split(maxsplit=2)[-1]}


def _parameters(fit: Fit) -> list[Numbers]:
    rows = []
    moved = prior_sensitivity(fit).to_dict("index")
    for name, row in fit.summary().iterrows():
        values = {str(k): float(v) for k, v in row.items()}
        prior = fit.model.all_priors.get(str(name))
        entry: Numbers = {"name": str(name), "unit": "", "prior": None, "sensitivity": None}
        entry |= values
        if prior is not None:
            low, middle, high = prior.quantile((0.05, 0.5, 0.95))
            entry |= {
                "unit": unit_of(fit.model.target) if prior.of == TARGET else prior.unit,
                "why": prior.why,
                "dist": prior.dist,
                "prior": {"q05": float(low), "q50": float(middle), "q95": float(high)},
                "contraction": contraction(prior, fit.posterior[name].values),
                "sensitivity": moved[str(name)],
            }
        rows.append(entry)
    return rows
