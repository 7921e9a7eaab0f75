"""Proof that forecasts of simulated tables hold what they say, near the runs and far beyond them.

Unknowns are drawn from a model's prior, a table of runs and four larger runs from the model; the
fit of the table forecasts the larger ones. As far as law, noise and prior hold, an interval of 90%
must hold 90% of them, at every distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.evaluation.left_out import with_kept_priors
from bayes_scaling.inference.sampling import fit
from bayes_scaling.names import FLOPS, LOSS, PARAMS, RUN, TOKENS
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMS: Final = ("chinchilla-plain", "kaplan-plain", "power-floor-plain", "skaling-plain")
REACHES: Final = (1.0, 10.0, 100.0, 1000.0)
"""Multiples of the largest run's compute at which runs are forecast."""
LEVELS: Final = (0.5, 0.8, 0.9, 0.95)
TABLES, TABLES_IN_SHORT = 1000, 60
ROWS: Final = 40
DRAWS: Final = 500
SMALLEST: Final = 2.0
"""Loss [nats/token] to which the prior of the floor is relative, held fixed for all tables."""
ALPHA: Final = 0.001
SEED, FRESH_SEED = 20261128, 20261129
EVERY: Final = 50


def forecasts_cover(full: bool, say: Say) -> Proof:
    """B3: shares of new runs inside intervals of 50, 80, 90 and 95%, at 1 to 1,000 times."""
    forms, tables = (FORMS, TABLES) if full else (FORMS[:1], TABLES_IN_SHORT)
    shares, failed, notes, cases = {}, [], [], tables * len(forms)
    for form in forms:
        shares[form] = coverage(form, tables, SEED, say)
        notes.append(f"{form}, 50/80/90/95%: {_said(shares[form])}")
        if outside(shares[form], tables):
            again = coverage(form, 2 * tables, FRESH_SEED, say)
            cases += 2 * tables
            bad = outside(again, 2 * tables)
            notes.append(f"{form} once more with {2 * tables} tables: {_said(again)}")
            failed += [f"{form} {where}" for where in bad]
    of_90 = np.stack([each[:, LEVELS.index(0.9)] for each in shares.values()])
    observed = f"90% intervals hold {of_90.min():.1%} to {of_90.max():.1%} of new runs at "
    observed += f"{len(REACHES)} distances of {len(forms)} laws"
    observed += f"; outside: {', '.join(failed)}" if failed else ""
    bands = [f"{low:.1%} to {high:.1%}" for low, high in (band(v, tables) for v in LEVELS)]
    limit = f"99.9% binomial band of {tables} tables: {', '.join(bands)} for 50, 80, 90, 95%"
    claim = "Forecasts of simulated tables cover what they say, up to 1,000 times the largest run"
    return Proof("B3", claim, cases, observed, limit, not failed, ". ".join(notes))


def coverage(form: str, tables: int, seed: int, say: Say) -> NDArray[np.float64]:
    """Share of new runs inside the intervals, (reach, level), over simulated tables."""
    spec = load_model(form)
    spec = spec if spec.inputs else spec.at_resource(FLOPS)
    inside = np.zeros((len(REACHES), len(LEVELS)))
    for number in range(tables):
        if number % EVERY == 0:
            say(f"{form}: {number} of {tables} tables")
        inside += _held(spec, np.random.default_rng([seed, number]), number)
    return np.asarray(inside / tables)


def _held(spec: ModelSpec, rng: np.random.Generator, number: int) -> NDArray[np.bool_]:
    """Whether the intervals of one table's forecasts hold what came, (reach, level)."""
    model = spec.at_reference(SMALLEST)
    truth = {name: prior.sample(rng, 1)[0] for name, prior in model.all_priors.items()}
    table = design(rng)
    largest = table.loc[[table[FLOPS].idxmax()]]
    factors = np.array(REACHES)
    far = pd.DataFrame({k: float(largest[k].iloc[0]) * factors**0.5 for k in (PARAMS, TOKENS)})
    far[FLOPS] = train_flop(far[PARAMS].to_numpy(), far[TOKENS].to_numpy())

    def outcome(at: pd.DataFrame) -> NDArray[np.float64]:
        curve = model.curve(np, tuple(at[name].to_numpy() for name in model.inputs), truth)
        return model.noise.sample(rng, np.asarray(curve), truth)

    read = [PARAMS, TOKENS] if set(model.inputs) > {FLOPS} else list(model.inputs)
    runs = Runs.from_frame(table[[RUN, *read]].assign(**{LOSS: outcome(table)}))
    found = fit(with_kept_priors(model, runs), runs, seed=number, draws=DRAWS)
    new = forecast(found, far[list(model.inputs)], seed=number)
    came = outcome(far)[:, None]
    tails = [(1 - level) / 2 for level in LEVELS]
    low, high = (new.quantiles(each).to_numpy() for each in (tails, [1 - t for t in tails]))
    return np.asarray((low <= came) & (came <= high))


def design(rng: np.random.Generator, rows: int = ROWS) -> pd.DataFrame:
    """Runs over two decades of parameters and of tokens, with their compute."""
    params, tokens = 10 ** rng.uniform(7.5, 9.8, rows), 10 ** rng.uniform(9, 11.5, rows)
    names = [f"run {number}" for number in range(rows)]
    flops = train_flop(params, tokens)
    return pd.DataFrame({RUN: names, PARAMS: params, TOKENS: tokens, FLOPS: flops})


def band(level: float, tables: int) -> tuple[float, float]:
    """Shares between which a calibrated interval stays but for one time in a thousand."""
    from scipy import stats

    low, high = stats.binom(tables, level).ppf([ALPHA / 2, 1 - ALPHA / 2]) / tables
    return float(low), float(high)


def outside(shares: NDArray[np.float64], tables: int) -> list[str]:
    """Which shares (reach, level) lie outside their bands, in words."""
    bands = [band(level, tables) for level in LEVELS]
    return [
        f"{level:.0%} at {reach:g}x: {share:.1%}"
        for reach, row in zip(REACHES, shares, strict=True)
        for level, share, (low, high) in zip(LEVELS, row, bands, strict=True)
        if not low <= share <= high
    ]


def _said(shares: NDArray[np.float64]) -> str:
    rows: Sequence[NDArray[np.float64]] = list(shares)
    return ", ".join(
        f"{reach:g}x {'/'.join(f'{100 * share:.1f}' for share in row)}"
        for reach, row in zip(REACHES, rows, strict=True)
    )
