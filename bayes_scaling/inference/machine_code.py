"""Machine code of compiled graphs, kept on disk so that the next process need not compile again.

What nutpie samples is two functions in machine code and a description of their data. Both are
written to one file for each graph, named by the digest of everything that the code depends on: the
graph's structure, the source of this package, the versions of the stack, the processor. The file
is read by numba's own means, as its caches are; PyMC and PyTensor are then not imported at all.

Machine code is trusted as an installed package is: it is read only from a folder and a file that
belong to this user and that no one else may write, and only if its checksum holds. Anything else
means that the graph is compiled as if nothing had been kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import OutputError
from bayes_scaling.files import write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = "BAYES_SCALING_CACHE"
"""Environment variable that names the folder of kept graphs; empty: none is kept."""
FORMAT = b"bayes-scaling graph 1\n"
GRAPH_MADE_IN = ("laws", "specs", "inference")
"""Stages whose source decides what is compiled, beside the files of the package itself."""
STACK = ("numba", "llvmlite", "nutpie", "numpy", "scipy", "pymc", "pytensor")
ENDING = ".graph"
LONGEST_KEPT = 180 * 24 * 3600.0
"""Seconds."""
DIGEST = hashlib.sha256
LOOKED_UP = "PyLong_AsVoidPtr"
"""What code calls that finds a function of C through a Python object."""
FUNCTIONS = ("compiled_logp_func", "compiled_expand_func")


@dataclass(frozen=True)
class Shared:
    """Name and number of axes of an array of data, as nutpie asks its shared variables for them."""

    name: str
    ndim: int


class Function:
    """Machine code of a C callback, loaded; `address` is where it begins."""

    def __init__(self, symbol: str, object_code: bytes, bitcode: bytes) -> None:
        from numba.core.registry import cpu_target
        from numba.core.runtime.nrt import rtsys

        context = cpu_target.target_context
        rtsys.initialize(context)
        library = context.codegen().unserialize_library((symbol, "object", (object_code, bitcode)))
        self.library, self.address = library, library.get_pointer_to_function(symbol)


def folder() -> Path | None:
    """Return the folder of kept graphs, or None where none shall be kept."""
    named = os.environ.get(FOLDER)
    if named is not None:
        return Path(named) if named else None
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return caches / "bayes-scaling" if caches.is_absolute() else None


def name_of(structure: tuple[Any, ...]) -> str:
    """Return the name under which a graph of this structure is kept: all that its code rests on."""
    return DIGEST(repr(structure).encode() + _surroundings()).hexdigest()


def is_kept(name: str) -> bool:
    """Return whether there is a file of this name; whether it is sound, `load` finds out."""
    place = folder()
    return place is not None and (place / f"{name}{ENDING}").is_file()


@cache
def _surroundings() -> bytes:
    """Digest of this package's source, the versions of the stack, and the processor."""
    from llvmlite import binding

    own = Path(__file__).parents[1]
    known = DIGEST()
    for path in sorted(own.rglob("*.py")):
        if path.parent.name in GRAPH_MADE_IN or path.parent == own:
            known.update(path.read_bytes())
    stack = [f"{name} {version(name)}" for name in STACK]
    processor = (binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_"))
    known.update(repr([*stack, platform.python_version(), *processor, settings]).encode())
    return known.digest()


def load(name: str) -> Any | None:
    """Return the compiled model kept under this name, over placeholder data; None if there is none.

    Also None where the file is damaged or could have been written by someone else.
    """
    place = folder()
    data = _read(place / f"{name}{ENDING}") if place else None
    try:
        return None if data is None else _loaded(data)
    except (AttributeError, ImportError, RuntimeError, TypeError, ValueError):
        return None  # another numba or nutpie than this was written for


def _loaded(data: bytes) -> Any:
    length = int.from_bytes(data[:8])
    told, code = json.loads(data[8 : 8 + length]), data[8 + length :]
    parts = []
    for size in told["sizes"]:
        parts.append(code[:size])
        code = code[size:]
    functions = [
        Function(symbol, *parts[2 * i : 2 * i + 2]) for i, symbol in enumerate(told["symbols"])
    ]
    return _model(told, *functions)


def save(name: str, compiled: Any) -> None:
    """Keep a model that nutpie has compiled; where that fails, the next process compiles again."""
    place = folder()
    functions = [getattr(compiled, each) for each in FUNCTIONS]
    libraries = [each._library for each in functions]
    if place is None or not all(_stands_alone(library) for library in libraries):
        return
    parts = [part for each in libraries for part in each.serialize_using_object_code()[2]]
    names, slices, shapes = compiled.shape_info
    data = {v.name: compiled.shared_data[key] for v, key in compiled.shared_var_keys.items()}
    told = {
        "symbols": [each.native_name for each in functions],
        "sizes": [len(part) for part in parts],
        "n_dim": compiled.n_dim,
        "n_expanded": compiled.n_expanded,
        "names": names,
        "slices": [[each.start, each.stop] for each in slices],
        "shapes": [list(each) for each in shapes],
        "dims": {key: list(each) for key, each in compiled.dims.items()},
        "coords": {key: list(map(_plain, each)) for key, each in compiled.coords.items()},
        "shared": {key: [str(each.dtype), each.ndim] for key, each in data.items()},
    }
    head = json.dumps(told, default=_plain).encode()
    body = len(head).to_bytes(8) + head + b"".join(parts)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _drop_old(place)
        write_bytes(place / f"{name}{ENDING}", FORMAT + _checksum(name, body) + body)
    except (OSError, OutputError):
        return


def started_evenly(compiled: Any) -> Any:
    """Return the model whose chains start at points drawn from -1 to 1 in every coordinate."""
    return replace(compiled, initial_point_func=_starts(compiled.n_dim))


def _starts(count: int) -> Callable[[Any], NDArray[np.float64]]:
    def start(seed: Any = None) -> NDArray[np.float64]:
        return np.random.default_rng(seed).uniform(-1.0, 1.0, count)

    return start


def _stands_alone(library: Any) -> bool:
    """Whether code holds no address of this process and asks no object of it for one."""
    functions = library._final_module.functions
    asked = any(each.name == LOOKED_UP and each.is_declaration for each in functions)
    return not (library.has_dynamic_globals or asked)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _read(path: Path) -> bytes | None:
    """What a kept file holds, if it is whole and only this user can have written it."""
    try:
        for each in (path.parent, path):
            known = each.stat()
            if known.st_uid != os.getuid() or known.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
        data = path.read_bytes()
    except (OSError, AttributeError):  # no getuid: no way to tell whose it is
        return None
    start = len(FORMAT) + DIGEST().digest_size
    body = data[start:]
    return body if data[:start] == FORMAT + _checksum(path.stem, body) else None


def _checksum(name: str, body: bytes) -> bytes:
    return DIGEST(name.encode() + body).digest()


def _drop_old(place: Path) -> None:
    """Delete graphs made long ago: of versions no longer installed, or made again when missed."""
    for each in place.glob(f"*{ENDING}"):
        if time.time() - each.stat().st_mtime > LONGEST_KEPT:
            each.unlink(missing_ok=True)


def _model(told: dict[str, Any], logp: Function, expand: Function) -> Any:
    import nutpie.compile_pymc as nutpie
    import pandas as pd

    keys = {Shared(name, ndim): name for name, (_, ndim) in told["shared"].items()}
    data = {name: np.ones((1,) * ndim, dtype) for name, (dtype, ndim) in told["shared"].items()}
    shapes = [tuple(each) for each in told["shapes"]]
    return nutpie.CompiledPyMCModel(
        dims={key: tuple(each) for key, each in told["dims"].items()},
        compiled_logp_func=logp,
        compiled_expand_func=expand,
        initial_point_func=_starts(told["n_dim"]),
        shared_data=data,
        shared_var_keys=keys,
        user_data=nutpie.make_user_data(keys, data),
        n_expanded=told["n_expanded"],
        shape_info=(told["names"], [slice(*each) for each in told["slices"]], shapes),
        logp_func=None,
        expand_func=None,
        reparameterized_names=[],
        _n_dim=told["n_dim"],
        _shapes=dict(zip(told["names"], shapes, strict=True)),
        _coords={key: pd.Index(each) for key, each in told["coords"].items()},
    )
