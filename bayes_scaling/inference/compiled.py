"""Compiled graphs: one compilation per graph structure for the life of the process, if at all."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any

from bayes_scaling.inference import graph, machine_code
from bayes_scaling.inference.backend import compile_graph, damaged_cache, without_cache
from bayes_scaling.inference.structure import structure, written_structure
from bayes_scaling.specs.spec import ModelSpec

_compiled: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


def is_ready(spec: ModelSpec, data: Mapping[str, Any]) -> bool:
    """Return whether the graph of a model over a table's data is compiled, here or on disk."""
    stated = graph.states_errors(spec, data)
    if structure(spec, stated=stated) in _compiled:
        return True
    name = _name_of(spec, stated)
    return name is not None and machine_code.is_kept(name)


def over_table(spec: ModelSpec, data: Mapping[str, Any]) -> Any:
    """Return the compiled model over a table's data (see `graph.data_for`); does not compile again.

    Data that a graph has no use for, such as a resource that the law ignores, are left out.
    """
    compiled = compiled_model(spec, stated=graph.states_errors(spec, data))
    used = {variable.name for variable in compiled.shared_var_keys}
    return compiled.with_data(**{name: value for name, value in data.items() if name in used})


def compiled_model(spec: ModelSpec, *, stated: bool = True) -> Any:
    """Return nutpie's compiled model of the spec's structure, over placeholder data.

    The first call for a structure reads it from disk (a tenth of a second) or, where none is kept
    there, compiles it (five to ten seconds) and keeps it; later ones, and calls from other threads
    in the meantime, wait for that one and return it.
    """
    key = structure(spec, stated=stated)
    with _lock:
        if key not in _compiled:
            _compiled[key] = _kept_or_new(spec, stated)
        return _compiled[key]


def _kept_or_new(spec: ModelSpec, stated: bool) -> Any:
    name = _name_of(spec, stated)
    kept = machine_code.load(name) if name else None
    if kept is not None:
        return kept
    made = machine_code.started_evenly(_compile(spec, stated))
    if name:
        machine_code.save(name, made)
    return made


def _compile(spec: ModelSpec, stated: bool) -> Any:
    """Compile; where what the stack keeps of earlier compilations is damaged, do without it."""
    try:
        return compile_graph(graph.build(spec, stated=stated))
    except Exception as fault:
        with without_cache():
            made = compile_graph(graph.build(spec, stated=stated))
        warnings.warn(f"{damaged_cache()} ({type(fault).__name__}: {fault})", stacklevel=2)
        return made


def _name_of(spec: ModelSpec, stated: bool) -> str | None:
    written = written_structure(spec, stated=stated)
    return machine_code.name_of(written) if written else None
