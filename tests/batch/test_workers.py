"""Worker processes and Dask: equal results, dead workers, endless tasks, interrupts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.cluster import run_dask
from bayes_scaling.batch.pool import run_pool
from bayes_scaling.batch.runner import State, run_batch, states_of, to_do
from bayes_scaling.batch.store import Store
from bayes_scaling.batch.study import Study, read_study
from bayes_scaling.cli.entry import main
from bayes_scaling.errors import BatchError, UsageError
from tests.batch.stubs import sample, sent_tasks, small_study, statuses

ROOT = Path(__file__).parents[2]
Run = Callable[..., list[State]]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return read_study(small_study(tmp_path))


def in_pool(tasks: Any, study: Study, folder: Path, **options: Any) -> list[State]:
    store = Store(folder)
    todo = to_do(states_of(tasks, study, store), retry_failed=True)
    options = {"workers": 2, "timeout": None, "keep_fits": False, "tell": lambda _: None} | options
    run_pool(todo, study, store, **options)
    return states_of(tasks, study, store)


def on_dask(tasks: Any, study: Study, folder: Path, **options: Any) -> list[State]:
    store = Store(folder)
    todo = to_do(states_of(tasks, study, store), retry_failed=True)
    options = {
        "workers": 2,
        "scheduler": None,
        "keep_fits": False,
        "tell": lambda _: None,
    } | options
    run_dask(todo, study, store, **options)
    return states_of(tasks, study, store)


def results_in(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.rglob("result.json")}


def lives(folder: Path, count: int) -> str:
    (folder / "lives").write_text(str(count))
    return str(folder / "lives")


def test_every_engine_gives_the_same_bytes(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = sent_tasks(study)
    events: list[Any] = []
    assert statuses(in_pool(tasks, study, tmp_path / "pool", tell=events.append)) == ["done"] * 4
    assert [each.kind for each in events].count("ended") == 4
    assert {each.worker for each in events} <= {0, 1}
    assert statuses(on_dask(tasks, study, tmp_path / "dask")) == ["done"] * 4
    monkeypatch.setattr(work_module, "sample", sample)
    store = Store(tmp_path / "serial")
    todo = states_of(tasks, study, store)
    run_batch(todo, study, store, keep_fits=False, tell=lambda _: None)
    expected = results_in(tmp_path / "serial")
    assert len(expected) == 4
    assert results_in(tmp_path / "pool") == expected == results_in(tmp_path / "dask")


def test_a_dead_worker_costs_a_try(study: Study, tmp_path: Path) -> None:
    tasks = sent_tasks(study, [("kill", lives(tmp_path, 2))])
    assert statuses(in_pool(tasks, study, tmp_path / "out")) == ["done"] * 4


def test_a_task_that_kills_workers_fails_alone(study: Study, tmp_path: Path) -> None:
    tasks = sent_tasks(study, [("kill", lives(tmp_path, 99))])
    states = in_pool(tasks, study, tmp_path / "out")
    assert statuses(states) == ["failed", "done", "done", "done"]
    assert "worker killed 3 times (SIGKILL)" in states[0].reason
    assert (tmp_path / "lives").read_text() == "96"


def test_an_endless_task_fails_alone(study: Study, tmp_path: Path) -> None:
    tasks = sent_tasks(study, [("loop", "")])
    states = in_pool(tasks, study, tmp_path / "out", timeout=12.0)
    assert statuses(states) == ["failed", "done", "done", "done"]
    assert "longer than 12 seconds" in states[0].reason


def test_an_interrupt_stops_workers_within_five_seconds(tmp_path: Path) -> None:
    small_study(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nfrom bayes_scaling.batch import task\n"
        "from tests.batch.stubs import sent_tasks\nfrom bayes_scaling.cli.entry import main\n"
        "if __name__ == '__main__':\n"
        "    real = sent_tasks\n"
        "    task.tasks_of = lambda study: _tasks(study)\n"
        "    def _tasks(study, known=task.tasks_of):\n"
        "        return TASKS or TASKS.extend(real(study, [('loop', '')] * 2)) or TASKS\n"
        "    TASKS = []\n"
        f"    sys.exit(main(['batch', {str(tmp_path / 'study.toml')!r}, '-o', "
        f"{str(tmp_path / 'out')!r}, '--workers', '2']))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    running = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    until = time.monotonic() + 60
    while len(list((tmp_path / "out").rglob(".lock"))) < 2:
        assert time.monotonic() < until and running.poll() is None, running.communicate()
        time.sleep(0.1)
    started = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130 and time.monotonic() - started < 5
    assert "interrupted" in said
    assert not list((tmp_path / "out").rglob("FAILED"))


@pytest.fixture
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler and two workers, each a process of its own; the scheduler is the first."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    common: dict[str, Any] = {"cwd": ROOT, "env": environment, "stderr": subprocess.STDOUT,
                              "stdout": subprocess.PIPE, "text": True}  # fmt: skip
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
               "--port", "0", "--no-dashboard", "--no-show"]  # fmt: skip
    processes = [subprocess.Popen(command, **common)]
    try:
        assert processes[0].stdout is not None
        address = next(found[0] for line in processes[0].stdout
                       if (found := re.findall(r"tcp://127\.0\.0\.1:\d+", line)))  # fmt: skip
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1",
                  "--host", "127.0.0.1", "--no-dashboard"]  # fmt: skip
        common |= {"stdout": subprocess.DEVNULL}
        processes += [subprocess.Popen(worker, **common) for _ in range(2)]
        yield address, processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.mark.slow
def test_a_running_cluster_survives_dead_workers(
    study: Study, tmp_path: Path, cluster: tuple[str, Sequence[Any]]
) -> None:
    address, _ = cluster
    tasks = sent_tasks(study, [("kill", lives(tmp_path, 1))])
    states = on_dask(tasks, study, tmp_path / "out", scheduler=address)
    assert statuses(states) == ["done"] * 4 and (tmp_path / "lives").read_text() == "-1"
    tasks = sent_tasks(study, [("kill", lives(tmp_path, 99))])
    states = on_dask(tasks, study, tmp_path / "other", scheduler=address)
    assert statuses(states) == ["failed", "done", "done", "done"]
    assert "worker killed" in states[0].reason


@pytest.mark.slow
def test_a_dead_scheduler_loses_nothing(tmp_path: Path, cluster: tuple[str, Sequence[Any]]) -> None:
    address, processes = cluster
    study = read_study(small_study(tmp_path, tables=12))
    tasks = sent_tasks(study, [("wait", "")] * 24)
    ended: list[Any] = []

    def tell(event: Any) -> None:
        ended.append(event)
        if len(ended) == 5:
            processes[0].kill()

    with pytest.raises(BatchError, match="run the same again") as fault:
        on_dask(tasks, study, tmp_path / "out", scheduler=address, tell=tell)
    assert fault.value.exit_code == 5
    kept = results_in(tmp_path / "out")
    assert 5 <= len(kept) < 24
    assert statuses(in_pool(tasks, study, tmp_path / "out")) == ["done"] * 24
    after = results_in(tmp_path / "out")
    assert len(after) == 24 and all(after[key] == value for key, value in kept.items())


def test_options_that_do_not_go_together(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["batch", str(tmp_path / "study.toml"), "-o", str(tmp_path / "out")]
    for more in (["--engine", "ray"], ["--scheduler", "tcp://x:1"],
                 ["--engine", "dask", "--timeout", "3"]):  # fmt: skip
        assert main([*command, *more]) == 2
        assert "--" in capsys.readouterr().err
    with pytest.raises(UsageError, match="no scheduler answers"):
        on_dask(sent_tasks(study), study, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
