"""Trackers: runs read from a store of MLflow, or from the API of Weights & Biases."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.tracked import TrackedRun, flat, together

SQLITE = "sqlite:///"
OWN_TAG = "mlflow."
"""Beginning of the tags that MLflow sets itself."""
PAGE = 1000
PROJECT = re.compile(r"[\w.-]+/[\w.-]+")


def is_remote(store: str) -> bool:
    """Return whether a store lies on another computer."""
    return "://" in store and not store.startswith((SQLITE, "file://"))


def read_mlflow(store: str, experiments: Sequence[str] = ()) -> list[TrackedRun]:
    """Return the runs of an MLflow store: a folder, a SQLite file, or a tracking address.

    Of all experiments or of those named. Raises UsageError where MLflow is not installed, the store
    is none, or an experiment is not there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracker's own parts
        return _runs_of(store, experiments)


def _runs_of(store: str, experiments: Sequence[str]) -> list[TrackedRun]:
    try:
        client = _client(store)
        known = {each.name: each.experiment_id for each in client.search_experiments()}
    except UsageError:
        raise
    except Exception as fault:
        why = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise UsageError(f"{store}: not a store that MLflow reads: {why}") from None
    if missing := [name for name in experiments if name not in known]:
        raise UsageError(
            f"{store}: no experiment {', '.join(missing)}; there are {', '.join(sorted(known))}"
        )
    wanted = [known[name] for name in experiments or known]
    found: list[TrackedRun] = []
    token = None
    while True:
        page = client.search_runs(wanted, max_results=PAGE, page_token=token)
        found += map(_of_mlflow, page)
        token = page.token
        if not token:
            return found


def _client(store: str) -> Any:
    tracking = _installed("mlflow.tracking", "mlflow")
    path = Path(store.removeprefix(SQLITE).removeprefix("file://"))
    if is_remote(store):
        return tracking.MlflowClient(store)
    if not path.exists():
        raise UsageError(f"{store}: no such store")
    address = str(path.resolve()) if path.is_dir() else f"{SQLITE}{path.resolve()}"
    return tracking.MlflowClient(address)


def _of_mlflow(run: Any) -> TrackedRun:
    data, info = run.data, run.info
    tags = {name: value for name, value in data.tags.items() if not name.startswith(OWN_TAG)}
    values = together({"params": data.params, "metrics": data.metrics, "tags": tags})
    return TrackedRun(info.run_id, str(info.run_name or ""), str(info.status), values)


def read_wandb(project: str) -> list[TrackedRun]:
    """Return the runs of ENTITY/PROJECT from the API of Weights & Biases, over the network.

    Raises UsageError where its package is not installed or the project cannot be read.
    """
    if not PROJECT.fullmatch(project):
        raise UsageError(f"{project}: name a project as ENTITY/PROJECT, or an exported file")
    wandb = _installed("wandb", "wandb")
    try:
        return [
            TrackedRun(
                str(run.id),
                str(run.name),
                str(run.state),
                together({"config": flat(run.config), "summary": flat(dict(run.summary))}),
            )
            for run in wandb.Api().runs(project)
        ]
    except Exception as fault:
        raise UsageError(f"{project}: cannot be read: {fault}") from None


def _installed(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(
            f"this import needs {extra}: pip install 'bayes-scaling[{extra}]'"
        ) from None
