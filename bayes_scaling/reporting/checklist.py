"""Checklist: what readers of scaling-law papers ask, answered from the fit.

The questions are those that the survey of Li et al. 2025 ("(Mis)Fitting", arXiv:2502.18969) finds
unanswered in most papers, in our words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.names import FLOPS, PARAMS, TOKENS
from bayes_scaling.reporting.wording import say_given, say_number, say_times

if TYPE_CHECKING:
    from bayes_scaling.reporting.answers import Answers


def checklist(answers: Answers) -> dict[str, str]:
    """Return question and answer, in the order of a paper: law, data, fit, uncertainty, use."""
    fit = answers.fit
    spec, runs, known = fit.spec, fit.runs, fit.provenance
    ratios = [float(each) for each in answers.asked.points["extrapolation"]]
    return {
        "Which law, and why this one?": f"{spec.law.name}: {spec.answers} "
        f"{'; '.join(spec.references) or spec.law.reference}",
        "What is being forecast?": f"{spec.target} in the unit {runs.loss_unit}, of one new run "
        "and of the curve",
        "Which runs, over which range?": _ranges(answers),
        "Which runs were left out?": f"{len(runs.held_out)} held out"
        + (f"; findings of the table: {len(runs.findings)}" if runs.findings else "")
        + "; none is dropped for fitting badly",
        "How are parameters and tokens counted?": "as the table gives them; embeddings, padding "
        "and repeated tokens are counted where its columns count them",
        "How is compute counted?": "6 N D, or the table's own column of FLOP"
        if axis_of(fit) == FLOPS
        else f"not: the axis is {axis_of(fit)}",
        "Were hyperparameters tuned at each size?": "the table does not say; tokens per parameter "
        f"{_ratio(answers)}",
        "Which objective?": f"log density: {', '.join(_density(answers))}",
        "Which method, from which starting values?": f"NUTS ({known.get('adaptation', 'unknown')} "
        f"metric), {known.get('chains', '?')} chains x {known.get('draws', '?')} draws, each chain "
        "from its own random start; priors are in the model file below",
        "How uncertain is it?": "posterior draws throughout; law, scatter of runs and drift beyond "
        "the largest run" + ("" if fit.model.drift else " (this model has no drift)"),
        "How far does it extrapolate?": f"{' and '.join(map(say_times, ratios))} the largest "
        f"fitted run; {say_times(MAX_EXTRAPOLATION)} at most are supported",
        "Was it tried on runs that were not fitted?": "; ".join(
            dict.fromkeys(each.sentence for each in answers.asked.evidence)
        )
        or "no record",
        "Can it be reproduced?": f"seed {known.get('seed', '?')}, data digest "
        f"{str(known.get('data_digest', ''))[:12]}, model digest {spec.digest[:12]}",
    }


def _ranges(answers: Answers) -> str:
    fit = answers.fit
    parts = [f"{len(fit.runs.fitted)} runs"]
    for name in dict.fromkeys((*fit.model.inputs, axis_of(fit))):
        values = fit.runs.resource(name)
        ends = (say_given(float(values.min()), name), say_given(float(values.max()), name))
        parts.append(f"{name} {ends[0]} to {ends[1]}")
    return ", ".join(parts)


def _ratio(answers: Answers) -> str:
    frame = answers.fit.runs.fitted
    if not {PARAMS, TOKENS} <= set(frame):
        return "unknown"
    ratio = frame[TOKENS] / frame[PARAMS]
    return f"{say_number(float(ratio.min()), 3)} to {say_number(float(ratio.max()), 3)}"


def _density(answers: Answers) -> list[str]:
    noise = answers.fit.spec.noise
    return [f"{noise.kind} noise on the {noise.scale} scale", "priors of the model file"]
