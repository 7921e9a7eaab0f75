"""Library: where laws are found, by name among the built-in ones or in a user's file."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from bayes_scaling.errors import UsageError
from bayes_scaling.laws.law import Law


def pages() -> tuple[ModuleType, ...]:
    """Return the modules that hold the built-in formulas, in the order of the documentation."""
    from bayes_scaling.laws import (
        bounded,
        constrained,
        downstream,
        joint,
        mixtures,
        precision,
        schedules,
        single,
        sparse,
        surfaces,
        teachers,
        tuning,
        variants,
    )

    return (
        single, joint, variants, constrained, mixtures, schedules, downstream,
        tuning, sparse, precision, surfaces, teachers, bounded,
    )  # fmt: skip


def built_in() -> dict[str, Law]:
    """Return the built-in laws by name."""
    found = [v for page in pages() for v in vars(page).values() if isinstance(v, Law)]
    return {each.name: each for each in found}


def is_user_law(name: str) -> bool:
    """Return whether a law's name has the form `FILE.py:NAME`."""
    return name.rpartition(":")[0].endswith(".py")


def load_law(name: str, *, folder: Path | None = None) -> Law:
    """Return a built-in law by name, or the law `NAME` of a user's file from `FILE.py:NAME`.

    A relative path is read from `folder` (default: the working directory). The file is executed.
    Raises UsageError where there is no such law.

    Examples
    --------
    >>> bs.load_law("chinchilla").unknowns
    ('L_inf', 'A', 'alpha', 'B', 'beta')
    """
    if is_user_law(name):
        path, _, attribute = name.rpartition(":")
        return _load_user_law((folder or Path()) / path, attribute, name)
    shelf = built_in()
    if name not in shelf:
        raise UsageError(
            f"no law named {name!r}; the built-in laws are {', '.join(shelf)}. "
            "A law of your own is written FILE.py:NAME."
        )
    return shelf[name]


def _load_user_law(path: Path, attribute: str, origin: str) -> Law:
    try:
        there = path.is_file()
    except OSError:  # a name that is too long
        there = False
    if not there:
        raise UsageError(f"law {origin!r}: there is no file {path}")
    module_spec = importlib.util.spec_from_file_location(f"user_law_{path.stem}", path)
    if module_spec is None or module_spec.loader is None:
        raise UsageError(f"law {origin!r}: {path} is not a Python file")
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except Exception as fault:
        raise UsageError(f"law {origin!r}: {path.name} stops with {fault!r}") from fault
    found = getattr(module, attribute, None)
    if not isinstance(found, Law):
        laws = [k for k, v in vars(module).items() if isinstance(v, Law)]
        raise UsageError(
            f"law {origin!r}: {path.name} has no law {attribute!r} (a function under @law); "
            f"it has {', '.join(laws) or 'none'}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(found, origin=origin, source_digest=digest)
