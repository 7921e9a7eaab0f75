"""Coverage: whether intervals held as many larger runs as they promise, as a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bayes_scaling.evaluation.cuts import CUT
from bayes_scaling.evaluation.scores import MAIN_LEVEL, inside_column
from bayes_scaling.inference.checks import sampler_faults
from bayes_scaling.names import MODEL
from bayes_scaling.verdicts import FAIL, OK, WARN, Check, Verdict

if TYPE_CHECKING:
    import pandas as pd

FAIL_BELOW: Final = 0.7
"""Share inside 90% intervals below which they are no 90% intervals, however rows depend."""
WARN_BELOW: Final = 0.8
"""Share below which 90% intervals look too narrow; dependent rows reach it by chance at times."""
FEWEST_JUDGED: Final = 5
"""Rows below which no share of them fails a model: one miss in four says nothing."""


def coverage_check(name: str, rows: pd.DataFrame) -> Check:
    """Judge how many of a model's scored rows fell into their 90% intervals."""
    hits, n = int(rows[inside_column(MAIN_LEVEL)].sum()), len(rows)
    verdict: Verdict = OK if hits >= WARN_BELOW * n else WARN
    if n >= FEWEST_JUDGED and hits < FAIL_BELOW * n:
        verdict = FAIL
    return Check(
        f"coverage of {MAIN_LEVEL:.0%} intervals ({name})",
        verdict,
        f"{hits} of {n}",
        f">= {WARN_BELOW:.0%} inside, fails under {FAIL_BELOW:.0%}",
        "its intervals are too narrow for larger runs of this table: backtest other models, or "
        "several at once, and trust the one that holds",
    )


def sampling_check(fits: Sequence[Mapping[str, Any]]) -> Check:
    """Say how many refits the sampler's checks would refuse; `fits` are provenance records."""
    faults = {f"{each[MODEL]} at {each[CUT]:.3g}": sampler_faults(each) for each in fits}
    bad = [f"{where}: {', '.join(words)}" for where, words in faults.items() if words]
    advice = "sample longer, with more draws"
    value = f"{len(bad)} of {len(fits)} with faults" + (f", such as {bad[0]}" if bad else "")
    return Check("sampling of the refits", WARN if bad else OK, value, "none", advice)
