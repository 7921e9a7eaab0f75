"""Quantiles of draws as a table: one row per point or budget, one column per level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import UsageError
from bayes_scaling.names import CHAIN, DRAW


def quantiles_of(draws: xr.Dataset, name: str, levels: Sequence[float], dim: str) -> pd.DataFrame:
    """Return quantiles of variable `name`: rows along `dim` in its order, float column names.

    Raises UsageError for levels outside (0, 1) and for unknown variables.
    """
    if name not in draws:
        raise UsageError(f"no draws of {name!r}; there are {', '.join(map(str, draws.data_vars))}")
    levels = [float(level) for level in levels]
    if not levels or not all(0 < level < 1 for level in levels):
        raise UsageError(f"quantile levels {levels} must lie between 0 and 1")
    values = draws[name].transpose(CHAIN, DRAW, dim).values
    table = np.quantile(values.reshape(-1, values.shape[-1]), levels, axis=0)
    return pd.DataFrame(table.T, columns=levels)


def long_quantiles(
    draws: xr.Dataset, names: Sequence[str], levels: Sequence[float], dim: str
) -> pd.DataFrame:
    """Return quantiles in long form: columns `dim`, variable, level, value."""
    parts = []
    for name in names:
        wide = quantiles_of(draws, name, levels, dim).rename_axis(index=dim).reset_index()
        parts.append(
            wide.melt(id_vars=dim, var_name="level", value_name="value").assign(variable=name)
        )
    return pd.concat(parts, ignore_index=True)[[dim, "variable", "level", "value"]]
