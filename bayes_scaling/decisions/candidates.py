"""Candidates: the smaller runs among which the next one is chosen, and what each costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, PARAMS, TOKENS, USD
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.runs.units import parse_quantity

if TYPE_CHECKING:
    from bayes_scaling.decisions.cost import Cost

SHARES: Final = (0.01, 0.3)
"""Least and most compute of the candidates that are made here, as shares of the final run's."""
STEPS: Final = 4
RATIO_FACTOR: Final = 4.0
"""Factor around the final plan's tokens per parameter, both ways, that such candidates span."""
MOST: Final = 64


def grid_of(params: float, tokens: float) -> pd.DataFrame:
    """Return 16 runs below a final one: 1% to 30% of its compute, 1/4 to 4 times its D/N."""
    shares = np.geomspace(*SHARES, STEPS)
    factors = np.geomspace(1 / RATIO_FACTOR, RATIO_FACTOR, STEPS)
    share, factor = (each.ravel() for each in np.meshgrid(shares, factors, indexing="ij"))
    return pd.DataFrame(
        {PARAMS: params * np.sqrt(share / factor), TOKENS: tokens * np.sqrt(share * factor)}
    )


def priced(candidates: pd.DataFrame, cost: Cost, final_flops: float) -> pd.DataFrame:
    """Return params, tokens, flops (6ND unless stated) and usd (by `cost` unless stated).

    One row per candidate in the order given. Raises one UsageError with every fault: no rows or
    more than 64, columns that are missing, amounts that are no finite numbers above 0 (usd: from
    0), runs that are not smaller than the final one.
    """
    candidates = getattr(candidates, "to_pandas", lambda: candidates)()  # a polars frame is as good
    if not isinstance(candidates, pd.DataFrame):
        raise UsageError(
            "candidates are a table with the columns params and tokens, not "
            f"{type(candidates).__name__}"
        )
    faults = [
        f"candidates lack the column {name!r}: name params and tokens of each run"
        for name in (PARAMS, TOKENS)
        if name not in candidates
    ]
    if not 1 <= len(candidates) <= MOST:
        faults.append(f"{len(candidates)} candidates: give 1 to {MOST}")
    there = [name for name in (PARAMS, TOKENS, FLOPS, USD) if name in candidates]
    read = {name: _numbers(candidates[name].tolist(), name, faults) for name in there}
    if {PARAMS, TOKENS} <= set(read):
        read.setdefault(FLOPS, train_flop(read[PARAMS], read[TOKENS]))
        faults += [
            f"candidate {place}: {flops:.3g} FLOP is not below the final run's {final_flops:.3g}; "
            "a candidate is a smaller run"
            for place, flops in enumerate(read[FLOPS], start=1)
            if flops >= final_flops
        ]
    if faults:
        raise UsageError("\n".join(faults))
    read.setdefault(USD, cost.usd(read[FLOPS]))
    return pd.DataFrame({name: read[name] for name in (PARAMS, TOKENS, FLOPS, USD)})


def _numbers(cells: list[Any], name: str, faults: list[str]) -> np.ndarray[Any, Any]:
    """Numbers of a column; what is none becomes NaN and a fault."""
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        try:
            value = parse_quantity(cell, name) if isinstance(cell, str) else float(cell)
        except (TypeError, ValueError) as fault:
            own = "" if isinstance(cell, str) else f"{name}: "  # a text's fault names its column
            faults.append(f"candidate {i + 1}: {own}{fault}")
            continue
        if not (np.isfinite(value) and (value > 0 or (name == USD and value == 0))):
            least = "from 0" if name == USD else "above 0"
            faults.append(f"candidate {i + 1}: {name} = {value:g}: a finite number {least}")
            continue
        values[i] = value
    return values
