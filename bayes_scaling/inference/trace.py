"""Trace: what the sampler drew, as arrays, without the detour through a tree of datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TUNING = "tuning"


def columns_of(batches: Sequence[tuple[Any, Any]], names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Arrays (chain, draw, ...) of columns, after tuning; a column that is in none is left out.

    `batches` holds, for each chain, nutpie's Arrow batches of draws and of statistics. A chain that
    was stopped early ends all of them.
    """
    chains = [_chain(draws, stats, list(names)) for draws, stats in batches]
    length = min(len(each) for chain in chains for each in chain.values())
    return {k: np.stack([chain[k][:length] for chain in chains]) for k in chains[0]}


def _chain(draws: Any, stats: Any, names: list[str]) -> dict[str, NDArray[Any]]:
    import pyarrow

    kept = ~_values(pyarrow.array(stats.column(TUNING)))
    found = {}
    for batch in (draws, stats):
        for name in set(names) & set(batch.column_names):
            column = batch.column(name)
            told = (column.field.metadata or {}).get(b"shape", b"").decode()
            shape = [int(size) for size in told.split(",") if size]
            values = pyarrow.array(column)
            flat = _values(values.flatten() if shape else values)
            found[name] = flat.reshape(len(kept), *shape)[kept]
    return found


def _values(column: Any) -> NDArray[Any]:
    return np.asarray(column.to_numpy(zero_copy_only=False))
