"""Proof that a batch of a thousand tables ends as it should, with bad tables in it and under kills.

The same study is run in peace and with `kill -9` of the whole batch, workers and all, every minute;
the command is then given again, as a scheduler would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from bayes_scaling.batch.runner import FAULTY, FINISHED
from bayes_scaling.batch.store import MANIFEST
from bayes_scaling.errors import EXIT_BATCH
from bayes_scaling.proofs.proof import Proof, Say
from tests.conftest import ladder
from tests.trust.counted import GIB

TABLES, TABLES_IN_SHORT = 1000, 120
EVERY, EVERY_IN_SHORT = 60.0, 10.0
"""Seconds between two kills."""
MOST_MEMORY = 2.0
"""GiB of a worker."""
MOST_OVERHEAD = 0.10
SCATTER = 0.004
SEED = 20261128
HEAD = "run,params,tokens,loss\n"
POISON = {
    "nothing": "",
    "a header alone": HEAD,
    "no header": "a,1e8,2e9,3.1\nb,2e8,4e9,2.9\n" * 5,
    "no loss": "run,params,tokens\n" + "".join(f"r{i},{i}e8,2e9\n" for i in range(1, 9)),
    "words for numbers": HEAD + "".join(f"r{i},small,2e9,3.{i}\n" for i in range(1, 9)),
    "losses that are no number": HEAD + "".join(f"r{i},{i}e8,2e9,nan\n" for i in range(1, 9)),
    "negative sizes": HEAD + "".join(f"r{i},-{i}e8,2e9,3.{i}\n" for i in range(1, 9)),
    "three runs": HEAD + "".join(f"r{i},{i}e8,{i}e9,3.{i}\n" for i in range(1, 4)),
    "no text": "\0\1\2" * 50,
    "an open quote": HEAD + '"r1,1e8,2e9,3.1\n' * 8,
}
"""Tables that cannot be fitted, by what is wrong with them."""
STUDY = """
tables = ["*.csv"]
models = ["chinchilla-plain"]
[forecast]
flops = ["1e22"]
"""


@dataclass
class Seen:
    """What a batch did: time of all its calls, kills, last exit code, largest memory [GiB]."""

    seconds: float = 0.0
    kills: int = 0
    code: int = 0
    memory: float = 0.0


def thousand_tables(full: bool, say: Say) -> Proof:
    """E7: a thousand tables, ten of them poisoned, in peace and with a kill every minute."""
    tables, every = (TABLES, EVERY) if full else (TABLES_IN_SHORT, EVERY_IN_SHORT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, tables)
        peace = _run(folder, "peace", None, say)
        killed = _run(folder, "killed", every, say)
        ended = {out: _statuses(folder / out) for out in ("peace", "killed")}
        same = _results(folder / "peace") == _results(folder / "killed")
    done, failed = (sum(s == what for s in ended["killed"].values()) for what in (FINISHED, FAULTY))
    bad = {table for table, status in ended["killed"].items() if status == FAULTY}
    wanted = {_poisoned(number) for number in range(len(POISON))}
    overhead = killed.seconds / peace.seconds - 1
    memory = max(peace.memory, killed.memory)
    good = (
        done == tables - len(POISON), bad == wanted, same, ended["peace"] == ended["killed"],
        peace.code == killed.code == EXIT_BATCH, memory < MOST_MEMORY, killed.kills > 0,
        overhead <= MOST_OVERHEAD or not full,
    )  # fmt: skip
    return Proof(
        "E7",
        "a large batch with bad tables in it, killed again and again, ends as in peace",
        tables,
        f"{done} done, {failed} failed by name, exit code {killed.code}, {killed.kills} kills; "
        f"results {'the same' if same else 'others'}; {memory:.2f} GiB at most; "
        f"{killed.seconds:.0f} s, {overhead:+.0%} on {peace.seconds:.0f} s in peace",
        f"{tables - len(POISON)} done, {len(POISON)} named failures, exit code {EXIT_BATCH}; "
        f"< {MOST_MEMORY:g} GiB a process" + (f"; <= {MOST_OVERHEAD:.0%} longer" if full else ""),
        all(good),
        f"Every {every:g} s all processes of the batch are killed and the command is given again; "
        "each start imports and compiles anew or reads what was compiled",
    )


def _write(folder: Path, tables: int) -> None:
    rng = np.random.default_rng(SEED)
    for number in range(tables - len(POISON)):
        table = ladder()
        table["loss"] *= np.exp(SCATTER * rng.standard_normal(len(table)))
        table.to_csv(folder / f"t-{number:04d}.csv", index=False)
    for number, text in enumerate(POISON.values()):
        (folder / f"{_poisoned(number)}.csv").write_text(text)
    (folder / "study.toml").write_text(STUDY)


def _poisoned(number: int) -> str:
    return f"p-{number}"


def _run(folder: Path, out: str, every: float | None, say: Say) -> Seen:
    """Give the command until it ends by itself."""
    command = [sys.executable, "-m", "bayes_scaling", "batch", str(folder / "study.toml"), "-q",
               "-o", str(folder / out), "--workers", str(os.cpu_count() or 1)]  # fmt: skip
    seen, began = Seen(), time.monotonic()
    while True:
        started = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as batch:  # fmt: skip
            while batch.poll() is None:
                seen.memory = max(seen.memory, _memory(batch.pid))
                if every is not None and time.monotonic() - started > every:
                    os.killpg(batch.pid, signal.SIGKILL)
                    seen.kills += 1
                    say(f"kill {seen.kills}")
                    break
                time.sleep(0.5)
        if batch.returncode >= 0:
            seen.code, seen.seconds = batch.returncode, time.monotonic() - began
            say(f"{out}: {seen.seconds:.0f} s")
            return seen


def _memory(pid: int) -> float:
    """Largest memory of a process of the batch [GiB]."""
    try:
        top = psutil.Process(pid)
        return max(p.memory_info().rss for p in (top, *top.children(recursive=True))) / GIB
    except psutil.Error:
        return 0.0


def _statuses(out: Path) -> dict[str, str]:
    """Where each table stands; one that failed without a reason is not counted as failed."""
    rows = json.loads((out / MANIFEST).read_text())["tasks"]
    told = {Path(row["task"].split()[0]).stem: (row["status"], row["reason"]) for row in rows}
    return {k: "silent" if s == FAULTY and not why else s for k, (s, why) in told.items()}


def _results(out: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in out.rglob("result.json"))
