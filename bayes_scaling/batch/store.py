"""Store: the folder of a batch: one sub-folder for each task, complete or absent.

    DIR/tasks/<id>/result.json, log.txt, fit.nc (on request), DONE or FAILED
    DIR/results.jsonl, summary.csv, summary.parquet, manifest.json

DONE is written last and holds the task's id and the SHA-256 of each file: what does not verify is
moved to DIR/quarantine, never trusted and never deleted. A file lock that dies with its process
keeps two runners from one task.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayes_scaling.batch.claims import claim
from bayes_scaling.errors import OutputError
from bayes_scaling.files import PART, to_json, write_bytes, write_text

RESULT, LOG, DONE, FAILED = "result.json", "log.txt", "DONE", "FAILED"
MANIFEST = "manifest.json"
TASK, SUMS = "task", "sha256"
"""What DONE holds: the id of the task, and the digest of each of its files."""


@dataclass(frozen=True)
class Store:
    """The folder of one batch."""

    folder: Path

    def place(self, identity: str) -> Path:
        """Folder of one task."""
        return self.folder / "tasks" / identity

    def result(self, identity: str) -> dict[str, Any] | None:
        """Return what a task computed; None where it has not, or its files do not verify."""
        place = self.place(identity)
        if not (place / DONE).exists():
            return None
        try:
            done = json.loads((place / DONE).read_text())
            sums = done[SUMS]
            sound = all(_sha256(place / name) == value for name, value in sums.items())
            if sound and RESULT in sums and done[TASK] == identity:
                found = json.loads((place / RESULT).read_text())
                return found if isinstance(found, dict) else None
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            pass
        self._quarantine(identity)
        return None

    def failure(self, identity: str) -> dict[str, Any] | None:
        """Return why a task failed, if it did."""
        try:
            found = json.loads((self.place(identity) / FAILED).read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def finish(self, identity: str, result: Mapping[str, Any], log: str, fit: bytes | None) -> None:
        """Write the files of a task, DONE last; raises OutputError where one cannot be written."""
        place = self.place(identity)
        files = {RESULT: f"{to_json(dict(result))}\n".encode(), LOG: log.encode()}
        files |= {"fit.nc": fit} if fit is not None else {}
        for name, data in files.items():
            write_bytes(place / name, data)
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        write_text(place / DONE, to_json({TASK: identity, SUMS: sums}))
        (place / FAILED).unlink(missing_ok=True)

    def fail(self, identity: str, reason: Mapping[str, Any], log: str) -> None:
        """Keep why a task failed, and its log."""
        write_text(self.place(identity) / LOG, log)
        write_text(self.place(identity) / FAILED, to_json(dict(reason)))

    def manifest(self) -> dict[str, Any]:
        """Return what the last call kept about all tasks; empty where there is none to read."""
        try:
            found = json.loads((self.folder / MANIFEST).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def keep_manifest(self, manifest: Mapping[str, Any]) -> Path:
        """Write what is known about all tasks."""
        return write_text(self.folder / MANIFEST, to_json(dict(manifest)))

    @contextmanager
    def claimed(self, identity: str) -> Iterator[bool]:
        """Hold a task for this process; False where another one has it. Dies with the process.

        Between computers that share a folder, see claims.py.
        """
        place = self.place(identity)
        if not place.resolve().is_relative_to(self.folder.resolve()):
            raise OutputError(f"{place} leads out of {self.folder}: a link there is not followed")
        try:
            place.mkdir(parents=True, exist_ok=True)
            handle = os.open(place / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as fault:
            raise OutputError(f"cannot write {place}: {fault.strerror or fault}") from fault
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            yield False
            return
        try:
            with claim(place) as mine:
                yield mine
        finally:
            os.close(handle)

    def sweep(self, identity: str) -> None:
        """Remove what a killed process left half-written of a task that this one holds."""
        for rest in self.place(identity).glob(f".*{PART}"):
            rest.unlink(missing_ok=True)

    def _quarantine(self, identity: str) -> None:
        aside = self.folder / "quarantine"
        try:
            aside.mkdir(parents=True, exist_ok=True)
            number = len(list(aside.glob(f"{identity}-*")))
            self.place(identity).rename(aside / f"{identity}-{number}")
        except OSError as fault:
            raise OutputError(f"cannot set aside {identity}: {fault.strerror or fault}") from fault


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
