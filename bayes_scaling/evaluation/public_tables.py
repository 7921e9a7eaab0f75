"""Public tables: measured scaling-law tables by family, for the record of past forecasts.

The tables are read from a folder and never shipped. A family is what one laboratory measured with
one recipe: its tables are alike, and families count equally. Sources: Besiroglu et al. 2024
(arXiv:2404.10102), Gadre et al. 2024 (2403.08540), Muennighoff et al. 2023 (2305.16264), McLeish et
al. 2025 (2502.06857), Porian et al. 2024 (2406.19146), Li et al. 2025 (2502.18969).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, LOSS, PARAMS, RUN, TOKENS
from bayes_scaling.runs.reader import read_runs
from bayes_scaling.runs.table import Runs

TRAIN_QUANTILE: Final = 0.6
"""Runs below this quantile of compute are fitted."""
LEAST_RATIO: Final = 3.0
"""Runs from this multiple of the largest fitted run on are scored: a half decade or more."""
FEWEST_ROWS: Final = 8
"""Fitted rows below which a table is left out."""
COLUMNS: Final = [RUN, PARAMS, TOKENS, LOSS]


@dataclass(frozen=True)
class PublicTable:
    """One measured table cut in two: `trained` is fitted, `scored` are larger runs.

    `ratio` is the compute of each scored run over that of the largest fitted one.
    """

    family: str
    name: str
    trained: Runs
    scored: pd.DataFrame
    ratio: pd.Series


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(table="all")


def _gadre(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(table=frame["train_dataset"] + " on " + frame["eval_set"])


def _datablations(frame: pd.DataFrame) -> pd.DataFrame:
    """Finished runs of the base variant that saw every token once."""
    aside = frame["unfinished"].astype(bool) | frame["commented_out"].astype(bool)
    once = frame["epochs"] <= 1 + 1e-9
    return _whole(frame[once & (frame["variant"] == "base") & ~aside & frame[LOSS].notna()])


def _gemstones(frame: pd.DataFrame) -> pd.DataFrame:
    """The last checkpoint of each run."""
    last = frame.sort_values("step").groupby(["width", "depth", "eval_set"]).tail(1)
    return last.assign(table=last["eval_set"])


def _porian(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(table=frame["config"])


def _misfitting(frame: pd.DataFrame) -> pd.DataFrame:
    """The best learning rate of each size and number of tokens."""
    each = frame.drop_duplicates()
    return _whole(each.loc[each.groupby([PARAMS, TOKENS])[LOSS].idxmin()])


FAMILIES: Final[dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]]] = {
    "chinchilla": ("chinchilla_epoch.csv", _whole),
    "gadre": ("gadre_overtraining.csv", _gadre),
    "datablations": ("datablations.csv", _datablations),
    "gemstones": ("gemstones.csv", _gemstones),
    "porian": ("porian_isoflop.csv", _porian),
    "misfitting": ("misfitting_final.csv", _misfitting),
}
"""File of each family, and how its rows become tables (column `table`)."""


def public_tables(folder: str | Path) -> Iterator[PublicTable]:
    """Yield the tables of a folder that can be cut in two, family by family.

    Families whose file is absent are left out; UsageError where all are.
    """
    root = Path(folder)
    there = {k: v for k, v in FAMILIES.items() if (root / v[0]).is_file()}
    if not there:
        names = ", ".join(file for file, _ in FAMILIES.values())
        raise UsageError(f"{root}: none of the public tables is here ({names})")
    for family, (file, arrange) in there.items():
        tables = arrange(pd.read_csv(root / file)).rename(columns={"run_id": RUN})
        for name, rows in tables.groupby("table", sort=True):
            cut = _cut(family, str(name), rows.reset_index(drop=True))
            if cut is not None:
                yield cut


def _cut(family: str, name: str, rows: pd.DataFrame) -> PublicTable | None:
    below = rows[FLOPS] < rows[FLOPS].quantile(TRAIN_QUANTILE)
    trained = rows[below]
    ratio = rows[FLOPS] / trained[FLOPS].max()
    far = ratio >= LEAST_RATIO
    if len(trained) < FEWEST_ROWS or not far.any():
        return None
    return PublicTable(
        family=family,
        name=name,
        trained=read_runs(trained[COLUMNS].reset_index(drop=True)),
        scored=rows.loc[far, COLUMNS].reset_index(drop=True),
        ratio=ratio[far].reset_index(drop=True),
    )
