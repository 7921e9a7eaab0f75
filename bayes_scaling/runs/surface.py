"""Surface: what the runs together imply for each loss, and single losses far from it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.names import FLOPS, LOSS, PARAMS, TOKENS
from bayes_scaling.quantities import RESOURCES
from bayes_scaling.runs.finding import WARN, Finding
from bayes_scaling.runs.identifiability import lines_of, logs

OUTLIER_SDS = 6.0
SPIKE = 0.2
"""Least distance in log loss that is called far: the surface is a rough one."""
MIN_ROWS = 8
"""Rows below which a surface follows every run."""
MAD_TO_SD = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


def smooth_log_loss(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return log loss of a least-absolute-deviation surface in log resources: (row,) -> (row,)."""
    x = [logs(frame, name) for name in (PARAMS, TOKENS) if name in frame] or [logs(frame, FLOPS)]
    terms = [np.ones(len(frame)), *x]
    if len(frame) >= 5 * len(terms):
        terms += [(column - column.mean()) ** 2 for column in x]
    design = np.column_stack(terms)
    y = np.log(frame[LOSS].to_numpy(dtype=np.float64))
    weight = np.ones(len(y))
    for _ in range(40):
        root = np.sqrt(weight)[:, None]
        fitted = design @ np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0]
        weight = 1 / np.maximum(np.abs(y - fitted), 1e-4)
    return np.asarray(fitted, dtype=np.float64)


def away_from_surface(frame: pd.DataFrame) -> tuple[NDArray[np.float64], float]:
    """Log loss minus the smooth surface, and how far is far: six robust standard deviations."""
    away = np.log(frame[LOSS].to_numpy(dtype=np.float64)) - smooth_log_loss(frame)
    spread = MAD_TO_SD * float(np.median(np.abs(away - np.median(away))))
    return away, max(OUTLIER_SDS * spread, SPIKE)


def has_surface(frame: pd.DataFrame) -> bool:
    """Return whether a table has losses, resources and rows enough for a smooth surface."""
    return len(frame) >= MIN_ROWS and LOSS in frame and any(c in frame for c in RESOURCES)


def spikes(frame: pd.DataFrame) -> Iterator[Finding]:
    """R008 where single losses lie far from what the other runs imply."""
    if not has_surface(frame):
        return
    away, far = away_from_surface(frame)
    mask = np.abs(away) > far
    if mask.any():
        worst = int(np.argmax(np.abs(away)))
        message = (
            f"{mask.sum()} losses lie far from what the other runs imply, the farthest by "
            f"{math.expm1(away[worst]):+.0%}: diverged runs, spikes or typing errors?"
        )
        hint = "look at them; robust noise forgives a few, a wrong one is better held out"
        value = f"{frame[LOSS].to_numpy(dtype=np.float64)[worst]:.6g}"
        yield Finding(
            "R008", WARN, tuple(lines_of(frame)[mask].tolist()), message, hint, LOSS, value
        )


def lowest_credible(frame: pd.DataFrame, target: str = LOSS) -> float:
    """Return the smallest loss that does not lie far below what the other runs imply.

    Of another `target`, such as an error, the smallest value.
    """
    loss = frame[target].to_numpy(dtype=np.float64)
    if target != LOSS or not has_surface(frame):
        return float(loss.min())
    away, far = away_from_surface(frame)
    return float(loss[away >= -far].min())
