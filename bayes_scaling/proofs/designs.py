"""Proof that designs of runs that cannot tell a law's unknowns apart are named, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.names import LOSS, PARAMS, RUN, TOKENS
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.runs.identifiability import (
    MAX_CORRELATION,
    MIN_COMPUTE_DECADES,
    MIN_RATIO_DECADES,
    splits_allowed,
)
from bayes_scaling.runs.reader import read_runs
from bayes_scaling.specs.spec import load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pair = tuple[Floats, Floats]

MODEL: Final = "chinchilla-plain"
EACH: Final = 10
"""Designs of each blind kind."""
GOOD: Final = 40
ROWS: Final = (20, 40)
"""Fewest and most runs of a design, but for the kind that has too few."""
SEED: Final = 20261128
CODES: Final = frozenset({"I001", "I013", "I014", "R001", "R002"})
"""Findings that say that a design does not determine a law."""


def _rows(rng: np.random.Generator) -> int:
    return int(rng.integers(ROWS[0], ROWS[1] + 1))


def _spread(rng: np.random.Generator, rows: int, center: float, decades: float) -> Floats:
    """Amounts over so many decades, both ends reached."""
    exponents = rng.uniform(-0.5, 0.5, rows)
    exponents[:2] = -0.5, 0.5
    return np.asarray(10 ** (center + decades * exponents))


def _one_size(rng: np.random.Generator) -> Pair:
    """One number of parameters, or one of tokens, for all runs."""
    rows = _rows(rng)
    many = _spread(rng, rows, 10.5, rng.uniform(1.5, 3))
    one = np.full(rows, 10 ** rng.uniform(8, 9.5))
    return (one, many) if rng.uniform() < 0.5 else (many / 30, one * 30)


def _one_ratio(rng: np.random.Generator) -> Pair:
    """Tokens per parameter the same up to rounding and small departures."""
    rows = _rows(rng)
    params = _spread(rng, rows, 8.7, rng.uniform(1, 2.5))
    ratio = 10 ** rng.uniform(0.5, 2.5)
    scatter = rng.uniform(0, 0.9) * MIN_RATIO_DECADES * rng.uniform(-0.5, 0.5, rows)
    return params, params * ratio * 10**scatter


def _narrow(rng: np.random.Generator) -> Pair:
    """Less than a decade of compute, however different the ratios."""
    rows = _rows(rng)
    decades = rng.uniform(0.2, 0.9) * MIN_COMPUTE_DECADES
    flops = _spread(rng, rows, rng.uniform(18, 21), decades)
    ratio = _spread(rng, rows, 1.3, 2.0)
    params = np.sqrt(flops / (train_flop(1.0, 1.0) * ratio))
    return params, ratio * params


def _too_few(rng: np.random.Generator) -> Pair:
    """Two runs more than the law has unknowns."""
    rows = len(load_model(MODEL).law.unknowns) + 2
    return _spread(rng, rows, 8.7, 2.0), _spread(rng, rows, 10.3, 2.0)


def _good(rng: np.random.Generator) -> Pair:
    """Two decades and more of both, apart from each other."""
    while True:
        rows = _rows(rng)
        pair = _spread(rng, rows, 8.7, rng.uniform(1.5, 3)), _spread(rng, rows, 10.3, 2.0)
        if abs(np.corrcoef(*np.log(pair))[0, 1]) < MAX_CORRELATION:
            return pair


BLIND: Final[dict[str, tuple[Callable[[np.random.Generator], Any], str]]] = {
    "one N or one D": (_one_size, "I001"),
    "one D/N": (_one_ratio, "I001"),
    "under a decade of compute": (_narrow, "I013"),
    "two runs more than unknowns": (_too_few, "R002"),
}
"""Kinds of designs that do not determine the law, and the code that must be found."""


def blind_designs_are_flagged(full: bool, say: Say) -> Proof:
    """B6: the check of a table's design fires on each of 40 blind designs and on no good one."""
    missed, blind = [], EACH * len(BLIND)
    for kind, (make, code) in BLIND.items():
        for number in range(EACH):
            found = findings(make, [SEED, number, len(kind)])
            if code not in found or (code == "I001" and found["splits"]):
                missed.append(f"{kind} ({number})")
    alarms = []
    for number in range(GOOD):
        found = findings(_good, [SEED, number])
        if CODES & set(found) or not found["splits"]:
            alarms.append(f"good design {number}: {', '.join(sorted(CODES & set(found)))}")
    observed = f"{blind - len(missed)} of {blind} flagged, {len(alarms)} false alarms of {GOOD}"
    limit = f"{blind} of {blind}, 0 of {GOOD}"
    claim = "Designs that cannot identify a law are named, and their splits refused; no others"
    kept = not missed and not alarms
    return Proof("B6", claim, blind + GOOD, observed, limit, kept, "; ".join((*missed, *alarms)))


def findings(make: Callable[[np.random.Generator], Any], seed: list[int]) -> dict[str, bool]:
    """Codes found in a table of that design, and under `splits` whether it may be asked for one."""
    rng = np.random.default_rng(seed)
    params, tokens = make(rng)
    model = load_model(MODEL).at_reference(2.0)
    middle = {name: prior.quantile(0.5) for name, prior in model.priors.items()}
    scatter = np.exp(0.005 * rng.standard_normal(len(params)))
    loss = model.curve(np, (params, tokens), middle) * scatter
    names = [f"run {number}" for number in range(len(params))]
    table = pd.DataFrame({RUN: names, PARAMS: params, TOKENS: tokens, LOSS: loss})
    found = read_runs(table).findings
    return {each.code: True for each in found} | {"splits": splits_allowed(found)}
