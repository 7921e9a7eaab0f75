"""Proofs that posteriors are calibrated, and that a fault of the package would have been seen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pandas as pd

from bayes_scaling.inference import graph
from bayes_scaling.names import LOSS, PARAMS, TOKENS
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.coordinate import coordinate_of
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import ModelSpec
from tests.trust.ranks import FRESH, Ranks, advance, fresh, kept_ranks, simulations_of, uneven
from tests.trust.sbc import SEED, Simulation, Values, posterior, prepared, ranks_of, simulation

MAIN = (
    "chinchilla", "chinchilla-plain", "kaplan", "kaplan-plain", "power-floor", "power-floor-plain",
    "skaling", "skaling-plain",
)  # fmt: skip
"""Models that are used most; they get twice as many simulations."""
OTHERS = tuple(name for name in model_names() if name not in MAIN)
FEWEST = 60
"""Simulations below which a model counts as not run."""
ENOUGH = 500
"""Simulations of every model that the plan asks for."""
ROUNDS = ((MAIN, ENOUGH), (OTHERS, FEWEST), (OTHERS, 200), (OTHERS, ENOUGH), (MAIN, 1000))
"""What is ranked one after the other, so that an early end leaves something of every model."""
IN_SHORT = ("chinchilla-plain", "kaplan-plain", "power-floor")
MINUTES = "BAYES_SCALING_SBC_MINUTES"
"""Set to a number, this environment variable ends B1 after so many minutes."""
UNIFORM = "rank distance and z^2 inside 99.9% for every quantity, or so when tried once more"
ATTEMPTS = (
    "Each posterior here is 4 x 500 draws, sampled once more where chains have not mixed; `fit` "
    "goes on up to four times, so that a failure here may be one of mixing"
)

MUTATED = "chinchilla-plain"
SLIP_OF_FLOOR = 2.0
SLIPS_IN_SHORT = ("likelihood ignored", "sigma halved")


def ranks_are_uniform(full: bool, say: Say) -> Proof:
    """B1: simulation-based calibration of every model on the shelf."""
    found = _all_ranks(say) if full else {name: fresh(name, FEWEST) for name in IN_SHORT}
    judged = {name: ranks for name, ranks in found.items() if simulations_of(ranks) >= FEWEST}
    first = {name: bad for name, ranks in judged.items() if (bad := uneven(ranks))}
    again, cases = {}, sum(simulations_of(ranks) for ranks in judged.values())
    for name in first:
        goal = 2 * simulations_of(judged[name])
        say(f"{name} is tried once more with {goal} fresh simulations")
        second = advance(name, goal, SEED + FRESH) if full else fresh(name, goal, SEED + FRESH)
        again[name], cases = uneven(second), cases + goal
    failed = {name: bad for name, bad in again.items() if bad}
    quantities = sum(len(ranks) for ranks in judged.values())
    sizes = _by_size(judged)
    observed = f"{quantities - sum(map(len, failed.values()))} of {quantities} quantities of "
    told = ", ".join(f"{len(names)} at {size}" for size, names in sizes)
    observed += f"the {len(judged)} models that were run uniform ({told})"
    notes = [f"{k} simulations: {', '.join(v)}" for k, v in sizes]
    notes += (
        [f"not run: {', '.join(missing)}"] if (missing := sorted(set(found) - {*judged})) else []
    )
    for name, bad in first.items():
        notes.append(
            f"{name} first: {'; '.join(bad)}; again: {'; '.join(again[name]) or 'uniform'}"
        )
    notes += [ATTEMPTS] if failed else []
    claim = "Posteriors are calibrated: ranks of simulated truths are uniform, model by model"
    limit, kept = UNIFORM, not failed
    if full:
        limit += f"; all {len(found)} models, {ENOUGH} simulations each"
        kept = kept and all(simulations_of(ranks) >= ENOUGH for ranks in found.values())
    return Proof("B1", claim, cases, observed, limit, kept, ". ".join(notes))


def _all_ranks(say: Say) -> dict[str, Ranks]:
    """Rank in all processors, round by round; what is on disk counts, so that any end resumes."""
    minutes = float(os.environ.get(MINUTES) or "inf")
    end = time.time() + 60 * minutes
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for names, goal in ROUNDS:
            tasks = {pool.submit(_advanced, name, goal, end): name for name in names}
            for place, task in enumerate(as_completed(tasks)):
                where = f"{tasks[task]} ({place + 1} of {len(names)})"
                say(f"{where}: {task.result()} of {goal} simulations")
    return {name: kept_ranks(name) for name in (*MAIN, *OTHERS)}


def _advanced(name: str, goal: int, end: float) -> int:
    """How many simulations of a model are there when the goal or the end is reached."""
    return simulations_of(advance(name, goal, going=lambda _: time.time() < end))


def _by_size(found: dict[str, Ranks]) -> list[tuple[int, list[str]]]:
    sizes: dict[int, list[str]] = {}
    for name, ranks in found.items():
        sizes.setdefault(simulations_of(ranks), []).append(name)
    return sorted(sizes.items(), reverse=True)


def slips_are_caught(full: bool, say: Say) -> Proof:
    """B2: faults planted in data or draws, each of which the check of B1 must see."""
    simulations = ENOUGH if full else 150
    wanted = (*SLIPS_OF_DRAWS, *SLIPS_OF_DATA) if full else SLIPS_IN_SHORT
    ranks: dict[str, Ranks] = {}
    for number in range(simulations):
        if number % 50 == 0:
            say(f"{number} of {simulations} simulations")
        found = simulation(MUTATED, number, SEED + FRESH // 2)
        for slip, draws in _slipped(found, wanted, number):
            for key, rank in ranks_of(found, draws).items():
                ranks.setdefault(slip, {}).setdefault(key, []).append(rank)
    sound = uneven(ranks.pop(""))
    seen = {slip: uneven(each) for slip, each in ranks.items()}
    caught = [slip for slip, bad in seen.items() if bad]
    missed = [slip for slip in seen if slip not in caught]
    observed = f"{len(caught)} of {len(seen)} caught with {simulations} simulations"
    observed += f"; missed: {', '.join(missed)}" if missed else ""
    notes = [f"{slip}: {len(bad)} quantities, {bad[0]}" for slip, bad in seen.items() if bad]
    notes.append(f"without a slip: {'; '.join(sound) or 'uniform'}")
    claim = "Planted faults are seen by the check of B1"
    kept = not missed and not sound
    limit = f"{len(seen)} of {len(seen)}, and nothing without a slip"
    return Proof("B2", claim, len(seen), observed, limit, kept, ". ".join(notes))


def _slipped(found: Simulation, wanted: tuple[str, ...], number: int) -> list[tuple[str, Values]]:
    """Draws without a slip (named "") and with each of those wanted."""
    draws = posterior(found)
    rng = np.random.default_rng([SEED, number, 2])
    slipped = [("", draws)]
    for slip in wanted:
        if slip in SLIPS_OF_DRAWS:
            slipped.append((slip, SLIPS_OF_DRAWS[slip](found.spec, draws, rng)))
        else:
            slipped.append((slip, posterior(found, *SLIPS_OF_DATA[slip](found))))
    return slipped


def _too_narrow(_: ModelSpec, draws: Values, __: np.random.Generator) -> Values:
    def narrow(values: np.ndarray) -> np.ndarray:
        logs = np.log(values)
        return np.exp(logs.mean() + 0.8 * (logs - logs.mean()))

    return {name: narrow(values) for name, values in draws.items()}


def _halved(_: ModelSpec, draws: Values, __: np.random.Generator) -> Values:
    return {**draws, "sigma": draws["sigma"] / 2}


def _ignored(spec: ModelSpec, draws: Values, rng: np.random.Generator) -> Values:
    size = len(draws["sigma"])
    return {name: prior.sample(rng, size) for name, prior in spec.all_priors.items()}


def _twice(spec: ModelSpec, draws: Values, rng: np.random.Generator) -> Values:
    weights = sum(prior.log_density(draws[name]) for name, prior in spec.all_priors.items())
    return _weighted(draws, weights, rng)


def _without_jacobian(spec: ModelSpec, draws: Values, rng: np.random.Generator) -> Values:
    slopes = sum(coordinate_of(p).log_slope(np, draws[k]) for k, p in spec.all_priors.items())
    return _weighted(draws, -slopes, rng)


def _weighted(draws: Values, log_weights: np.ndarray, rng: np.random.Generator) -> Values:
    weights = np.exp(log_weights - log_weights.max())
    chosen = rng.choice(len(weights), len(weights), p=weights / weights.sum())
    return {name: values[chosen] for name, values in draws.items()}


def _wrong_sign(found: Simulation) -> tuple[ModelSpec, Values]:
    prior = found.spec.priors["alpha"]
    turned = {"q05": 1 / prior.given["q95"], "q95": 1 / prior.given["q05"]}
    return _with_prior(found, "alpha", turned)


def _floor_of_another_loss(found: Simulation) -> tuple[ModelSpec, Values]:
    given = found.spec.priors["L_inf"].given
    return _with_prior(found, "L_inf", {k: SLIP_OF_FLOOR * v for k, v in given.items()})


def _with_prior(found: Simulation, name: str, given: dict[str, float]) -> tuple[ModelSpec, Values]:
    priors = {**found.spec.priors, name: replace(found.spec.priors[name], given=given)}
    spec = replace(found.spec, priors=priors)
    return spec, graph.data_for(spec, found.runs) | {LOSS: found.scaled}


def _swapped(found: Simulation) -> tuple[ModelSpec, Values]:
    table = prepared(MUTATED)[2]
    return _from_table(found, table.assign(params=table[TOKENS], tokens=table[PARAMS]))


def _dropped(found: Simulation) -> tuple[ModelSpec, Values]:
    """Without the largest run: what an end of a range that is one too low leaves out."""
    table = prepared(MUTATED)[2]
    largest = int(np.argmax(table[PARAMS] * table[TOKENS]))
    spec, data = _from_table(found, table.drop(index=largest))
    return spec, data | {LOSS: np.delete(found.scaled, largest)}


def _from_table(found: Simulation, table: pd.DataFrame) -> tuple[ModelSpec, Values]:
    runs = Runs.from_frame(table.assign(**{found.spec.target: 0.5}))
    return found.spec, graph.data_for(found.spec, runs) | {LOSS: found.scaled}


SLIPS_OF_DRAWS: dict[str, Callable[[ModelSpec, Values, np.random.Generator], Values]] = {
    "posterior sd times 0.8": _too_narrow,
    "sigma halved": _halved,
    "likelihood ignored": _ignored,
    "prior counted twice": _twice,
    "Jacobian forgotten": _without_jacobian,
}
SLIPS_OF_DATA: dict[str, Callable[[Simulation], tuple[ModelSpec, Values]]] = {
    "sign of the exponent's coordinate in its prior": _wrong_sign,
    "floor stated against twice the loss": _floor_of_another_loss,
    "N and D swapped": _swapped,
    "the largest run dropped": _dropped,
}
