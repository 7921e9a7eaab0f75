"""Identifiability rows: what a posterior cannot tell, each under the code of its condition.

| code | row | fires where |
|---|---|---|
| I002 | ridge | a term at the table's middle and an exponent are one |
| I003 | compute alone | the law reads compute and nothing else: no split |
| I004 | contraction of the floor; floor given k | floor = prior; k moves the floor |
| I005 | boundary | floor or exponent pile up at 0 |
| I010 | contraction of other unknowns; breaks; ratio at the optimum | prior = posterior |
| I011 | split exponent | always, where a law has a split: `a` and the elasticity side by side |
| I012 | ceiling of the floor | a prior cuts the floor off hard |

Other codes are findings of the table (I001, I006, I007, I008, I013, I014: `runs.findings`), refused
before sampling (I006), or rows of `support` (I009). A floor that does not exist is said with
forecasts (X004: `decisions.horizon`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.inference.graph import middle_of
from bayes_scaling.laws.library import built_in
from bayes_scaling.names import FLOPS, POINT, TOKENS_PER_PARAM
from bayes_scaling.quantities import grows
from bayes_scaling.specs.coordinate import coordinate_of
from bayes_scaling.verdicts import INFO, OK, WARN, Check, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.specs.prior import Prior

    Floats = NDArray[np.float64]

FLOOR, SPLIT, ELASTICITY, BEST_RATIO = "L_inf", "a", "elasticity", "M_opt"
MIN_CONTRACTION = 0.5
MAX_RIDGE = 0.95
MAX_FLOOR_CORRELATION = 0.7
"""Correlation of floor and outer exponent from which they share half of their variance."""
AT_BOUNDARY = 0.01
"""Quantile of the prior below which a posterior's median counts as piled up at zero."""
MAX_BEYOND = 0.05
"""Probability that a break lies beyond the data from which this is said."""
MAX_RATIO_SPREAD = 10.0
"""Factor between the ends of a 90% interval of a ratio beyond which it is not known."""
FAR = 10.0
"""Multiple of the largest run's parameters and tokens at which floors are compared."""


def identifiability(fit: Fit) -> Iterator[Check]:
    """Yield the rows of every code, in the order of the codes."""
    for rows in ROWS.values():
        for function in rows:
            yield from function(fit)


def contraction(prior: Prior, draws: Floats) -> float:
    """Return how much the runs narrowed an unknown: 1 - variance after / variance before.

    Both in the unknown's free coordinate, its log or logit.
    """
    coordinate = coordinate_of(prior)
    before = np.var(coordinate.to_free(np, prior.quantile((np.arange(999) + 0.5) / 999)))
    return float(1 - np.var(coordinate.to_free(np, draws)) / before)


def ridges(fit: Fit) -> Iterator[Check]:
    """I002: correlation of log terms at the table's own middle with the exponents."""
    law, model = fit.model.law, fit.model
    middle = [middle_of(fit.runs.resource(c)) for c in model.inputs]
    names = [n for n in law.unknowns if n not in law.terms]
    values = {k: v for k, v in fit.unknowns().items()}
    worst, pair = 0.0, ""
    for term in law.terms:
        only = {k: v if k not in law.terms or k == term else 0.0 * v for k, v in values.items()}
        size = np.log(model.curve(np, tuple(middle), only)).ravel()
        for name in names:
            exponent = coordinate_of(model.priors[name]).to_free(np, values[name]).ravel()
            if np.ptp(size) == 0 or np.ptp(exponent) == 0:
                continue
            correlation = abs(float(np.corrcoef(size, exponent)[0, 1]))
            worst, pair = max((worst, pair), (correlation, f"{term} and {name}"))
    if pair:
        advice = f"{pair} cannot be told apart by this table; read them only together"
        verdict: Verdict = OK if worst <= MAX_RIDGE else WARN
        yield Check(f"I002 ridge ({pair})", verdict, worst, f"<= {MAX_RIDGE}", advice)


def compute_alone(fit: Fit) -> Iterator[Check]:
    """I003: a law of compute alone knows nothing of the split."""
    if fit.model.inputs == (FLOPS,):
        advice = "exponent and floor along compute only: nothing about parameters against tokens"
        yield Check("I003 compute alone", INFO, "no split", "params and tokens", advice)


def floor(fit: Fit) -> Iterator[Check]:
    """I004: how much the runs say about the floor, and what hangs on it far out."""
    if FLOOR in fit.model.priors:
        split = _far_by_half(fit, fit.posterior[FLOOR].values)
        words = (
            f"floor = prior: {FAR:g} times beyond the largest run in parameters and tokens the "
            f"loss is {split[0]:.3g} where the floor is in its lower half and {split[1]:.3g} in "
            "its upper; show the forecast under each prior that could be defended"
        )
        yield _contraction(fit, FLOOR, "I004", words)


def floor_given_outer(fit: Fit) -> Iterator[Check]:
    """I004: an outer exponent trades against the floor, so the floor is said conditional on it."""
    outer = fit.model.law.share[1] if fit.model.law.share else None
    if outer is None or FLOOR not in fit.model.priors:
        return
    values, k = fit.posterior[FLOOR].values.ravel(), fit.posterior[outer].values.ravel()
    together = abs(float(np.corrcoef(np.log(values), np.log(k))[0, 1]))
    low = k <= np.median(k)
    said = [
        f"{np.median(values[part]):.3g} ({outer} {np.median(k[part]):.2g})" for part in (low, ~low)
    ]
    advice = f"{FLOOR} and {outer} trade: its median is {said[0]} and {said[1]} in the halves of "
    advice += f"{outer}; quote the floor only with {outer}"
    verdict: Verdict = OK if together <= MAX_FLOOR_CORRELATION else WARN
    limit = f"correlation <= {MAX_FLOOR_CORRELATION}"
    yield Check(f"I004 {FLOOR} given {outer}", verdict, together, limit, advice)


def boundary(fit: Fit) -> Iterator[Check]:
    """I005: a floor or an exponent that the data push to zero, against its prior."""
    exponents = {e for law in (*built_in().values(), fit.model.law) for es in law.terms.values()
                 for e in es}  # fmt: skip
    for name, prior in fit.model.priors.items():
        if (name != FLOOR and name not in exponents) or prior.support[0] != 0:
            continue
        low = float(prior.quantile(AT_BOUNDARY))
        middle = float(np.median(fit.posterior[name].values))
        advice = f"the data push {name} to 0 against its prior: the law's term is not what they "
        advice += "want; do not present this as a fit, compare another law"
        verdict: Verdict = OK if middle >= low else WARN
        limit = f">= {low:.3g}, the prior's {AT_BOUNDARY:.0%}"
        yield Check(f"I005 boundary of {name}", verdict, middle, limit, advice)


def contractions(fit: Fit) -> Iterator[Check]:
    """I010: unknowns other than the floor whose posterior is mostly their prior."""
    for name, prior in fit.model.priors.items():
        if name == FLOOR:
            continue
        words = f"prior = posterior: the data say little about {name}; quote it as an assumption"
        if prior.dist == "OfSmallest":
            words += (
                ". Unless the smallest runs bend, a shift cannot be known and pulls the exponent"
            )
        yield _contraction(fit, name, "I010", words)


def breaks(fit: Fit) -> Iterator[Check]:
    """I010: a break or a bump that lies beyond the largest run is prior only."""
    for name, prior in fit.model.priors.items():
        if prior.dist != "OfRange":
            continue
        largest = prior.scale[1]
        beyond = float(np.mean(fit.posterior[name].values > largest))
        advice = (
            f"{name} lies beyond the largest run ({largest:.3g}) in {beyond:.0%} of the draws: "
        )
        advice += "there it is prior only, and so is the forecast behind it"
        verdict: Verdict = OK if beyond <= MAX_BEYOND else WARN
        limit = f"beyond the data in <= {MAX_BEYOND:.0%} of draws"
        yield Check(f"I010 {name} beyond the data", verdict, beyond, limit, advice)


def best_ratio(fit: Fit) -> Iterator[Check]:
    """I010: a best ratio of tokens to parameters whose interval spans a factor of ten."""
    if BEST_RATIO in fit.derived:
        low, high = np.quantile(fit.derived[BEST_RATIO].values, (0.05, 0.95))
        advice = f"the best ratio is not known: 90% between {low:.3g} and {high:.3g}; add runs at "
        advice += "other tokens per parameter"
        verdict: Verdict = OK if high / low <= MAX_RATIO_SPREAD else WARN
        limit = f"90% within a factor of {MAX_RATIO_SPREAD:g}"
        yield Check(f"I010 spread of {BEST_RATIO}", verdict, float(high / low), limit, advice)


def split_exponent(fit: Fit) -> Iterator[Check]:
    """I011: the exponent of the split beside the elasticity of substitution."""
    derived = {str(name): v.values for name, v in fit.derived.items()}
    if SPLIT in derived and ELASTICITY in derived:
        said = [_interval(derived[name]) for name in (SPLIT, ELASTICITY)]
        value = f"{SPLIT} {said[0]}, {ELASTICITY} {said[1]}"
        advice = f"{SPLIT} moves with the selection of runs and with counting, the elasticity of "
        advice += "substitution less: report both"
        yield Check("I011 split exponent", INFO, value, "both reported", advice)
    elif fit.model.law.optimum is not None and SPLIT not in derived:
        advice = "this law holds the tokens per parameter of the optimum constant: a rival of the "
        advice += "additive law, not evidence for that ratio"
        yield Check("I011 split exponent", INFO, f"{SPLIT} = .5 by the law", "estimated", advice)


def ceiling(fit: Fit) -> Iterator[Check]:
    """I012: a hard upper end of the floor's prior lets the single lowest run drive it."""
    prior = fit.model.priors.get(FLOOR)
    if prior is not None and np.isfinite(prior.support[1]):
        advice = f"{FLOOR} is cut off at {prior.support[1]:.3g}: with noise the lowest run may lie "
        advice += "below the curve; let the prior pass the smallest loss (FractionOfMin)"
        yield Check("I012 ceiling of the floor", WARN, float(prior.support[1]), "none", advice)


ROWS: Mapping[str, tuple[Callable[[Fit], Iterator[Check]], ...]] = {
    "I002": (ridges,),
    "I003": (compute_alone,),
    "I004": (floor, floor_given_outer),
    "I005": (boundary,),
    "I010": (contractions, breaks, best_ratio),
    "I011": (split_exponent,),
    "I012": (ceiling,),
}
"""The functions that speak for each code."""


def _contraction(fit: Fit, name: str, code: str, advice: str) -> Check:
    narrowed = contraction(fit.model.priors[name], fit.posterior[name].values)
    verdict: Verdict = OK if narrowed >= MIN_CONTRACTION else WARN
    return Check(
        f"{code} contraction of {name}", verdict, narrowed, f">= {MIN_CONTRACTION}", advice
    )


def _far_by_half(fit: Fit, values: Floats) -> tuple[float, float]:
    """Median loss far beyond the largest run in the halves of `values`; the population's."""
    amounts = {name: fit.runs.resource(name) for name in fit.model.inputs}
    largest = int(np.argmax(np.prod([v for k, v in amounts.items() if k != TOKENS_PER_PARAM], 0)))
    step = {FLOPS: FAR**2, TOKENS_PER_PARAM: 1.0}
    at = {
        name: v[largest : largest + 1] * (step.get(name, FAR) if grows(name) else 1.0)
        for name, v in amounts.items()
    }
    columns = tuple(at[name] for name in fit.model.inputs)
    loss = np.asarray(fit.model.curve(np, columns, fit.unknowns(POINT)))[..., 0]
    low = values <= np.median(values)
    return float(np.median(loss[low])), float(np.median(loss[~low]))


def _interval(values: Floats) -> str:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"
