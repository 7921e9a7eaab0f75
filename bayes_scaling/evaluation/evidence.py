"""Evidence: how forecasts like this one fared, on this very table and on public ones.

A forecast at a multiple of the largest fitted run is set beside backtests at such multiples: those
of its own table, where it was backtested, and the pooled record of public tables (`record.json`,
written by `bayes-scaling calibration`). Verdicts: supported, stretched (the table's own backtest
does not reach that far, held too few runs or was not made), beyond evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from bayes_scaling.evaluation.backtest import RATIO_EDGES, RATIO_LABELS, Backtest
from bayes_scaling.evaluation.coverage import FAIL_BELOW, FEWEST_JUDGED, WARN_BELOW
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION, RATIO
from bayes_scaling.evaluation.scores import inside_column

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.inference.fit import Fit

Word = Literal["supported", "stretched", "beyond evidence"]
BACKTEST: Final = "backtest"
"""Key of a fit's provenance under which the summary of its table's backtest is kept."""
RECORD: Final = "record.json"
REACH: Final = 3.0
"""Factor beyond the farthest extrapolation of a backtest up to which it still speaks."""


@dataclass(frozen=True)
class Held:
    """How many forecasts of a class of extrapolations their intervals held.

    `farthest` is the largest multiple among them; `families` says over how many families of public
    tables shares were averaged, 0 for one table, of which `inside50` and `inside90` are counts.
    """

    ratio_bin: str
    n: int
    inside50: float
    inside90: float
    farthest: float
    families: int = 0

    @property
    def share90(self) -> float:
        """Share of the runs that 90% intervals held."""
        return self.inside90 if self.families else self.inside90 / self.n


@dataclass(frozen=True)
class Evidence:
    """What stands behind one forecast point; `ratio` is its multiple of the largest fitted run."""

    ratio: float
    verdict: Word
    own: Held | None
    record: Held | None
    reason: str

    @property
    def failed(self) -> bool:
        """True where the table's own backtest held far fewer runs than promised."""
        return (
            self.own is not None and self.own.n >= FEWEST_JUDGED and (self.own.share90 < FAIL_BELOW)
        )

    @property
    def sentence(self) -> str:
        """The verdict, and why, in words."""
        return f"{self.verdict}: {self.reason}"


def held_by_bin(rows: pd.DataFrame) -> tuple[Held, ...]:
    """Count scored rows of one model by class of extrapolation, nearest first."""
    found = []
    for label, low, high in zip(RATIO_LABELS, RATIO_EDGES[:-1], RATIO_EDGES[1:], strict=True):
        own = rows[(rows[RATIO] >= low) & (rows[RATIO] < high)]
        if len(own):
            half, most = (float(own[inside_column(level)].sum()) for level in (0.5, 0.9))
            found.append(Held(label, len(own), half, most, float(own[RATIO].max())))
    return tuple(found)


def with_backtest(fit: Fit, backtest: Backtest) -> Fit:
    """Return the fit with the summary of its table's backtest, which forecasts then show.

    Raises UsageError where the backtest did not score the fit's model.
    """
    rows = backtest.of_model(fit.spec.name)
    kept = [asdict(each) for each in held_by_bin(rows)]
    return replace(fit, provenance={**fit.provenance, BACKTEST: kept})


def backtest_of(provenance: Mapping[str, Any]) -> tuple[Held, ...] | None:
    """Return the summary that `with_backtest` kept; None where the table was not backtested."""
    kept = provenance.get(BACKTEST)
    return None if kept is None else tuple(Held(**each) for each in kept)


@cache
def pooled_record() -> Mapping[str, tuple[Held, ...]]:
    """Return the record of public tables that ships with the package, by way of forecasting."""
    path = files("bayes_scaling.evaluation").joinpath(RECORD)
    kept = json.loads(path.read_text(encoding="utf-8"))["ways"]
    return {name: tuple(Held(**each) for each in bins) for name, bins in kept.items()}


def evidence_at(
    ratios: Sequence[float] | np.ndarray, own: tuple[Held, ...] | None, way: str
) -> tuple[Evidence, ...]:
    """Return the evidence for forecasts at multiples of the largest fitted run, one for each.

    `own` is the summary of the table's backtest; `way` names the model, or the average, whose
    pooled record counts.
    """
    pooled = pooled_record().get(way, ())
    return tuple(_evidence(float(ratio), own, pooled) for ratio in ratios)


def _evidence(ratio: float, own: tuple[Held, ...] | None, pooled: Sequence[Held]) -> Evidence:
    near, record = _nearest(ratio, own or ()), _nearest(ratio, pooled)
    reasons = [_say_own(near, own), *([_say_record(record)] if record else [])]
    verdict: Word = "supported"
    if ratio > MAX_EXTRAPOLATION:
        verdict = "beyond evidence"
        reasons.insert(0, f"more than {MAX_EXTRAPOLATION:g} times the largest run")
    elif ratio > 1 and (
        near is None or ratio > REACH * near.farthest or near.inside90 < WARN_BELOW * near.n
    ):
        verdict = "stretched"
    return Evidence(ratio, verdict, near, record, "; ".join(reasons))


def _nearest(ratio: float, bins: Sequence[Held]) -> Held | None:
    """The class that a multiple lies in, else the farthest one below it, else the first."""
    if not bins:
        return None
    labels = [each.ratio_bin for each in bins]
    place = int(np.clip(np.searchsorted(RATIO_EDGES, ratio, side="right") - 1, 0, None))
    wanted = RATIO_LABELS[min(place, len(RATIO_LABELS) - 1)]
    order = [RATIO_LABELS.index(label) for label in labels]
    below = [i for i, number in enumerate(order) if number <= RATIO_LABELS.index(wanted)]
    return bins[below[-1]] if below else bins[0]


def held_words(held: Held) -> str:
    """Say what 90% intervals held in one class of extrapolations of one table."""
    return f"{held.inside90:.0f} of {held.n} inside 90% at {held.ratio_bin}"


def _say_own(near: Held | None, own: tuple[Held, ...] | None) -> str:
    if near is None:
        return "this table was not backtested" if own is None else "no run of this table is larger"
    return (
        f"on this table 90% intervals held {near.inside90:.0f} of {near.n} runs {near.ratio_bin} "
        f"beyond those fitted (up to {near.farthest:.3g}x)"
    )


def _say_record(record: Held) -> str:
    return (
        f"on public tables {record.inside90:.0%} at {record.ratio_bin}, {record.families} families"
    )
