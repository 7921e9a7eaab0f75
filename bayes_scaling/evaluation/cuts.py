"""Cuts: which runs count as the past of a table, and which as its future."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.names import HELD_OUT
from bayes_scaling.runs.identifiability import earlier_checkpoints
from bayes_scaling.runs.table import Runs, resource_values
from bayes_scaling.runs.units import format_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUTS: Final = (0.4, 0.5, 0.6, 0.7, 0.8)
"""Quantiles of the axis at which a table is cut unless others are asked for: an expanding past."""
FEWEST_TRAINED: Final = 8
"""Runs below a cut with which a law of five unknowns can begin to be told from its priors."""
MAX_EXTRAPOLATION: Final = 100.0
"""Multiple of the largest fitted run up to which an answer is not flagged: few public tables reach
beyond it."""
CUT, CUT_QUANTILE, TRAINED, RATIO = "cut", "cut_quantile", "trained", "ratio"
"""Columns: where a table was cut, how many runs lay below, how far beyond them a run lies."""


@dataclass(frozen=True)
class Cut:
    """One place where a table is cut.

    `amount` is the value of the axis: fitted runs lie below it. `quantile` is NaN where the amount
    itself was given. `target` is what was measured. `trained` is the table with all other runs
    held out; `scored` holds the larger runs, one row per run, and `ratio` (run,) their axis over
    that of the largest fitted run.
    """

    amount: float
    quantile: float
    target: str
    trained: Runs
    scored: Runs
    ratio: NDArray[np.float64]


@dataclass(frozen=True)
class LeftOut:
    """A cut at which nothing can be fitted or scored, and why."""

    amount: float
    reason: str


def place_cuts(
    runs: Runs, axis: str, target: str, cuts: Sequence[float] = CUTS
) -> list[Cut | LeftOut]:
    """Cut a table at quantiles (between 0 and 1) or amounts (from 1 on) of its axis, rising.

    Below a cut the runs that are not held out are fitted; from it on every run is scored whose
    target was measured, held-out ones included. Of several rows of one run the last is scored.
    Raises UsageError for cuts that are no such numbers and for a table without the axis.
    """
    values = resource_values(runs.frame, axis)
    found: list[Cut | LeftOut] = []
    fitted_before: dict[bytes, float] = {}
    for amount, quantile in sorted(_amounts(cuts, values)):
        below = (values < amount) & ~runs.frame[HELD_OUT].to_numpy(dtype=bool)
        scored = _last_rows(runs, (values >= amount) & runs.frame[target].notna().to_numpy())
        if below.sum() < FEWEST_TRAINED:
            least = f"fewer than {FEWEST_TRAINED}: cut higher, or add smaller runs"
            reason = f"{below.sum()} runs to fit, {least}"
        elif not scored.any():
            reason = "no run was measured from here on: cut lower"
        elif below.tobytes() in fitted_before:
            same = format_quantity(fitted_before[below.tobytes()], axis)
            reason = f"the same runs are fitted as with the cut at {same}"
        else:
            fitted_before[below.tobytes()] = amount
            trained = runs.train_below(amount, axis)
            future = runs.frame[scored].assign(**{HELD_OUT: False}).reset_index(drop=True)
            ratio = values[scored] / values[below].max()
            found.append(Cut(amount, quantile, target, trained, replace(runs, frame=future), ratio))
            continue
        found.append(LeftOut(amount, reason))
    return found


def _amounts(cuts: Sequence[float], values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Amount and quantile of each cut; the quantile of a stated amount is NaN."""
    if isinstance(cuts, str | int | float) or not len(cuts):
        raise UsageError(f"cuts = {cuts!r}: give a list such as {list(CUTS)}")
    found = []
    for cut in cuts:
        number = isinstance(cut, int | float | np.number) and not isinstance(cut, bool)
        if not number or not math.isfinite(cut) or cut <= 0:
            raise UsageError(
                f"cut {cut!r}: give a quantile of the axis between 0 and 1, such as 0.6, or an "
                "amount of it from 1 on, such as 1e21"
            )
        share = float(cut) if cut < 1 else math.nan
        found.append((float(np.quantile(values, share)) if cut < 1 else float(cut), share))
    return found


def _last_rows(runs: Runs, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask without rows of a run of which the mask has a later one, (row,)."""
    last = mask.copy()
    last[mask] = ~earlier_checkpoints(runs.frame[mask])
    return last
