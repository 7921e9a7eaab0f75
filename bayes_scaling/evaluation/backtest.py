"""backtest: refit on the past, score the future."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.evaluation.coverage import coverage_check, sampling_check
from bayes_scaling.evaluation.cuts import (
    CUT,
    CUT_QUANTILE,
    CUTS,
    RATIO,
    TRAINED,
    Cut,
    LeftOut,
    place_cuts,
)
from bayes_scaling.evaluation.refit import Refit, refit
from bayes_scaling.evaluation.scores import (
    LEVELS,
    MAIN_LEVEL,
    inside_column,
    score_rows,
    summarise,
)
from bayes_scaling.inference.checks import DIVERGENT, WORST_ESS, WORST_RHAT
from bayes_scaling.inference.fit import settled, stated_against
from bayes_scaling.inference.sampling import Progress
from bayes_scaling.names import MODEL, RUN
from bayes_scaling.quantities import grows
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.units import format_quantity
from bayes_scaling.specs.spec import ModelSpec, load_model
from bayes_scaling.verdicts import Checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

AVERAGE: Final = "average"
"""Name of the mixture of all models with equal weights."""
RATIO_BIN, REASON = "ratio_bin", "reason"
RATIO_EDGES: Final = (1.0, 3.0, 10.0, 30.0, 100.0, math.inf)
"""Multiples of the largest fitted run at which extrapolations are told apart: half decades."""
RATIO_LABELS: Final = ("1-3x", "3-10x", "10-30x", "30-100x", "over 100x")
NEAR: Final = 3.0
"""Factor within which an extrapolation is like another: half a decade, as the edges are."""


@dataclass(frozen=True)
class Backtest:
    """Forecasts of runs larger than those fitted, each with what was then measured.

    `rows` has one row per model, cut and scored run: model, cut (amount of `axis`; fitted runs lie
    below), cut_quantile (NaN where the amount was given), trained (runs fitted), run, ratio (axis
    over that of the largest fitted run), then the columns of `score_rows`. `skipped` lists model,
    cut and reason of what could not be done. Rows of one table depend on each other: a run is
    scored once per cut, and all runs of a cut share one posterior. So hits are counts, k of n, and
    no sample of n independent trials.

    Examples
    --------
    >>> found = bs.backtest("chinchilla-plain", runs, cuts=[0.6], draws=250)
    >>> held, of = found.coverage_of(10.0)
    >>> held <= of == len(found.nearest(10.0))
    True
    """

    rows: pd.DataFrame
    skipped: pd.DataFrame
    axis: str
    target: str
    provenance: Mapping[str, Any]

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models with scored rows, in the order asked; `average` comes last."""
        return tuple(self.rows[MODEL].unique())

    @property
    def scores(self) -> pd.DataFrame:
        """Summary by model and ratio_bin (1-3x, 3-10x, ...) with the columns of `summarise`."""
        return self._summary((MODEL, RATIO_BIN))

    @property
    def by_model(self) -> pd.DataFrame:
        """Summary by model with the columns of `summarise`.

        Models are comparable where none was skipped at a cut at which others were scored.
        """
        return self._summary((MODEL,))

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the scored rows."""
        return self.rows.copy()

    def of_model(self, model: str | None = None) -> pd.DataFrame:
        """Return the rows of one model; without a name those of the average, or of the only one.

        Raises UsageError for a name without rows.
        """
        names = self.models
        name = model or (AVERAGE if AVERAGE in names else names[0])
        if name not in names or (model is None and len(names) > 1 and name != AVERAGE):
            raise UsageError(f"model {model!r}: this backtest scored {', '.join(names)}; name one")
        return self.rows[self.rows[MODEL] == name].reset_index(drop=True)

    def nearest(self, ratio: float, *, model: str | None = None) -> pd.DataFrame:
        """Return the rows that speak for a forecast at this multiple of the largest fitted run.

        Those whose ratio lies within a factor of 3; where there are none, those of the nearest
        ratio_bin: for a forecast beyond all of them, the farthest. Raises UsageError for a ratio
        that is not above zero, or a model without rows.
        """
        if not (math.isfinite(ratio) and ratio > 0):
            raise UsageError(f"ratio {ratio}: give a multiple of the largest fitted run, above 0")
        rows = self.of_model(model)
        distance = np.abs(np.log(rows[RATIO].to_numpy() / ratio))
        near = distance <= math.log(NEAR)
        if not near.any():
            bins = _bins(rows[RATIO])
            near = (bins == bins.iloc[int(np.argmin(distance))]).to_numpy()
        return rows[near].reset_index(drop=True)

    def coverage_of(
        self, ratio: float, level: float = MAIN_LEVEL, *, model: str | None = None
    ) -> tuple[int, int]:
        """Return how many of the nearest rows fell into their interval, and how many there are.

        See `nearest`. Raises UsageError for a level other than .5, .8, .9 and .95.
        """
        if level not in LEVELS:
            raise UsageError(f"level {level}: backtests count {', '.join(map(str, LEVELS))}")
        hits = self.nearest(ratio, model=model)[inside_column(level)]
        return int(hits.sum()), len(hits)

    def checks(self) -> Checks:
        """Judge the coverage of each model's 90% intervals and the sampling of its refits.

        Coverage fails below 70% of at least 5 rows and warns below 80%; sampling warns at most.
        """
        rows = [coverage_check(name, self.of_model(name)) for name in self.models]
        return Checks((*rows, sampling_check(self.provenance["fits"])))

    def _summary(self, by: tuple[str, ...]) -> pd.DataFrame:
        order = pd.Categorical(self.rows[MODEL], categories=list(self.models), ordered=True)
        rows = self.rows.assign(**{RATIO_BIN: _bins(self.rows[RATIO])})
        rows[MODEL] = order
        found = summarise(rows, by)
        return found.astype({name: "str" for name in by})


def backtest(
    specs: ModelSpec | str | Sequence[ModelSpec | str],
    runs: Runs,
    *,
    cuts: Sequence[float] = CUTS,
    seed: int = 0,
    draws: int = 500,
    chains: int = 4,
    progress: Progress | None = None,
) -> Backtest:
    """Fit each model to the runs below each cut and score its forecasts of all runs above.

    Cuts between 0 and 1 are quantiles of the models' axis (compute, or their one resource) over
    the rows of the table, cuts from 1 on amounts of it. Held-out runs are scored, never fitted. Of
    several rows of one run above a cut (checkpoints) only the last is scored, so that a run counts
    once per cut; its rows below are fitted like all others. A run's own stated measurement error
    is part of its forecast; a group without runs below the cut is forecast as a new one. With two
    models or more the mixture of their draws with equal weights is scored too, as `average`. Needs
    at least 8 runs below a cut. The same seed gives the same rows.

    Cuts and models that cannot be fitted are listed in `skipped`. Raises CheckError where nothing
    is left, UsageError for wrong arguments and for models of different targets or axes.

    Examples
    --------
    >>> found = bs.backtest("chinchilla-plain", runs, cuts=[0.6], draws=250)
    >>> found.models, len(found.rows)
    (('chinchilla-plain',), 14)
    """
    models = _settled(specs, runs)
    axis, target = models[0].axis, models[0].target
    if target not in runs.frame:
        stated_against(models[0], runs)  # refuses, and says what the table explains instead
    places = place_cuts(runs, axis, target, cuts)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in (*_names(models), AVERAGE)}
    skipped: list[tuple[str, float, str]] = []
    fits: list[dict[str, Any]] = []
    for number, cut in enumerate(places, start=1):
        if isinstance(cut, LeftOut):
            skipped += [(spec.name, cut.amount, cut.reason) for spec in models]
            continue
        say = _prefixed(progress, f"cut {number}/{len(places)}: ")
        drawn = {}
        for spec in models:
            found = refit(spec, cut, seed=seed, draws=draws, chains=chains, progress=say)
            if isinstance(found, str):
                skipped.append((spec.name, cut.amount, found))
                continue
            drawn[spec.name] = found.draws
            parts[spec.name].append(_rows(spec.name, cut, found.draws))
            fits.append(_record(spec, cut, found))
        if len(models) > 1 and len(drawn) == len(models):
            parts[AVERAGE].append(_rows(AVERAGE, cut, _pooled(list(drawn.values()))))
        elif len(models) > 1:
            absent = ", ".join(name for name in _names(models) if name not in drawn)
            skipped.append((AVERAGE, cut.amount, f"without {absent} it is another average"))
    _refuse_nothing(parts, skipped, axis)
    return Backtest(
        rows=pd.concat([part for each in parts.values() for part in each], ignore_index=True),
        skipped=pd.DataFrame(skipped, columns=[MODEL, CUT, REASON]),
        axis=axis,
        target=target,
        provenance={
            "data_digest": runs.digest,
            "data_source": runs.source,
            "models": {spec.name: spec.digest for spec in models},
            "seed": seed,
            "draws": draws,
            "chains": chains,
            "cuts": [float(cut) for cut in cuts],
            "fits": fits,
        },
    )


def _settled(specs: ModelSpec | str | Sequence[ModelSpec | str], runs: Runs) -> list[ModelSpec]:
    """Models with their columns chosen; UsageError where they cannot be scored side by side."""
    if not isinstance(runs, Runs):
        raise UsageError(
            "backtest takes models and a run table, in this order: backtest(names, "
            f"read_runs(path)), not {type(runs).__name__}"
        )
    asked = [specs] if isinstance(specs, ModelSpec | str) else list(specs)
    found = [settled(load_model(each) if isinstance(each, str) else each, runs) for each in asked]
    names = _names(found)
    if not names or len(set(names)) < len(names) or AVERAGE in names:
        raise UsageError(
            f"models {', '.join(names) or 'none'}: name at least one, each once; {AVERAGE!r} is "
            "the name of their mixture"
        )
    for what, values in (
        ("explain", [spec.target for spec in found]),
        ("extrapolate along", [spec.axis for spec in found]),
    ):
        if len(set(values)) > 1:
            each = ", ".join(f"{n} {what} {v}" for n, v in zip(names, values, strict=True))
            raise UsageError(f"{each}: backtest models of one target and axis at a time")
    if not grows(found[0].axis):
        raise UsageError(
            f"model {names[0]!r} extrapolates along {found[0].axis}, which does not grow with a "
            "run: a backtest fits smaller runs; take a model of compute, parameters or tokens"
        )
    return found


def _names(models: Sequence[ModelSpec]) -> list[str]:
    return [spec.name for spec in models]


def _prefixed(progress: Progress | None, words: str) -> Progress | None:
    """Return a progress that says where in the backtest a stage belongs."""
    if progress is None:
        return None
    tell = progress
    return lambda stage, share: tell(words + stage, share)


def _rows(name: str, cut: Cut, draws: NDArray[np.float64]) -> pd.DataFrame:
    scored = cut.scored.frame
    place = {
        MODEL: name,
        CUT: cut.amount,
        CUT_QUANTILE: cut.quantile,
        TRAINED: len(cut.trained.fitted),
        RUN: scored[RUN].astype("str"),
        RATIO: cut.ratio,
    }
    found = score_rows(draws, scored[cut.target].to_numpy(dtype=float))
    return pd.concat([pd.DataFrame(place), found], axis="columns")


def _pooled(members: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mixture with equal weights: as many draws as one member has, equally many of each."""
    count = len(members)
    size = min(len(each) for each in members) // count
    return np.concatenate([each[i::count][:size] for i, each in enumerate(members)])


def _record(spec: ModelSpec, cut: Cut, found: Refit) -> dict[str, Any]:
    """What is kept of a refit: where it is, and how it was sampled."""
    known = found.fit.provenance
    health = {key: known[key] for key in (WORST_RHAT, WORST_ESS, DIVERGENT) if key in known}
    return {MODEL: spec.name, CUT: cut.amount, TRAINED: len(cut.trained.fitted), **health}


def _refuse_nothing(
    parts: Mapping[str, Sequence[pd.DataFrame]],
    skipped: Sequence[tuple[str, float, str]],
    axis: str,
) -> None:
    if any(parts.values()):
        return
    reasons = dict.fromkeys(
        f"{name} at {format_quantity(amount, axis)}: {reason}" for name, amount, reason in skipped
    )
    raise CheckError("\n".join(("nothing could be backtested", *reasons)))


def _bins(ratio: pd.Series) -> pd.Series:
    """Class of each extrapolation, ordered: 1-3x, 3-10x, ..."""
    return pd.cut(ratio, RATIO_EDGES, right=False, labels=RATIO_LABELS)
