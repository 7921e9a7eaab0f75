"""Task: one table, one model, one cut; what it is made of, and its identity by content."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.batch.study import DataSection, Study
from bayes_scaling.errors import TableError, UsageError
from bayes_scaling.names import FLOPS, LOSS
from bayes_scaling.runs.finding import rejected
from bayes_scaling.runs.reader import read_runs
from bayes_scaling.runs.units import parse_threshold
from bayes_scaling.specs.spec import load_model

if TYPE_CHECKING:
    from bayes_scaling.runs.table import Runs
    from bayes_scaling.specs.spec import ModelSpec

VERSIONS = ("bayes-scaling", "pymc", "nutpie", "arviz")
"""Packages whose versions are part of a task's identity: another version is another result."""
VERSIONS_NOW = {name: version(name) for name in VERSIONS}
ID_LENGTH = 16


@dataclass(frozen=True)
class Task:
    """A fit that is to be made. `fault` says why the table cannot be used, if it cannot."""

    table: str
    model: str
    cut: float | None
    runs: Runs | None
    fault: str = ""

    @property
    def name(self) -> str:
        """Table, model and cut, for people."""
        return f"{self.table} {self.model}" + (f" below {self.cut:g}" if self.cut else "")

    def spec(self, study: Study) -> ModelSpec:
        """Return the model, of the study's resource where it reads any."""
        return _loaded(self.model, study.resource)

    def identity(self, study: Study) -> str:
        """Return 16 hexadecimal digits of a hash of data, model, questions and versions."""
        spec = self.spec(study)
        asked = study.model_dump(mode="json", exclude={"tables", "models", "resource", "data"})
        parts: dict[str, Any] = {
            "runs": self.runs.digest if self.runs is not None else self.fault,
            "held_out": [] if self.runs is None else self.runs.held_out["run"].map(str).tolist(),
            "table": self.table,
            "model": [spec.name, spec.digest],
            "cut": self.cut,
            "asked": asked,
            "versions": VERSIONS_NOW,
        }
        text = json.dumps(parts, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


@cache
def _loaded(model: str, resource: str | None) -> ModelSpec:
    return load_model(model, resource=resource)


def tasks_of(study: Study) -> list[Task]:
    """Return the tasks of a study: models outermost, so that each graph is compiled once.

    Tables that cannot be read make tasks with a fault. Raises UsageError where a pattern names no
    file.
    """
    paths = [path for pattern in study.tables for path in _files(pattern)]
    tables = [
        table
        for path, name in zip(paths, _names(paths), strict=True)
        for table in _tables(path, name, study.data)
    ]
    cuts = (None, *study.data.cuts)
    return [
        Task(name, model, cut, *_cut(runs, fault, cut))
        for model in study.models
        for name, runs, fault in tables
        for cut in cuts
    ]


def _files(pattern: str) -> list[str]:
    """Files that a path or pattern stands for."""
    paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207
    if not paths:
        raise UsageError(f"tables: no file is named like {pattern}")
    return paths


def _names(paths: Sequence[str]) -> list[str]:
    """Names of files, with the folders that tell those of one name apart."""
    own = Counter(Path(path).name for path in set(paths))
    whole = [Path(path).absolute() for path in paths]
    twins = [path.parent for path in whole if own[path.name] > 1]
    common = Path(os.path.commonpath(twins)) if twins else Path()
    return [
        path.name if own[path.name] == 1 else path.relative_to(common).as_posix() for path in whole
    ]


def _tables(path: str, own: str, data: DataSection) -> Iterator[tuple[str, Runs | None, str]]:
    """Name, runs and fault of each table that a file holds."""
    for loss in data.losses or (None,):
        name = own + (f": {loss}" if loss else "")
        try:
            whole = _read(path, data, loss)
            parts = whole.split(data.split_by) if data.split_by else {"": whole}
        except (TableError, UsageError) as fault:
            yield name, None, str(fault)
            continue
        for value, runs in parts.items():
            yield (f"{name}: {value}" if data.split_by else name), *_usable(_held(runs, data))


def _usable(runs: Runs) -> tuple[Runs | None, str]:
    """Return the runs, or what forbids to fit them: a part may be too small for that."""
    if any(finding.fatal for finding in runs.findings):
        return None, str(rejected(runs.source, runs.findings))
    return runs, ""


def _read(path: str, data: DataSection, loss: str | None) -> Runs:
    columns = dict(data.columns) | ({LOSS: loss} if loss else {})
    runs = read_runs(
        path,
        columns=columns or None,
        loss_unit=data.loss_unit,
        bytes_per_token=data.bytes_per_token,
        decimal=data.decimal,
        delimiter=data.delimiter,
        encoding=data.encoding,
        checkpoints=data.checkpoints,
    )
    runs = runs.select(**data.where) if data.where else runs
    if any(finding.fatal for finding in runs.findings):
        raise rejected(runs.source, runs.findings)
    return runs


def _held(runs: Runs, data: DataSection) -> Runs:
    """Hold out what the study says, where the table has it."""
    if data.train_below:
        runs = runs.train_below(**parse_threshold(data.train_below))
    there = set(runs.frame["run"].map(str))
    names = [name for name in data.hold_out if name in there]
    return runs.hold_out(names) if names else runs


def _cut(runs: Runs | None, fault: str, cut: float | None) -> tuple[Runs | None, str]:
    if runs is None or cut is None:
        return runs, fault
    try:
        return _usable(runs.train_below(float(np.quantile(runs.resource(FLOPS), cut)), FLOPS))
    except (TableError, UsageError) as error:
        return None, str(error)
