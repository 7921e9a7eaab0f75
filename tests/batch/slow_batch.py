"""A batch of hand-made fits that take their time, as a process of its own that can be stopped.

python -m tests.batch.slow_batch STUDY.toml OUT [options of batch]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from bayes_scaling.batch import task
from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.task import Task
from bayes_scaling.cli.entry import main
from tests.batch import stubs

tasks_of = task.tasks_of


def slow_tasks(study: Any) -> list[Task]:
    """Tasks of a study that wait a third of a second wherever they are sent."""
    return [stubs.sent(each, "wait") for each in tasks_of(study)]


def slow_sample(*arguments: Any, **more: Any) -> Any:
    """Hand-made fit, after a third of a second."""
    time.sleep(0.3)
    return stubs.sample(*arguments, **more)


def run(arguments: Sequence[str]) -> int:
    """Run the verb `batch` on slow tasks; return its exit code."""
    task.tasks_of = slow_tasks  # type: ignore[assignment]
    work_module.sample = slow_sample  # type: ignore[attr-defined]
    study, out, *more = arguments
    return main(["batch", study, "-o", out, *more])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
