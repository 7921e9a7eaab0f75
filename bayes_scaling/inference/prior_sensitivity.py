"""Prior sensitivity: how much the posterior of each unknown hangs on its prior, and on the runs.

Both are raised to powers near one, by reweighting the draws (Kallioinen et al. 2024,
arXiv:2107.14054); what moves with the prior and not with the runs is the prior's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from bayes_scaling.inference.predict import log_likelihood, log_prior
from bayes_scaling.inference.residual_checks import thinned
from bayes_scaling.names import CHAIN, DRAW

if TYPE_CHECKING:
    from bayes_scaling.inference.fit import Fit

SENSITIVE = 0.05
"""Change above which a posterior counts as sensitive (ibid.)."""

DECIDES = "the prior decides"


def prior_sensitivity(fit: Fit) -> pd.DataFrame:
    """Return the sensitivity of each unknown, index name.

    Columns: prior, likelihood (change of the distribution per doubling of the log density, in the
    cumulative Jensen-Shannon distance), diagnosis in words; above 0.05 counts as sensitive.
    """
    from arviz_stats import psense

    few = thinned(fit)
    own = few.posterior[[k for k, v in few.posterior.items() if v.dims == (CHAIN, DRAW)]]
    tree = xr.DataTree.from_dict(
        {
            "posterior": own,
            "log_likelihood": xr.Dataset({few.model.target: log_likelihood(few)}),
            "log_prior": log_prior(few),
        }
    )
    moved = {group: psense(tree, group=group) for group in ("prior", "likelihood")}
    values = {group: [float(found[name]) for name in own] for group, found in moved.items()}
    table = pd.DataFrame(values, index=[str(name) for name in own])
    return table.assign(diagnosis=[_diagnosis(*row) for row in table.to_numpy()])


def _diagnosis(prior: float, likelihood: float) -> str:
    if not prior > SENSITIVE:
        return ""
    return "the prior has a say" if likelihood > SENSITIVE else DECIDES
