"""Compiled graphs: one compilation per graph structure for the life of the process, if at all."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any

from bayes_scaling.inference import graph, machine_code
from bayes_scaling.inference.backend import damaged_cache, import_nutpie, without_cache
from bayes_scaling.specs.spec import ModelSpec

_compiled: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


def is_compiled(spec: ModelSpec) -> bool:
    """Return whether a graph of this structure is ready in this process."""
    return graph.structure(spec) in _compiled


def is_ready(spec: ModelSpec) -> bool:
    """Return whether a graph of this structure is compiled, here or on this machine."""
    if is_compiled(spec):
        return True
    name = _name_of(spec)
    return name is not None and machine_code.is_kept(name)


def over_table(spec: ModelSpec, data: Mapping[str, Any]) -> Any:
    """Return the compiled model over a table's data (see `graph.data_for`); does not compile again.

    Data that a graph has no use for, such as a resource that the law ignores, are left out.
    """
    compiled = compiled_model(spec)
    used = {variable.name for variable in compiled.shared_var_keys}
    return compiled.with_data(**{name: value for name, value in data.items() if name in used})


def compiled_model(spec: ModelSpec) -> Any:
    """Return nutpie's compiled model of the spec's structure, over placeholder data.

    The first call for a structure reads it from disk (a tenth of a second) or, where none is kept
    there, compiles it (five to ten seconds) and keeps it; later ones, and calls from other threads
    in the meantime, wait for that one and return it.
    """
    key = graph.structure(spec)
    with _lock:
        if key not in _compiled:
            _compiled[key] = _kept_or_new(spec)
        return _compiled[key]


def _kept_or_new(spec: ModelSpec) -> Any:
    name = _name_of(spec)
    kept = machine_code.load(name) if name else None
    if kept is not None:
        return kept
    made = machine_code.started_evenly(_compile(spec))
    if name:
        machine_code.save(name, made)
    return made


def _compile(spec: ModelSpec) -> Any:
    """Compile; where what the stack keeps of earlier compilations is damaged, do without it."""
    try:
        return import_nutpie().compile_pymc_model(graph.build(spec))
    except Exception as fault:
        with without_cache():
            made = import_nutpie().compile_pymc_model(graph.build(spec))
        warnings.warn(f"{damaged_cache()} ({type(fault).__name__}: {fault})", stacklevel=2)
        return made


def _name_of(spec: ModelSpec) -> str | None:
    written = graph.written_structure(spec)
    return machine_code.name_of(written) if written else None
