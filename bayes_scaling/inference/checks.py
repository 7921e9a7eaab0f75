"""check: whether a posterior can be believed, one row per question."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.graph import middle_of
from bayes_scaling.inference.predict import (
    log_likelihood,
    normal_scores,
    residuals,
    robust_sd,
)
from bayes_scaling.names import CHAIN, DRAW, FLOPS, PARAMS, RUN, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import COLUMN_OF_SYMBOL
from bayes_scaling.specs.coordinate import coordinate_of
from bayes_scaling.verdicts import FAIL, INFO, OK, WARN, Check, Checks, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.specs.prior import Prior

MAX_RHAT = 1.01
MIN_ESS = 400
MAX_DIVERGENT_SHARE = 0.005
MIN_BFMI = 0.3
WORST_RHAT, WORST_ESS, DIVERGENT = "worst_rhat", "worst_ess", "divergent_share"
"""Where a fit's provenance keeps what the sampler's checks need, so that no draw is read again."""
MIN_CONTRACTION = 0.5
MAX_RIDGE = 0.95
MAX_PATTERN = 0.99
"""Probability that a residual pattern has its sign beyond which it is named."""
RESIDUAL_AXES = {"N": PARAMS, "D": TOKENS, "C": FLOPS, "D/N": TOKENS_PER_PARAM}
"""What residuals are examined against, and the column that holds it."""
SAME = 1e-6
"""Spread of log values below which they are all the same."""
MOST_CELLS = 2_000_000
"""Draws times runs beyond which residuals are examined on thinned draws."""
FEWEST_DRAWS = 50
"""Draws of a chain that thinning leaves."""
MAX_SUSPECT_SCORE = 4.0
"""Normal score of a run's residual beyond which the run is named."""


def check(fit: Fit) -> Checks:
    """Examine a fit; each row has name, verdict (ok, warn, fail, info), value, limit and advice.

    Fails: R-hat above 1.01, under 400 effective draws, more than 0.5% divergent draws. Warnings:
    low energy information, a prior that the data did not narrow, residual patterns, ridges,
    influential runs. Findings of the table follow as they are.
    """
    if not hasattr(fit, "posterior"):
        raise UsageError(f"check takes a fit, not {type(fit).__name__}")
    few = _thinned(fit)
    return Checks(
        (
            *_sampler(fit),
            *_patterns(few),
            *_suspects(few),
            *_influence(few),
            *_contraction(fit),
            *_ridges(fit),
            *_step(fit),
            *_table(fit),
        )
    )


def _thinned(fit: Fit) -> Fit:
    """The fit with so few draws that draws times runs fit in memory; unchanged for most tables."""
    draws, chains = fit.posterior.sizes[DRAW], fit.posterior.sizes[CHAIN]
    step = math.ceil(draws * chains * len(fit.runs.fitted) / MOST_CELLS)
    step = max(1, min(step, draws // FEWEST_DRAWS or 1))
    return replace(fit, posterior=fit.posterior.isel({DRAW: slice(None, None, step)}))


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


def _patterns(fit: Fit) -> Iterator[Check]:
    """Slope and curvature of the residuals along each resource, with the probability of the sign.

    If curve and noise are right, the normal scores weighted with any fixed pattern of unit length
    are standard normal at the true unknowns; averaged over the posterior this is a posterior
    predictive probability (Gelman, Meng & Stern 1996).
    """
    from scipy import special

    scores = normal_scores(fit).values
    for name, axis in residual_axes(fit).items():
        for kind, pattern in _unit_patterns(np.log(axis)).items():
            probability = float(np.mean(special.ndtr(scores @ pattern)))
            strength = max(probability, 1 - probability)
            way = "rise" if probability > 0.5 else "fall"
            words = f"residuals {way} with log {name}"
            if kind == "curvature":
                words = f"residuals curve {'up' if probability > 0.5 else 'down'} in log {name}"
            advice = f"{words}: the law misses a pattern; compare other laws, widen far forecasts"
            verdict = _judge(strength <= MAX_PATTERN, WARN)
            limit = f"probability of the sign <= {MAX_PATTERN}"
            yield Check(f"residual {kind} in {name}", verdict, strength, limit, advice)


def residual_axes(fit: Fit) -> dict[str, NDArray[np.float64]]:
    """Return what residuals may depend on, (run,) each: N, D, C and D/N, and what the law reads."""
    axes = RESIDUAL_AXES if {PARAMS, TOKENS} <= set(fit.runs.resources) else {}
    if len(fit.model.inputs) == 1:
        axes = {}
    known = set(axes.values())
    symbols = {column: symbol for symbol, column in COLUMN_OF_SYMBOL.items()}
    own = {symbols.get(c, c): c for c in fit.model.inputs if c not in known}
    values = {name: fit.runs.resource(column) for name, column in {**axes, **own}.items()}
    return {k: v for k, v in values.items() if (v > 0).all() and np.ptp(np.log(v)) > SAME}


def _unit_patterns(x: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    line = x - x.mean()
    bow = line**2 - np.mean(line**2)
    bow = bow - line * (bow @ line) / (line @ line)
    patterns = {"slope": line, "curvature": bow}
    lengths = {k: float(np.linalg.norm(v)) for k, v in patterns.items()}
    return {k: v / lengths[k] for k, v in patterns.items() if lengths[k] > 1e-9}


def _suspects(fit: Fit) -> Iterator[Check]:
    """Runs far from the curve in units of the bulk's spread, whatever the tails forgive."""
    gap = np.median(residuals(fit), axis=(0, 1))
    scores = np.abs(gap) / robust_sd(gap)
    names = fit.runs.fitted[RUN].to_numpy(dtype=str)
    far = [i for i in np.argsort(-scores) if scores[i] > MAX_SUSPECT_SCORE]
    listed = ", ".join(f"{names[i]} ({gap[i]:+.3f})" for i in far[:6])
    more = f" and {len(far) - 6} more" if len(far) > 6 else ""
    advice = f"runs far from the curve: {listed}{more}; look at them" if far else ""
    limit = f"none beyond {MAX_SUSPECT_SCORE:g} robust sd"
    yield Check("suspicious runs", _judge(not far, INFO), float(len(far)), limit, advice)


def _influence(fit: Fit) -> Iterator[Check]:
    """Pareto k-hat of leaving one run out (Vehtari et al. 2024, arXiv:1507.02646)."""
    import arviz_stats as azs

    tree = xr.DataTree.from_dict(
        {
            "posterior": fit.posterior,
            "log_likelihood": xr.Dataset({fit.model.target: log_likelihood(fit)}),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # high values of k are this row's business
        loo = azs.loo(tree, pointwise=True)
    k, limit = np.asarray(loo.pareto_k), float(loo.good_k)
    names = fit.runs.fitted[RUN].to_numpy(dtype=str)
    over = np.flatnonzero(k > limit)
    listed = ", ".join(names[i] for i in over[np.argsort(-k[over])][:5])
    advice = f"single runs move the posterior: {listed}; fit without them and compare"
    words = f"<= {limit:.2f} for every run"
    yield Check("PSIS k-hat", _judge(not len(over), WARN), float(k.max()), words, advice)


def contraction(prior: Prior, draws: NDArray[np.float64]) -> float:
    """Return how much the runs narrowed an unknown: 1 - variance after / variance before.

    Both in the unknown's free coordinate, its log or logit.
    """
    coordinate = coordinate_of(prior)
    before = np.var(coordinate.to_free(np, prior.quantile((np.arange(999) + 0.5) / 999)))
    return float(1 - np.var(coordinate.to_free(np, draws)) / before)


def _contraction(fit: Fit) -> Iterator[Check]:
    for name, prior in fit.model.priors.items():
        narrowed = contraction(prior, fit.posterior[name].values)
        advice = f"the data say little about {name}: its posterior is mostly its prior"
        limit = f">= {MIN_CONTRACTION}"
        verdict = _judge(narrowed >= MIN_CONTRACTION, WARN)
        yield Check(f"contraction of {name}", verdict, narrowed, limit, advice)


def _ridges(fit: Fit) -> Iterator[Check]:
    """Correlation of log terms at the table's own middle with the exponents (I002)."""
    law, model = fit.model.law, fit.model
    middle = [middle_of(fit.runs.resource(c)) for c in model.inputs]
    names = [n for n in law.unknowns if n not in law.terms]
    values = {k: v for k, v in fit.unknowns().items()}
    worst, pair = 0.0, ""
    for term in law.terms:
        only = {k: v if k not in law.terms or k == term else 0.0 * v for k, v in values.items()}
        size = np.log(model.curve(np, tuple(middle), only)).ravel()
        for name in names:
            exponent = np.log(values[name]).ravel()
            if np.ptp(size) == 0 or np.ptp(exponent) == 0:
                continue
            correlation = abs(float(np.corrcoef(size, exponent)[0, 1]))
            worst, pair = max((worst, pair), (correlation, f"{term} and {name}"))
    if pair:
        advice = f"{pair} cannot be told apart by this table; read them only together"
        verdict = _judge(worst <= MAX_RIDGE, WARN)
        yield Check(f"ridge ({pair})", verdict, worst, f"<= {MAX_RIDGE}", advice)


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
        verdict: Verdict = INFO if finding.severity == "info" else WARN
        yield Check(f"table {finding.code}", verdict, finding.message, "none", finding.hint)
