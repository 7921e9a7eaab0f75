"""check: whether a posterior can be believed, one row per question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.identifiability_rows import identifiability
from bayes_scaling.inference.loo import psis_loo
from bayes_scaling.inference.residual_checks import bad_runs, patterns, suspects, thinned
from bayes_scaling.inference.support import across_fits, within_fit
from bayes_scaling.names import RUN
from bayes_scaling.verdicts import FAIL, INFO, OK, WARN, Check, Checks, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit

MAX_RHAT = 1.01
MIN_ESS = 400
MAX_DIVERGENT_SHARE = 0.005
MIN_BFMI = 0.3
WORST_RHAT, WORST_ESS, DIVERGENT = "worst_rhat", "worst_ess", "divergent_share"
"""Where a fit's provenance keeps what the sampler's checks need, so that no draw is read again."""
CORRELATED = (
    "use a model with a run effect, such as chinchilla-checkpoints, or keep the last row of each "
    "run: --checkpoints last"
)


def check(fit: Fit, *, others: Mapping[str, Fit] | None = None) -> Checks:
    """Examine a fit; each row has name, verdict (ok, warn, fail, info), value, limit and advice.

    Fails: R-hat above 1.01, under 400 effective draws, more than 0.5% divergent draws. Warnings:
    low energy information, residual patterns, influential runs, an answer that the choice of runs
    moves (I009), and what `identifiability_rows` lists under its codes. `others` names further
    fits of the same model to other choices of runs; see `support`. Findings of the table follow
    as they are. Raises UsageError where `fit` is no fit, or another fit has another model.

    Examples
    --------
    >>> checks = bs.check(fit)
    >>> checks.verdict in ("ok", "warn", "fail"), list(checks.to_frame())[:3]
    (True, ['name', 'verdict', 'value'])
    """
    if not hasattr(fit, "posterior"):
        raise UsageError(f"check takes a fit, not {type(fit).__name__}")
    few = thinned(fit)
    return Checks(
        (
            *_sampler(fit),
            *patterns(few),
            *suspects(few),
            *bad_runs(few),
            *_influence(few),
            *_step(fit),
            *within_fit(few),
            *across_fits(fit, others or {}),
            *identifiability(fit),
            *_table(fit),
        )
    )


def sampler_faults(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words which of the sampler's checks a fit failed when it was made."""
    rhat, ess = provenance.get(WORST_RHAT, 1.0), provenance.get(WORST_ESS, float(MIN_ESS))
    divergent = provenance.get(DIVERGENT, 0.0)
    faults = [] if rhat <= MAX_RHAT else [f"R-hat {rhat:.3f}, above {MAX_RHAT}"]
    faults += [] if ess >= MIN_ESS else [f"{ess:.0f} effective draws, under {MIN_ESS}"]
    if divergent > MAX_DIVERGENT_SHARE:
        faults.append(f"{divergent:.1%} divergent draws, above {MAX_DIVERGENT_SHARE:.1%}")
    return tuple(faults)


def _judge(good: bool, otherwise: Verdict) -> Verdict:
    return OK if good else otherwise


def _sampler(fit: Fit) -> Iterator[Check]:
    longer = "sample longer, or give the unknowns tighter priors"
    summary = fit.summary()
    for name, column in (("ESS bulk", "ess_bulk"), ("ESS tail", "ess_tail")):
        worst = summary[column].idxmin()
        ess = float(summary[column].min())
        yield Check(f"{name} ({worst})", _judge(ess >= MIN_ESS, FAIL), ess, f">= {MIN_ESS}", longer)
    rhat, worst = float(summary["rhat"].max()), summary["rhat"].idxmax()
    good = rhat <= MAX_RHAT
    yield Check(f"R-hat ({worst})", _judge(good, FAIL), rhat, f"<= {MAX_RHAT}", longer)
    divergent = float(fit.sampling["diverging"].mean())
    good = divergent <= MAX_DIVERGENT_SHARE
    advice = "the posterior has corners the sampler cannot enter; widen the noise or the priors"
    limit = f"<= {MAX_DIVERGENT_SHARE:.1%} of draws"
    yield Check("divergences", _judge(good, FAIL), divergent, limit, advice)
    bfmi = _bfmi(fit.sampling["energy"].values)
    advice = "heavy tails slow the sampler; look at the noise"
    yield Check("energy (BFMI)", _judge(bfmi >= MIN_BFMI, WARN), bfmi, f">= {MIN_BFMI}", advice)


def _bfmi(energy: NDArray[np.float64]) -> float:
    """Least Bayesian fraction of missing information over chains (Betancourt 2016)."""
    steps = np.mean(np.diff(energy, axis=1) ** 2, axis=1)
    return float(np.min(steps / np.var(energy, axis=1)))


def _influence(fit: Fit) -> Iterator[Check]:
    """Pareto k-hat of leaving one run out (Vehtari et al. 2024, arXiv:1507.02646)."""
    loo = psis_loo(fit)
    k, limit = loo.khat, loo.good_k
    names = fit.runs.fitted[RUN].to_numpy(dtype=str)
    over = np.flatnonzero(k > limit)
    listed = ", ".join(names[i] for i in over[np.argsort(-k[over])][:5])
    advice = f"single runs move the posterior: {listed}; fit without them and compare"
    words = f"<= {limit:.2f} for every run"
    yield Check("PSIS k-hat", _judge(not len(over), WARN), float(k.max()), words, advice)


def _step(fit: Fit) -> Iterator[Check]:
    """Whether the runs resolve a law's step: its width against the gap that its middle lies in."""
    if fit.model.law.step is None:
        return
    middle, width = (float(np.median(fit.posterior[name])) for name in fit.model.law.step)
    column = fit.model.inputs[0]
    measured = np.unique(fit.runs.resource(column))
    above = int(np.clip(np.searchsorted(measured, middle), 1, len(measured) - 1))
    gap = float(measured[above] - measured[above - 1])
    advice = (
        f"the {fit.model.target} jumps between the runs at {column} {measured[above - 1]:.3g} and "
        f"{measured[above]:.3g}: thresholded metric, the same smooth loss pushed through a "
        f"threshold; forecast P({fit.model.target} >= t) or use the loss"
    )
    limit = f">= {gap:.3g}, the gap between neighbouring runs"
    yield Check(f"width of the step in {column}", _judge(width >= gap, WARN), width, limit, advice)


def _table(fit: Fit) -> Iterator[Check]:
    """Findings of the table: what a reader of this posterior must know of its data."""
    for finding in fit.runs.findings:
        if finding.code == "R007" and fit.model.groups is not None:
            continue  # several groups are not pooled where they may differ
        if finding.code == "I008":
            if fit.model.noise.has_run_effect:
                continue
            finding = replace(finding, hint=CORRELATED)
        verdict: Verdict = INFO if finding.severity == "info" else WARN
        yield Check(f"table {finding.code}", verdict, finding.message, "none", finding.hint)
