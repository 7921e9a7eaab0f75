"""calibration: the record of our forecasts on public tables, beside those of simpler ways.

Every table is cut at the same place: fitted below the 60% quantile of compute, scored on the runs
from three times the largest fitted one on. Rows are averaged within a table, tables within a
family, and families count equally. Rows of one table depend on each other, so shares inside
intervals are counts of dependent cases, no estimate with a standard error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bayes_scaling.evaluation.averaging import JOINT, average
from bayes_scaling.evaluation.backtest import RATIO_LABELS
from bayes_scaling.evaluation.bootstrap import bootstrap_draws
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION, RATIO
from bayes_scaling.evaluation.evidence import Held, held_by_bin
from bayes_scaling.evaluation.scores import score_rows, summarise
from bayes_scaling.inference.checks import DIVERGENT, WORST_ESS, WORST_RHAT
from bayes_scaling.inference.predict import predict_at
from bayes_scaling.inference.sampling import Progress, fit
from bayes_scaling.names import LOSS, LOSS_NEW, MODEL, PARAMS, TOKENS
from bayes_scaling.specs.spec import load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.public_tables import PublicTable

    Floats = NDArray[np.float64]

OURS: Final = "default average"
PLAIN: Final = "chinchilla-plain"
BOOTSTRAP: Final = "bootstrap of a Huber fit"
FAMILY, TABLE = "family", "table"
SCORES: Final = ("interval_score90", "wis", "crps", "width90")


@dataclass(frozen=True)
class Calibration:
    """Scored forecasts of public tables.

    `rows`: family, table, model (the way of forecasting), run, ratio and the columns of
    `score_rows`. `fits`: family, table, model, worst_rhat, worst_ess, divergent_share.
    """

    rows: pd.DataFrame
    fits: pd.DataFrame
    provenance: Mapping[str, Any]

    @property
    def by_family(self) -> pd.DataFrame:
        """Summary by model and family: tables count equally within a family."""
        tables = summarise(self.rows, (MODEL, FAMILY, TABLE))
        found = tables.groupby([MODEL, FAMILY], sort=False).mean(numeric_only=True)
        found["n"] = tables.groupby([MODEL, FAMILY], sort=False)["n"].sum()
        return found.reset_index()

    @property
    def overall(self) -> pd.DataFrame:
        """Summary by model, families counting equally; scores relative to those of `PLAIN`.

        Coverage is a mean over families, scores are geometric means of the ratio to the plain law.
        """
        each = self.by_family.set_index([MODEL, FAMILY])
        plain = each.loc[PLAIN]
        found = {}
        for name in each.index.unique(MODEL):
            own = each.loc[name]
            row = {c: own[c].mean() for c in own if c.startswith("coverage")}
            row["least_family90"] = own["coverage90"].min()
            for score in SCORES:
                row[f"{score}_ratio"] = float(np.exp(np.log(own[score] / plain[score]).mean()))
            found[name] = row
        return pd.DataFrame.from_dict(found, orient="index").rename_axis(MODEL)

    @property
    def far(self) -> pd.DataFrame:
        """Summary by model of the runs beyond 100 times the largest fitted, families equal."""
        beyond = self.rows[self.rows[RATIO] > MAX_EXTRAPOLATION]
        each = summarise(beyond, (MODEL, FAMILY)) if len(beyond) else beyond
        return each.groupby(MODEL).mean(numeric_only=True) if len(each) else each

    @property
    def pooled(self) -> dict[str, tuple[Held, ...]]:
        """The record by way and class of extrapolation, families counting equally."""
        found = {}
        for name, own in self.rows.groupby(MODEL, sort=False):
            families = [held_by_bin(rows) for _, rows in own.groupby(FAMILY)]
            found[str(name)] = tuple(
                _pooled([h for held in families for h in held if h.ratio_bin == label])
                for label in RATIO_LABELS
                if any(h.ratio_bin == label for held in families for h in held)
            )
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the scored rows."""
        return self.rows.copy()


def calibrate(
    tables: Iterable[PublicTable],
    models: Sequence[str] = (*JOINT, PLAIN),
    *,
    seed: int = 0,
    draws: int = 1000,
    progress: Progress | None = None,
) -> Calibration:
    """Forecast the larger runs of each table from the smaller ones in several ways, and score.

    Each model alone, the default models averaged, and the bootstrap of a point fit. Nothing is
    chosen by the runs that are scored. The same seed gives the same rows.
    """
    rows, fits = [], []
    everything = list(tables)
    for number, table in enumerate(everything, start=1):
        if progress:
            progress(f"{table.family}: {table.name}", (number - 1) / len(everything))
        found = {
            name: fit(load_model(name), table.trained, seed=seed, draws=draws) for name in models
        }
        drawn = {name: _losses(each, table.scored, seed) for name, each in found.items()}
        fits += [_health(table, name, each.provenance) for name, each in found.items()]
        ours = average({name: found[name] for name in JOINT})
        mixed = {name: drawn[name] for name in JOINT}
        ways = {name: _flat(values) for name, values in drawn.items()}
        ways |= {
            OURS: _flat(ours.pick(mixed)),
            BOOTSTRAP: bootstrap_draws(table.trained.fitted, table.scored, seed=seed),
        }
        rows += [_scored(table, name, values) for name, values in ways.items()]
    return Calibration(
        rows=pd.concat(rows, ignore_index=True),
        fits=pd.DataFrame(fits),
        provenance={
            "seed": seed,
            "draws": draws,
            "tables": {f"{t.family}: {t.name}": t.trained.digest for t in everything},
            "models": {name: load_model(name).digest for name in models},
        },
    )


def record_text(found: Calibration) -> str:
    """Return the pooled record as the JSON text that ships with the package."""
    ways = {name: [asdict(held) for held in bins] for name, bins in found.pooled.items()}
    families = json.loads(found.by_family.to_json(orient="records", double_precision=10))
    body = {"ways": ways, "by_family": families, "provenance": dict(found.provenance)}
    return json.dumps(body, indent=1) + "\n"


def _pooled(each: Sequence[Held]) -> Held:
    """Shares of the runs held in one class, over families."""
    return Held(
        ratio_bin=each[0].ratio_bin,
        n=sum(held.n for held in each),
        inside50=float(np.mean([held.inside50 / held.n for held in each])),
        inside90=float(np.mean([held.inside90 / held.n for held in each])),
        farthest=max(held.farthest for held in each),
        families=len(each),
    )


def _losses(found: Any, scored: pd.DataFrame, seed: int) -> Floats:
    inputs = {name: scored[name].to_numpy(dtype=float) for name in (PARAMS, TOKENS)}
    with np.errstate(over="ignore"):
        values = predict_at(found, inputs, seed=seed)[LOSS_NEW].values
    return np.asarray(np.minimum(values, 1e100))


def _flat(values: Floats) -> Floats:
    return values.reshape(-1, values.shape[-1])


def _scored(table: PublicTable, name: str, draws: Floats) -> pd.DataFrame:
    found = score_rows(draws, table.scored[LOSS].to_numpy(dtype=float))
    place = {FAMILY: table.family, TABLE: table.name, MODEL: name, RATIO: table.ratio}
    return pd.concat([pd.DataFrame(place), table.scored[["run"]], found], axis="columns")


def _health(table: PublicTable, name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    health = {key: known[key] for key in (WORST_RHAT, WORST_ESS, DIVERGENT, "attempts")}
    return {FAMILY: table.family, TABLE: table.name, MODEL: name, **health}
