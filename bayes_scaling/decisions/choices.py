"""Choices: which runs of a table count, and how compute and parameters are counted.

Each choice is the table as another author would have used it, and the question in its terms. What
a table or a question does not allow comes with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.cuts import FEWEST_TRAINED
from bayes_scaling.names import FLOPS, PARAMS, PARAMS_NON_EMBEDDING, TOKENS, TOKENS_PER_PARAM
from bayes_scaling.quantities import grows
from bayes_scaling.runs.compute import FLOP_CONVENTION, train_flop
from bayes_scaling.runs.plausibility import FLOP_AGREEMENT
from bayes_scaling.runs.table import Runs, resource_values
from bayes_scaling.runs.units import format_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.specs.spec import ModelSpec

At = pd.DataFrame | Sequence[float]
"""A question: planned runs as a table, or amounts of the axis, such as budgets in FLOP."""
ALL_RUNS: Final = "all runs"
"""Name of the table as it is."""
SMALL_SHARE = 3
"""One in how many sizes counts as small: a third."""
LARGE_SHARE = 10
"""One in how many runs counts as large: a tenth."""
SAME_BUDGET = 0.01
"""Share by which runs of one budget may differ, for sizes and tokens come in whole steps."""
MOST_TOKENS_PER_PARAM = 100.0
"""Five times the ratio of Hoffmann et al. 2022: beyond it runs are trained for cheap serving."""
FEWEST_TOKENS_PER_PARAM = 5.0
"""A quarter of that ratio: below it models are far larger than anyone would train."""


@dataclass(frozen=True)
class Choice:
    """One way to use a table: the runs, the question, and in words when an answer is this one."""

    name: str
    meaning: str
    runs: Runs
    at: At


@dataclass(frozen=True)
class NoChoice:
    """A choice that table, model or question do not allow, and why."""

    name: str
    reason: str


def choices_of(model: ModelSpec, runs: Runs, at: At) -> list[Choice | NoChoice]:
    """Return all choices beside `all runs`, in a fixed order; of equal ones the first.

    `model` has its columns chosen (`settled`). Nothing is fitted.
    """
    found = [_subset(name, model, runs, at) for name in SUBSETS]
    found += [_convention(name, model, runs, at) for name in CONVENTIONS]
    seen: dict[str, str] = {}
    for i, each in enumerate(found):
        if not isinstance(each, Choice) or each.name in CONVENTIONS:
            continue
        same = seen.setdefault(each.runs.digest, each.name)
        if same != each.name:
            found[i] = NoChoice(each.name, f"leaves out the same runs as: {same}")
    return found


def _subset(name: str, model: ModelSpec, runs: Runs, at: At) -> Choice | NoChoice:
    try:
        found = SUBSETS[name](model, runs)
    except UsageError as fault:
        return NoChoice(name, str(fault))
    if isinstance(found, str):
        return NoChoice(name, found)
    leave_out, meaning = found
    kept = int((~leave_out).sum())
    if kept == len(leave_out):
        return NoChoice(name, "leaves out no run")
    if kept < FEWEST_TRAINED:
        return NoChoice(name, f"leaves {kept} runs, fewer than {FEWEST_TRAINED}")
    return Choice(name, meaning, runs.hold_out_rows(np.flatnonzero(leave_out).tolist()), at)


def _convention(name: str, model: ModelSpec, runs: Runs, at: At) -> Choice | NoChoice:
    try:
        found = CONVENTIONS[name](model, runs, at)
    except UsageError as fault:
        return NoChoice(name, str(fault))
    return NoChoice(name, found) if isinstance(found, str) else Choice(name, *found)


Subset = tuple["NDArray[np.bool_]", str]


def _no_small_sizes(model: ModelSpec, runs: Runs) -> Subset | str:
    sizes = runs.resource(PARAMS)
    distinct = np.unique(sizes)
    if len(distinct) < SMALL_SHARE:
        return f"the table has {len(distinct)} sizes, fewer than {SMALL_SHARE}"
    least = distinct[len(distinct) // SMALL_SHARE]
    words = f"the smallest third of the sizes, below {_size(least)}, is left out"
    return sizes < least, words


def _no_size_below_median(model: ModelSpec, runs: Runs) -> Subset | str:
    sizes = runs.resource(PARAMS)
    least = float(np.median(sizes))
    return sizes < least, f"sizes below the median, {_size(least)}, are left out"


def _no_large_runs(model: ModelSpec, runs: Runs) -> Subset | str:
    axis = model.axis
    if not grows(axis):
        return f"the model goes along {axis}, of which no run has the most to spend"
    spent = runs.resource(axis)
    count = -(-len(spent) // LARGE_SHARE)
    last = float(np.sort(spent)[-count])
    least = float(spent[spent >= last * (1 - SAME_BUDGET)].min())
    words = f"the largest tenth of the runs, from {format_quantity(least, axis)}"
    return spent >= least, f"{words}{'' if axis == FLOPS else f' {axis}'} on, is left out"


def _up_to_ratio(model: ModelSpec, runs: Runs) -> Subset | str:
    words = f"runs of more than {MOST_TOKENS_PER_PARAM:g} tokens per parameter are left out"
    return runs.resource(TOKENS_PER_PARAM) > MOST_TOKENS_PER_PARAM, words


def _from_ratio(model: ModelSpec, runs: Runs) -> Subset | str:
    words = f"runs of fewer than {FEWEST_TOKENS_PER_PARAM:g} tokens per parameter are left out"
    return runs.resource(TOKENS_PER_PARAM) < FEWEST_TOKENS_PER_PARAM, words


SUBSETS: Final[Mapping[str, Callable[[ModelSpec, Runs], Subset | str]]] = {
    "no smallest third": _no_small_sizes,
    "no N below median": _no_size_below_median,
    "no largest tenth": _no_large_runs,
    f"D/N up to {MOST_TOKENS_PER_PARAM:g}": _up_to_ratio,
    f"D/N from {FEWEST_TOKENS_PER_PARAM:g}": _from_ratio,
}
"""Each gives the fitted rows that it leaves out, (row,), and says so; or why it cannot."""


def _other_flop(model: ModelSpec, runs: Runs, at: At) -> tuple[str, Runs, At] | str:
    """Budgets in the table's own FLOP for a law of sizes, in 6ND for a law of compute alone."""
    if isinstance(at, pd.DataFrame):
        return "planned runs are asked for, no budgets"
    if model.axis != FLOPS:
        return f"amounts of {model.axis} are asked for, no budgets"
    if FLOPS not in runs.frame:
        return f"the table states no {FLOPS}: compute is {FLOP_CONVENTION}"
    whole = train_flop(*(resource_values(runs.frame, name) for name in (PARAMS, TOKENS)))
    fitted = train_flop(runs.resource(PARAMS), runs.resource(TOKENS))
    off = runs.resource(FLOPS) / fitted
    if (np.abs(off - 1) <= FLOP_AGREEMENT).all():
        return f"stated {FLOPS} equal {FLOP_CONVENTION} to {FLOP_AGREEMENT:.0%} in every run"
    counted = runs.with_columns(**{FLOPS: whole})
    if len(model.inputs) == 1:
        return f"compute is counted as {FLOP_CONVENTION}", counted, at
    times = float(np.exp(np.mean(np.log(off))))
    words = f"budgets are counted in the table's own FLOP, {times:.3g} times {FLOP_CONVENTION}"
    return words, counted, [float(each) / times for each in at]


def _no_embeddings(model: ModelSpec, runs: Runs, at: At) -> tuple[str, Runs, At] | str:
    """Parameters outside the embeddings; a budget stays the same number of FLOP."""
    if PARAMS not in model.inputs and TOKENS_PER_PARAM not in model.inputs:
        return f"the model does not read {PARAMS}"
    if PARAMS_NON_EMBEDDING in model.inputs:
        return f"the model reads {PARAMS_NON_EMBEDDING} already"
    if PARAMS_NON_EMBEDDING not in runs.frame:
        return f"the table states no {PARAMS_NON_EMBEDDING}"
    outside = resource_values(runs.frame, PARAMS_NON_EMBEDDING)
    if (outside == resource_values(runs.frame, PARAMS)).all():
        return f"{PARAMS_NON_EMBEDDING} and {PARAMS} are the same in every run"
    if isinstance(at, pd.DataFrame):
        if PARAMS_NON_EMBEDDING not in at:
            return (
                f"a planned run is stated by its {PARAMS} alone, which do not tell those outside "
                f"embeddings; add a column {PARAMS_NON_EMBEDDING} to the plan"
            )
        at = at.assign(**{PARAMS: resource_values(at, PARAMS_NON_EMBEDDING)})
    words = "parameters are counted without those of embeddings"
    return words, runs.with_columns(**{PARAMS: outside}), at


CONVENTIONS: Final[Mapping[str, Callable[[ModelSpec, Runs, At], tuple[str, Runs, At] | str]]] = {
    "other FLOP count": _other_flop,
    "no embeddings in N": _no_embeddings,
}
"""Each gives its words, the table and the question; or says why it cannot."""


def _size(params: float) -> str:
    return f"{format_quantity(float(params), PARAMS)} parameters"
