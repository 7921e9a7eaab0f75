"""Leave one out: how well a fit predicts each of its runs from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.evaluation.left_out import left_out_density, refit_without
from bayes_scaling.inference.checks import sampler_faults
from bayes_scaling.inference.loo import STEADY_K, psis_loo
from bayes_scaling.inference.sampling import Progress
from bayes_scaling.names import RUN
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.left_out import Refit
    from bayes_scaling.inference.fit import Fit

MAX_REFITS = 20
"""Refits of one model at most; a model that needs more does not fit these runs."""


@dataclass(frozen=True)
class LeaveOneOut:
    """Leave-one-out log scores of the runs of one fit, arrays (run,).

    `scores` and `in_sample` in log 1/(nats/token), without and with the run; `khat` says how far
    importance sampling can be trusted (up to `good_k`), `refitted` where a refit took its place.
    `faults` say in words why a run above `good_k` kept its importance-sampled score, or what is
    wrong with a refit.
    """

    scores: NDArray[np.float64]
    in_sample: NDArray[np.float64]
    khat: NDArray[np.float64]
    good_k: float
    refitted: NDArray[np.bool_]
    faults: tuple[str, ...]

    @property
    def unsettled(self) -> NDArray[np.bool_]:
        """Runs whose score is importance-sampled beyond `good_k`."""
        return np.asarray((self.khat > self.good_k) & ~self.refitted)


def leave_one_out(
    fit: Fit,
    *,
    exact: bool = True,
    progress: Progress | None = None,
    refit: Refit | None = None,
) -> LeaveOneOut:
    """Return the leave-one-out scores of a fit, exact where importance sampling fails.

    With `exact`, runs whose k-hat exceeds `good_k` or .5, from where scores vary from seed to seed,
    are scored by a refit without them, the worst first and at most 20. `refit(fit, row)` stands for
    `refit_without`.
    """
    loo = psis_loo(fit)
    scores, refitted = loo.scores.copy(), np.zeros(len(loo.scores), dtype=bool)
    over = np.flatnonzero(loo.khat > min(loo.good_k, STEADY_K))
    over = over[np.argsort(-loo.khat[over], kind="stable")]
    faults: list[str] = []
    chosen = over[:MAX_REFITS] if exact else over[:0]
    names = [display_name(name, 40) for name in fit.runs.fitted[RUN]]
    for count, row in enumerate(chosen):
        if progress is not None:
            said = f"{fit.spec.name}: refitting without '{names[row]}'"
            progress(f"{said} ({count + 1} of {len(chosen)})", count / len(chosen))
        try:
            without = refit_without(fit, row) if refit is None else refit(fit, row)
            density = left_out_density(without, fit.runs, row)
        except BayesScalingError as fault:
            faults.append(f"no refit without '{names[row]}': {fault}")
            continue
        scores[row] = np.logaddexp.reduce(density.ravel()) - np.log(density.size)
        refitted[row] = True
        bad = sampler_faults(without.provenance)
        faults += [f"the refit without '{names[row]}': {each}" for each in bad]
    needed = int((loo.khat > loo.good_k).sum())
    if needed > MAX_REFITS and exact:
        faults.append(f"{needed} runs need a refit, {MAX_REFITS} were made")
    return LeaveOneOut(scores, loo.in_sample, loo.khat, loo.good_k, refitted, tuple(faults))
