"""Claims: who does a task, where several computers share one folder.

A kernel lock tells the processes of one computer apart and dies with its process, but not every
shared disk carries such locks to other computers. So a claim file made with O_EXCL stands beside
it: computer, boot, process, and a counter that its holder raises. No clocks are compared: another
computer's claim is dead once its text has stood still for a minute of the observer's own monotonic
clock. Losing a race costs work done twice, never a wrong result: both write the same content.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bayes_scaling.errors import OutputError
from bayes_scaling.files import write_text

CLAIM = ".claim"
BEAT = 10.0
"""Seconds between two raises of a claim's counter."""
STANDSTILL = 60.0
"""Seconds without a raise after which another computer's claim is dead."""
BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def computer() -> tuple[str, str]:
    """Name of this computer and of its present run."""
    with suppress(OSError):
        return socket.gethostname(), BOOT.read_text().strip()
    return socket.gethostname(), ""


def foreign(place: Path) -> str:
    """Return the text of another computer's claim on a task, empty where there is none."""
    text = _read(place)
    return text if text and _of_computer(text) != computer() else ""


@contextmanager
def claim(place: Path) -> Iterator[bool]:
    """Claim a task whose kernel lock this process holds; False where another computer has it.

    A claim of this computer is that of a process that died: its lock would else be held.
    """
    if not _make(place):
        yield False
        return
    stop = Event()
    beat = Thread(target=_beat, args=(place, stop), daemon=True)
    beat.start()
    try:
        yield True
    finally:
        stop.set()
        beat.join()  # or it could write the claim once more
        if _is_ours(_read(place)):
            (place / CLAIM).unlink(missing_ok=True)


def drop_dead(places: Sequence[Path]) -> list[Path]:
    """Watch claims of other computers for a minute; drop those that stand still, return them."""
    texts = {place: text for place in places if (text := foreign(place))}
    until = time.monotonic() + STANDSTILL
    while texts and time.monotonic() < until:
        time.sleep(min(BEAT / 2, max(0.0, until - time.monotonic())))
        texts = {place: text for place, text in texts.items() if _read(place) == text}
    for place in texts:
        (place / CLAIM).unlink(missing_ok=True)
    return list(texts)


def _make(place: Path) -> bool:
    try:
        handle = os.open(place / CLAIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        if foreign(place):
            return False
        write_text(place / CLAIM, _text(0))
        return True
    except OSError as fault:
        raise OutputError(f"cannot write {place}: {fault.strerror or fault}") from fault
    try:
        with os.fdopen(handle, "w") as file:
            file.write(_text(0))
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        (place / CLAIM).unlink(missing_ok=True)
        raise OutputError(f"cannot write {place}: {fault.strerror or fault}") from fault
    return True


def _beat(place: Path, stop: Event) -> None:
    count = 0
    while not stop.wait(BEAT):
        count += 1
        if not _is_ours(_read(place)):
            return  # held to be dead, and taken over: the work is done twice
        with suppress(OutputError):
            write_text(place / CLAIM, _text(count))


def _text(count: int) -> str:
    host, boot = computer()
    return json.dumps({"host": host, "boot": boot, "pid": os.getpid(), "count": count}) + "\n"


def _read(place: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return (place / CLAIM).read_text()
    return ""


def _known(text: str) -> Mapping[str, Any]:
    with suppress(ValueError):
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    return {}


def _of_computer(text: str) -> tuple[Any, Any]:
    known = _known(text)
    return known.get("host"), known.get("boot")


def _is_ours(text: str) -> bool:
    return _of_computer(text) == computer() and _known(text).get("pid") == os.getpid()
