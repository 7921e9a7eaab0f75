"""The architecture: imports go to earlier stages only, heavy libraries late."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bayes_scaling
from bayes_scaling import errors

PACKAGE = Path(bayes_scaling.__file__).parent
STAGES = (
    "runs", "laws", "specs", "inference", "evaluation", "decisions", "reporting", "batch",
    "proofs", "cli",
)  # fmt: skip
SHARED = {"errors", "names", "quantities", "verdicts", "files", "__init__"}
HEAVY = {"pymc", "pytensor", "nutpie", "arviz", "arviz_stats", "matplotlib", "scoringrules"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def stage_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_to_earlier_stages(path: Path) -> None:
    own = stage_of(path)
    if own in {"__init__", "__main__"} or own.startswith("_"):
        return
    for module in imported(path):
        if not module.startswith("bayes_scaling."):
            continue
        other = module.split(".")[1]
        if other in SHARED:
            continue
        assert own not in SHARED, f"{own} is shared by all stages and imports {module}"
        assert STAGES.index(other) <= STAGES.index(own), f"{own} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    top = {name.split(".")[0] for name in imported(path, top_level_only=True)}
    assert not top & HEAVY


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, bayes_scaling as bs\n"
        "bs.load_model('chinchilla-plain'); bs.Cost(); bs.read_runs; bs.forecast; bs.load_fit\n"
        f"heavy = {sorted(HEAVY)!r}\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]", found.stdout


def test_public_names_are_these() -> None:
    assert set(bayes_scaling.__all__) == {
        "__version__", "active_convention", "allocate", "Allocation", "attention_convention",
        "Backtest", "backtest", "BatchError", "BayesScalingError", "best_budget", "best_mixture",
        "budget_for", "chain", "Check", "check", "check_law", "CheckError", "Checks", "Claim",
        "ClaimError", "ClaimScore", "compare", "Comparison", "compute_multiplier", "Convention",
        "Cost", "diagnose", "Diagnosis", "example_path", "Fit", "fit", "floor_prior", "Forecast",
        "forecast", "Frontier", "frontier", "InferenceError", "Latency", "Law", "law", "Limits",
        "Linear", "load_fit", "load_law", "load_model", "model_names", "ModelSpec", "next_run",
        "NextRun", "OutputError", "Plan", "plan", "plot_allocation", "plot_backtest", "plot_claim",
        "plot_coverage", "plot_diagnosis", "plot_forecast", "plot_isoflop", "plot_next_run",
        "plot_pareto", "plot_posterior", "plot_probability", "plot_regret", "plot_residuals",
        "plot_results", "plot_returns", "power_convention", "Prior", "Prospects", "prospects",
        "read_claim", "read_results", "read_runs", "register", "regret_curve", "Repetition",
        "Report", "report", "Review", "review", "Runs", "Scan", "scan", "schedule_columns",
        "Serving", "serving_weight", "Setting", "TableError", "UsageError",
    }  # fmt: skip
    for name in bayes_scaling.__all__:
        assert getattr(bayes_scaling, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = bayes_scaling.nothing


def test_every_refusal_can_be_caught_by_name() -> None:
    kinds = {
        k
        for k, v in vars(errors).items()
        if isinstance(v, type) and v.__module__ == errors.__name__
    }
    assert "TableError" in kinds and kinds <= set(bayes_scaling.__all__)
    with pytest.raises(bayes_scaling.BayesScalingError, match="check the path"):
        bayes_scaling.read_runs("no such file.csv")
