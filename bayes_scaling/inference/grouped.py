"""The groups of a fit: their unknowns at points, and one of them as a fit of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.names import CHAIN, DRAW, GROUP, NEW_GROUP, POINT
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.groups import OF_GROUP
from bayes_scaling.specs.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bayes_scaling.inference.fit import Fit


def labels_of(spec: ModelSpec, runs: Runs) -> tuple[str, ...]:
    """Return the groups of a table, sorted; none for a model without groups.

    Raises UsageError where the table has no column of groups, gaps in it or only one group.
    """
    if spec.groups is None:
        return ()
    column, fitted = spec.groups.column, runs.fitted
    without = f"use the model without groups: one of the same law, {spec.law.name!r}"
    if column not in fitted:
        raise UsageError(
            f"model {spec.name!r} varies by group and the table has no column {column!r}: name it "
            f"with --col {column}=THEIRS or columns={{{column!r}: 'theirs'}}, or {without}"
        )
    names = fitted[column].astype(object)
    gaps = names.isna() | (names.astype(str).str.strip() == "")
    if gaps.any():
        raise UsageError(
            f"model {spec.name!r} varies by group and {int(gaps.sum())} rows of the table have an "
            f"empty {column}: name their groups or leave them out"
        )
    labels = tuple(sorted({str(name) for name in names}))
    if len(labels) < 2:
        raise UsageError(
            f"model {spec.name!r} varies by group and every row is of {labels[0]!r}: {without}"
        )
    if NEW_GROUP in labels:
        raise UsageError(
            f"a group cannot be called {NEW_GROUP!r}, which stands for one that is not in the "
            "table: rename it"
        )
    return labels


def group_values(fit: Fit) -> dict[str, NDArray[np.float64]]:
    """Values of what varies in each group of the fit and, last, in a new one.

    (chain, draw, group) by unknown. The new group is drawn from the population once per posterior
    draw, the same from call to call.
    """
    groups = fit.model.groups
    assert groups is not None
    unknowns = fit.unknowns()
    rng = rng_of(fit.provenance.get("seed", 0), NEW_GROUP)
    z = {name: rng.standard_normal(unknowns[name].shape) for name in groups.spread}
    new = groups.values(np, fit.model.priors, unknowns, z)
    return {
        name: np.concatenate([fit.posterior[name + OF_GROUP].values, new[name][..., None]], axis=-1)
        for name in groups.spread
    }


def unknowns_at(fit: Fit, inputs: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """All unknowns at points, (chain, draw, point) or (chain, draw, 1).

    `inputs` names the group of each point under the group column; UsageError where it does not.
    """
    groups, values = fit.model.groups, fit.unknowns(POINT)
    if groups is None:
        return values
    if groups.column not in inputs:
        raise UsageError(which_group(fit))
    index = groups.numbers(inputs[groups.column])
    return values | {name: v[..., index] for name, v in group_values(fit).items()}


def which_group(fit: Fit) -> str:
    """Say which groups there are to ask for, and how."""
    assert fit.model.groups is not None
    return (
        f"model {fit.spec.name!r} varies by group: say of which the answer is asked, "
        f"{', '.join(fit.model.groups.labels)}, or {NEW_GROUP!r} for one that is not in the table "
        "(--group NAME on the command line; fit.at_group(name), or a column 'group' beside the "
        "points, in Python)"
    )


def groups_asked(fit: Fit, at: pd.DataFrame) -> NDArray[np.str_] | None:
    """Return the group of each row of a table of points, (point,); None without groups.

    Raises UsageError where the table names none, groups that are not in the fit, or others than
    the one that the fit is of.
    """
    groups, own = fit.model.groups, fit.provenance.get(GROUP)
    there = {str(name) for name in at[GROUP]} if GROUP in at else set()
    if own is not None and there - {own}:
        raise UsageError(f"this fit is that of group {own!r}; ask the whole fit about others")
    if groups is None:
        return None
    if groups.column not in at:
        raise UsageError(which_group(fit))
    names = at[groups.column].astype(str).to_numpy(dtype=str)
    groups.numbers(names)
    return np.asarray(names)


def require_one_group(fit: Fit) -> None:
    """Refuse a fit of several groups where an answer is one group's: UsageError."""
    if fit.model.groups is not None:
        raise UsageError(which_group(fit))


def at_group(fit: Fit, name: str) -> Fit:
    """Return the fit of one group; see `Fit.at_group`."""
    if fit.model.groups is None:
        own = fit.provenance.get(GROUP)
        already = f"is the one of group {own!r}" if own else "has no groups"
        raise UsageError(f"group {name!r}: this fit of model {fit.spec.name!r} {already}")
    index = int(fit.model.groups.numbers(name)[0])
    own = {k: v[..., index] for k, v in group_values(fit).items()}
    plain = replace(fit.spec, groups=None)
    posterior = xr.Dataset(
        {
            k: ((CHAIN, DRAW), own[k] if k in own else fit.posterior[k].values)
            for k in plain.all_priors
        },
        coords={dim: fit.posterior[dim] for dim in (CHAIN, DRAW)},
    )
    return replace(
        fit,
        spec=plain,
        runs=fit.runs if name == NEW_GROUP else _rows_of(fit.runs, fit.model.groups.column, name),
        posterior=posterior,
        provenance={**fit.provenance, GROUP: name},
    )


def _rows_of(runs: Runs, column: str, name: str) -> Runs:
    """The rows of one group with the findings of the whole table, which informed its posterior."""
    keep = (runs.frame[column].astype(str) == name).to_numpy()
    return replace(runs, frame=runs.frame[keep].reset_index(drop=True))
