"""What a verb imports, how fast help is, and how an interrupted one ends."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SAMPLER = ("pymc", "pytensor", "nutpie", "numba")
HEAVY = (*SAMPLER, "arviz", "arviz_stats", "matplotlib", "scipy", "pandas", "sympy")
PROGRAM = "import sys; from bayes_scaling.cli import main; code = main(sys.argv[2:]); "
PROBE = PROGRAM + "print([m for m in sys.argv[1].split(',') if m in sys.modules], code)"


def imported(modules: tuple[str, ...], *arguments: object) -> str:
    """Last line of a run in a fresh process: which of the modules it loaded, and its exit code."""
    command = [sys.executable, "-c", PROBE, ",".join(modules), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()[-1]


@pytest.mark.parametrize("line", ["--help", "forecast --help", "models show --help", "--version"])
def test_help_imports_nothing_heavy(line: str) -> None:
    assert imported(HEAVY, *line.split()) == "[] 0"


def test_help_takes_less_than_a_second() -> None:
    assert min(cpu_seconds("--help") for _ in range(3)) < 1.0


def test_answers_without_sampling_take_less_than_three_seconds(
    tmp_path: Path, folder: Path
) -> None:
    """`check` of 1,000 rows, and a forecast from a saved fit: processor time, best of three."""
    rows = [f"r{i},{1e7 + 1e6 * i},{1e9 + 1e8 * (i % 97)},{4 - i / 1000}" for i in range(1000)]
    table = tmp_path / "many.csv"
    table.write_text("\n".join(["run,params,tokens,loss", *rows]))
    for line in (["check", table], ["forecast", folder / "fit.nc", "--flops", "1e22"]):
        assert min(cpu_seconds(*line) for _ in range(3)) < 3.0, line


def cpu_seconds(*arguments: object) -> float:
    """Processor time of a run in a fresh process; other work on the machine hardly moves it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    imported((), *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_reading_verbs_import_no_sampler(folder: Path) -> None:
    fit = folder / "fit.nc"
    plots = (*SAMPLER, "arviz", "matplotlib")
    assert imported(plots, "check", folder / "runs.csv") == "[] 0"
    assert imported((*plots, "arviz_stats"), "forecast", fit, "--flops", "1e22") == "[] 0"
    assert imported((*plots, "arviz_stats"), "allocate", fit, "--flops", "1e22") == "[] 0"
    assert imported((*plots, "arviz_stats"), "models") == "[] 0"
    show = ("models", "show", "chinchilla-plain", "-q")
    assert imported((*plots, "arviz_stats"), *show) == "[] 0"


def test_a_closed_pipe_is_no_fault() -> None:
    command = f"{sys.executable} -m bayes_scaling schema model | head -1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert ran.stdout == "{\n0\n"
    assert ran.stderr == ""


def test_a_full_disk_behind_stdout_is_exit_6() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "bayes_scaling", "models"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 6
    assert "cannot write to stdout" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_compiling(folder: Path, tmp_path: Path, number: int) -> None:
    line = ["fit", str(folder / "runs.csv"), "-m", "chinchilla-plain", "-o", str(tmp_path / "f.nc")]
    process = subprocess.Popen(
        [sys.executable, "-m", "bayes_scaling", *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "80", "BAYES_SCALING_CACHE": ""},
    )
    assert process.stderr is not None
    while "compiling" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1.0)
    started = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - started < 5.0
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
