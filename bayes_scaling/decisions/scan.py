"""scan: how far a forecast moves with the choice of runs and with how things are counted.

| code | severity | what was found |
|---|---|---|
| X006 | warn | a choice moves the median out of the interval of all runs |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.decisions.choices import ALL_RUNS, At, Choice, NoChoice, choices_of
from bayes_scaling.decisions.forecast import Forecast, forecast
from bayes_scaling.decisions.horizon import positive_values
from bayes_scaling.decisions.optimum import require_split
from bayes_scaling.errors import CheckError, InferenceError, UsageError
from bayes_scaling.inference.checks import DIVERGENT, WORST_ESS, WORST_RHAT, sampler_faults
from bayes_scaling.inference.fit import Fit, settled, stated_against
from bayes_scaling.inference.predict import require_inputs
from bayes_scaling.inference.sampling import Progress
from bayes_scaling.inference.sampling import fit as sample
from bayes_scaling.names import FLOPS, GROUP, PARAMS, POINT, RUN, TOKENS
from bayes_scaling.quantities import is_number, unit_of
from bayes_scaling.runs.finding import WARN, Finding, worst_first
from bayes_scaling.runs.labels import display_name
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.units import format_quantity
from bayes_scaling.specs.spec import ModelSpec, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHOICE, MEANING, ROWS, RATIO, REASON = "choice", "meaning", "rows", "ratio", "reason"
Q05, Q50, Q95 = "q05", "q50", "q95"
SHIFT, HALF_WIDTHS = "shift", "shift_half_widths"
BEST_PARAMS: Final = "params_q50"
LEVELS: Final = (0.05, 0.5, 0.95)
AS_STATED: Final = "all runs are counted, as the table states them"
MAX_SHIFT = 1.0
"""Half widths of the 90% interval beyond which a choice moves the forecast out of it."""


@dataclass(frozen=True)
class Scan:
    """Forecasts of the same points under each choice of runs and of counting.

    `rows` has one row per choice and point, those of `base` first: choice, meaning (when the
    answer is this one), rows (runs fitted), point (position in the question), what was asked,
    ratio (to the largest fitted run), q05, q50, q95 of one new run, shift (of the median from the
    base's, in the unit of the target), shift_half_widths (the same in half widths of the base's
    90% interval) and, where a budget is split, params_q50 (median of the draws' best size).
    `skipped` lists choice and reason of what could not be done.

    Examples
    --------
    >>> found = bs.scan("chinchilla-plain", runs, [1e22], draws=250)
    >>> found.choices[0], list(found.to_frame())[:4]
    ('all runs', ['choice', 'meaning', 'rows', 'point'])
    >>> found.sentence != ""
    True
    """

    rows: pd.DataFrame
    skipped: pd.DataFrame
    base: str
    target: str
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the choices that were fitted, the base first."""
        return tuple(self.rows[CHOICE].unique())

    @property
    def sentence(self) -> str:
        """Say which choice moves the forecast most, where and how far."""
        others = self.rows[self.rows[CHOICE] != self.base]
        if others.empty:
            return "No other choice could be tried on this table, so nothing is known of them."
        worst = _worst(others)
        base = self.rows[(self.rows[CHOICE] == self.base) & (self.rows[POINT] == worst[POINT])]
        count = others[CHOICE].nunique()
        among = f"the most sensitive of {count} choices" if count > 1 else "the only other choice"
        unit = unit_of(self.target)
        return (
            f"The forecast at {place_of(worst)} moves from {base[Q50].iloc[0]:.3f} to "
            f"{worst[Q50]:.3f}{'' if unit == '1' else f' {unit}'} "
            f"({abs(worst[HALF_WIDTHS]):.2f} half widths of its 90% interval) when "
            f"{worst[MEANING]}: {among}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the rows."""
        return self.rows.copy()


def scan(
    spec: ModelSpec | str,
    runs: Runs,
    at: Sequence[float] | pd.DataFrame,
    *,
    seed: int = 0,
    draws: int = 500,
    chains: int = 4,
    progress: Progress | None = None,
) -> Scan:
    """Forecast the same points under each choice of runs and of counting that the table allows.

    The choices, each beside `all runs` and none combined: without the smallest third of the sizes;
    without sizes below the median; without the tenth of the runs that took most compute; tokens
    per parameter up to 100, and from 5; compute counted the other way (the table's own FLOP against
    6ND), for budgets; parameters without embeddings. A choice leaves at least 8 runs. The model is
    refitted for each, compiled once; the same seed gives the same rows. `at` is a question as
    `forecast` takes it.

    Choices that cannot be made or fitted are listed in `skipped`. A choice that moves a median by
    more than the half width of the 90% interval is a warning (X006). Raises as `fit` and `forecast`
    do for all runs: UsageError for arguments and points, CheckError for a budget that the table
    cannot split, InferenceError where sampling stops.

    Examples
    --------
    >>> found = bs.scan("chinchilla-plain", runs, [1e22], draws=250)
    >>> list(found.skipped)
    ['choice', 'reason']
    """
    model, at = _question(spec, runs, at)
    size = {"seed": seed, "draws": draws, "chains": chains}
    fit = sample(model, runs, **size, progress=_prefixed(progress, f"{ALL_RUNS}: "))
    base = forecast(fit, at, seed=seed)
    asked = _asked(base, at)
    parts = [_rows(Choice(ALL_RUNS, AS_STATED, runs, at), base, base, asked)]
    skipped: list[tuple[str, str]] = []
    findings, fits = list(base.findings), [_record(ALL_RUNS, fit)]
    places = choices_of(model, runs, at)
    for number, choice in enumerate(places, start=1):
        say = _prefixed(progress, f"choice {number}/{len(places)}, {choice.name}: ")
        found = _answer(model, choice, size, say)
        if isinstance(choice, NoChoice) or isinstance(found, str):
            skipped.append((choice.name, str(found)))
            continue
        parts.append(_rows(choice, found[1], base, asked))
        findings += _moved(parts[-1])
        fits.append(_record(choice.name, found[0]))
    return Scan(
        rows=pd.concat(parts, ignore_index=True),
        skipped=pd.DataFrame(skipped, columns=[CHOICE, REASON]),
        base=ALL_RUNS,
        target=base.target,
        findings=worst_first([*findings, *_unmixed(fits[1:])]),
        provenance={
            "data_digest": runs.digest,
            "data_source": runs.source,
            "model": model.name,
            "model_digest": model.digest,
            **size,
            "fits": fits,
        },
    )


def place_of(row: pd.Series) -> str:
    """Return in words what was asked in a row of a scan: 1e24 FLOP; 70B parameters, 1.4T tokens."""
    words = [display_name(row[name], 24) for name in (RUN, GROUP) if name in row]
    known = [str(name) for name in row.index if is_number(name)]
    for name in (n for n in known if n != FLOPS or not {PARAMS, TOKENS} <= set(known)):
        value = float(row[name])
        text = f"{value:.4g}".replace("e+", "e") if name == FLOPS else format_quantity(value, name)
        words.append(f"{text} {unit_of(name)}" if unit_of(name) != "1" else f"{name} {text}")
    return ", ".join(words)


def _question(spec: ModelSpec | str, runs: Runs, at: At) -> tuple[ModelSpec, At]:
    """Model with its columns chosen, and the question; refuses, before anything is compiled."""
    if not isinstance(runs, Runs):
        raise UsageError(
            "scan takes a model, a run table and a question, in this order: scan(name, "
            f"read_runs(path), [1e24]), not {type(runs).__name__}"
        )
    model = settled(load_model(spec) if isinstance(spec, str) else spec, runs)
    stated_against(model, runs)
    at = getattr(at, "to_pandas", lambda: at)()
    bare = Fit(model, runs, xr.Dataset(), xr.Dataset(), {})
    if isinstance(at, pd.DataFrame):
        require_inputs(bare, at.columns)
        return model, at
    amounts = positive_values(at, model.axis)
    if model.axis == FLOPS and len(model.inputs) > 1:
        require_split(bare, amounts)
    return model, amounts.tolist()


def _answer(
    model: ModelSpec, choice: Choice | NoChoice, size: Mapping[str, int], say: Progress | None
) -> tuple[Fit, Forecast] | str:
    """Fit and forecast under a choice; in words why, where that cannot be."""
    if isinstance(choice, NoChoice):
        return choice.reason
    try:
        stated_against(model, choice.runs)
        fit = sample(model, choice.runs, **size, progress=say)
        found = forecast(fit, choice.at, seed=size["seed"])
    except (UsageError, CheckError, InferenceError) as fault:
        return str(fault)
    if np.isnan(found.draws[found.new].values).any():
        return "some draws of the forecast are no numbers: look at the fit under this choice"
    return fit, found


def _asked(base: Forecast, at: At) -> pd.DataFrame:
    """What was asked at each point: names of planned runs, then the columns of the forecast."""
    asked = base.points.drop(columns="extrapolation").reset_index(drop=True)
    if isinstance(at, pd.DataFrame) and RUN in at:
        asked.insert(0, RUN, at[RUN].to_numpy())
    return asked


def _rows(choice: Choice, found: Forecast, base: Forecast, asked: pd.DataFrame) -> pd.DataFrame:
    own, of_base = (each.quantiles(LEVELS).to_numpy() for each in (found, base))
    shift = own[:, 1] - of_base[:, 1]
    rows = pd.DataFrame(
        {
            CHOICE: choice.name,
            MEANING: choice.meaning,
            ROWS: len(choice.runs.fitted),
            POINT: np.arange(len(asked)),
            **{str(name): values.to_numpy() for name, values in asked.items()},
            RATIO: found.points["extrapolation"].to_numpy(),
            Q05: own[:, 0],
            Q50: own[:, 1],
            Q95: own[:, 2],
            SHIFT: shift,
            HALF_WIDTHS: shift / _half_width(of_base),
        }
    )
    if PARAMS in found.draws:
        rows[BEST_PARAMS] = found.quantiles([0.5], of=PARAMS)[0.5].to_numpy()
    return rows


def _half_width(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the width of the 90% interval, (point,), of quantiles (point, 3)."""
    return np.asarray((quantiles[:, 2] - quantiles[:, 0]) / 2)


def _worst(rows: pd.DataFrame) -> pd.Series:
    """Return the row whose median moved most."""
    return rows.iloc[int(np.argmax(rows[HALF_WIDTHS].abs().to_numpy()))]


def _moved(rows: pd.DataFrame) -> list[Finding]:
    """X006 where a choice moves a median by more than the half width of the 90% interval."""
    worst = _worst(rows)
    if not abs(worst[HALF_WIDTHS]) > MAX_SHIFT:
        return []
    message = (
        f"{worst[CHOICE]}: the forecast at {place_of(worst)} moves by {worst[SHIFT]:+.3f}, "
        f"{abs(worst[HALF_WIDTHS]):.2f} half widths of the 90% interval, when {worst[MEANING]}"
    )
    hint = "the interval does not cover this choice: say which was made and why, or quote both"
    return [Finding("X006", WARN, (), message, hint)]


def _unmixed(fits: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """E002 as a warning where the chains of choices failed their checks; of the base an error."""
    faults = {str(each[CHOICE]): "; ".join(sampler_faults(each)) for each in fits}
    bad = ", ".join(f"{name} ({words})" for name, words in faults.items() if words)
    message, hint = f"shifts are rough where chains did not mix: {bad}", "scan with more draws"
    return [Finding("E002", WARN, (), message, hint)] if bad else []


def _record(name: str, fit: Fit) -> dict[str, Any]:
    """What is kept of a fit: of which choice, on what, and how it was sampled."""
    known = fit.provenance
    kept = ("data_digest", WORST_RHAT, WORST_ESS, DIVERGENT)
    health = {key: known[key] for key in kept if key in known}
    return {CHOICE: name, ROWS: len(fit.runs.fitted), **health}


def _prefixed(progress: Progress | None, words: str) -> Progress | None:
    """Return a progress that says to which choice a stage belongs."""
    if progress is None:
        return None
    tell = progress
    return lambda stage, share: tell(words + stage, share)
