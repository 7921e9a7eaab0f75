"""Source: what an answer is made from: a fit, several with weights, or a table to be fitted.

| code | severity | what was found |
|---|---|---|
| E001 | error | the table's own backtest failed |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.evaluation.averaging import JOINT, Average, average, fit_default
from bayes_scaling.evaluation.backtest import Backtest, backtest
from bayes_scaling.evaluation.calibration import OURS
from bayes_scaling.evaluation.evidence import Evidence, held_by_bin, with_backtest
from bayes_scaling.evaluation.weights import weigh
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.sampling import Progress
from bayes_scaling.runs.finding import ERROR, Finding
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import ModelSpec

Source = Fit | Average | Mapping[str, Fit] | Runs


def average_of(source: Source, *, seed: int = 0, backtest: bool = True) -> Average:
    """Return what a source stands for as an average, of one fit if it is one.

    Of a run table the default models are fitted and averaged, and backtested unless that is not
    wanted. Raises UsageError for anything else.
    """
    if isinstance(source, Average):
        return source
    if isinstance(source, Fit):
        return average({source.spec.name: source})
    if isinstance(source, Runs):
        return weighted(fit_default(source, seed=seed).fits, backtest=backtest, seed=seed)
    if isinstance(source, Mapping) and all(isinstance(each, Fit) for each in source.values()):
        return average(source)
    raise UsageError(
        f"an answer is made from a fit, fits by name, or a run table, not {type(source).__name__}: "
        "fit(load_model('chinchilla'), runs)"
    )


def weighted(
    fits: Mapping[str, Fit],
    how: str = "equal",
    *,
    backtest: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Average:
    """Return the average of fits, weighed as `weigh` does, with the summary of a backtest.

    The backtest is of equal weights, whatever the weights are. There is no summary where that is
    not wanted, or the table cannot be cut: too few runs, or an axis that does not grow. Raises
    UsageError where weights are asked of a backtest that cannot be made.
    """
    runs = next(iter(fits.values())).runs
    specs = [fit.spec for fit in fits.values()]
    needed = backtest or how == "backtest"
    found = backtest_or_none(specs, runs, seed, progress) if needed else None
    mixed = average(fits, weigh(fits, how, backtest=found))
    return mixed if found is None else replace(mixed, backtest=held_by_bin(found.of_model()))


def with_own_backtest(fit: Fit, seed: int = 0, progress: Progress | None = None) -> Fit:
    """Return the fit with the summary of a backtest of its model, where its table can be cut."""
    found = backtest_or_none([fit.spec], fit.runs, seed, progress)
    return fit if found is None else with_backtest(fit, found)


def backtest_or_none(
    specs: Sequence[ModelSpec], runs: Runs, seed: int, progress: Progress | None
) -> Backtest | None:
    """Return a backtest of models on a table; None where the table cannot be cut."""
    try:
        return backtest(specs, runs, seed=seed, progress=progress)
    except (CheckError, UsageError):
        return None


def way_of(mixed: Average) -> str:
    """Return the name under which the pooled record keeps such an average; empty for others."""
    equal = len(set(mixed.weights.values())) == 1
    return OURS if set(mixed.fits) == set(JOINT) and equal else ""


def caveats_of_evidence(evidence: Sequence[Evidence]) -> tuple[Finding, ...]:
    """E001 where the table's own backtest failed, said once."""
    failed = [each for each in evidence if each.failed]
    if not failed:
        return ()
    worst = min(failed, key=lambda each: each.own.share90 if each.own else 1.0)
    assert worst.own is not None
    return (
        Finding(
            "E001",
            ERROR,
            (),
            f"on this very table 90% intervals held only {worst.own.inside90:.0f} of "
            f"{worst.own.n} runs {worst.own.ratio_bin} beyond those fitted",
            "take these intervals as too narrow; compare other models with: backtest",
        ),
    )
