"""Every public name says what it takes, gives and raises, and shows an example that runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling import errors
from bayes_scaling.batch.results import write_summary
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from tests.conftest import make_fit, make_grouped_fit
from tests.decisions.test_chain import link_on
from tests.decisions.test_mixture import ADDITIVE, fit_of
from tests.documents import PAGES, blocks
from tests.reporting.test_overview import results

NAMES = [name for name in bs.__all__ if name != "__version__"]
SAMPLED = {
    "fit", "backtest", "Backtest", "compare", "Comparison", "review", "Review", "scan", "Scan",
    "plot_backtest",
}  # fmt: skip
"""Examples that sample: run with -m slow."""
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ARRAYS = ("DataFrame", "Dataset", "DataArray", "NDArray")
SHAPE = re.compile(
    r"\brows?\b|\bone (row )?(per|for each)|\bdims\b|\bcolumns?\b|\(\w*,|shape|elementwise"
)
NUMBER = re.compile(r"\b(float|Floats|NDArray|Quantity|T)\b")
UNIT = r"\bunits?\b"
PARAMETERS, TOKENS, SECONDS = r"\bparameters\b", r"(?<!`)\b[Tt]okens\b", r"(?<!`)\bseconds\b"
UNITS = {
    "at": "FLOP|steps from 1|typical values of the unknowns",
    "at_least": "nats/token", "at_most": f"nats/token|{SECONDS}",
    "target": "nats/token", "observed": f"nats/token|{UNIT}", "median": UNIT, "crps": UNIT,
    "given_away": "nats/token", "tolerance": r"\bnats\b",
    "flops": "FLOP", "budget": "FLOP", "budgets": "FLOP", "kappa": "FLOP",
    "flops_per_gpu_second": "FLOP/s",
    "usd_per_nat": "USD", "usd_per_gpu_hour": "USD",
    "seconds": SECONDS, "seconds_at_1b": SECONDS,
    "params": PARAMETERS, "min_params": PARAMETERS, "max_params": PARAMETERS, "sizes": PARAMETERS,
    "tokens": TOKENS, "max_tokens": TOKENS, "unique_tokens": TOKENS, "serve_tokens": TOKENS,
    "context": TOKENS, "bytes_per_token": "bytes per token",
    "min_tokens_per_param": "tokens per parameter", "max_tokens_per_param": "tokens per parameter",
    "depth": r"\blayers\b", "width": r"\bwidth\b", "vocabulary": r"entries",
    "bound": f"{PARAMETERS}.*tokens", "worth": r"\bepochs\b",
    "steps": r"(?<!`)\bsteps\b", "learning_rate": r"\brates?\b",
    "cuts": "quantiles.* amounts", "given": "SI units|as the model file",
    "value": UNIT, "values": UNIT, "ends": UNIT, "smallest": UNIT, "largest": UNIT,
    "lower": UNIT, "upper": UNIT, "known": UNIT, "inputs": UNIT, "constants": UNIT,
}  # fmt: skip
"""What the docstring says of each amount that a function takes or a class holds."""
WITHOUT_UNIT = {
    "probability", "level", "levels", "cvar", "share", "intervals", "mfu", "overhead", "ratio",
    "p", "q", "power", "params_power", "tokens_power", "decay", "weight", "weights", "requests",
    "pit", "relative_crps", "log_error", "families", "scale", "together", "unknowns", "inside",
}  # fmt: skip
"""Shares, powers, multiples, logs, and tables whose columns have their own."""
OURS = {n for n, e in vars(errors).items() if inspect.isclass(e)}


def function_of(member: Any) -> Any:
    """The function behind a method, property, classmethod or cached property."""
    for name in ("fget", "func", "__func__"):
        member = getattr(member, name, None) or member
    return member


def documented() -> Iterator[tuple[str, Any]]:
    """Every public name, and every public member that a public class has of its own."""
    for name in NAMES:
        thing = getattr(bs, name)
        yield name, thing
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                found = function_of(value)
                if not member.startswith("_") and inspect.isfunction(found):
                    yield f"{name}.{member}", found


EVERY = dict(documented())
CLASSES = {name: thing for name, thing in EVERY.items() if is_dataclass(thing)}
FUNCTIONS = {name: thing for name, thing in EVERY.items() if inspect.isfunction(thing)}


def own(name: str) -> str:
    """Docstring without its example."""
    return (inspect.getdoc(EVERY[name]) or "").partition("Examples\n---")[0]


def words(name: str) -> str:
    """Docstring without its example; of a member, that of its class as well."""
    return "\n".join(own(each) for each in dict.fromkeys((name, name.partition(".")[0])))


def raised(function: Any) -> set[str]:
    """Errors of ours that a function raises itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [
        node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
    ]
    return {call.id for call in calls if isinstance(call, ast.Name)} & OURS


@pytest.mark.parametrize("name", EVERY)
def test_it_has_a_docstring_of_its_own(name: str) -> None:
    text = EVERY[name].__doc__
    assert text and not text.startswith(f"{name}("), "none, or the one dataclasses make"
    assert text.strip().splitlines()[0].endswith((".", ":")), "the first sentence fits one line"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_names_the_errors_it_raises(name: str) -> None:
    text = words(name)
    for error in raised(FUNCTIONS[name]):
        assert re.search(r"[Rr]aises?\b", text) and error in text, error


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_says_the_shape_of_arrays_and_the_units_of_amounts(name: str) -> None:
    function, text = FUNCTIONS[name], words(name)
    gives = str(inspect.signature(function).return_annotation)
    if any(kind in gives for kind in ARRAYS):
        assert SHAPE.search(text), gives
    for each in inspect.signature(function).parameters.values():
        check_unit(each.name, str(each.annotation), own(name))


def check_unit(name: str, kind: str, text: str) -> None:
    """A number is one that has no unit, or is named with its own."""
    amount = NUMBER.search(kind) or ("Any" in kind and name in UNITS)
    if amount and name not in WITHOUT_UNIT:
        assert name in UNITS, f"{name}: say its unit in UNITS, or that it has none"
        assert re.search(UNITS[name], " ".join(text.split())), f"{name}: {UNITS[name]}"


@pytest.mark.parametrize("name", CLASSES)
def test_it_names_the_arrays_and_amounts_it_holds(name: str) -> None:
    text = own(name)
    for each in fields(CLASSES[name]):
        kind = str(each.type)
        is_array = any(array in kind for array in ARRAYS)
        if is_array or NUMBER.search(kind):
            assert re.search(rf"\b{each.name}\b", text), each.name
        if is_array:
            assert SHAPE.search(text), each.name
        check_unit(each.name, kind, text)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_example(name: str) -> None:
    tests = doctest.DocTestFinder(recurse=False).find(EVERY[name], name, globs={})
    assert any(test.examples for test in tests)
    if name in FUNCTIONS:
        assert any(f"bs.{name}(" in each.source for test in tests for each in test.examples)


def test_every_member_is_used_in_an_example() -> None:
    sources = [
        example.source
        for name, thing in EVERY.items()
        for test in doctest.DocTestFinder(recurse=False).find(thing, name, globs={})
        for example in test.examples
    ]
    sources += [b.text for page in PAGES for b in blocks(page) if b.language == "python"]
    used = {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
    }
    assert not {name for name in EVERY if "." in name and name.split(".")[1] not in used}


# --- the examples ---


@pytest.fixture(scope="session")
def example_runs() -> Runs:
    return bs.read_runs(bs.example_path()).select(train_dataset="rpj")


@pytest.fixture(scope="session")
def by_hand(example_runs: Runs) -> Fit:
    values = {"L_inf": 1.742, "A": 0.650, "alpha": 0.255, "B": 0.473, "beta": 0.266}
    return make_fit("chinchilla", values, example_runs)


@pytest.fixture(scope="session")
def sampled(example_runs: Runs) -> Fit:
    return bs.fit(bs.load_model("chinchilla"), example_runs)


@pytest.fixture(scope="session")
def around() -> dict[str, Any]:
    """What examples take for granted beside `runs` and `fit`."""
    answers = results(1, ["chinchilla", "skaling"]).assign(table="runs.csv")
    return {
        "bs": bs, "np": np, "pd": pd, "results": answers, "link": link_on(2.0, 4.0),
        "mixture": fit_of("mixture-additive", ADDITIVE), "families": make_grouped_fit(),
    }  # fmt: skip


def run_examples(name: str, names: dict[str, Any]) -> None:
    """Run the examples of a docstring in the working directory; fail with what differs."""
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    said: list[str] = []
    for test in doctest.DocTestFinder(recurse=False).find(EVERY[name], name, globs=dict(names)):
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: dict[str, Any]) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    write_summary(tmp_path / "results", around["results"].to_dict("records"))
    return tmp_path


@pytest.mark.parametrize("name", [name for name in EVERY if name.split(".")[0] not in SAMPLED])
def test_the_example_runs(
    name: str, by_hand: Fit, example_runs: Runs, around: dict[str, Any], folder: Path
) -> None:
    run_examples(name, {**around, "runs": example_runs, "fit": by_hand})


@pytest.mark.slow
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("name", EVERY)
def test_the_example_runs_on_a_sampled_posterior(
    name: str, sampled: Fit, example_runs: Runs, around: dict[str, Any], folder: Path
) -> None:
    run_examples(name, {**around, "runs": example_runs, "fit": sampled})
