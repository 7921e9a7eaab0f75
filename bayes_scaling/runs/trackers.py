"""Trackers: runs read from a store of MLflow, or from the API of Weights & Biases."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

from bayes_scaling.errors import BayesScalingError, UsageError
from bayes_scaling.runs.labels import display_name, listed
from bayes_scaling.runs.stores import copied, is_remote
from bayes_scaling.runs.tracked import Tracked, TrackedRun, flat

OWN_TAG: Final = "mlflow."
"""Beginning of the tags that MLflow sets itself."""
PAGE: Final = 1000
PROJECT: Final = re.compile(r"[\w.-]+/[\w.-]+")
SETTINGS: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}
"""MLflow is not to call home, and is to read the folders that it no longer writes."""
LOGGERS: Final = ("mlflow", "alembic", "sqlalchemy.engine")
LONGEST_REASON: Final = 300


def read_mlflow(store: str, experiments: Sequence[str] = ()) -> Tracked:
    """Return the runs of an MLflow store: a folder, a SQLite file, or a tracking address.

    Of all experiments or of those named. A local store is copied and stays as it is. Raises
    UsageError where MLflow is not installed, the store is none, or an experiment is not there.
    """
    notes: list[str] = []
    with ExitStack() as during:
        address = store
        if not is_remote(store):
            address, lost = during.enter_context(copied(store))
            notes += lost
        during.enter_context(_quiet(notes))
        try:
            client = _mlflow().MlflowClient(address)
            found = _pages(client.search_experiments)
            known = {each.name: each.experiment_id for each in found}
            wanted = _named(store, experiments, known)
            runs = _pages(client.search_runs, list(wanted.values())) if wanted else []
            read = tuple(map(_of_mlflow, runs))
        except BayesScalingError:
            raise
        except Exception as fault:
            raise UsageError(f"{store}: not a store that MLflow reads: {_reason(fault)}") from None
    about = {"tracker_version": import_module("mlflow").__version__, "experiments": wanted}
    return Tracked(read, about, tuple(dict.fromkeys(notes)))


def _mlflow() -> Any:
    """Return MLflow's module of clients, once what a local store needs is there as well."""
    for module in ("sqlalchemy", "alembic"):
        _installed(module, "mlflow")
    return _installed("mlflow.tracking", "mlflow")


def _pages(search: Callable[..., Any], *arguments: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(*arguments, max_results=PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _named(store: str, experiments: Sequence[str], known: dict[str, str]) -> dict[str, str]:
    if missing := [name for name in experiments if name not in known]:
        near = get_close_matches(missing[0], known, n=1)
        hint = f"; did you mean {listed(near)}?" if near else ""
        raise UsageError(
            f"{store}: no experiment {listed(missing)}; there are {listed(sorted(known))}{hint}"
        )
    return {name: known[name] for name in experiments} if experiments else known


def _of_mlflow(run: Any) -> TrackedRun:
    data, info = run.data, run.info
    tags = {name: value for name, value in data.tags.items() if not name.startswith(OWN_TAG)}
    metrics = {name: _unclipped(value) for name, value in data.metrics.items()}
    values = {"params": data.params, "metrics": metrics, "tags": tags}
    return TrackedRun(info.run_id, str(info.run_name or ""), str(info.status), values)


def _unclipped(metric: float) -> float:
    """Return a metric as it was logged: a database holds infinity as the largest float."""
    return math.copysign(math.inf, metric) if abs(metric) == sys.float_info.max else metric


def read_wandb(project: str) -> Tracked:
    """Return the runs of ENTITY/PROJECT from the API of Weights & Biases, over the network.

    Raises UsageError where its package is not installed or the project cannot be read.
    """
    wandb = _installed("wandb", "wandb")
    try:
        runs = tuple(map(_of_wandb, wandb.Api().runs(project)))
    except BayesScalingError:
        raise
    except Exception as fault:
        raise UsageError(f"{project}: cannot be read: {_reason(fault)}") from None
    return Tracked(runs, {"tracker_version": str(wandb.__version__)})


def _of_wandb(run: Any) -> TrackedRun:
    summary = getattr(run.summary, "_json_dict", run.summary)  # without views of its parts
    values = {"config": flat(run.config), "summary": flat(summary)}
    return TrackedRun(str(run.id), str(run.name), str(run.state), values)


def _reason(fault: Exception) -> str:
    text = next(iter(str(fault).splitlines()), "") or type(fault).__name__
    return display_name(text, LONGEST_REASON)


def _installed(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(
            f"this import needs {extra}: pip install 'bayes-scaling[{extra}]'"
        ) from None


class _Collector(logging.Handler):
    """Keeps the first line of each warning."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self.notes.append(record.getMessage().split("\n")[0])


@contextmanager
def _quiet(notes: list[str]) -> Iterator[None]:
    """Let MLflow neither call home nor print; what it warns of is added to `notes`."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    handler, root = _Collector(notes), logging.getLogger()
    kept: dict[str, list[logging.Handler]] = {}
    os.environ.update(SETTINGS)
    root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracker's own parts
            _mlflow()  # sets its loggers up
            for name in LOGGERS:
                kept[name] = logging.getLogger(name).handlers
                logging.getLogger(name).handlers = [handler]
            yield
    finally:
        for name, handlers in kept.items():
            logging.getLogger(name).handlers = handlers
        root.removeHandler(handler)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
