"""Writing files: under a final name there is a complete file or nothing."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from bayes_scaling.errors import OutputError

PART = ".part"
"""Ending of the hidden file that is written first."""


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write `data` to `path` through a synced temporary file beside it; return the path.

    Raises OutputError where the folder cannot be made or the file cannot be written; nothing
    under the final name has then changed.
    """
    target = Path(path)
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=PART)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as fault:
        raise OutputError(f"cannot write {target}: {fault.strerror or fault}") from fault
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return target


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text; see `write_bytes`."""
    return write_bytes(path, text.encode("utf-8"))


def to_json(value: Any) -> str:
    """Return strict JSON: numbers that are not finite become null, keys keep their order."""
    return json.dumps(_strict(value), indent=2, allow_nan=False, ensure_ascii=False)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "item"):
        return _strict(value.item())
    number = float(value)
    return number if number - number == 0 else None
