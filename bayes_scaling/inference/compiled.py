"""Compiled graphs: one compilation per graph structure for the life of the process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from bayes_scaling.inference import graph
from bayes_scaling.inference.backend import import_nutpie
from bayes_scaling.specs.spec import ModelSpec

_compiled: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


def is_compiled(spec: ModelSpec) -> bool:
    """Return whether a graph of this structure is ready in this process."""
    return graph.structure(spec) in _compiled


def over_table(spec: ModelSpec, data: Mapping[str, Any]) -> Any:
    """Return the compiled model over a table's data (see `graph.data_for`); does not compile again.

    Data that a graph has no use for, such as a resource that the law ignores, are left out.
    """
    compiled = compiled_model(spec)
    used = {variable.name for variable in compiled.shared_var_keys}
    return compiled.with_data(**{name: value for name, value in data.items() if name in used})


def compiled_model(spec: ModelSpec) -> Any:
    """Return nutpie's compiled model of the spec's structure, over placeholder data.

    The first call for a structure compiles (about ten seconds); later ones, and calls from other
    threads in the meantime, wait for that one and return it.
    """
    key = graph.structure(spec)
    with _lock:
        if key not in _compiled:
            _compiled[key] = import_nutpie().compile_pymc_model(graph.build(spec))
        return _compiled[key]
