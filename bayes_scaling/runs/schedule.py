"""Schedule: what a learning rate has done up to a checkpoint, as columns of a run table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.errors import UsageError
from bayes_scaling.names import (
    LR_ANNEALING,
    LR_DROPS,
    LR_PIECES,
    LR_RATES,
    LR_SINCE,
    LR_SUM,
    STEPS,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_STEPS: Final = 5_000_000
TYPICAL: Final = (2.07, 0.592, 0.644)
"""K, beta, gamma at which a compressed decay loses nothing: means of the three sets of Luo et al.
2025, arXiv:2503.12811."""
RISE: Final = 1e-9
"""Relative rise of the rate from one step to the next that counts as rounding."""


def schedule_columns(
    steps: Sequence[float] | Floats,
    learning_rate: Sequence[float] | Floats,
    at: Sequence[float] | Floats,
    *,
    warmup: int = 0,
    decay: float = 0.999,
) -> pd.DataFrame:
    """Return what the laws `annealing` and `multi-power` read of a schedule at checkpoints `at`.

    `learning_rate` (n,) holds at the numbered `steps` (n,) and is linear between them; `at` (row,)
    are steps from 1. Rates may rise in the first `warmup` steps only. `decay` is lambda, by which
    an annealed rate fades from step to step (.99 to .999 in Tissue et al. 2024, arXiv:2408.11029).

    Returns one row for each of `at`: `steps`; `lr_sum`, the sum of the rates so far, warm-up
    included; `lr_annealing`, the sum over steps i of sum_k (eta_{k-1} - eta_k) lambda^(i-k); and
    the decay in four pieces, each with its `lr_drop`, `lr_rate` after it and sum of rates since.
    A schedule of up to four drops is kept exactly. Other decays are compressed: with the published
    sets of Luo et al. 2025, arXiv:2503.12811, and with K halved or doubled and beta 40% lower or
    50% higher, the loss moves by less than 0.0003 nats after a cosine or an exponential decay
    to a tenth, 0.0006 after a linear one to zero, over 24,000 steps from 3e-4.

    Raises UsageError for steps that do not rise, rates that are not above 0 or rise after the
    warm-up, checkpoints outside the schedule, and a decay outside (0, 1).

    Examples
    --------
    >>> steps, rate = [1, 100, 1000], [1e-5, 3e-4, 3e-5]
    >>> found = bs.schedule_columns(steps, rate, at=[500, 1000], warmup=100)
    >>> found[["steps", "lr_sum"]].round(3).values.tolist()
    [[500.0, 0.111], [1000.0, 0.164]]
    """
    rates = _every_step(steps, learning_rate)
    wanted = _checkpoints(at, len(rates))
    if not 0 < decay < 1:
        raise UsageError(f"decay = {decay}: lambda lies between 0 and 1, as a rule .99 to .999")
    drops = np.append(0.0, rates[:-1] - rates[1:])
    drops[: int(warmup) + 1] = 0.0
    rising = np.flatnonzero(drops < -RISE * rates)
    if rising.size:
        raise UsageError(
            f"the learning rate rises at step {rising[0] + 1}, after the warm-up of {warmup:g} "
            "steps; say how long it is with warmup=, or take each cycle as a run of its own"
        )
    drops = np.maximum(drops, 0.0)
    sums, annealing = np.cumsum(rates), _annealing(drops, decay)
    rows = [
        {
            STEPS: float(step),
            LR_SUM: sums[step - 1],
            LR_ANNEALING: annealing[step - 1],
            **_pieces(drops[:step], rates[:step], sums[:step]),
        }
        for step in wanted
    ]
    return pd.DataFrame(rows)


def _every_step(steps: Any, learning_rate: Any) -> Floats:
    """The rate of each step from 1 to the last one stated, (step,)."""
    known, rates = (np.asarray(x, dtype=float).ravel() for x in (steps, learning_rate))
    if known.shape != rates.shape or known.size < 2:
        raise UsageError(f"{known.size} steps and {rates.size} learning rates: give two or more")
    if not (np.isfinite(known).all() and (np.diff(known) > 0).all() and known[0] >= 0):
        raise UsageError("steps must rise from 0 or 1, without repeats")
    if not (np.isfinite(rates).all() and (rates > 0).all()):
        raise UsageError("learning rates must be finite and above 0; leave out a last rate of zero")
    if known[-1] > MOST_STEPS:
        raise UsageError(f"{known[-1]:.3g} steps: more than {MOST_STEPS:.0e}; count in tens")
    return np.asarray(np.interp(np.arange(1, int(known[-1]) + 1), known, rates))


def _checkpoints(at: Any, last: int) -> NDArray[np.int64]:
    wanted = np.asarray(at, dtype=float).ravel()
    outside = wanted[~((wanted >= 1) & (wanted <= last))]
    if outside.size or not wanted.size:
        shown = f"step {outside[0]:g}" if outside.size else "no step"
        raise UsageError(f"at: {shown} is asked; the schedule has steps 1 to {last}")
    return np.rint(wanted).astype(np.int64)


def _annealing(drops: Floats, decay: float) -> Floats:
    """Sum over the steps so far of the fading sum of drops, (step,)."""
    fading, found = 0.0, np.empty_like(drops)
    for i, drop in enumerate(drops):
        fading = decay * fading + drop
        found[i] = fading
    return np.cumsum(found)


def _share(rate: Floats, since: Floats) -> Floats:
    """Share of a drop's gain that has come in, at the typical set."""
    K, beta, gamma = TYPICAL
    return np.asarray(1 - (K * rate**-gamma * since + 1) ** -beta)


def _pieces(drops: Floats, rates: Floats, sums: Floats) -> dict[str, float]:
    """The decay so far in a few pieces, whose gains at the typical set are those of the whole."""
    there = np.flatnonzero(drops > 0)
    drop, rate = drops[there], rates[there]
    since = sums[-1] - sums[there] + rate
    names = list(zip(LR_DROPS, LR_RATES, LR_SINCE, strict=True))
    found: dict[str, float] = {}
    for names_of, group in zip(names, _groups(drop, rate, since), strict=True):
        piece = (0.0, float(rates.max()), float(sums[-1]))  # no drop: the other two do not matter
        if group.any():
            whole = drop[group].sum()
            middle = np.exp(np.average(np.log(rate[group]), weights=drop[group]))
            share = np.average(_share(rate[group], since[group]), weights=drop[group])
            K, beta, gamma = TYPICAL
            piece = (whole, middle, ((1 - share) ** (-1 / beta) - 1) / K * middle**gamma)
        found |= dict(zip(names_of, map(float, piece), strict=True))
    return found


def _groups(drop: Floats, rate: Floats, since: Floats) -> list[NDArray[np.bool_]]:
    """Neighbouring drops that make one piece: fine where the gain changes fast."""
    number = np.arange(len(drop))
    if len(drop) > LR_PIECES:
        change = np.abs(np.gradient(_share(rate, since)))
        density = np.cbrt(drop * change**2)
        place = np.cumsum(density) - density / 2
        number = np.minimum(LR_PIECES * place / density.sum(), LR_PIECES - 1).astype(int)
    return [number == i for i in range(LR_PIECES)]
