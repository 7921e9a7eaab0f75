"""E1 to E6: a batch that is killed, starved, corrupted, shared and interrupted.

The injections are those of tests/batch; here they are counted.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.runner import run_batch, states_of
from bayes_scaling.batch.store import DONE, Store
from bayes_scaling.batch.study import read_study
from bayes_scaling.batch.task import tasks_of
from bayes_scaling.proofs.proof import Proof, Say
from tests.batch import test_faults, test_machine_faults, test_workers
from tests.batch.stubs import sample, small_study
from tests.trust.counted import Try, proof_of, set_to, tried

SEED = 20261128
WHOLE = "folder swapped"
LARGEST_LIMIT = 2400
"""Bytes; below the largest file of the small study."""


@contextmanager
def undisturbed(tables: int = 2) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """A study that was run in peace, with hand-made fits: its folder, and what it wrote."""
    with tempfile.TemporaryDirectory() as name, set_to(work_module, "sample", sample):
        folder = Path(name)
        small_study(folder, tables)
        with contextlib.redirect_stdout(io.StringIO()):
            assert test_faults.batch(folder) == 0
        yield folder, test_faults.contents(folder)


def fresh(folder: Path, peaceful: Path) -> Path:
    """The same study in an empty folder."""
    for path in peaceful.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder


def kills(full: bool, say: Say) -> Proof:
    """E1: kill -9 at six named points and at random times."""
    with undisturbed() as known:

        def named(point: str, turn: int, folder: Path) -> None:
            test_faults.test_kill_at_a_named_point(point, turn, fresh(folder, known[0]), known)

        def at_random(part: int, folder: Path) -> None:
            test_faults.test_kill_at_random_times(part, fresh(folder, known[0]), known)

        turns = range(20) if full else range(0, 20, 2)
        cases: list[Try] = [
            (f"{point}, {turn}", partial(named, point, turn), 1)
            for point in test_faults.POINTS
            for turn in turns
        ]
        if full:
            cases += [(f"20 at random, {part}", partial(at_random, part), 20) for part in range(10)]
        count, faults = tried(cases, say)
    claim = "a batch that is killed loses nothing finished, and resumes to the same bytes"
    return proof_of("E1", claim, count, faults, "every kill" if full else "every kill of 60")


def full_disks(full: bool, say: Say) -> Proof:
    """E2: a limit on file sizes, and file systems without room."""
    with undisturbed() as known:

        def limited(limit: int, folder: Path) -> None:
            test_faults.test_full_disk(limit, fresh(folder, known[0]), known)

        def mounted(kib: int, folder: Path) -> None:
            test_machine_faults.test_a_full_file_system(kib, fresh(folder, known[0]), known)

        limits = range(0, LARGEST_LIMIT, 75) if full else range(0, LARGEST_LIMIT, 400)
        sizes = (4, 8, 12, 24, 32, 48, 64, 96) if full else (8, 64)
        cases: list[Try] = [(f"{each} bytes", partial(limited, each), 1) for each in limits]
        cases += [(f"{each} KiB", partial(mounted, each), 1) for each in sizes]
        try:
            count, faults = tried(cases, say)
            note = ""
        except BaseException as skipped:  # pytest's, where file systems may not be mounted
            if type(skipped).__name__ != "Skipped":
                raise
            count, faults = tried(cases[: len(limits)], say)
            note = "this user may not mount file systems: those cases were left out"
    claim = "a full disk ends a batch with exit code 6, and it resumes when there is room"
    return proof_of("E2", claim, count, faults, "every case", note)


def dead_workers(full: bool, say: Say) -> Proof:
    """E3: workers that are killed, tasks that kill, tasks that need too much memory."""

    def with_study(test: Any, folder: Path) -> None:
        test(read_study(small_study(folder)), folder)

    kinds: list[tuple[str, Any]] = [
        ("a dead worker", partial(with_study, test_workers.test_a_dead_worker_costs_a_try)),
        ("a task that kills", partial(
            with_study, test_workers.test_a_task_that_kills_workers_fails_alone)),
        ("too much memory", test_machine_faults.test_a_task_that_needs_too_much_memory_fails_alone),
    ]  # fmt: skip
    cases = [(f"{name}, {i}", attempt, 1) for i in range(14) for name, attempt in kinds]
    count, faults = tried(cases[:40] if full else cases[1:3], say)
    claim = "a killed worker costs a try; a task that kills its workers fails alone"
    note = "dead schedulers: tests/batch/test_workers.py"
    return proof_of("E3", claim, count, faults, "every case", note)


def corruption(full: bool, say: Say) -> Proof:
    """E4: bits flipped, files cut, emptied, filled with zeros or swapped in a batch's folder."""
    rng = random.Random(SEED)
    wanted, missed, count = 1000 if full else 300, [], 0
    kinds = ("flip", "cut", "empty", "zeros", "swap", "append", WHOLE)
    with tempfile.TemporaryDirectory() as name, set_to(work_module, "sample", sample):
        study = read_study(small_study(Path(name)))
        store = Store(Path(name) / "out")
        states = states_of(tasks_of(study), study, store)
        run_batch(states, study, store, keep_fits=True, tell=lambda _: None)
        identities = [each.identity for each in states]
        sound = {each: store.result(each) for each in identities}
        while count < wanted:
            identity, other = rng.sample(identities, 2)
            kind = rng.choice(kinds)
            if kind == WHOLE:
                count += 1
                missed += swapped_folders(store, identity, other)
                continue
            file = rng.choice(["result.json", "fit.nc", "log.txt", DONE])
            path = store.place(identity) / file
            before = path.read_bytes()
            changed = damaged(kind, before, (store.place(other) / file).read_bytes(), rng)
            if changed == before:
                continue
            count += 1
            path.write_bytes(changed)
            if store.result(identity) is not None:
                missed.append(f"{kind} of {file}")
                path.write_bytes(before)
                continue
            aside = next((store.folder / "quarantine").iterdir())
            if (aside / file).read_bytes() != changed:
                missed.append(f"{kind} of {file}: not kept aside")
            aside.rename(store.place(identity))
            path.write_bytes(before)
            if store.result(identity) != sound[identity]:
                missed.append(f"{kind} of {file}: does not read when mended")
            if count % 200 == 0:
                say(f"{count} of {wanted}")
    claim = "damage to a stored result is seen, never trusted, and kept aside"
    return proof_of("E4", claim, count, missed, "every one detected")


def swapped_folders(store: Store, *pair: str) -> list[str]:
    """Two tasks' folders in each other's place: both must be seen. In words, what was not."""
    here, there = map(store.place, pair)
    between = here.with_name("between")

    def exchange() -> None:
        here.rename(between)
        there.rename(here)
        between.rename(there)

    exchange()
    trusted = [each for each in pair if store.result(each) is not None]
    for each in pair:
        if each not in trusted:
            next((store.folder / "quarantine").glob(f"{each}-*")).rename(store.place(each))
    exchange()
    return [f"{WHOLE} of {each}" for each in trusted]


def damaged(kind: str, data: bytes, other: bytes, rng: random.Random) -> bytes:
    """The bytes of a file after one damage; `other` are those of the same file elsewhere."""
    if kind == "flip" and data:
        at = rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == "cut" and data:
        return data[: rng.randrange(len(data))]
    if kind == "append":
        return data + rng.randbytes(rng.randrange(1, 9))
    return {"empty": b"", "zeros": bytes(len(data)), "swap": other}.get(kind, data)


def runners(full: bool, say: Say) -> Proof:
    """E5: two to four runners at once on one folder of 40 tasks."""
    with undisturbed(tables=20) as known:

        def together(count: int, folder: Path) -> None:
            study = fresh(folder, known[0])
            children = [test_faults.forked(lambda: test_faults.batch(study)) for _ in range(count)]
            assert [test_faults.ended(each) for each in children] == [0] * count
            assert not (study / "out" / "quarantine").exists()
            assert len(list((study / "out").rglob(DONE))) == 40
            test_faults.resumes(study, known[1])

        runs = 50 if full else 1
        cases = [(f"{2 + i % 3} runners", partial(together, 2 + i % 3), 40) for i in range(runs)]
        count, faults = tried(cases, say)
    claim = "several runners on one folder make exactly one valid result of each task"
    note = f"{runs} runs of 40 tasks, 2 to 4 runners each, on one computer"
    return proof_of("E5", claim, count, faults, "each task once", note)


def signals(full: bool, say: Say) -> Proof:
    """E6: Ctrl-C and SIGTERM at random times, in every engine."""
    stops = test_machine_faults.ALL_STOPS
    chosen = stops if full else [("workers", 0)]
    test = test_machine_faults.test_signals_stop_every_engine_within_five_seconds
    cases: list[Try] = [(f"{engine}, {n}", partial(test, engine, n), 1) for engine, n in chosen]
    count, faults = tried(cases, say)
    claim = "Ctrl-C and SIGTERM stop a batch within 5 s with exit code 130, and it resumes"
    return proof_of("E6", claim, count, faults, "every stop")
