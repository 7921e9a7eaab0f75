"""Progress: the stage at work and the time it takes, on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from bayes_scaling.cli.output import clean, console

if TYPE_CHECKING:
    from rich.progress import Progress

    from bayes_scaling.batch.runner import Event
    from bayes_scaling.cli.options import Output


class _Live:
    """What is said on stderr: live lines on a terminal, else plain ones; nothing if quiet."""

    def __init__(self, output: Output) -> None:
        self._quiet = output.quiet
        self._console = console(sys.stderr, no_color=output.no_color)
        self._started = time.monotonic()
        self._bar: Progress | None = None

    @property
    def _is_live(self) -> bool:
        terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        return terminal and not self._quiet

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the live lines and give the terminal back."""
        if self._bar is not None:
            self._bar.stop()


class Stages(_Live):
    """Says each stage it is called with: a live line with a clock on a terminal, else plain lines.

    Quiet output says nothing.
    """

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._stage = ""

    def __enter__(self) -> Stages:
        """Start the clock."""
        if self._is_live:
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
            )
            from rich.table import Column

            clock = TimeElapsedColumn(Column(min_width=7, no_wrap=True))
            stage = TextColumn("{task.description}", table_column=Column(no_wrap=True))
            columns = (SpinnerColumn(), clock, BarColumn(bar_width=20), stage)
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
        return self

    def __call__(self, stage: str, share: float | None = None) -> None:
        """Say what is being done from now on, and the share of it that is done if known."""
        from rich.markup import escape

        if self._quiet:
            return
        words = clean(stage)
        if self._bar is None:
            if words != self._stage:
                elapsed = time.monotonic() - self._started
                self._console.print(f"{elapsed:5.1f} s  {words}", markup=False, soft_wrap=True)
        elif words != self._stage:
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._bar.add_task(escape(words), total=None if share is None else 1.0)
        if self._bar is not None and share is not None:
            self._bar.update(self._bar.task_ids[-1], completed=share)
        self._stage = words


class Workers(_Live):
    """Says where a batch stands: a line per worker and one for all on a terminal, else plain lines.

    Called with each event of a worker. Quiet output says nothing.
    """

    def __init__(self, output: Output, tasks: int, workers: int) -> None:
        super().__init__(output)
        self._tasks, self._ended = tasks, 0
        self._workers = min(workers, tasks)

    def __enter__(self) -> Workers:
        """Draw the lines."""
        if self._is_live:
            from rich.progress import BarColumn, Progress, TextColumn
            from rich.table import Column

            words = TextColumn("{task.description}", table_column=Column(no_wrap=True))
            self._bar = Progress(BarColumn(bar_width=20), words, console=self._console,
                                 transient=True)  # fmt: skip
            self._all = self._bar.add_task(self._where(), total=self._tasks)
            self._lines = [self._bar.add_task("", total=None) for _ in range(self._workers)]
            self._bar.start()
        return self

    def __call__(self, event: Event) -> None:
        """Say what a worker just did."""
        from rich.markup import escape

        self._ended += event.kind == "ended"
        if self._quiet:
            return
        if self._bar is None:
            if event.kind == "ended":
                line = f"{self._where()}: {clean(event.task)}"
                self._console.print(line, markup=False, soft_wrap=True)
            return
        self._bar.update(self._all, completed=self._ended, description=self._where())
        words = clean(f"{event.task}: {event.stage}") if event.kind == "stage" else ""
        self._bar.update(
            self._lines[event.worker],
            description=escape(words),
            total=None if event.share is None else 1.0,
            completed=event.share or 0.0,
        )

    def _where(self) -> str:
        """Tasks ended, and how long the rest may take at that pace."""
        words = f"{self._ended}/{self._tasks} tasks"
        if self._ended:
            left = (time.monotonic() - self._started) / self._ended * (self._tasks - self._ended)
            words += f", about {_say_seconds(left)} left" if self._ended < self._tasks else ""
        return words


def _say_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
