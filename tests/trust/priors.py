"""Proof that forecasts do not hang on how wide the priors are, or that this is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.evaluation.public_tables import PublicTable, public_tables
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.prior_sensitivity import prior_sensitivity
from bayes_scaling.names import PARAMS, TOKENS
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.specs.prior import Prior
from bayes_scaling.specs.spec import ModelSpec
from tests.conftest import SHARED

MODEL = "chinchilla"
TABLES = 10
IN_SHORT = 2
REACH = 10.0
SCALES = (0.5, 2.0)
MOST = 0.25
"""Of the half-width of the 90% interval, by which the median may move without a word."""


def priors_move_little_or_are_named(full: bool, say: Say) -> Proof:
    """B8: forecasts at 10 times the largest run under priors half and twice as wide."""
    spec, moved, named, rows = bs.load_model(MODEL), [], [], []
    tables = _chosen(TABLES if full else IN_SHORT)
    for table in tables:
        where = f"{table.family}: {table.name}"
        say(where)
        fit = bs.fit(spec, table.trained)
        low, middle, high = _forecast(fit)
        shifts = []
        for scale in SCALES:
            other = bs.fit(scaled(spec, scale), table.trained)
            shifts.append(abs(_forecast(other)[1] - middle) / ((high - low) / 2))
        own = prior_sensitivity(fit).loc[list(spec.priors), "diagnosis"]
        warned = list(own.index[own != ""])
        rows.append(f"{where} {shifts[0]:.2f} and {shifts[1]:.2f} ({', '.join(warned) or 'none'})")
        if max(shifts) >= MOST:
            moved.append(where)
            named += [where] if warned else []
    still = len(tables) - len(moved)
    observed = f"{still} of {len(tables)} tables move less; of the other {len(moved)} the "
    observed += f"check names the prior on {len(named)}"
    limit = f"median at 10x moves < {MOST} of the half-width of its 90% interval, or it is named"
    note = "Shift with half and with double scale, and unknowns named as sensitive to their prior: "
    claim = "Forecasts do not hang on the width of the priors unless the check says so"
    kept = len(named) == len(moved)
    return Proof("B8", claim, len(tables), observed, limit, kept, note + "; ".join(rows))


def _chosen(count: int) -> list[PublicTable]:
    """The first table of each family, then the second, and so on."""
    families: dict[str, list[PublicTable]] = {}
    for table in public_tables(SHARED / "data"):
        families.setdefault(table.family, []).append(table)
    ranked = [(place, table) for each in families.values() for place, table in enumerate(each)]
    return [table for _, table in sorted(ranked, key=lambda pair: pair[0])][:count]


def _forecast(fit: Fit) -> tuple[float, float, float]:
    """5, 50 and 95% quantile of a new run at the multiple, its N and D grown alike."""
    runs = fit.runs.fitted
    flops = train_flop(runs[PARAMS].to_numpy(dtype=float), runs[TOKENS].to_numpy(dtype=float))
    largest = runs.iloc[[int(np.argmax(flops))]][[PARAMS, TOKENS]].astype(float)
    found = bs.forecast(fit, pd.DataFrame(largest * REACH**0.5))
    low, middle, high = found.quantiles([0.05, 0.5, 0.95]).to_numpy()[0]
    return float(low), float(middle), float(high)


def scaled(spec: ModelSpec, factor: float) -> ModelSpec:
    """The model with every prior so many times as wide, on the scale on which it is stated."""
    priors = {name: wider(prior, factor) for name, prior in spec.priors.items()}
    noise = {name: wider(prior, factor) for name, prior in spec.noise.priors.items()}
    return replace(spec, priors=priors, noise=replace(spec.noise, priors=noise))


def wider(prior: Prior, factor: float) -> Prior:
    """Of positive unknowns the log spreads more and the median stays; half-normals are scaled."""
    given = dict(prior.given)
    if prior.dist in ("LogNormal", "FractionOfMin"):
        middle = prior.quantile(0.5) / prior.scale[0]
        given = {key: float(middle * (value / middle) ** factor) for key, value in given.items()}
    elif prior.dist == "HalfNormal":
        given = {"q95": factor * given["q95"]}
    elif prior.dist == "Gamma":  # the mean stays
        given = {key: value / factor**2 for key, value in given.items()}
    else:
        raise ValueError(f"how to widen {prior.dist}?")
    return replace(prior, given=given)
