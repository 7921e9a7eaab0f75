"""Design checks: what a table can and cannot tell, before anything is sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.names import FLOPS, PARAMS, TOKENS, UNIT

if TYPE_CHECKING:
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.verdicts import Checks


def examine(runs: Runs) -> Checks:
    """Return verdicts on the split, the number of rows, the range and the horizon of a table."""
    import numpy as np

    from bayes_scaling.decisions.horizon import MAX_EXTRAPOLATION
    from bayes_scaling.runs.identifiability import (
        FEW_ROWS,
        MIN_COMPUTE_DECADES,
        MIN_RATIO_DECADES,
        split_refusal,
    )
    from bayes_scaling.runs.units import format_quantity
    from bayes_scaling.verdicts import INFO, OK, WARN, Check, Checks, Verdict

    joint = {PARAMS, TOKENS} <= set(runs.resources)
    axis = FLOPS if joint or FLOPS in runs.resources else runs.resources[0]
    amounts = runs.resource(axis)
    decades = float(np.ptp(np.log10(amounts)))
    rows, refusal = len(runs.fitted), split_refusal(runs.findings)
    answer = f"no ({refusal.code})" if refusal else "yes"
    split: Verdict = OK if refusal is None else (WARN if joint else INFO)
    advice = refusal.hint if refusal else ""
    limit = f"N and D differ, D/N spans {MIN_RATIO_DECADES} decades"
    largest = float(amounts.max())
    reach = format_quantity(largest * MAX_EXTRAPOLATION, axis)
    wide: Verdict = OK if decades >= MIN_COMPUTE_DECADES else WARN
    enough: Verdict = OK if rows >= FEW_ROWS else WARN
    few = "priors will carry much of the answer"
    narrow = "floor and exponents trade off; add smaller or larger runs"
    return Checks(
        (
            Check("split of N and D", split, answer, limit, advice),
            Check("rows to fit", enough, f"{rows}", f">= {FEW_ROWS}", few),
            Check(
                f"range of {axis}",
                wide,
                f"{decades:.2f} decades",
                f">= {MIN_COMPUTE_DECADES:g}",
                narrow,
            ),
            Check(
                "largest run",
                INFO,
                f"{largest:.3g} {UNIT[axis]}",
                f"answers up to {MAX_EXTRAPOLATION:g} times, {reach}",
            ),
        )
    )
