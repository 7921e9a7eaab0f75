"""fit: sample the posterior of a model on a table."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import InferenceError, UsageError
from bayes_scaling.inference import graph
from bayes_scaling.inference.backend import import_sampler
from bayes_scaling.inference.checks import (
    DIVERGENT,
    MAX_RHAT,
    MIN_ESS,
    WORST_ESS,
    WORST_RHAT,
)
from bayes_scaling.inference.compiled import is_ready, over_table
from bayes_scaling.inference.fit import Fit, settled, stated_against
from bayes_scaling.inference.trace import columns_of
from bayes_scaling.names import CHAIN, DRAW, GROUP
from bayes_scaling.runs.identifiability import MIN_ROWS
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.groups import OF_GROUP
from bayes_scaling.specs.spec import ModelSpec

MIN_DRAWS = 50
"""Fewest draws of a chain; a few hundred in all do not pass the checks, and are told so."""
ADAPTATION = "low_rank"
ADAPTATION_OF_GROUPS = "draw_diag"
"""Spreads of groups form funnels, which no one metric straightens; a diagonal one mixes better."""
MOST_ROWS = 200_000
"""Rows beyond which a fit would take hours; checkpoints of a run tell little apart."""
TARGET_ACCEPT = 0.9
CAREFUL_ACCEPT = 0.97
"""Of attempts after the first: shorter steps turn corners that the first ones missed."""
TUNE = 500
"""Steps; more of them made no fit better (tests/benchmarks/tuning.txt)."""
LONGER = ((1, 1), (4, 2), (12, 4), (12, 32))
"""Factors on tuning and on draws (thinned back) of successive attempts to mix."""
CORES = "BAYES_SCALING_CORES"
"""Set to a number, this environment variable says how many chains run at once; else all cores."""
KEPT_STATS = ("diverging", "energy", "logp", "depth", "maxdepth_reached", "n_steps", "step_size")
RECORDED = ("bayes-scaling", "pymc", "pytensor", "nutpie", "numba", "arviz", "numpy", "xarray")
Progress = Callable[[str, float | None], None]
"""Told the stage at work in words, and the share of it that is done where that is known."""


def fit(
    spec: ModelSpec,
    runs: Runs,
    *,
    seed: int = 0,
    draws: int = 1000,
    chains: int = 4,
    progress: Progress | None = None,
) -> Fit:
    """Sample the posterior of `spec` given the fitted rows of `runs`.

    The first fit of a law on a machine compiles its graph (about ten seconds) and keeps it; later
    tables, and later processes, reuse it. The same seed gives identical draws on the same machine.
    Chains that do not mix (R-hat above 1.01 or fewer than 400 effective draws) are sampled again,
    2, 4 and then 32 times as many, in shorter steps, and thinned to `draws`;
    `provenance["attempts"]` says how often. `progress(stage, share)` is told each stage in words
    and the share of it that is done, or None.

    Returns a `Fit` whose posterior has one variable (chain, draw) per unknown and, for what varies
    by group, one (chain, draw, group) named `NAME_of_group`.
    Raises UsageError for arguments that do not fit the table, InferenceError where sampling stops.

    Examples
    --------
    >>> found = bs.fit(bs.load_model("chinchilla-plain"), runs, seed=0, draws=500)
    >>> found.posterior["alpha"].dims, found.shape
    (('chain', 'draw'), (4, 500))
    """
    _refuse_arguments(spec, runs, {"seed": seed, "draws": draws, "chains": chains})
    say = progress or (lambda _stage, _share: None)
    model = stated_against(spec, runs)
    started = time.perf_counter()
    data = graph.data_for(model, runs)
    if not is_ready(model, data):
        say(f"compiling the graph of {model.law.name} (once)", None)
    compiled = over_table(model, data)
    seconds = {"compile": time.perf_counter() - started, "sample": 0.0, "check": 0.0}
    for attempt, (tuned, factor) in enumerate(LONGER, start=1):
        stage = f"sampling {spec.name}: {chains} chains x {draws * factor} draws, attempt {attempt}"
        say(stage, 0.0)
        size = (draws * factor, TUNE * tuned, chains)
        accept = TARGET_ACCEPT if attempt == 1 else CAREFUL_ACCEPT
        begun = time.perf_counter()
        drawn = _sample(compiled, size, seed, partial(say, stage), adaptation_of(model), accept)
        posterior, stats = _keep(drawn, model, factor)
        sampled = time.perf_counter()
        found = Fit(
            spec=settled(spec, runs),
            runs=runs,
            posterior=posterior,
            sampling=stats,
            provenance=_provenance(spec, runs, seed, draws, chains),
        )
        health = {**_health(found), "attempts": attempt}
        seconds["sample"] += sampled - begun
        seconds["check"] += time.perf_counter() - sampled
        if _mixed(health, draws * chains):
            break
    return replace(found, provenance={**found.provenance, **health}, seconds=seconds)


def adaptation_of(spec: ModelSpec) -> str:
    """Return how the sampler learns the scales of a model's coordinates."""
    return ADAPTATION if spec.groups is None else ADAPTATION_OF_GROUPS


def _refuse_arguments(spec: object, runs: object, numbers: Mapping[str, object]) -> None:
    if not isinstance(spec, ModelSpec) or not isinstance(runs, Runs):
        raise UsageError(
            "fit takes a model and a run table, in this order: "
            f"fit(load_model(name), read_runs(path)), not {type(spec).__name__} and "
            f"{type(runs).__name__}"
        )
    if len(runs.fitted) < MIN_ROWS:
        raise UsageError(
            f"{len(runs.fitted)} rows to fit: fewer than {MIN_ROWS} are not fitted (R001): "
            "add runs, or hold out fewer"
        )
    if len(runs.fitted) > MOST_ROWS:
        raise UsageError(
            f"{len(runs.fitted)} rows to fit, at most {MOST_ROWS}: keep the last checkpoint of "
            "each run (checkpoints last), hold out what is not needed, or fit parts (select, split)"
        )
    limits = {"seed": (0, 2**32 - 1), "draws": (MIN_DRAWS, 10**7), "chains": (2, 64)}
    for name, value in numbers.items():
        low, high = limits[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not low <= value <= high:  # type: ignore[operator]
            raise UsageError(f"{name} = {value!r}: a whole number from {low} to {high}")


def _sample(
    compiled: Any,
    size: tuple[int, int, int],
    seed: int,
    say: Callable[[float], None],
    adaptation: str = ADAPTATION,
    accept: float = TARGET_ACCEPT,
) -> Any:
    """Sample; returns for each chain nutpie's batches of draws and of statistics."""
    draws, tune, chains = size

    def tell(progress: Any) -> None:
        total = sum(chain.total_draws for chain in progress)
        say(sum(chain.finished_draws for chain in progress) / max(total, 1))

    try:
        trace = import_sampler().sample(
            compiled,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=min(chains, int(os.environ.get(CORES) or os.cpu_count() or 1)),
            seed=seed,
            adaptation=adaptation,
            target_accept=accept,
            save_warmup=False,
            progress_bar=False,
            progress_callback=tell,
            return_raw_trace=True,
        )
        batches = list(zip(*trace.get_arrow_trace(), strict=True))
        if min(stats.num_rows for _, stats in batches) < tune + draws:
            raise KeyboardInterrupt  # the sampler takes an interrupt as a wish to stop early
        return batches
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as fault:  # a panic of the sampler is a BaseException
        raise InferenceError(f"the sampler stopped: {fault}") from fault


def _keep(batches: Any, model: ModelSpec, thin: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Posterior and statistics of the sampler, thinned."""
    spread = () if model.groups is None else [name + OF_GROUP for name in model.groups.spread]
    names = [*model.all_priors, *spread]
    arrays = columns_of(batches, [*names, *KEPT_STATS])
    bad = [name for name in names if not np.isfinite(arrays[name]).all()]
    if bad:
        raise InferenceError(f"draws of {', '.join(bad)} are not finite: no usable posterior")
    kept = {name: values[:, thin - 1 :: thin] for name, values in arrays.items()}
    labels = {} if model.groups is None else {GROUP: list(model.groups.labels)}
    for name in spread:  # a graph has spare groups, which this table does not use
        kept[name] = kept[name][..., : len(labels[GROUP])]
    dims = (CHAIN, DRAW, GROUP)
    numbers = dict(zip(dims, map(np.arange, kept[names[0]].shape[:2]), strict=False))

    def dataset(wanted: Iterable[str], coords: dict[str, Any]) -> xr.Dataset:
        return xr.Dataset({k: (dims[: kept[k].ndim], kept[k]) for k in wanted}, coords)

    return dataset(names, numbers | labels), dataset(
        [name for name in KEPT_STATS if name in kept], numbers
    )


def _health(fit: Fit) -> dict[str, float]:
    """Worst R-hat and effective draws over unknowns and derived quantities, divergent share."""
    summary = fit.summary()
    return {
        WORST_RHAT: float(summary["rhat"].max()),
        WORST_ESS: float(summary[["ess_bulk", "ess_tail"]].min().min()),
        DIVERGENT: float(fit.sampling["diverging"].mean()),
    }


def _mixed(health: Mapping[str, float], total: int) -> bool:
    """Whether the chains pass the sampler's checks; few draws are asked for less."""
    enough = health[WORST_ESS] >= min(MIN_ESS, total / 10)
    return health[WORST_RHAT] <= MAX_RHAT and enough


def versions() -> dict[str, str]:
    """Versions of this package and of what its draws depend on."""
    found = {}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def _provenance(spec: ModelSpec, runs: Runs, seed: int, draws: int, chains: int) -> dict[str, Any]:
    return {
        "model": spec.name,
        "model_version": spec.version,
        "model_digest": spec.digest,
        "data_digest": runs.digest,
        "data_source": runs.source,
        "raw_sha256": runs.raw_sha256,
        "rows_fitted": len(runs.fitted),
        "rows_held_out": len(runs.held_out),
        "seed": seed,
        "draws": draws,
        "chains": chains,
        "tune": TUNE,
        "adaptation": adaptation_of(spec),
        "target_accept": TARGET_ACCEPT,
        "versions": versions(),
    }
