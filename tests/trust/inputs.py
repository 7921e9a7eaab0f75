"""D1, D2, D4 and D5: bad inputs as a catalogue, generated, hostile, and far too large."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bayes_scaling.proofs.proof import Proof, Say
from tests.catalogue.case import Case, faults_of
from tests.catalogue.cases import CASES, ITEMS
from tests.trust.counted import Try, proof_of, tried

SECONDS, MEGABYTES = 5.0, 500
ROOT = Path(__file__).parents[2]


def catalogue(full: bool, say: Say) -> Proof:
    """D1: every case of the catalogue; in short the cases that one in three is."""
    cases: list[Try] = [(case.id, partial(_verdict, case), 1) for case in CASES]
    count, faults = tried(cases if full else cases[::3], say)
    claim = "each bad input gets its verdict, its lines and its exit code, and never a traceback"
    note = f"{len(CASES)} files for {ITEMS} items; each is a test of the suite of its own"
    return proof_of("D1", claim, count, faults, "every file, 0 tracebacks", note)


def _verdict(case: Case, folder: Path) -> None:
    faults = faults_of(case, folder)
    assert not faults, faults


def injections(full: bool, say: Say) -> Proof:
    """D4: sixty payloads on the page, in its CSV, in a PDF's data, on terminals and in logs."""
    from tests.trust.payloads import OUTPUTS, made

    report = made()
    faults, count = [], 0
    for name, examine in OUTPUTS.items():
        found = examine(report)
        faults += [f"{name}: {each}" for each in found]
        count += 60
        say(f"{name}: {len(found)} faults")
    note = "scripts run and addresses asked for in a browser: tests/browser/test_payloads.py"
    claim = "text from data is shown and never run, wherever it is shown"
    return proof_of("D4", claim, count, faults, "0 unescaped", note)


def generated(full: bool, say: Say) -> Proof:
    """D2: generated tables, quantities, model files and study files."""
    from tests.trust.properties import PROPERTIES

    examples = (10_000 if full else 2_000) // len(PROPERTIES)
    faults = []
    for name, prove in PROPERTIES.items():
        try:
            prove(examples)
        except Exception as fault:
            faults.append(f"{name}: {type(fault).__name__}: {str(fault)[:300]}")
        say(f"{name}: {examples} examples, {len(faults)} faults in all")
    claim = (
        "nothing but the package's own errors, no value that is not finite, and quantities "
        "that are read as they were written"
    )
    return proof_of("D2", claim, examples * len(PROPERTIES), faults, "every example")


def _rows(path: Path, count: int, row: bytes = b"1,1,1\n") -> None:
    with path.open("wb") as file:
        file.write(b"params,tokens,loss\n")
        for _ in range(count // 100_000):
            file.write(row * 100_000)


def _gzip(path: Path) -> None:
    with gzip.open(path, "wb", 1) as file:
        file.write(b"params,tokens,loss\n1,")
        for _ in range(1000):
            file.write(b"9" * 1_000_000)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("runs.csv", b"0" * 200_000_000)


BOMBS: dict[str, tuple[str, Callable[[Path], Any], tuple[str, ...], int]] = {
    "gzip of 1 GB": ("runs.csv.gz", _gzip, ("check",), 3),
    "zip": ("runs.zip", _zip, ("check",), 3),
    "10,000,000 rows": ("runs.csv", lambda p: _rows(p, 10_000_000, b"1e9,1e10,2.5\n"),
                        ("check",), 3),
    "a line of 400 MB": ("runs.csv", lambda p: p.write_bytes(
        b"params,tokens,loss\n1," + b"9" * 400_000_000), ("check",), 3),
    "1,000,000 columns": ("runs.csv", lambda p: p.write_text(
        ",".join(map(str, range(1_000_000))) + "\n" + "1," * 999_999 + "1\n"), ("check",), 3),
    "TOML nested 400,000 deep": ("study.toml", lambda p: p.write_text("x = " + "[" * 400_000),
                                 ("batch", "--dry-run", "-o", "out"), 2),
    "JSON nested 1,000,000 deep": ("claim.json", lambda p: p.write_text(
        '{"a":' * 1_000_000), ("score", "--loss", "2"), 2),
    "an integer of 5,000,000 digits": ("claim.json", lambda p: p.write_text(
        json.dumps({"kind": "x"})[:-1] + ', "seed": ' + "9" * 5_000_000 + "}"),
        ("score", "--loss", "2"), 2),
}  # fmt: skip
WATCH = """
import re, sys, time
from bayes_scaling.cli.entry import main
started = time.perf_counter()
code = main(sys.argv[1:])
took = time.perf_counter() - started
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())
print(code, took, int(peak[1]) / 1024 if peak else 0, file=sys.stderr)
"""


def bombs(full: bool, say: Say) -> Proof:
    """D5: small files that grow, and large ones that never end."""
    faults, worst = [], (0.0, 0.0)
    for name, (file, make, command, code) in BOMBS.items():
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / file)
            verb, *options = command
            ran = subprocess.run(
                [sys.executable, "-c", WATCH, verb, file, *options, "--json"], cwd=folder,
                capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        try:
            told = ran.stderr.splitlines()[-1].split()
            ended, took, size = int(told[0]), float(told[1]), float(told[2])
        except (IndexError, ValueError):
            faults.append(f"{name}: ended with {ran.returncode}: {ran.stderr[-200:]}")
            continue
        worst = max(worst[0], took), max(worst[1], size)
        say(f"{name}: exit code {ended}, {took:.1f} s, {size:.0f} MB")
        if ended != code or took > SECONDS or size > MEGABYTES:
            faults.append(f"{name}: exit code {ended}, {took:.1f} s, {size:.0f} MB: "
                          f"{ran.stdout[-200:]}")  # fmt: skip
    claim = "files that grow without end are refused before they fill time or memory"
    limit = f"refused in less than {SECONDS:.0f} s and {MEGABYTES} MB each"
    note = f"slowest {worst[0]:.1f} s, largest {worst[1]:.0f} MB, of which the program itself 150"
    return proof_of("D5", claim, len(BOMBS), faults, limit, note)


def finite(value: Any) -> Iterator[float]:
    """Every number in nested values that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        yield value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from finite(each)
