"""Leave-one-out log scores of a fit's own runs by importance sampling, without refits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_scaling.inference.predict import log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit


STEADY_K = 0.5
"""k-hat up to which a score has a finite variance: above it seeds can move it by more than .1."""


@dataclass(frozen=True)
class PsisLoo:
    """PSIS-LOO of one fit (Vehtari et al. 2024, arXiv:1507.02646), arrays (run,).

    `scores`: log density of each run's target with the run left out, `in_sample` with it, both
    log 1/(nats/token). `khat`: Pareto shape; above `good_k` a score is not to be trusted.
    """

    scores: NDArray[np.float64]
    in_sample: NDArray[np.float64]
    khat: NDArray[np.float64]
    good_k: float


def psis_loo(fit: Fit) -> PsisLoo:
    """Return the leave-one-out log scores of the fitted runs, in their order."""
    import arviz_stats as azs
    from scipy.special import logsumexp

    density = log_likelihood(fit)
    groups = {"posterior": fit.posterior, "log_likelihood": xr.Dataset({fit.model.target: density})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # high values of k are the caller's business
        loo = azs.loo(xr.DataTree.from_dict(groups), pointwise=True)
    draws = density.shape[0] * density.shape[1]
    return PsisLoo(
        scores=np.asarray(loo.elpd_i, dtype=float),
        in_sample=np.asarray(logsumexp(density.values, axis=(0, 1)) - np.log(draws)),
        khat=np.asarray(loo.pareto_k, dtype=float),
        good_k=float(loo.good_k),
    )
