"""Versions: the suite's quick part with the lowest and the newest dependencies that are allowed.

`python -m tests.trust.versions [--python 3.13 ...] [--folder DIR] [lowest|newest ...]`
makes a throw-away environment for each, by uv and from whatever registry uv is set up for, ignoring
what this release is pinned to; installs the package without its extras, runs the tests below in it
and prints a table of what broke. Tests of extras and of the speed of this machine are left out, and
warnings of dependencies are no errors here. Meant for once a week; needs a network.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bayes_scaling.proofs.proof import Proof, Say

ROOT = Path(__file__).parents[2]
WAYS = {"lowest": "lowest-direct", "newest": "highest"}
PYTHONS = ("3.12", "3.13", "3.14")
WHICH = "BAYES_SCALING_PYTHONS"
"""This environment variable names interpreters that uv does not find by their versions."""
NOT_INSTALLED = "not installed"
TOOLS = ("pytest", "pytest-xdist", "hypothesis", "jsonschema", "polars")
"""Of the dependency group dev, what these tests need."""
TESTS = ("tests/runs", "tests/laws", "tests/specs", "tests/cli", "tests/decisions",
         "tests/reporting", "tests/catalogue")  # fmt: skip
LEFT_OUT = ("tests/cli/test_imports.py", "tests/cli/test_startup.py", "tests/reporting/test_pdf.py")
NEEDS_AN_EXTRA = "not Typst"
UV = ("uv",)


def tools() -> list[str]:
    """The requirements of the tools, as pyproject.toml has them."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    return [line for line in group if re.split(r"[><=\[; ]", line)[0] in TOOLS]


def ran(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **more)  # type: ignore[call-overload, no-any-return]


def installed(place: Path, python: str, way: str) -> str:
    """Make an environment; return why it cannot be made, or nothing."""
    target = str(place / "bin" / "python")
    pip = [*UV, "pip", "install", "--no-config", "-q", "--python", target]
    source = place.with_name(f"{place.name}-source")
    source.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", str(source)], input=archive.stdout, check=True)
    for command in (
        [*UV, "venv", "--no-config", "-q", "--python", python, str(place)],
        [*pip, "--resolution", WAYS[way], "-r", "pyproject.toml", *tools()],
        [*pip, "--no-deps", str(source)],
    ):
        done = ran(command)
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            return " / ".join(re.sub(r"`?https?://\S+", "...", line) for line in lines[:2])
    return ""


def tested(place: Path) -> list[str]:
    """Run the tests in an environment; return the last line and what failed."""
    caches = {"BAYES_SCALING_CACHE": str(place / "cache"), "PYTHONPATH": str(ROOT),
              "PYTENSOR_FLAGS": f"base_compiledir={place / 'stack'}"}  # fmt: skip
    command = [str(place / "bin" / "python"), "-m", "pytest", "-q", "-n", "0", "-p",
               "no:cacheprovider", "-o", "filterwarnings=default", "-k", NEEDS_AN_EXTRA,
               *(f"--ignore={each}" for each in LEFT_OUT), *TESTS]  # fmt: skip
    done = ran(command, env={**os.environ, **caches})
    lines = done.stdout.splitlines() or done.stderr.splitlines() or ["nothing was said"]
    broke = [line[:150] for line in lines if line.startswith(("FAILED ", "ERROR tests"))]
    return [lines[-1].strip("= "), *broke]


def pairs(
    pythons: Sequence[str], ways: Sequence[str], folder: str | None = None
) -> Iterator[tuple[str, str, list[str]]]:
    """Try each pair: Python, dependencies, and what was seen: its last line, then what broke."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="versions-") as made:
        for number, python in enumerate(pythons):
            for way in ways:
                place = Path(made) / f"{way}-{number}"
                why = installed(place, python, way)
                found = [f"{NOT_INSTALLED}: {why}"] if why else tested(place)
                yield (python if why else version_of(place)), way, found


def version_of(place: Path) -> str:
    return ran([str(place / "bin" / "python"), "--version"]).stdout.split()[-1]


def versions_work(full: bool, say: Say) -> Proof:
    """C3: the lowest and the newest dependencies, on each Python; there is no short form."""
    pythons = (os.environ.get(WHICH) or " ".join(PYTHONS)).split()
    seen = []
    for python, way, found in pairs(pythons, list(WAYS)):
        say(f"{python}, {way}: {found[0]}")
        seen.append((python, way, found))
    missing = [f"{p}, {way}" for p, way, found in seen if found[0].startswith(NOT_INSTALLED)]
    red = [f"{p}, {way}" for p, way, found in seen if f"{p}, {way}" not in missing and found[1:]]
    green = len(seen) - len(missing) - len(red)
    told = "; ".join(f"Python {p}, {way}: {' '.join(found)[:300]}" for p, way, found in seen)
    return Proof(
        "C3",
        "the suite's quick part passes with the lowest and the newest dependencies allowed",
        len(seen),
        f"{green} of {len(seen)} pairs pass"
        + (f"; broken: {'; '.join(red)}" if red else "")
        + (f"; not there: {'; '.join(missing)}" if missing else ""),
        f"Python {', '.join(PYTHONS)}, lowest and newest: all",
        green == len(PYTHONS) * len(WAYS),
        told,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trust.versions", description=__doc__)
    parser.add_argument("ways", nargs="*", default=list(WAYS), metavar="lowest|newest")
    parser.add_argument("--python", nargs="+", default=list(PYTHONS))
    parser.add_argument("--folder", help="Where the environments are made; else a temporary one.")
    asked = parser.parse_args(arguments)
    bad = False
    print("| Python | dependencies | what was seen |\n|---|---|---|")
    for python, way, found in pairs(asked.python, asked.ways, asked.folder):
        bad = bad or found[0].startswith(NOT_INSTALLED) or len(found) > 1
        print(f"| {python} | {way} | {'<br>'.join(found)} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
