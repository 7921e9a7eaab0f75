"""Design: what a table can and cannot tell, and which models it can tell it with.

Nothing is sampled and PyMC is not imported.
"""

from __future__ import annotations

import numpy as np

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.inference.fit import stated_against
from bayes_scaling.names import (
    DOMAIN_SHARE,
    FLOPS,
    PARAMS,
    TOKENS,
    TOKENS_PER_PARAM,
    UNIQUE_TOKENS,
    WEIGHT,
)
from bayes_scaling.quantities import RESOURCES, is_weight, unit_of
from bayes_scaling.runs.derived import sources_of
from bayes_scaling.runs.identifiability import (
    FEW_ROWS,
    MIN_COMPUTE_DECADES,
    MIN_RATIO_DECADES,
    run_keys,
    split_refusal,
)
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.units import format_quantity
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import ModelSpec, load_model
from bayes_scaling.verdicts import FAIL, INFO, OK, WARN, Check, Checks, Verdict

SPARE_ROWS = 2
"""Rows that a table must have beyond a law's unknowns, noise not counted."""
HIGH_SHARE = 0.6
"""Accuracy below which a ceiling is not seen."""
FLOOR_DECADES = 1.5
"""Decades of one resource below which floor, amplitude and exponent form one ridge."""
SMALL_SHARE = 0.1
"""Share of a domain from which on its singular term looks like any other power."""
WEIGHT_SPREAD = 0.05
"""Singular value of the centred weights below which they do not vary in that direction."""
REPEATED = 0.01
"""Extra epochs below which a table says nothing about repeated data."""


def examine(runs: Runs) -> Checks:
    """Return verdicts on the split, the number of rows, the range and the horizon of a table.

    Of a table that states nothing a run spends, such as losses and accuracies, only on the rows.
    """
    if not runs.resources:
        return Checks((_rows(runs),))
    joint = {PARAMS, TOKENS} <= set(runs.resources)
    axis = FLOPS if joint or FLOPS in runs.resources else runs.resources[0]
    return Checks((_split(runs, joint), _rows(runs), _range(runs, axis), _horizon(runs, axis)))


def identifiable_models(runs: Runs) -> Checks:
    """Say of each model of the shelf whether this table can identify it; name: the model.

    ok: it can; warn: only in part, with what not; fail: it cannot be fitted, with the reason.
    """
    return Checks(tuple(_model(load_model(name), runs) for name in model_names()))


def _model(spec: ModelSpec, runs: Runs) -> Check:
    if not spec.inputs and runs.resources:
        spec = spec.at_resource(runs.resources[0])
    limit = f"{len(spec.priors) + SPARE_ROWS} rows or more, {', '.join(spec.inputs)}"
    if lacking := _lacking(spec, runs):
        return Check(spec.name, FAIL, "no", limit, lacking)
    try:
        spec = stated_against(spec, runs)
    except BayesScalingError as refusal:
        return Check(spec.name, FAIL, "no", limit, str(refusal))
    if len(runs.fitted) < len(spec.priors) + SPARE_ROWS:
        advice = f"{len(spec.priors)} unknowns and {len(runs.fitted)} rows"
        return Check(spec.name, FAIL, "no", limit, advice)
    if doubts := tuple(_doubts(spec, runs)):
        return Check(spec.name, WARN, "in part", limit, "; ".join(doubts))
    return Check(spec.name, OK, "yes", limit)


def _lacking(spec: ModelSpec, runs: Runs) -> str:
    """What a model needs that the table does not state, in few words; empty if nothing."""
    if spec.target not in runs.frame:
        return f"explains the {spec.target.replace('_', ' ')}"
    if spec.groups is not None and spec.groups.column not in runs.frame:
        return f"needs {spec.groups.column}"
    if spec.law.sources and not runs.sources:
        return "needs the weights of data sources"
    needed = [n for n in spec.inputs if not is_weight(n)]
    absent = [n for n in needed if n not in runs.frame and sources_of(n, runs.frame) is None]
    if not spec.inputs:
        return "needs one resource"
    return f"needs {', '.join(absent)}" if absent else ""


def _doubts(spec: ModelSpec, runs: Runs) -> list[str]:
    """What a table that can be fitted says nothing about."""
    found = []
    refusal = split_refusal(runs.findings)
    if _splits(spec) and refusal is not None:
        found.append(f"no split between N and D ({refusal.code})")
    if UNIQUE_TOKENS in spec.inputs:
        extra = runs.resource(TOKENS) / runs.resource(UNIQUE_TOKENS) - 1
        if extra.max() < REPEATED:
            found.append("every token is seen once: nothing about repeats")
    if fixed := [c for c in _beside(spec) if np.ptp(runs.resource(c)) == 0]:
        found.append(f"all runs have the same {', '.join(fixed)}: nothing about what that does")
    if DOMAIN_SHARE in spec.inputs and runs.resource(DOMAIN_SHARE).min() > SMALL_SHARE:
        found.append(f"no {DOMAIN_SHARE} below {SMALL_SHARE}: K, gamma and eps ride one ridge")
    if spec.law.sources and not {PARAMS, TOKENS} & set(spec.inputs):
        moving = [n for n in runs.resources if np.ptp(runs.resource(n)) > 0]
        found += [f"{n} differs between runs, and the law reads the mixture alone" for n in moving]
    if spec.law.sources and (flat := _constant_mixtures(spec, runs)):
        found.append(flat)
    if spec.noise.has_run_effect and not runs.fitted.duplicated(run_keys(runs.fitted)).any():
        found.append("no run has several rows: run effect and noise cannot be told apart")
    if "reach" in spec.priors and runs.fitted[spec.target].max() < HIGH_SHARE:
        found.append(f"no {spec.target} above {HIGH_SHARE}: the ceiling is mostly its prior")
    if len(spec.inputs) == 1:
        decades = float(np.ptp(np.log10(runs.resource(spec.inputs[0]))))
        if "L_inf" in spec.priors and decades < FLOOR_DECADES:
            found.append(
                f"{decades:.1f} decades of {spec.inputs[0]}: the floor is mostly its prior"
            )
    return found


def _splits(spec: ModelSpec) -> bool:
    """Whether a law reads both parameters and tokens, or compute and their ratio."""
    return spec.law.allocates or {PARAMS, TOKENS} <= set(spec.inputs)


def _beside(spec: ModelSpec) -> list[str]:
    """Columns that a law of several reads, without those that other rules are about."""
    others = (*RESOURCES, TOKENS_PER_PARAM, UNIQUE_TOKENS) if _splits(spec) else ()
    several = len(spec.inputs) > 1
    return [c for c in spec.inputs if several and c not in others and not is_weight(c)]


def _constant_mixtures(spec: ModelSpec, runs: Runs) -> str:
    """Say how many sources the weights tell apart, where those are not all; rank of the design."""
    columns = [runs.resource(f"{WEIGHT}{source}") for source in spec.law.sources]
    weights = np.stack(columns, axis=-1)
    told = int(np.linalg.matrix_rank(weights - weights.mean(axis=0), tol=WEIGHT_SPREAD))
    apart = weights.shape[1] - 1
    if told == apart:
        return ""
    return f"the weights vary in {told} of {apart} directions: what sources are worth is the prior"


def _split(runs: Runs, joint: bool) -> Check:
    name, limit = "split of N and D", f"N and D differ, D/N spans {MIN_RATIO_DECADES} decades"
    refusal = split_refusal(runs.findings)
    if refusal is None:
        return Check(name, OK, "yes", limit)
    verdict: Verdict = WARN if joint else INFO
    return Check(name, verdict, f"no ({refusal.code})", limit, refusal.hint)


def _rows(runs: Runs) -> Check:
    rows = len(runs.fitted)
    verdict: Verdict = OK if rows >= FEW_ROWS else WARN
    advice = "priors will carry much of the answer"
    return Check("rows to fit", verdict, f"{rows}", f">= {FEW_ROWS}", advice)


def _range(runs: Runs, axis: str) -> Check:
    decades = float(np.ptp(np.log10(runs.resource(axis))))
    verdict: Verdict = OK if decades >= MIN_COMPUTE_DECADES else WARN
    limit = f">= {MIN_COMPUTE_DECADES:g}"
    advice = "floor and exponents trade off; add smaller or larger runs"
    return Check(f"range of {axis}", verdict, f"{decades:.2f} decades", limit, advice)


def _horizon(runs: Runs, axis: str) -> Check:
    largest = float(runs.resource(axis).max())
    reach = format_quantity(largest * MAX_EXTRAPOLATION, axis)
    advice = f"answers reach up to {MAX_EXTRAPOLATION:g} times as far: {reach}"
    return Check("largest run", INFO, f"{largest:.3g} {unit_of(axis)}", "none", advice)
