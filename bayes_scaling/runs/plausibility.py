"""Plausibility: values that look like another unit, another column or another question."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_scaling.names import (
    FILE_LINE,
    FLOPS,
    GROUP,
    LOSS,
    PARAMS,
    PARAMS_NON_EMBEDDING,
    RUN,
    SEED,
    TOKENS,
    WEIGHT,
)
from bayes_scaling.quantities import ONE_RESOURCES, RESOURCES, is_weight
from bayes_scaling.runs.compute import FLOP_CONVENTION, train_flop
from bayes_scaling.runs.finding import ERROR, INFO, WARN, Finding
from bayes_scaling.runs.identifiability import compute_of, lines_of
from bayes_scaling.runs.labels import display_name
from bayes_scaling.runs.surface import away_from_surface, has_surface, spikes

HIGHEST_LOSS = 12.0
"""Nats per token: what a uniform guess over 160,000 tokens costs."""
RISING = 0.5
"""Rank correlation of loss and scale from which losses count as rising."""
MIXED_SCALE_RATIO = 1e6
SMALL_PARAMS, LARGE_PARAMS = 1e4, 1e14
LARGE_TOKENS_PER_PARAM = 1e5
FLOP_DISAGREEMENT = 2.0
FLOP_AGREEMENT = 0.05
WEIGHT_TOLERANCE = 0.01
"""Distance from 1 up to which the sum of a run's weights is taken as rounding."""
MANY_ROWS = 5_000
REPLICATE_SPREAD = 0.05
"""Standard deviation of log loss above which repeated sizes are hardly only seeds."""
BITS_PER_NAT = 1 / math.log(2)
UNIT_TOLERANCE = 0.06
"""Distance in log loss from the ratio of two units that still looks like it."""
MOST_LABEL_VALUES = 50
"""Distinct values up to which a column may be a label that tells replicates apart."""


def _lines(frame: pd.DataFrame, mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(lines_of(frame)[mask].tolist())


def _column(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return frame[name].to_numpy(dtype=np.float64)


def loss_values(frame: pd.DataFrame) -> Iterator[Finding]:
    """L001 constant, L002 and L003 rising with scale, U003 most below 1."""
    if LOSS not in frame or len(frame) < 2:
        return
    loss = _column(frame, LOSS)
    if np.ptp(loss) == 0:
        message = f"all {len(loss)} losses are {loss[0]:.6g}"
        yield Finding("L001", ERROR, (), message, "is this the right column?", column=LOSS)
        return
    resource = compute_of(frame)
    if resource is None:
        spent = next((name for name in ONE_RESOURCES if name in frame), None)
        resource = np.ones(len(loss)) if spent is None else _column(frame, spent)
    constant = np.ptp(resource) == 0 or len(loss) < 5
    rho = 0.0 if constant else float(pd.Series(loss).rank().corr(pd.Series(resource).rank()))
    if rho > RISING and loss.max() <= 1:
        message = (
            "all losses are at most 1 and rise with scale: an accuracy, where higher is better?"
        )
        hint = "give the loss in nats per token, or name it: --col accuracy=loss"
        yield Finding("L002", ERROR, (), message, hint, column=LOSS)
    elif rho > RISING:
        message = f"losses rise with scale (rank correlation {rho:.2f}): a score, not a loss?"
        yield Finding("L003", WARN, (), message, "give the loss in nats per token", column=LOSS)
    elif float(np.median(loss)) < 1:
        message = "most losses are below 1 nat per token: bits per byte, or another unit?"
        hint = "state it: --loss-unit bpb with bytes per token, or bits"
        yield Finding("U003", WARN, (), message, hint, column=LOSS)


def high_losses(frame: pd.DataFrame) -> Iterator[Finding]:
    """U001 where a loss is above 12 nats."""
    if LOSS not in frame:
        return
    high = _column(frame, LOSS) > HIGHEST_LOSS
    if high.any():
        worst = f"{_column(frame, LOSS).max():.6g}"
        message = f"{high.sum()} losses above {HIGHEST_LOSS:.0f} nats per token: perplexities?"
        hint = "if so: --loss-unit ppl; if these runs diverged: hold them out by name"
        yield Finding("U001", WARN, _lines(frame, high), message, hint, LOSS, worst)


def mixed_units(frame: pd.DataFrame) -> Iterator[Finding]:
    """U002 where single losses look like bits, nats or perplexities among other units."""
    if not has_surface(frame):
        return
    loss = _column(frame, LOSS)
    away, far = away_from_surface(frame)
    smooth = np.log(loss) - away
    outlying = np.abs(away) > far
    step = math.log(BITS_PER_NAT)
    nats = np.exp(smooth)
    kinds = (
        ("bits", np.abs(away - step) < UNIT_TOLERANCE, "1/ln 2 times"),
        ("nats among bits", np.abs(away + step) < UNIT_TOLERANCE, "ln 2 times"),
        # perplexities above the limit are reported as high losses
        ("perplexities", np.abs(np.log(loss) - nats) < 2 * UNIT_TOLERANCE, "the exp of"),
    )
    for unit, alike, relation in kinds:
        mask = np.asarray(outlying & alike & (loss <= HIGHEST_LOSS))
        if mask.any():
            first = f"{loss[mask][0]:.6g}"
            message = (
                f"{mask.sum()} losses look like {unit}: about {relation} what the others imply"
            )
            hint = "convert them to one unit, then state it with --loss-unit"
            yield Finding("U002", WARN, _lines(frame, mask), message, hint, LOSS, first)


def mixed_scale(frame: pd.DataFrame) -> Iterator[Finding]:
    """U004 where a column holds billions in some rows and plain numbers in others."""
    for name in (column for column in RESOURCES if column in frame):
        values = _column(frame, name)
        ordered = np.unique(values)
        if len(ordered) < 2:
            continue
        ratios = ordered[1:] / ordered[:-1]
        gap = int(np.argmax(ratios))
        if ratios[gap] <= MIXED_SCALE_RATIO:
            continue
        low = values <= ordered[gap]
        few = low if low.sum() <= len(values) / 2 else ~low
        message = (
            f"values jump from {ordered[gap]:.4g} to {ordered[gap + 1]:.4g}: "
            "some in billions (or another unit), some plain?"
        )
        first = f"{values[few][0]:.6g}"
        hint = "write all of them as plain numbers, or with a suffix as in 1.3B"
        yield Finding("U004", ERROR, _lines(frame, few), message, hint, name, first)


def sizes(frame: pd.DataFrame) -> Iterator[Finding]:
    """S001 swapped columns, S002 and S003 sizes outside what has been trained."""
    if PARAMS in frame:
        params = _column(frame, PARAMS)
        odd = (params < SMALL_PARAMS) | (params > LARGE_PARAMS)
        if odd.any():
            message = f"{odd.sum()} rows have fewer than 1e4 or more than 1e14 parameters"
            hint = "in millions or billions? write 1.3B or 1.3e9; or are columns swapped?"
            first = f"{params[odd][0]:.6g}"
            yield Finding("S003", WARN, _lines(frame, odd), message, hint, PARAMS, first)
    if not (PARAMS in frame and TOKENS in frame) or frame.empty:
        return
    ratio = _column(frame, TOKENS) / _column(frame, PARAMS)
    if (ratio < 1).all():
        message = "every run has fewer tokens than parameters: are the two columns swapped?"
        yield Finding("S001", WARN, (), message, "if so: --col params=tokens,tokens=params")
    high = ratio > LARGE_TOKENS_PER_PARAM
    if high.any():
        message = f"{high.sum()} rows have more than 1e5 tokens per parameter"
        hint = "check the units; are the two columns swapped?"
        first = f"{ratio[high][0]:.4g} tokens per parameter"
        yield Finding("S002", WARN, _lines(frame, high), message, hint, None, first)


def flop_convention(frame: pd.DataFrame) -> Iterator[Finding]:
    """S004, S005 and I006: how the FLOP column relates to 6ND. S006: which N is used."""
    if PARAMS_NON_EMBEDDING in frame and PARAMS in frame:
        message = f"N is the column {PARAMS}; {PARAMS_NON_EMBEDDING} is kept but not used as N"
        hint = f"to use it: --col {PARAMS}={PARAMS_NON_EMBEDDING}"
        yield Finding("S006", INFO, (), message, hint, PARAMS_NON_EMBEDDING)
    if not (PARAMS in frame and TOKENS in frame) or frame.empty:
        return
    if FLOPS not in frame:
        message = f"no {FLOPS} column: where compute is asked for it is {FLOP_CONVENTION}"
        yield Finding("S005", INFO, (), message)
        return
    stated = _column(frame, FLOPS)
    ratio = stated / train_flop(_column(frame, PARAMS), _column(frame, TOKENS))
    off = np.abs(np.log(ratio)) > math.log(FLOP_DISAGREEMENT)
    if off.any():
        message = (
            f"{off.sum()} rows state {ratio[off].min():.3g} to {ratio[off].max():.3g} times "
            f"{FLOP_CONVENTION}: {PARAMS} and {TOKENS} are trusted, {FLOPS} is used as it is "
            "where compute is the axis"
        )
        hint = f"check the units, or leave out {FLOPS}"
        first = f"{stated[off][0]:.6g}"
        yield Finding("S004", WARN, _lines(frame, off), message, hint, FLOPS, first)
    elif (np.abs(ratio - 1) <= FLOP_AGREEMENT).all():
        message = f"{FLOPS} equals {FLOP_CONVENTION} to {FLOP_AGREEMENT:.0%} in every row"
        hint = "it adds nothing to N and D: laws with all three are refused"
        yield Finding("I006", INFO, (), message, hint, FLOPS)


def mixture_weights(frame: pd.DataFrame) -> Iterator[Finding]:
    """S007 where the weights of several data sources do not sum to 1."""
    names = [name for name in frame.columns if is_weight(name)]
    if len(names) < 2:
        return
    total = frame[names].sum(axis=1, skipna=False).to_numpy(dtype=np.float64)
    off = np.abs(total - 1) > WEIGHT_TOLERANCE
    if off.any():
        message = (
            f"{off.sum()} rows whose {len(names)} weights do not sum to 1 "
            f"(they sum to {total[off].min():.4g} to {total[off].max():.4g})"
        )
        hint = "divide each by their sum, or name the missing source in a column of its own"
        first = f"{total[off][0]:.6g}"
        yield Finding("S007", ERROR, _lines(frame, off), message, hint, f"{WEIGHT}*", first)


def duplicated_rows(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return True for rows that repeat an earlier one in all columns but the file line."""
    columns = [name for name in frame.columns if name != FILE_LINE]
    plain = {n: frame[n].map(str) if frame[n].dtype == object else frame[n] for n in columns}
    return np.asarray(pd.DataFrame(plain).duplicated(keep="first"), dtype=np.bool_)


def duplicates(frame: pd.DataFrame) -> Iterator[Finding]:
    """R003 where rows repeat earlier ones exactly."""
    again = duplicated_rows(frame)
    if again.any():
        message = f"{again.sum()} rows repeat earlier ones exactly and would count twice"
        yield Finding("R003", WARN, _lines(frame, again), message, "remove them")


def replicates(frame: pd.DataFrame) -> Iterator[Finding]:
    """R005 where runs of the same sizes have different losses, with their spread."""
    keys = [name for name in RESOURCES if name in frame]
    if not keys or frame.empty or LOSS not in frame:
        return
    log_loss = pd.Series(np.log(_column(frame, LOSS)), index=frame.index)
    cells = log_loss.groupby([frame[name] for name in keys])
    again = np.asarray((cells.transform("size") > 1) & (cells.transform("nunique") > 1))
    if not again.any():
        return
    spread = cells.std()[cells.nunique() > 1]
    middle, largest = float(spread.median()), float(spread.max())
    message = (
        f"{again.sum()} rows share their sizes with others ({len(spread)} sizes); standard "
        f"deviation of log loss within a size: median {middle:.2g}, largest {largest:.2g}"
    )
    labels = [display_name(name, 40) for name in _labels(frame[again], keys)]
    hint = f"not seeds? select one value of: {', '.join(labels[:5])}" if labels else ""
    if middle <= REPLICATE_SPREAD:
        yield Finding("R005", INFO, _lines(frame, again), f"{message}: taken as seed noise", hint)
        return
    message += ": more than seeds do as a rule"
    yield Finding("R005", WARN, _lines(frame, again), message, hint or "what tells them apart?")


def _labels(frame: pd.DataFrame, keys: list[str]) -> list[str]:
    """Return columns of few values that differ between rows of the same sizes."""
    outside = {*keys, LOSS, RUN, SEED, FILE_LINE}
    few = [
        c
        for c in map(str, frame)
        if c not in outside and 1 < frame[c].nunique() <= MOST_LABEL_VALUES
    ]
    cells = frame.groupby(keys)
    return [column for column in few if bool((cells[column].nunique() > 1).any())]


def many(frame: pd.DataFrame) -> Iterator[Finding]:
    """R006 above 5,000 rows, R007 where several groups are pooled."""
    if len(frame) > MANY_ROWS:
        message = f"{len(frame)} rows, more than {MANY_ROWS}: sampling will be slow"
        yield Finding("R006", WARN, (), message, "keep one row per run; select one evaluation set")
    levels = frame[GROUP].unique().tolist() if GROUP in frame else []
    if len(levels) > 1:
        shown = ", ".join(display_name(level, 20) for level in levels[:3])
        more = f" and {len(levels) - 3} more" if len(levels) > 3 else ""
        message = f"{len(levels)} groups are pooled ({shown}{more})"
        hint = "select one, split the table by group, or use a model that varies by group"
        yield Finding("R007", WARN, (), message, hint, GROUP)


VALUE_CHECKS: Final = (
    mixed_scale,
    loss_values,
    high_losses,
    mixed_units,
    spikes,
    sizes,
    flop_convention,
    mixture_weights,
    duplicates,
    replicates,
    many,
)
"""Checks of the values, in the order of their findings."""
