"""Bayesian uncertainty quantification for neural scaling laws.

A table of training runs and a model file go in; a posterior comes out; everything a reader sees
is computed from its draws. Names are resolved on first use: importing this package loads neither
PyMC nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_scaling.batch.results import read_results as read_results
    from bayes_scaling.decisions.allocation import Allocation as Allocation
    from bayes_scaling.decisions.allocation import allocate as allocate
    from bayes_scaling.decisions.chain import chain as chain
    from bayes_scaling.decisions.claim import Claim as Claim
    from bayes_scaling.decisions.claim import read_claim as read_claim
    from bayes_scaling.decisions.claim_score import ClaimScore as ClaimScore
    from bayes_scaling.decisions.convention import Convention as Convention
    from bayes_scaling.decisions.convention import active_convention as active_convention
    from bayes_scaling.decisions.convention import attention_convention as attention_convention
    from bayes_scaling.decisions.convention import power_convention as power_convention
    from bayes_scaling.decisions.cost import Cost as Cost
    from bayes_scaling.decisions.diagnose import Diagnosis as Diagnosis
    from bayes_scaling.decisions.diagnose import diagnose as diagnose
    from bayes_scaling.decisions.forecast import Forecast as Forecast
    from bayes_scaling.decisions.forecast import forecast as forecast
    from bayes_scaling.decisions.frontier import Frontier as Frontier
    from bayes_scaling.decisions.frontier import frontier as frontier
    from bayes_scaling.decisions.limits import Latency as Latency
    from bayes_scaling.decisions.limits import Limits as Limits
    from bayes_scaling.decisions.limits import Linear as Linear
    from bayes_scaling.decisions.mixture import best_mixture as best_mixture
    from bayes_scaling.decisions.multiplier import compute_multiplier as compute_multiplier
    from bayes_scaling.decisions.next_run import NextRun as NextRun
    from bayes_scaling.decisions.next_run import next_run as next_run
    from bayes_scaling.decisions.plan import Plan as Plan
    from bayes_scaling.decisions.plan import plan as plan
    from bayes_scaling.decisions.prospects import Prospects as Prospects
    from bayes_scaling.decisions.prospects import best_budget as best_budget
    from bayes_scaling.decisions.prospects import budget_for as budget_for
    from bayes_scaling.decisions.prospects import prospects as prospects
    from bayes_scaling.decisions.register import register as register
    from bayes_scaling.decisions.regret import regret_curve as regret_curve
    from bayes_scaling.decisions.repetition import Repetition as Repetition
    from bayes_scaling.decisions.scan import Scan as Scan
    from bayes_scaling.decisions.scan import scan as scan
    from bayes_scaling.decisions.serving import Serving as Serving
    from bayes_scaling.decisions.serving import serving_weight as serving_weight
    from bayes_scaling.decisions.setting import Setting as Setting
    from bayes_scaling.errors import BatchError as BatchError
    from bayes_scaling.errors import BayesScalingError as BayesScalingError
    from bayes_scaling.errors import CheckError as CheckError
    from bayes_scaling.errors import ClaimError as ClaimError
    from bayes_scaling.errors import InferenceError as InferenceError
    from bayes_scaling.errors import OutputError as OutputError
    from bayes_scaling.errors import TableError as TableError
    from bayes_scaling.errors import UsageError as UsageError
    from bayes_scaling.evaluation.backtest import Backtest as Backtest
    from bayes_scaling.evaluation.backtest import backtest as backtest
    from bayes_scaling.evaluation.comparison import Comparison as Comparison
    from bayes_scaling.evaluation.comparison import compare as compare
    from bayes_scaling.inference.checks import check as check
    from bayes_scaling.inference.fit import Fit as Fit
    from bayes_scaling.inference.floor import floor_prior as floor_prior
    from bayes_scaling.inference.sampling import fit as fit
    from bayes_scaling.inference.store import load_fit as load_fit
    from bayes_scaling.laws.conformance import check_law as check_law
    from bayes_scaling.laws.law import Law as Law
    from bayes_scaling.laws.law import law as law
    from bayes_scaling.laws.library import load_law as load_law
    from bayes_scaling.reporting.plots import plot_allocation as plot_allocation
    from bayes_scaling.reporting.plots import plot_backtest as plot_backtest
    from bayes_scaling.reporting.plots import plot_claim as plot_claim
    from bayes_scaling.reporting.plots import plot_coverage as plot_coverage
    from bayes_scaling.reporting.plots import plot_diagnosis as plot_diagnosis
    from bayes_scaling.reporting.plots import plot_forecast as plot_forecast
    from bayes_scaling.reporting.plots import plot_isoflop as plot_isoflop
    from bayes_scaling.reporting.plots import plot_next_run as plot_next_run
    from bayes_scaling.reporting.plots import plot_pareto as plot_pareto
    from bayes_scaling.reporting.plots import plot_posterior as plot_posterior
    from bayes_scaling.reporting.plots import plot_probability as plot_probability
    from bayes_scaling.reporting.plots import plot_regret as plot_regret
    from bayes_scaling.reporting.plots import plot_residuals as plot_residuals
    from bayes_scaling.reporting.plots import plot_results as plot_results
    from bayes_scaling.reporting.plots import plot_returns as plot_returns
    from bayes_scaling.reporting.report import Report as Report
    from bayes_scaling.reporting.report import report as report
    from bayes_scaling.reporting.review import Review as Review
    from bayes_scaling.reporting.review import review as review
    from bayes_scaling.runs.examples import example_path as example_path
    from bayes_scaling.runs.reader import read_runs as read_runs
    from bayes_scaling.runs.schedule import schedule_columns as schedule_columns
    from bayes_scaling.runs.table import Runs as Runs
    from bayes_scaling.specs.prior import Prior as Prior
    from bayes_scaling.specs.shelf import model_names as model_names
    from bayes_scaling.specs.spec import ModelSpec as ModelSpec
    from bayes_scaling.specs.spec import load_model as load_model
    from bayes_scaling.verdicts import Check as Check
    from bayes_scaling.verdicts import Checks as Checks

_HOMES = {
    "batch.results": ("read_results",),
    "decisions.allocation": ("Allocation", "allocate"),
    "decisions.chain": ("chain",),
    "decisions.claim": ("Claim", "read_claim"),
    "decisions.claim_score": ("ClaimScore",),
    "decisions.convention": (
        "Convention", "active_convention", "attention_convention", "power_convention",
    ),
    "decisions.cost": ("Cost",),
    "decisions.diagnose": ("Diagnosis", "diagnose"),
    "decisions.forecast": ("Forecast", "forecast"),
    "decisions.frontier": ("Frontier", "frontier"),
    "decisions.limits": ("Latency", "Limits", "Linear"),
    "decisions.mixture": ("best_mixture",),
    "decisions.multiplier": ("compute_multiplier",),
    "decisions.next_run": ("NextRun", "next_run"),
    "decisions.plan": ("Plan", "plan"),
    "decisions.prospects": ("Prospects", "best_budget", "budget_for", "prospects"),
    "decisions.register": ("register",),
    "decisions.regret": ("regret_curve",),
    "decisions.repetition": ("Repetition",),
    "decisions.scan": ("Scan", "scan"),
    "decisions.serving": ("Serving", "serving_weight"),
    "decisions.setting": ("Setting",),
    "errors": (
        "BatchError", "BayesScalingError", "CheckError", "ClaimError", "InferenceError",
        "OutputError", "TableError", "UsageError",
    ),
    "evaluation.backtest": ("Backtest", "backtest"),
    "evaluation.comparison": ("Comparison", "compare"),
    "inference.checks": ("check",),
    "inference.fit": ("Fit",),
    "inference.floor": ("floor_prior",),
    "inference.sampling": ("fit",),
    "inference.store": ("load_fit",),
    "laws.conformance": ("check_law",),
    "laws.law": ("Law", "law"),
    "laws.library": ("load_law",),
    "reporting.plots": (
        "plot_allocation", "plot_backtest", "plot_claim", "plot_coverage", "plot_diagnosis",
        "plot_forecast", "plot_isoflop", "plot_next_run", "plot_pareto", "plot_posterior",
        "plot_probability", "plot_regret", "plot_residuals", "plot_results", "plot_returns",
    ),
    "reporting.report": ("Report", "report"),
    "reporting.review": ("Review", "review"),
    "runs.examples": ("example_path",),
    "runs.reader": ("read_runs",),
    "runs.schedule": ("schedule_columns",),
    "runs.table": ("Runs",),
    "specs.prior": ("Prior",),
    "specs.shelf": ("model_names",),
    "specs.spec": ("ModelSpec", "load_model"),
    "verdicts": ("Check", "Checks"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    """Resolve a public name on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("bayes-scaling")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
