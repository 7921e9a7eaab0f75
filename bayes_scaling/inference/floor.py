"""floor_prior: the floor that one table taught, as a prior for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.checks import sampler_faults
from bayes_scaling.inference.identifiability_rows import FLOOR, MIN_CONTRACTION, contraction
from bayes_scaling.quantities import unit_of
from bayes_scaling.runs.labels import display_name
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from bayes_scaling.inference.fit import Fit

CONDITION: Final = "holds only for losses of the same evaluation set and tokenizer, in nats/token"
SHOWN_DIGITS: Final = 6
SHORT: Final = 12


def floor_prior(fit: Fit) -> Prior:
    """Return a LogNormal prior of `L_inf` whose 5% and 95% quantiles are those of a posterior.

    In nats/token; its reason names the table, the model and the digests of both. It holds only
    where losses are measured on the same evaluation set with the same tokenizer. Raises UsageError
    for a law without a floor, CheckError where the chains failed their checks, or where the floor
    was hardly narrowed (I004): a prior must not come back as evidence.

    Examples
    --------
    >>> bs.floor_prior(fit).dist
    'LogNormal'
    """
    if not hasattr(fit, "posterior"):
        raise UsageError(f"floor_prior takes a fit, not {type(fit).__name__}")
    if FLOOR not in fit.model.priors:
        raise UsageError(f"the law {fit.spec.law.name!r} has no floor {FLOOR} to pass on")
    if faults := sampler_faults(fit.provenance):
        raise CheckError(f"the floor of this fit is not to be passed on: {'; '.join(faults)}")
    draws = fit.posterior[FLOOR].values
    narrowed = contraction(fit.model.priors[FLOOR], draws)
    if narrowed < MIN_CONTRACTION:
        raise CheckError(
            f"I004: the floor of this fit is mostly its prior (contraction {narrowed:.2f}, limit "
            f"{MIN_CONTRACTION}); passing it on would make an assumption look like evidence"
        )
    low, high = (float(f"{q:.{SHOWN_DIGITS}g}") for q in np.quantile(draws, (0.05, 0.95)))
    runs = fit.runs
    why = (
        f"Floor of {fit.spec.name} (model digest {fit.spec.digest[:SHORT]}) on "
        f"{display_name(runs.source, 200)}, {len(runs.fitted)} runs (data digest "
        f"{runs.digest[:SHORT]}): 90% of its posterior; {CONDITION}."
    )
    return Prior("LogNormal", {"q05": low, "q95": high}, unit=unit_of(fit.model.target), why=why)
