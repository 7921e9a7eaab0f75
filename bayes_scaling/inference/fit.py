"""Fit: the posterior of one model on one table, with everything needed to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.grouped import at_group, labels_of
from bayes_scaling.names import CHAIN, DRAW, FLOPS, GROUP, PARAMS, RUN, TARGET, TOKENS
from bayes_scaling.quantities import TARGETS, quantity
from bayes_scaling.runs.surface import lowest_credible
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SPREAD_OF_COMPUTE = 0.05
"""Standard deviation of log C/(ND) below which compute tells nothing beyond N and D."""
SUMMARY_COLUMNS = ("mean", "sd", "q05", "q50", "q95", "rhat", "ess_bulk", "ess_tail")


@dataclass(frozen=True)
class Fit:
    """Posterior draws of a model's unknowns, with the table, the model and how they were drawn.

    `posterior` holds one variable (chain, draw) per unknown and, for what varies by group, its
    values (chain, draw, group) as `NAME_of_group`; `sampling` the sampler's record with the same
    dims, `provenance` what reproduces them (JSON values, no times). `seconds` says how many seconds
    compiling, sampling and its check took, `given` what answers take as given (see `at`, in SI
    units); neither is part of the result or stored.

    Examples
    --------
    >>> fit.posterior["alpha"].dims, fit.shape == fit.posterior["alpha"].shape
    (('chain', 'draw'), True)
    >>> fit.model.priors["L_inf"].relative, fit.largest > 1e21
    (True, True)
    >>> sorted(fit.derived.data_vars)
    ['A_at_1', 'B_at_1', 'a', 'elasticity', 'gamma_C']
    >>> fit.observed.shape, "a" in fit.quantities
    ((35,), True)
    """

    spec: ModelSpec
    runs: Runs
    posterior: xr.Dataset
    sampling: xr.Dataset
    provenance: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    given: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def model(self) -> ModelSpec:
        """The model stated against this table: unit-free priors in nats, constants as numbers."""
        return stated_against(self.spec, self.runs)

    @cached_property
    def largest(self) -> float:
        """Axis of the largest fitted run, compute as 6ND where the law does not read it."""
        columns = {name: self.runs.resource(name) for name in self.model.inputs}
        return float(np.max(self.model.along(columns)))

    @cached_property
    def derived(self) -> xr.Dataset:
        """Quantities computed from the unknowns draw by draw, dims (chain, draw)."""
        law = self.model.law
        if law.derived is None:
            return xr.Dataset(coords=self.posterior.coords)
        values = {name: self.posterior[name] for name in law.unknowns}
        return xr.Dataset(law.derived(np, **values, **self.model.numbers))

    def at(self, **given: float) -> Fit:
        """Return the fit whose answers take these columns as given, such as `experts=8`.

        Values in SI units. For laws that read more than params and tokens. Raises UsageError for a
        column that the law does not read and for a value that it cannot take.

        Examples
        --------
        >>> mixture.at(params=1e9).given
        {'params': 1000000000.0}
        """
        for name, value in given.items():
            if name not in self.model.inputs:
                reads = ", ".join(self.model.inputs)
                raise UsageError(f"given {name!r}: model {self.spec.name!r} reads {reads}")
            if not isinstance(value, int | float) or not quantity(name).holds(value):
                raise UsageError(f"given {name} = {value}: not a possible value")
        return replace(self, given={**self.given, **given})

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and draws."""
        return self.posterior.sizes[CHAIN], self.posterior.sizes[DRAW]

    @property
    def observed(self) -> NDArray[np.float64]:
        """What the model explains of each fitted run, (run,): its loss, accuracy or error."""
        return self.runs.fitted[self.model.target].to_numpy(dtype=float)

    def unknowns(self, *trailing: str) -> dict[str, NDArray[np.float64]]:
        """Arrays of the unknowns (chain, draw), with an axis of length one per name given.

        Of what varies by group, the population's value.

        Examples
        --------
        >>> values = fit.unknowns("point")
        >>> values["alpha"].shape[2:]
        (1,)
        """
        extra = (1,) * len(trailing)
        own = {str(name): v for name, v in self.posterior.items() if v.dims == (CHAIN, DRAW)}
        return {name: v.values.reshape(v.shape + extra) for name, v in own.items()}

    @property
    def quantities(self) -> xr.Dataset:
        """Unknowns, their values in groups and derived quantities, each with dims (chain, draw)."""
        found = {}
        for name, values in self.posterior.merge(self.derived).items():
            if values.dims == (CHAIN, DRAW):
                found[str(name)] = values
                continue
            for label in values[GROUP].values:
                found[f"{name}[{label}]"] = values.sel({GROUP: label}, drop=True)
        return xr.Dataset(found)

    def at_group(self, name: str) -> Fit:
        """Return the fit of one group, or of a `new` one: its own values as those of the unknowns.

        Everything that takes a fit takes it: forecasts, budgets, plots. Its table holds the group's
        rows (all, for a new group). Raises UsageError for names that are not in the fit.

        Examples
        --------
        >>> families.at_group("a").spec.groups is None
        True
        """
        return at_group(self, name)

    def summary(self) -> pd.DataFrame:
        """Summarise unknowns and derived quantities.

        Index: name. Columns: mean, sd, q05, q50, q95 in the unit of the quantity; rhat, ess_bulk,
        ess_tail. R-hat and effective sample sizes as in Vehtari et al. 2021, arXiv:1903.08008.

        Examples
        --------
        >>> list(fit.summary().columns)
        ['mean', 'sd', 'q05', 'q50', 'q95', 'rhat', 'ess_bulk', 'ess_tail']
        """
        from arviz_stats.base import array_stats

        both = self.quantities
        draws = np.stack([values.values for values in both.values()])
        axes = {"chain_axis": 1, "draw_axis": 2}
        flat = draws.reshape(len(draws), -1)
        columns = (
            flat.mean(axis=1),
            flat.std(axis=1, ddof=1),
            *np.quantile(flat, (0.05, 0.5, 0.95), axis=1),
            array_stats.rhat(draws, **axes),
            array_stats.ess(draws, method="bulk", **axes),
            array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **axes),
        )
        table = dict(zip(SUMMARY_COLUMNS, columns, strict=True))
        return pd.DataFrame(table, index=[str(name) for name in both])

    def to_frame(self) -> pd.DataFrame:
        """Return the draws in long form: columns chain, draw, name, value.

        Examples
        --------
        >>> list(fit.to_frame())
        ['chain', 'draw', 'name', 'value']
        """
        wide = self.quantities.to_dataframe().reset_index()
        return wide.melt(id_vars=[CHAIN, DRAW], var_name="name", value_name="value")

    def to_datatree(self) -> xr.DataTree:
        """Return the ArviZ-schema tree, on which every `az.*` function works unchanged.

        Groups: posterior, sample_stats, log_likelihood and posterior_predictive (chain, draw,
        run), log_prior, prior (1,000 draws), observed_data, constant_data.

        Examples
        --------
        >>> "log_likelihood" in fit.to_datatree().children
        True
        """
        from bayes_scaling.inference.predict import (
            log_likelihood,
            log_prior,
            posterior_predictive,
            prior_draws,
        )

        fitted, target = self.runs.fitted, self.model.target
        runs = {RUN: fitted[RUN].to_numpy(dtype=str)}
        resources = {c: (RUN, self.runs.resource(c)) for c in self.model.inputs}
        return xr.DataTree.from_dict(
            {
                "posterior": self.posterior,
                "sample_stats": self.sampling,
                "log_likelihood": xr.Dataset({target: log_likelihood(self)}),
                "posterior_predictive": xr.Dataset({target: posterior_predictive(self)}),
                "log_prior": log_prior(self),
                "prior": prior_draws(self),
                "observed_data": xr.Dataset({target: (RUN, self.observed)}, coords=runs),
                "constant_data": xr.Dataset(resources, coords=runs),
            }
        )

    def save(self, path: str | Path) -> Path:
        """Write the fit to one netCDF file, complete or not at all, and return its path.

        Raises OutputError where the file cannot be written.

        Examples
        --------
        >>> fit.save("fit.nc").name
        'fit.nc'
        """
        from bayes_scaling.inference.store import save_fit

        return save_fit(self, path)


def _refuse_redundant_compute(spec: ModelSpec, columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Refuse a law of N, D and C where C follows from the other two (I006)."""
    ratio = columns[FLOPS] / (columns[PARAMS] * columns[TOKENS])
    spread = float(np.std(np.log(ratio)))
    if spread < MIN_SPREAD_OF_COMPUTE:
        raise CheckError(
            f"I006: model {spec.name!r} has a term of its own for compute, and here compute is "
            f"{np.exp(np.mean(np.log(ratio))):.3g} N D up to {spread:.1%}: its terms cannot be "
            "told apart, only their sum. Use a law of params and tokens, such as "
            "chinchilla, or add runs whose compute differs from it."
        )


def settled(spec: ModelSpec, runs: Runs) -> ModelSpec:
    """Return the model with the columns it reads chosen: its one resource, its data sources.

    Raises UsageError where the table offers several resources to a law that reads one, and where
    its weights sum to one over other sources than the model's.
    """
    if not spec.inputs:
        if len(runs.resources) != 1:
            there = ", ".join(runs.resources) or "none"
            raise UsageError(
                f"model {spec.name!r} reads one resource and the table has {there}: choose one, "
                "with --resource on the command line or load_model(name, resource=...)"
            )
        return spec.at_resource(runs.resources[0])
    if not spec.settled:
        return spec.at_sources(runs.sources)
    if spec.law.sources and set(spec.law.sources) != set(runs.sources):
        raise UsageError(
            f"model {spec.name!r} reads a mixture of {', '.join(spec.law.sources)}; the weights of "
            f"the table are those of {', '.join(runs.sources) or 'no source'}"
        )
    return spec


def stated_against(spec: ModelSpec, runs: Runs) -> ModelSpec:
    """Return the model with its columns chosen and its relative priors in the table's units.

    Raises UsageError where the table lacks what the law reads, or the groups by which it varies, or
    offers several resources to a law that reads one, CheckError where a law of N, D and C meets a
    table in which C follows from the other two.
    """
    spec = settled(spec, runs)
    if spec.target not in runs.frame or runs.fitted[spec.target].isna().any():
        gaps = "no column" if spec.target not in runs.frame else "gaps in the column"
        has = " and ".join(t for t in TARGETS if t in runs.frame and t != spec.target)
        hint = f"; it has {has}: choose a model of the {has}, see: models list" if has else ""
        bad = next((f for f in runs.findings if f.column == spec.target and f.hint), None)
        hint = f" ({bad.message}: {bad.hint}){hint}" if bad else hint
        raise UsageError(
            f"model {spec.name!r} explains the {spec.target}; "
            f"the table has {gaps} '{spec.target}'{hint}"
        )
    groups = labels_of(spec, runs)
    columns = {name: runs.resource(name) for name in spec.inputs}
    if {PARAMS, TOKENS, FLOPS} <= set(columns):
        _refuse_redundant_compute(spec, columns)
    ends = {k: (float(v.min()), float(v.max())) for k, v in columns.items()}
    measured = runs.fitted[spec.target]
    if spec.noise.scale == "log" and (measured <= 0).any():
        raise UsageError(
            f"model {spec.name!r} has noise of scale 'log', and the table has {spec.target} "
            f'{measured.min():g}: choose a model with scale = "additive"'
        )
    ends[TARGET] = (lowest_credible(runs.fitted, spec.target), float(measured.max()))
    return spec.against(ends, groups)
