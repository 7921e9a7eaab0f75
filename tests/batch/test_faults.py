"""Nothing is lost: kills at named points and at random times, full disks, several runners at once.

A batch of hand-made fits runs in a forked process, so that it can be killed; what it leaves behind
must hold finished tasks only, and a rerun must give the files of an undisturbed run.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling import files
from bayes_scaling.batch import store as store_module
from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.runner import states_of
from bayes_scaling.batch.store import DONE, Store
from bayes_scaling.batch.study import read_study
from bayes_scaling.batch.task import VERSIONS_NOW, tasks_of
from bayes_scaling.cli.entry import main
from tests.batch.stubs import sample, small_study

SEED = 20261127
TASKS = 4
WRITES = 3 * TASKS + 4
"""Files that a batch writes at the least: three for each task, and what sums them up."""


def batch(folder: Path) -> int:
    return main(["batch", str(folder / "study.toml"), "-o", str(folder / "out"), "-q"])


def forked(work: Callable[[], int]) -> int:
    """Start a process of its own that does `work`; return its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no other thread holds a lock here
        child = os.fork()
    if child == 0:
        code = 99
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            code = work()
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Exit code of a forked process, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that must be as in an undisturbed run."""
    out = folder / "out"
    kept = ("result.json", "DONE", "log.txt", "summary.csv", "results.jsonl", "manifest.json")
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.name in kept}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    small_study(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(work_module, "sample", sample)
    assert batch(folder) == 0
    patch.undo()
    return folder, contents(folder)


@pytest.fixture
def study(
    undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A fresh folder of the same study, and hand-made fits."""
    monkeypatch.setattr(work_module, "sample", sample)
    for path in undisturbed[0].iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def stood(folder: Path, expected: dict[str, bytes]) -> int:
    """Check what a dead process left; return the number of finished tasks."""
    known = read_study(folder / "study.toml")
    states = states_of(tasks_of(known), known, Store(folder / "out"))
    done = [state.identity for state in states if state.status == "done"]
    assert {state.status for state in states} <= {"done", "not run"} and len(states) == TASKS
    for identity in done:
        name = f"tasks/{identity}/result.json"
        assert (folder / "out" / name).read_bytes() == expected[name]
    assert not (folder / "out" / "quarantine").exists()
    return len(done)


def resumes(folder: Path, expected: dict[str, bytes]) -> None:
    """Check that the same command gives the set of an undisturbed run, and leaves no rest."""
    assert batch(folder) == 0
    assert contents(folder) == expected
    assert not list((folder / "out" / "tasks").rglob("*.part"))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at(turn: int, real: Callable[..., Any], when: Callable[..., bool] = lambda *_: True) -> Any:
    """Return `real`, which kills its process at its `turn`-th call of those that count."""
    calls = [0]

    def call(*arguments: Any, **more: Any) -> Any:
        calls[0] += when(*arguments)
        if calls[0] > turn:
            die()
        return real(*arguments, **more)

    return call


def half_written(turn: int) -> Any:
    opened = [0]

    def fdopen(handle: int, mode: str) -> Any:
        file = os.fdopen(handle, mode)
        opened[0] += 1
        if opened[0] <= turn:
            return file

        class Half:
            def __enter__(self) -> Half:
                return self

            def __exit__(self, *_: object) -> None: ...

            def write(self, data: bytes) -> None:
                file.write(data[: len(data) // 2])
                file.flush()
                die()

        return Half()

    return fdopen


def armed(point: str, turn: int) -> None:
    """Set one of the named points at which this process kills itself."""
    if point == "before the temporary file":
        files.tempfile.mkstemp = at(turn, files.tempfile.mkstemp)  # type: ignore[attr-defined]
    elif point == "in the temporary file":
        files.os = _with(os, "fdopen", half_written(turn))  # type: ignore[attr-defined]
    elif point == "before fsync":
        files.os = _with(os, "fsync", at(turn, os.fsync))  # type: ignore[attr-defined]
    elif point == "before the rename":
        Path.replace = at(turn, Path.replace)  # type: ignore[method-assign]
    elif point == "before DONE":
        last = lambda path, _text: Path(path).name == DONE  # noqa: E731
        store_module.write_text = at(turn % TASKS, store_module.write_text, last)  # type: ignore[attr-defined]
    else:
        Store.keep_manifest = at(0, Store.keep_manifest)  # type: ignore[method-assign]


def _with(module: Any, name: str, value: Any) -> Any:
    class Changed:
        def __getattr__(self, asked: str) -> Any:
            return value if asked == name else getattr(module, asked)

    return Changed()


POINTS = (
    "before the temporary file", "in the temporary file", "before fsync", "before the rename",
    "before DONE", "before the manifest",
)  # fmt: skip


TURNS = [pytest.param(turn, marks=[pytest.mark.slow] if turn >= 10 else []) for turn in range(20)]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("point", POINTS)
def test_kill_at_a_named_point(
    point: str, turn: int, study: Path, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    def work() -> int:
        armed(point, turn % WRITES)
        return batch(study)

    assert ended(forked(work)) == -signal.SIGKILL
    done = stood(study, undisturbed[1])
    if point == "before DONE":
        assert done == turn % TASKS
    elif point == "before the manifest":
        assert done == TASKS
    resumes(study, undisturbed[1])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_kill_at_random_times(
    part: int, study: Path, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    """20 kills each, of as many batches."""
    rng = random.Random(SEED + part)
    started = time.monotonic()
    assert ended(forked(lambda: batch(study))) == 0
    whole = time.monotonic() - started
    for _ in range(20):
        _empty(study / "out")
        child = forked(lambda: batch(study))
        time.sleep(rng.uniform(0, whole))
        os.kill(child, signal.SIGKILL)
        ended(child)
        if (study / "out").exists():
            stood(study, undisturbed[1])
        resumes(study, undisturbed[1])


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("limit", [0, 1, 100, 300, 600, 900, 1200, 1500, 2000, 2500])
def test_full_disk(limit: int, study: Path, undisturbed: tuple[Path, dict[str, bytes]]) -> None:
    """No file may grow beyond a limit: exit code 6, no rests, earlier results intact."""

    def work() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return batch(study)

    code = ended(forked(work))
    sizes = [len(data) for name, data in undisturbed[1].items() if name.endswith("json")]
    assert code == (6 if limit < max(sizes) else 0)
    assert not list((study / "out").rglob("*.part"))
    stood(study, undisturbed[1])
    resumes(study, undisturbed[1])


def test_several_runners_on_one_folder(
    study: Path, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    children = [forked(lambda: batch(study)) for _ in range(4)]
    assert [ended(child) for child in children] == [0] * 4
    stood(study, undisturbed[1])
    resumes(study, undisturbed[1])


def test_another_version_is_another_task(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch(study) == 0
    before = contents(study)
    known = bs.read_results(study / "out")
    monkeypatch.setitem(VERSIONS_NOW, "pymc", "6.99.0")
    capsys.readouterr()
    main(["batch", str(study / "study.toml"), "-o", str(study / "out"), "--json"])
    (said,) = json.loads(capsys.readouterr().out)["warnings"]
    assert "pymc" in said and "6.99.0" in said and "the old results stay" in said
    after = contents(study)
    assert {k: v for k, v in after.items() if k in before and k.startswith("tasks")} == {
        k: v for k, v in before.items() if k.startswith("tasks")
    }
    assert len([k for k in after if k.endswith("result.json")]) == 2 * TASKS
    same = bs.read_results(study / "out").drop(columns="id")
    pd.testing.assert_frame_equal(known.drop(columns="id"), same)
