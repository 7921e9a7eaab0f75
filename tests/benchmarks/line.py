"""Line: one figure of a benchmark: ours, beside the other side measured in the same run."""

from __future__ import annotations

import math
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Line:
    """A measured figure and the bound that it should keep; infinite: it is told for comparison."""

    what: str
    value: float
    unit: str
    bound: float
    sense: Literal["at least", "at most"]
    how: str = ""

    @property
    def kept(self) -> bool:
        """Whether the figure keeps its bound."""
        if math.isinf(self.bound):
            return True
        if self.sense == "at least":
            return self.value >= self.bound
        return self.value <= self.bound

    def __str__(self) -> str:
        """Say figure, bound and what was measured."""
        mark = "    " if math.isinf(self.bound) else "ok  " if self.kept else "MISS"
        bound = "" if math.isinf(self.bound) else f" ({self.sense} {self.bound:g})"
        shown = f"{self.value:.3g} {self.unit}{bound}"
        return f"{mark} {self.what}: {shown}; {self.how}"


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command_seconds(command: Sequence[str], repeats: int = 5, **more: object) -> float:
    """Median wall time of a command, after one warm-up."""

    def run() -> None:
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, **more)  # type: ignore[call-overload] # fmt: skip

    run()
    return statistics.median(seconds(run) for _ in range(repeats))
