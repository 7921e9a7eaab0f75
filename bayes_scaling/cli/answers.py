"""Answers: results as tables of plain columns for CSV, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bayes_scaling.names import LOSS, LOSS_MEAN, PARAMS, TOKENS, TOKENS_PER_PARAM

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.decisions.allocation import Allocation
    from bayes_scaling.decisions.diagnose import Diagnosis
    from bayes_scaling.decisions.forecast import Forecast
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.runs.finding import Finding
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.verdicts import Checks


def levels_of(intervals: Sequence[float]) -> list[float]:
    """Return the quantile levels of central intervals and the median, rising."""
    from bayes_scaling.reporting.wording import interval_levels

    return sorted({0.5, *(end for level in intervals for end in interval_levels(level))})


def _named(quantiles: pd.DataFrame, name: str) -> pd.DataFrame:
    from bayes_scaling.reporting.wording import level_name

    return quantiles.set_axis(
        [f"{name}_{level_name(float(str(c)))}" for c in quantiles], axis="columns"
    )


def forecast_columns(forecast: Forecast, intervals: Sequence[float]) -> pd.DataFrame:
    """Return one row per point: its resources, then quantiles of the loss, or of another target.

    Where only compute was asked for, also the quantiles of each draw's best params and tokens.
    """
    levels = levels_of(intervals)
    wanted = (forecast.new, forecast.mean, LOSS_MEAN, PARAMS, TOKENS)
    names = [n for n in dict.fromkeys(wanted) if n in forecast.draws]
    parts = [_named(forecast.quantiles(levels, of=name), name) for name in names]
    return _beside(forecast.points, parts)


def allocation_columns(allocation: Allocation, intervals: Sequence[float]) -> pd.DataFrame:
    """Return one row per budget: its price, the plan to fund, and where the optimum may lie."""
    levels = levels_of(intervals)
    names = (PARAMS, TOKENS, "tokens_per_param", LOSS)
    parts = [_named(allocation.quantiles(levels, of=name), f"optimum_{name}") for name in names]
    plan = allocation.robust.drop(columns="flops").add_prefix("plan_")
    return _beside(allocation.budgets, [plan, *parts])


def diagnosis_columns(diagnosis: Diagnosis, intervals: Sequence[float]) -> pd.DataFrame:
    """Return one row per run, the worst first: what it spent, and what its split cost."""
    from bayes_scaling.decisions.diagnose import SUMMARISED

    levels = levels_of(intervals)
    best = (PARAMS, TOKENS, TOKENS_PER_PARAM)  # of the best split of the run's compute
    parts = [
        _named(diagnosis.quantiles(levels, of=name), f"optimum_{name}" if name in best else name)
        for name in SUMMARISED
    ]
    beside = _beside(diagnosis.runs, parts)
    return beside.iloc[diagnosis.worst_first].reset_index(drop=True)


def _beside(left: pd.DataFrame, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([each.reset_index(drop=True) for each in (left, *parts)], axis="columns")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as plain mappings."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def runs_record(runs: Runs) -> dict[str, Any]:
    """Return what a table is and what was found in it."""
    return {
        "source": runs.source,
        "raw_sha256": runs.raw_sha256,
        "digest": runs.digest,
        "rows_fitted": len(runs.fitted),
        "rows_held_out": len(runs.held_out),
        "rows_rejected": len(rejected_lines(runs)),
        "loss_unit": runs.loss_unit,
        "resources": list(runs.resources),
        "findings": [finding.to_dict() for finding in runs.findings],
    }


def rejected_lines(runs: Runs) -> list[int]:
    """Return the file lines of rows that were left out because a cell of theirs is faulty."""
    from bayes_scaling.runs.finding import ROW_CODES

    return sorted({line for f in runs.findings if f.code in ROW_CODES for line in f.rows})


def checks_record(checks: Checks) -> dict[str, Any]:
    """Return the verdict and the rows of an examination."""
    return {"verdict": checks.verdict, "rows": records(checks.to_frame())}


def fit_record(fit: Fit, checks: Checks | None = None) -> dict[str, Any]:
    """Return the numbers of a fit: summary, table, provenance and, if given, its checks."""
    from bayes_scaling.laws.formula import latex

    summary = fit.summary().rename_axis("name").reset_index()
    return {
        "model": {
            "name": fit.spec.name,
            "version": fit.spec.version,
            "digest": fit.spec.digest,
            "law": fit.spec.law.name,
            "inputs": list(fit.model.inputs),
            "formula_latex": latex(fit.spec.law),
        },
        "summary": records(summary),
        "runs": runs_record(fit.runs),
        "provenance": dict(fit.provenance),
        **({"checks": checks_record(checks)} if checks is not None else {}),
    }


def split_findings(findings: Iterable[Finding]) -> tuple[list[str], list[str]]:
    """Return errors and warnings as lines of text."""
    from bayes_scaling.runs.finding import ERROR, WARN

    everything = list(findings)
    failures = [str(f).removeprefix("ERROR ") for f in everything if f.severity == ERROR]
    return failures, [str(f).removeprefix("WARN  ") for f in everything if f.severity == WARN]


def split_checks(checks: Checks, runs: Runs) -> tuple[list[str], list[str]]:
    """Return what fails and what warns, as lines of text; rejected rows count as a failure."""
    from bayes_scaling.verdicts import FAIL, WARN

    def lines(verdict: str) -> list[str]:
        found = [row for row in checks.rows if row.verdict == verdict]
        return [str(row).partition(" ")[2].strip() for row in found]

    rejected = rejected_lines(runs)
    rows = [f"{len(rejected)} rows of the table were rejected"] if rejected else []
    return [*lines(FAIL), *rows], lines(WARN)
