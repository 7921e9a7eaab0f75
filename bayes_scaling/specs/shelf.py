"""The shelf: model files that come with the package."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from bayes_scaling.errors import UsageError
from bayes_scaling.runs.examples import shipped

SUFFIX = ".toml"


def shelf_folder() -> Path:
    """Return the folder of the shelf's model files."""
    return shipped("_models", "models")


def model_names() -> tuple[str, ...]:
    """Return the names of the models on the shelf, sorted.

    Examples
    --------
    >>> "chinchilla" in bs.model_names()
    True
    """
    return tuple(sorted(path.stem for path in shelf_folder().glob(f"*{SUFFIX}")))


def find_model(name_or_path: str) -> tuple[Path, str]:
    """Return path and text of a model file: a bare name means the shelf, anything else a path.

    Raises UsageError where there is no such file or it is not UTF-8 text.
    """
    is_path = "/" in name_or_path or name_or_path.endswith(SUFFIX)
    path = Path(name_or_path) if is_path else shelf_folder() / f"{name_or_path}{SUFFIX}"
    try:
        return path, path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise UsageError(f"{name_or_path}: not UTF-8 text (byte {fault.start})") from None
    except (OSError, ValueError):  # ValueError: a name with NUL
        raise UsageError(_not_found(name_or_path, is_path)) from None


def _not_found(name: str, is_path: bool) -> str:
    if is_path:
        return f"no model file {name}"
    names = model_names()
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"the shelf has {', '.join(names)}"
    return f"no model named {name!r} on the shelf; {hint} A file of your own is given as a path."


def diff_models(a: str, b: str) -> list[tuple[str, Any, Any]]:
    """Compare two model files key by key: (key, value in a, value in b) where they differ."""
    left, right = (_flat(tomllib.loads(find_model(name)[1])) for name in (a, b))
    keys = [*left, *(k for k in right if k not in left)]
    return [(k, left.get(k), right.get(k)) for k in keys if left.get(k) != right.get(k)]


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
