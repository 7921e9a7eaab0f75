"""F1 to F4: promises of the interface, each measured by the tests that hold it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from bayes_scaling.proofs.proof import Proof, Say

ROOT = Path(__file__).parents[2]
COMMANDS = ("tests/cli", "tests/batch/test_study.py")
PAGES = ("tests/test_docs.py", "tests/test_readme.py", "tests/test_docstrings.py",
         "tests/test_fresh_clone.py", "tests/test_case_studies.py")  # fmt: skip
REPORTS = ("tests/reporting/test_report.py", "tests/reporting/test_setting_page.py",
           "tests/reporting/test_what_if.py", "tests/browser")  # fmt: skip
STARTUP = {
    "--help": 1.0,
    "check of 1,000 rows": 3.0,
    "forecast from a saved fit": 10.0,
    "table to report, second time on a machine": 30.0,
}
"""Limits of the plan [s] by the names of the benchmark's lines."""


def commands_answer(full: bool, say: Say) -> Proof:
    """F1: help, JSON and exit codes of every command; without a short form."""
    claim = "every command helps, prints JSON that its schema allows, and ends with its exit code"
    return _passed("F1", claim, COMMANDS, say)


def starts_fast(full: bool, say: Say) -> Proof:
    """F2: start-up times on an idle machine, by the benchmark; without a short form."""
    from tests.benchmarks.startup import lines

    say("five starts of each command")
    found = {line.what: line.value for line in lines()}
    seen = {name: found[name] for name in STARTUP}
    late = [name for name, limit in STARTUP.items() if seen[name] > limit]
    return Proof(
        "F2",
        "commands start fast",
        len(seen),
        ", ".join(f"{name} {value:.2g} s" for name, value in seen.items()),
        ", ".join(f"{limit:g} s" for limit in STARTUP.values()),
        not late,
        "Medians of five, of the report one, by `python -m tests.benchmarks startup`",
    )


def pages_hold(full: bool, say: Say) -> Proof:
    """F3: README, documentation, docstrings and case studies, followed; without a short form."""
    claim = "commands and examples of README, documentation and docstrings run as written"
    return _passed("F3", claim, PAGES, say)


def reports_hold(full: bool, say: Say) -> Proof:
    """F4: reports are self-contained, small, open offline, and say what their JSON says."""
    claim = "reports are one small file, fetch nothing, and show only numbers of their JSON"
    return _passed("F4", claim, REPORTS, say)


def _passed(name: str, claim: str, tests: tuple[str, ...], say: Say) -> Proof:
    """Run tests, slow ones too, in a process of their own; what is skipped is not passed."""
    say(f"pytest {' '.join(tests)}")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o",
                   "addopts=--import-mode=importlib", f"--junitxml={target}", *tests]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        suite = ElementTree.parse(target).getroot()[0]
        cases = list(suite.iter("testcase"))
    bad = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c.find("skipped") is not None]
    passed = len(cases) - len(bad) - len(skipped)
    left = [f"{what} {c.get('name')}" for what, each in (("failed", bad), ("skipped", skipped))
            for c in each]  # fmt: skip
    return Proof(
        name,
        claim,
        passed,
        f"{passed} of {len(cases)} tests pass",
        "all, none skipped",
        bool(cases) and not left,
        f"Tests: {', '.join(tests)}" + (f"; {'; '.join(left)}" if left else ""),
    )
