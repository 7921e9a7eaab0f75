"""Design checks: what a table can and cannot tell, before anything is sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.names import FLOPS, PARAMS, TOKENS, UNIT

if TYPE_CHECKING:
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.verdicts import Check, Checks


def examine(runs: Runs) -> Checks:
    """Return verdicts on the split, the number of rows, the range and the horizon of a table."""
    from bayes_scaling.verdicts import Checks

    joint = {PARAMS, TOKENS} <= set(runs.resources)
    axis = FLOPS if joint or FLOPS in runs.resources else runs.resources[0]
    return Checks((_split(runs, joint), _rows(runs), _range(runs, axis), _horizon(runs, axis)))


def _split(runs: Runs, joint: bool) -> Check:
    from bayes_scaling.runs.identifiability import MIN_RATIO_DECADES, split_refusal
    from bayes_scaling.verdicts import INFO, OK, WARN, Check, Verdict

    name, limit = "split of N and D", f"N and D differ, D/N spans {MIN_RATIO_DECADES} decades"
    refusal = split_refusal(runs.findings)
    if refusal is None:
        return Check(name, OK, "yes", limit)
    verdict: Verdict = WARN if joint else INFO
    return Check(name, verdict, f"no ({refusal.code})", limit, refusal.hint)


def _rows(runs: Runs) -> Check:
    from bayes_scaling.runs.identifiability import FEW_ROWS
    from bayes_scaling.verdicts import OK, WARN, Check, Verdict

    rows = len(runs.fitted)
    verdict: Verdict = OK if rows >= FEW_ROWS else WARN
    advice = "priors will carry much of the answer"
    return Check("rows to fit", verdict, f"{rows}", f">= {FEW_ROWS}", advice)


def _range(runs: Runs, axis: str) -> Check:
    import numpy as np

    from bayes_scaling.runs.identifiability import MIN_COMPUTE_DECADES
    from bayes_scaling.verdicts import OK, WARN, Check, Verdict

    decades = float(np.ptp(np.log10(runs.resource(axis))))
    verdict: Verdict = OK if decades >= MIN_COMPUTE_DECADES else WARN
    limit = f">= {MIN_COMPUTE_DECADES:g}"
    advice = "floor and exponents trade off; add smaller or larger runs"
    return Check(f"range of {axis}", verdict, f"{decades:.2f} decades", limit, advice)


def _horizon(runs: Runs, axis: str) -> Check:
    from bayes_scaling.decisions.horizon import MAX_EXTRAPOLATION
    from bayes_scaling.runs.units import format_quantity
    from bayes_scaling.verdicts import INFO, Check

    largest = float(runs.resource(axis).max())
    reach = format_quantity(largest * MAX_EXTRAPOLATION, axis)
    advice = f"answers reach up to {MAX_EXTRAPOLATION:g} times as far: {reach}"
    return Check("largest run", INFO, f"{largest:.3g} {UNIT[axis]}", "none", advice)
