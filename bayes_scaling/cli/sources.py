"""Sources: the table, the saved fit, the plan and the output files that a command line names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.cli.amounts import parse_cell, parse_columns, parse_where
from bayes_scaling.errors import OutputError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.cli.options import Reading
    from bayes_scaling.inference.fit import Fit
    from bayes_scaling.runs.finding import Finding
    from bayes_scaling.runs.table import Runs

FIT_SUFFIX = ".nc"


def is_fit(path: str) -> bool:
    """Return whether a path names a saved fit: by its ending, else by its first bytes."""
    if path.lower().endswith(FIT_SUFFIX):
        return True
    from bayes_scaling.inference.store import HDF5_MAGIC

    try:
        with Path(path).open("rb") as file:
            return file.read(len(HDF5_MAGIC)) == HDF5_MAGIC
    except (OSError, ValueError):
        return False


def read_table(path: str, reading: Reading) -> Runs:
    """Return the runs of a table as the options say: rows kept, rows held out.

    Raises TableError where nothing usable is left, UsageError for options that do not fit it.
    """
    from bayes_scaling.runs.finding import rejected
    from bayes_scaling.runs.reader import read_runs
    from bayes_scaling.runs.units import parse_threshold

    wheres = parse_where(reading.where or [])
    threshold = parse_threshold(reading.train_below) if reading.train_below else None
    runs = read_runs(
        path,
        columns=parse_columns(reading.col or []) or None,
        loss_unit=reading.loss_unit,
        bytes_per_token=reading.bytes_per_token,
        decimal=reading.decimal,
        delimiter=_delimiter(reading.delimiter),
        encoding=reading.encoding,
        checkpoints=reading.checkpoints,  # type: ignore[arg-type]  # read_runs checks the word
        allow_large=reading.allow_large,
    )
    runs = runs.select(**wheres) if wheres else runs
    runs = runs.train_below(**threshold) if threshold else runs
    runs = runs.hold_out(reading.hold_out) if reading.hold_out else runs
    if any(finding.fatal for finding in runs.findings):
        raise rejected(runs.source, runs.findings)
    return runs


def _delimiter(text: str | None) -> str | None:
    """Return the separator; shells make it hard to type a tab, so its name is read too."""
    names = {"\\t": "\t", "tab": "\t"}
    sign = names.get(text, text) if text is not None else None
    if sign is not None and (len(sign) != 1 or sign in '\r\n"\0'):
        raise UsageError("delimiter: write one character, such as ; or tab")
    return sign


def read_fit(
    path: str, law: str | None, reading: Reading | None = None, *, group: str | None = None
) -> Fit:
    """Return a saved fit; `law` names a law of the user's own, whose file is run.

    `group` takes one group out of it. Raises UsageError where the path is a table, options for
    tables are given or there is no such group.
    """
    from bayes_scaling.inference.store import load_fit
    from bayes_scaling.laws.library import load_law

    if reading is not None and (given := reading.given()):
        raise UsageError(f"{', '.join(given)}: for tables only; {path} is a fit, read as it is")
    if not is_fit(path):
        raise UsageError(
            f"{path} is not a saved fit ({FIT_SUFFIX}); fit a model to it first: "
            f"bayes-scaling fit {path} --model chinchilla -o fit.nc"
        )
    fit = load_fit(path, law=load_law(law) if law else None)
    return fit if group is None else fit.at_group(group)


def read_plan(path: str, columns: dict[str, str]) -> pd.DataFrame:
    """Return planned points: what laws read of a table as numbers, `run` and `group` if there.

    Raises TableError that lists every faulty cell with its line.
    """
    import pandas as pd

    from bayes_scaling.names import GROUP, RUN
    from bayes_scaling.quantities import COLUMN_OF_SYMBOL, ONE_RESOURCES, is_weight
    from bayes_scaling.runs.finding import rejected
    from bayes_scaling.runs.source import load

    raw = load(path)
    read = dict.fromkeys((RUN, GROUP, *ONE_RESOURCES, *COLUMN_OF_SYMBOL.values()))
    weights = [name for name in (*raw.columns, *columns) if is_weight(name)]
    theirs = {name: columns.get(name, name) for name in (*read, *weights)}
    there = {ours: raw.columns[name] for ours, name in theirs.items() if name in raw.columns}
    for ours, name in columns.items():
        if name not in raw.columns:
            raise UsageError(f"--col {ours}={name}: {path} has {', '.join(raw.columns)}")
    faults: list[Finding] = []
    plan: dict[str, Any] = {}
    for name, cells in there.items():
        plan[name] = (
            list(cells) if name in (RUN, GROUP) else _numbers(name, cells, raw.lines, faults)
        )
    if faults:
        raise rejected(path, faults)
    return pd.DataFrame(plan)


def _numbers(name: str, cells: Any, lines: Any, faults: list[Finding]) -> list[float]:
    from bayes_scaling.runs.finding import ERROR, Finding
    from bayes_scaling.runs.units import QuantityError

    values = []
    for line, cell in zip(lines, cells, strict=True):
        try:
            values.append(parse_cell(str(cell), name))
        except QuantityError as fault:
            faults.append(
                Finding("C004", ERROR, (int(line),), fault.rule, fault.remedy, name, str(cell))
            )
    return values


def new_file(path: str, force: bool, suffix: str) -> Path:
    """Return the path of a file to be written, after making sure that it can be.

    Raises UsageError for another ending, OutputError where a file exists and `force` is not
    given, or where its folder cannot be written.
    """
    import os

    target = Path(path)
    if "\0" in path or target.suffix.lower() != suffix:
        raise UsageError(f"-o {path!r}: name a file ending in {suffix}")
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file in it")
    if not force and (target.exists() or target.is_symlink()):
        raise OutputError(f"{target} exists; --force overwrites it")
    folder = next(each for each in (target.parent, *target.parent.parents) if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {target}: {folder} is no folder that can be written")
    return target
