"""Every public name says what it takes, gives and raises, and shows an example that runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import textwrap
from collections.abc import Iterator
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
UNITS = {"flops": "FLOP", "budgets": "FLOP|amounts", "usd_per_nat": "USD"}
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
FUNCTIONS = {name: thing for name, thing in EVERY.items() if inspect.isfunction(thing)}


def words(name: str) -> str:
    """Docstring without its example; of a member, that of its class as well."""
    own = inspect.getdoc(EVERY[name]) or ""
    of_class = inspect.getdoc(EVERY[name.partition(".")[0]]) if "." in name else ""
    return "\n".join(text.partition("Examples\n---")[0] for text in (own, of_class or ""))


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
    for parameter in inspect.signature(function).parameters:
        if parameter in UNITS:
            assert re.search(UNITS[parameter], text), parameter


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
