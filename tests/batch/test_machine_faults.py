"""Faults of the machine: signals, no room, no memory, wrong clocks, damaged caches."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bayes_scaling.batch.study import read_study
from tests.batch.stubs import sent_tasks, small_study, statuses
from tests.batch.test_faults import (
    batch,
    ended,
    forked,
    resumes,
    stood,
    study,
    undisturbed,
)
from tests.batch.test_workers import in_pool

__all__ = ["study", "undisturbed"]
ROOT = Path(__file__).parents[2]
SEED = 20261128
ENGINES = {
    "serial": (),
    "workers": ("--workers", "2"),
    "dask": ("--engine", "dask", "--workers", "2"),
}
ALL_STOPS = [(engine, number) for engine in ENGINES for number in range(17)]
RARE = [pytest.mark.slow, pytest.mark.exhaustive]
"""Marks of the last eleven of seventeen stops of an engine."""
STOPS = [
    pytest.param(engine, number, marks=RARE[: (number >= 2) + (number >= 6)])
    for engine, number in ALL_STOPS
]


@pytest.mark.parametrize(("engine", "number"), STOPS)
def test_signals_stop_every_engine_within_five_seconds(
    engine: str, number: int, tmp_path: Path
) -> None:
    """51 batches stopped at random times, by Ctrl-C and SIGTERM in turn; each resumes."""
    folder, out = small_study(tmp_path, tables=6).parent, tmp_path / "out"
    command = [sys.executable, "-m", "tests.batch.slow_batch", str(folder / "study.toml"), str(out)]
    running = subprocess.Popen(
        [*command, *ENGINES[engine]], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    until = time.monotonic() + 120
    while not list(out.rglob("DONE")):
        assert time.monotonic() < until and running.poll() is None, running.communicate()
        time.sleep(0.05)
    rng = random.Random(f"{SEED} {engine} {number}")
    time.sleep(rng.uniform(0, 1))
    started = time.monotonic()
    running.send_signal((signal.SIGINT, signal.SIGTERM)[number % 2])
    _, said = running.communicate(timeout=60)
    took = time.monotonic() - started
    if running.returncode != 0:  # else it had ended before
        assert (running.returncode, took < 5) == (130, True), (took, said)
        assert "interrupted" in said and "Traceback" not in said
    assert not list(out.rglob("FAILED"))
    kept = {path: path.read_bytes() for path in out.rglob("result.json")}
    assert kept
    subprocess.run(
        [*command, "-q"], cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )  # fmt: skip
    assert len(list(out.rglob("DONE"))) == 12
    assert all(path.read_bytes() == data for path, data in kept.items())


def own_mounts() -> bool:
    """Give this process file systems of its own, if it may."""
    try:
        os.unshare(os.CLONE_NEWNS | (0 if os.geteuid() == 0 else os.CLONE_NEWUSER))
    except (AttributeError, OSError):
        return False
    private = ["mount", "--make-rprivate", "/"]
    return subprocess.run(private, capture_output=True).returncode == 0


def mounted(folder: Path, kib: int, how: str = "size") -> bool:
    folder.mkdir(exist_ok=True)
    options = f"size={kib}k" if how == "size" else f"remount,size={kib}k"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


NO_MOUNT = 77


@pytest.mark.parametrize("kib", [4, 8, 12, 24, 32, 48, 64, 96])
def test_a_full_file_system(
    kib: int, study: Path, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    """Exit code 6, no rests, earlier results intact; resumes when there is room again."""

    def work() -> int:
        if not (own_mounts() and mounted(study / "out", kib)):
            return NO_MOUNT
        assert batch(study) == 6
        assert not list((study / "out").rglob("*.part"))
        stood(study, undisturbed[1])
        assert mounted(study / "out", 8192, "remount")
        resumes(study, undisturbed[1])
        return 0

    code = ended(forked(work))
    if code == NO_MOUNT:
        pytest.skip("this user may not mount a file system")
    assert code == 0


def test_a_task_that_needs_too_much_memory_fails_alone(tmp_path: Path) -> None:
    study = read_study(small_study(tmp_path))
    states = in_pool(sent_tasks(study, [("eat", "")]), study, tmp_path / "out")
    assert statuses(states) == ["failed", "done", "done", "done"]
    assert "Unable to allocate" in states[0].reason


@pytest.mark.parametrize("shift", [-86400.0, 86400.0])
def test_a_wrong_clock_changes_nothing(
    shift: float, study: Path, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    """The clock jumps by a day in the middle of a batch, and is wrong for the next runner."""
    real, calls = time.time, [0]

    def jumping() -> float:
        calls[0] += 1
        return real() + (shift if calls[0] > 3 else 0.0)

    def work() -> int:
        time.time = jumping
        code = batch(study)
        assert batch(study) == 0
        return code

    assert ended(forked(work)) == 0
    assert stood(study, undisturbed[1]) == 4
    before = {p: p.stat().st_mtime_ns for p in (study / "out").rglob("result.json")}
    resumes(study, undisturbed[1])
    assert {p: p.stat().st_mtime_ns for p in (study / "out").rglob("result.json")} == before


FIT = """
import sys, warnings, bayes_scaling as bs
runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
spec = bs.load_model("power-floor-plain", resource="params")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    bs.fit(spec, runs, seed=5, draws=100).save(sys.argv[1])
print([str(each.message) for each in said if "compile cache" in str(each.message)])
"""


def fitting(out: Path, stack: Path, own: Path) -> subprocess.Popen[str]:
    """Start a real fit with compile caches of its own."""
    known = {"PYTENSOR_FLAGS": f"base_compiledir={stack}", "BAYES_SCALING_CACHE": str(own)}
    return subprocess.Popen(
        [sys.executable, "-c", FIT, str(out)], env={**os.environ, **known}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
def test_four_processes_fill_empty_compile_caches_at_once(tmp_path: Path) -> None:
    outs = [tmp_path / f"{number}.nc" for number in range(4)]
    running = [fitting(out, tmp_path / "stack", tmp_path / "own") for out in outs]
    for each in running:
        _, said = each.communicate(timeout=600)
        assert each.returncode == 0, said
    assert len({out.read_bytes() for out in outs}) == 1
    assert len(list((tmp_path / "own").iterdir())) == 1


def flip(data: bytearray) -> bytearray:
    data[len(data) // 2] ^= 4
    return data


DAMAGES: dict[str, Callable[[bytearray], bytes | bytearray]] = {
    "a bit flipped": flip,
    "cut in half": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "empty": lambda data: b"",
}


@pytest.mark.slow
def test_damaged_compile_caches_are_told_and_not_used(tmp_path: Path) -> None:
    stack, own = tmp_path / "stack", tmp_path / "own"
    said, _ = fitting(tmp_path / "sound.nc", stack, own).communicate(timeout=600)
    assert said.strip() == "[]"
    shutil.copytree(stack, tmp_path / "copy")
    for name, damage in DAMAGES.items():
        shutil.rmtree(stack)
        shutil.copytree(tmp_path / "copy", stack)
        for path in (*stack.rglob("*.nb?"), *own.iterdir()):
            path.write_bytes(damage(bytearray(path.read_bytes())))
        said, _ = fitting(tmp_path / "fit.nc", stack, own).communicate(timeout=600)
        assert "delete that folder" in said or name == "zeros", (name, said)
        assert (tmp_path / "fit.nc").read_bytes() == (tmp_path / "sound.nc").read_bytes(), name
