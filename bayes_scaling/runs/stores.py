"""Stores: a local store of MLflow as a copy, for opening one changes it.

MLflow makes its tables in any SQLite file, brings the tables of an older one up to date, after
which the MLflow that wrote it reads it no more, and makes a folder in every folder store.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bayes_scaling.errors import OutputError, UsageError

SQLITE: Final = "sqlite:///"
FILE: Final = "file://"
TABLES: Final = frozenset({"experiments", "runs", "params", "metrics", "tags"})
META: Final = "meta.yaml"
DATABASE: Final = "mlflow.db"
"""What MLflow calls the database that it makes by itself."""
NO_EXPERIMENTS: Final = frozenset({"models", ".trash"})


def is_remote(store: str) -> bool:
    """Return whether a store lies on another computer."""
    return "://" in store and not store.startswith((SQLITE, FILE))


@contextmanager
def copied(store: str) -> Iterator[tuple[str, list[str]]]:
    """Give the address of a copy of a local store, and what of the store is not in it.

    Raises UsageError where there is no store of MLflow.
    """
    path = Path(store.removeprefix(SQLITE).removeprefix(FILE))
    if "\0" in store or not path.exists():
        raise UsageError(f"{store}: no such store")
    with tempfile.TemporaryDirectory(prefix="bayes-scaling-") as folder:
        copy = Path(folder) / "store"
        if path.is_dir():
            yield str(copy), _link(path.resolve(), copy)
        else:
            _back_up(path.resolve(), copy)
            yield f"{SQLITE}{copy}", []


def _back_up(path: Path, copy: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as own:
            found = own.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in found}
            if tables >= TABLES:
                with closing(sqlite3.connect(copy)) as other:
                    own.backup(other)
    except sqlite3.Error as fault:
        if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OutputError(f"no room for a copy of {path} in {copy.parent}") from None
        raise UsageError(f"{path}: not a store that MLflow reads: {fault}") from None
    if not tables >= TABLES:
        raise UsageError(f"{path}: not a store of MLflow: it has no tables of experiments and runs")


def _link(path: Path, copy: Path) -> list[str]:
    """Make a folder of links to the experiments of a folder store."""
    folders = sorted(each for each in path.iterdir() if each.is_dir())
    folders = [each for each in folders if each.name not in NO_EXPERIMENTS]
    experiments = [each for each in folders if (each / META).is_file()]
    if not experiments:
        inside = [name for name in (DATABASE, "mlruns") if (path / name).exists()]
        hint = f"; did you mean {path / inside[0]}?" if inside else ""
        raise UsageError(f"{path}: not a store of MLflow: no folder in it has a {META}{hint}")
    copy.mkdir()
    for each in experiments:
        (copy / each.name).symlink_to(each, target_is_directory=True)
    kept = [run for each in experiments for run in each.iterdir() if (run / "params").is_dir()]
    lost = [each for each in folders if each not in experiments and any(each.glob(f"*/{META}"))]
    lost += sorted(run for run in kept if not (run / META).is_file())
    return [f"{each}: has no {META}: not read" for each in lost]
