"""Identifiability: what the design of a run table can and cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.names import FILE_LINE, FLOPS, GROUP, LOSS, PARAMS, RUN, SEED, STEPS, TOKENS
from bayes_scaling.quantities import ONE_RESOURCES
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.runs.finding import ERROR, INFO, WARN, Finding
from bayes_scaling.runs.units import format_quantity

MAX_CORRELATION = 0.99
"""Correlation of log N and log D above which their effects are one ridge."""
MIN_RATIO_DECADES = 0.3
"""Range of log10(D/N) below which tokens per parameter count as constant."""
MIN_COMPUTE_DECADES = 1.0
MIN_ROWS = 5
"""Usable rows below which a table is refused."""
FEW_ROWS = 15
SAME_RATIO = 1e-8
"""Spread of log C/(6ND) below which one of the three was computed from the others."""
LOSS_STEP = 0.01
"""Step of losses that were rounded or read off a figure."""
SPLIT_CODES: Final = frozenset({"I001", "I014"})
"""Findings under which no split between N and D may be asked."""
FIT_ONLY = "the loss can be forecast along this line, the best N and D cannot"


def logs(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return log10 of a column: (row,) -> (row,)."""
    return np.log10(frame[column].to_numpy(dtype=np.float64))


def lines_of(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return the file line of each row; position + 2 where the frame does not know it."""
    if FILE_LINE in frame:
        return frame[FILE_LINE].to_numpy(dtype=np.int64)
    return np.arange(2, len(frame) + 2, dtype=np.int64)


def compute_of(frame: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return training FLOP of each row as stated, else 6ND, else None."""
    if FLOPS in frame:
        return frame[FLOPS].to_numpy(dtype=np.float64)
    if PARAMS in frame and TOKENS in frame:
        return train_flop(
            frame[PARAMS].to_numpy(dtype=np.float64), frame[TOKENS].to_numpy(dtype=np.float64)
        )
    return None


def row_count(frame: pd.DataFrame) -> Iterator[Finding]:
    """R001 below 5 rows, R002 below 15."""
    n = len(frame)
    if n < MIN_ROWS:
        message = f"{n} usable rows: fewer than {MIN_ROWS} are not fitted"
        yield Finding("R001", ERROR, (), message, "add runs, or mend the rows listed")
    elif n < FEW_ROWS:
        message = f"{n} usable rows, fewer than {FEW_ROWS}: priors will carry much of the answer"
        yield Finding("R002", WARN, (), message, "expect wide intervals; add runs")


def single_values(frame: pd.DataFrame) -> Iterator[Finding]:
    """I001 where all runs share one N or one D, I014 where one of them is not known."""
    present = [name for name in (PARAMS, TOKENS) if name in frame]
    if len(present) < 2:
        known = ", ".join(name for name in ONE_RESOURCES if name in frame)
        if not known:
            return
        message = f"of {PARAMS} and {TOKENS} not both are in the table (it has {known})"
        hint = f"loss against {known} can be fitted; a split of compute needs both columns"
        yield Finding("I014", INFO, (), message, hint)
        return
    for name in present:
        if len(frame) and frame[name].nunique() == 1:
            one = format_quantity(float(frame[name].iloc[0]), name)
            message = f"all runs have {name} = {one}: its exponent cannot be known"
            yield Finding("I001", WARN, (), message, f"add runs at other {name}", column=name)


def one_ray(frame: pd.DataFrame) -> Iterator[Finding]:
    """I001 where log N and log D move together or D/N hardly changes."""
    if not (PARAMS in frame and TOKENS in frame) or len(frame) < 3:
        return
    log_n, log_d = logs(frame, PARAMS), logs(frame, TOKENS)
    if np.ptp(log_n) == 0 or np.ptp(log_d) == 0:
        return
    correlation = float(np.corrcoef(log_n, log_d)[0, 1])
    decades = float(np.ptp(log_d - log_n))
    reasons = []
    if correlation > MAX_CORRELATION:
        reasons.append(f"log N and log D correlate {correlation:.4f} (limit {MAX_CORRELATION})")
    if decades < MIN_RATIO_DECADES:
        reasons.append(f"D/N spans {decades:.2f} decades (least {MIN_RATIO_DECADES})")
    if reasons:
        ratio = 10 ** float(np.median(log_d - log_n))
        hint = f"add 3 or more runs away from {ratio:.3g} tokens per parameter"
        yield Finding("I001", WARN, (), f"{' and '.join(reasons)}: {FIT_ONLY}", hint)


def narrow_range(frame: pd.DataFrame) -> Iterator[Finding]:
    """I013 where compute, or the one resource there is, spans less than a decade."""
    compute = compute_of(frame)
    name, values = FLOPS, compute
    if values is None:
        name = next((r for r in ONE_RESOURCES if r in frame), FLOPS)
        values = frame[name].to_numpy(dtype=np.float64) if name in frame else np.ones(0)
    if len(values) < 2:
        return
    decades = float(np.ptp(np.log10(values)))
    if decades < MIN_COMPUTE_DECADES:
        message = (
            f"{name} spans {decades:.2f} decades, below {MIN_COMPUTE_DECADES:.0f}: "
            "floor and exponents trade off against each other"
        )
        yield Finding("I013", WARN, (), message, "add smaller or larger runs", column=name)


def run_keys(frame: pd.DataFrame) -> list[str]:
    """Return the columns that together name one training run."""
    return [name for name in (RUN, PARAMS, GROUP, SEED) if name in frame]


def earlier_checkpoints(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return True for rows whose run has a later row: (row,) -> (row,).

    Rows of one run have the same name, parameters, group and seed; later means more tokens, or
    more FLOP or steps where tokens are not known.
    """
    progress = next((name for name in (TOKENS, FLOPS, STEPS) if name in frame), None)
    if progress is None or RUN not in frame or frame.empty:
        return np.zeros(len(frame), dtype=np.bool_)
    # dropna=False: an unknown group is a group of its own
    last = frame.groupby(run_keys(frame), sort=False, dropna=False)[progress].transform("max")
    return (frame[progress] < last).to_numpy(dtype=np.bool_)


def checkpoints(frame: pd.DataFrame) -> Iterator[Finding]:
    """I008 where several checkpoints of one run are in the table."""
    earlier = earlier_checkpoints(frame)
    if earlier.any():
        rows = tuple(lines_of(frame)[earlier].tolist())
        message = (
            f"{len(rows)} rows are earlier checkpoints of runs that are also present: their "
            "errors are correlated and intervals come out too narrow"
        )
        yield Finding("I008", WARN, rows, message, "keep the last one: --checkpoints last")


def imputed(frame: pd.DataFrame) -> Iterator[Finding]:
    """I007 where inputs or losses look computed or read off a figure, not measured.

    Tokens: N, D and C are all stated, C/(6ND) is one number to nine digits, and D is not whole, as
    counted tokens are. Losses: all are multiples of .01, or of one coarser step.
    """
    hint = "use noise with errors in variables, or state loss_sd, so that sigma need not carry it"
    stated = {PARAMS, TOKENS, FLOPS} <= set(frame.columns)
    if stated and len(frame) >= MIN_ROWS:
        n, d, c = (frame[name].to_numpy(dtype=np.float64) for name in (PARAMS, TOKENS, FLOPS))
        spread = float(np.ptp(np.log(c / train_flop(n, d))))
        broken = np.asarray(d != np.round(d))
        if spread < SAME_RATIO and broken.any():
            message = (
                f"{FLOPS}/(6 {PARAMS} {TOKENS}) is one number to {spread:.0e} and {broken.sum()} "
                f"{TOKENS} are not whole: computed from {FLOPS}? An error there is in both"
            )
            yield Finding("I007", WARN, (), message, hint, TOKENS)
    loss = frame[LOSS].to_numpy(dtype=np.float64) if LOSS in frame else np.zeros(0)
    in_steps = loss / LOSS_STEP
    if len(loss) >= FEW_ROWS and bool(np.all(np.abs(in_steps - np.round(in_steps)) < 1e-6)):
        message = f"all {len(loss)} losses are rounded to {LOSS_STEP:g}"
        yield Finding("I007", WARN, (), message, hint, LOSS)


def split_refusal(findings: Iterable[Finding]) -> Finding | None:
    """Return the finding that forbids asking this table for a split between N and D, or None."""
    return next((finding for finding in findings if finding.code in SPLIT_CODES), None)


def splits_allowed(findings: Iterable[Finding]) -> bool:
    """Return whether a split between N and D may be asked of this table."""
    return split_refusal(findings) is None


DESIGN_CHECKS: Final = (row_count, single_values, one_ray, narrow_range, imputed, checkpoints)
"""Checks of the design, in the order of their findings."""
