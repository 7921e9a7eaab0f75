"""Results: the answers of a batch in one table, made from the folders of its tasks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling.errors import UsageError
from bayes_scaling.files import write_bytes, write_text
from bayes_scaling.names import FINISHED

FIRST = ("table", "model", "cut", "status", "question", "amount", "axis")
JSONL, CSV, PARQUET = "results.jsonl", "summary.csv", "summary.parquet"


def rows_of(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the summary rows of one task."""
    held = {
        key: result["fit"][key]
        for key in ("inside50", "inside90", "interval_score90")
        if key in result["fit"]
    }
    return [{**row, **held, "status": FINISHED} for row in result["rows"]]


def write_summary(folder: Path, rows: Iterable[Mapping[str, Any]]) -> tuple[Path, ...]:
    """Write one row per table, model and question as CSV, Parquet and JSON lines."""
    listed = [dict(row) for row in rows]
    frame = pd.DataFrame(listed)
    ordered = [name for name in FIRST if name in frame]
    frame = frame[[*ordered, *(name for name in frame if name not in FIRST)]]
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    lines = frame.to_json(orient="records", lines=True, double_precision=15)
    return (
        write_text(folder / CSV, frame.to_csv(index=False, lineterminator="\n")),
        write_bytes(folder / PARQUET, parquet.getvalue()),
        write_text(folder / JSONL, lines),
    )


def read_results(folder: str | Path) -> pd.DataFrame:
    """Return the summary of a batch folder: one row per table, model and question.

    Raises UsageError where the folder holds none.

    Examples
    --------
    >>> list(bs.read_results("results"))[:3]
    ['table', 'model', 'cut']
    """
    path = Path(folder) / PARQUET
    if not path.is_file():
        raise UsageError(
            f"{folder} is no batch folder: there is no {PARQUET}; run: batch STUDY.toml"
        )
    return pd.read_parquet(path)
