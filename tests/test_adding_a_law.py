"""Adding a built-in law touches three files: formula, model file, golden values."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("bayes_scaling", "models", "tests", "case_studies", "docs")
FILES = ("pyproject.toml", "README.md")
MADE = ("__pycache__", "_build", "generated")
FORMULA = '''

@law(reference="a test", terms={"L_inf": (), "A": ("alpha",)})
def log_shifted(xp: Any, x: Any, *, L_inf: Any, A: Any, alpha: Any, x_ref: Any = 1.0) -> Any:
    """Expected loss [nats/token] of a power law of x + x_ref.

    L_inf is the floor, A the loss above it where x is small.
    """
    return L_inf + A * xp.exp(-alpha * xp.log1p(x / x_ref))
'''
TESTS = (
    "tests/specs/test_models.py", "tests/specs/test_prior_predictive.py", "tests/laws/test_laws.py",
    "tests/reporting/test_shelf_pages.py", "tests/test_readme.py::test_names_and_numbers_in_prose",
    "tests/cli/test_shelf.py::test_models_alone_lists",
    "tests/cli/test_bad_input.py", "tests/test_layers.py::test_public_names_are_these",
)  # fmt: skip


def contents(root: Path) -> dict[str, str]:
    """Digest of each file that a commit would hold."""
    found = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, far from it."""
    root = tmp_path / "copy"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(*MADE))
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    return root


def run(root: Path, *arguments: str) -> str:
    """Output of a module in a process that knows only the copy; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *arguments]
    ran = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{' '.join(arguments)}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    return ran.stdout


def test_three_files(checkout: Path) -> None:
    before = contents(checkout)
    page = checkout / "bayes_scaling" / "laws" / "single.py"
    page.write_text(page.read_text() + FORMULA)
    model = (checkout / "models" / "power-floor-plain.toml").read_text()
    model = model.replace('"power-floor-plain"', '"log-shifted"')
    model = model.replace('law = "power-floor"', 'law = "log-shifted"')
    (checkout / "models" / "log-shifted.toml").write_text(model)
    told = run(checkout, "tests.golden.regenerate")
    assert "new: log-shifted" in told

    package = run(checkout, "bayes_scaling", "models", "list")
    assert "log-shifted  (reads one of" in package
    assert "log-shifted" in run(checkout, "bayes_scaling", "models", "show", "log-shifted")
    assert "OK" in run(checkout, "bayes_scaling", "check-law", "log-shifted")
    passed = run(checkout, "pytest", "-v", "-n", "0", "-p", "no:cacheprovider", *TESTS)
    page_test = "test_page_of_a_posterior_at_the_priors_middle[log-shifted] PASSED"
    assert page_test in passed and "[log-shifted] PASSED" in passed.replace(page_test, "")

    after = contents(checkout)
    touched = {name for name in before | after if before.get(name) != after.get(name)}
    assert touched == {
        "bayes_scaling/laws/single.py", "models/log-shifted.toml", "tests/golden/shelf.json",
    }  # fmt: skip
