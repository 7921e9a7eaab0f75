"""The tests themselves: none without an assertion."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("*.py"))
CLAIMS = ("raises", "warns", "fail", "assert_")
"""Calls that fail a test, or the beginnings of their names."""


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def called(function: ast.FunctionDef) -> set[str]:
    """Names of everything that is called, or handed on to be called."""
    nodes = list(ast.walk(function))
    plain = {node.id for node in nodes if isinstance(node, ast.Name)}
    return plain | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def asserts(function: ast.FunctionDef) -> bool:
    said = any(isinstance(node, ast.Assert | ast.Raise) for node in ast.walk(function))
    return said or any(name.startswith(CLAIMS) for name in called(function))


@cache
def asserting() -> frozenset[str]:
    """Helpers of the tests that assert something, themselves or by others."""
    helpers = [f for path in FILES for f in functions(path) if not f.name.startswith("test_")]
    found = {f.name for f in helpers if asserts(f)}
    while more := {f.name for f in helpers if called(f) & found} - found:
        found |= more
    return frozenset(found)


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.name.startswith("test_")],
    ids=lambda p: str(p.relative_to(TESTS)),
)
def test_every_test_asserts_something(path: Path) -> None:
    empty = [
        f.name
        for f in functions(path)
        if f.name.startswith("test_") and not (asserts(f) or called(f) & asserting())
    ]
    assert not empty, f"{path}: nothing can fail in {', '.join(empty)}"


def test_a_test_without_an_assertion_is_seen() -> None:
    (empty,) = ast.parse("def test_it():\n    print(1)").body
    assert isinstance(empty, ast.FunctionDef) and not asserts(empty)
    assert not called(empty) & asserting()
