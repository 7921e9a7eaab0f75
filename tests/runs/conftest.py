"""Fixtures of the run table tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture
def good() -> pd.DataFrame:
    """A 4 x 4 grid of exact losses: nothing to find but notes."""
    cells = [(n, d) for n in (1e7, 1e8, 1e9, 1e10) for d in (1e9, 1e10, 1e11, 1e12)]
    frame = pd.DataFrame(cells, columns=["params", "tokens"])
    n, d = frame["params"] / 1e9, frame["tokens"] / 2e10
    frame["loss"] = 1.8 + 0.36 * n**-0.35 + 0.35 * d**-0.37
    frame.insert(0, "run", [f"r{i}" for i in range(len(frame))])
    return frame


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write text or bytes to a file and return its path."""

    def _write(content: str | bytes, name: str = "runs.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write
