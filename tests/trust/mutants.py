"""Mutants: one small slip each in a module of the package, and a process that runs tests on them.

`python -m tests.trust.mutants` reads tasks as JSON lines (path, source, tests, seconds) and answers
each with a word: killed, survived or late. Libraries are imported once; each mutant is tried in a
fork, in which the module's source is replaced as it is imported.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

KILLED, SURVIVED, LATE = "killed", "survived", "late"
HEAVY = (
    "numpy", "pandas", "scipy.stats", "scipy.optimize", "xarray", "arviz_stats.base", "pydantic",
    "pytest", "pyarrow.parquet", "h5netcdf", "typer", "rich", "pymc", "nutpie",
)  # fmt: skip
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


def mutants(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and source of every mutant of a module.

    Comparisons turned or moved to their edge, arithmetic and logic exchanged, signs and negations
    dropped, numbers one larger, results lost. Types, names and texts stay as they are.
    """
    count = len(list(_places(ast.parse(source))))
    for number in range(count):
        tree = ast.parse(source)
        node, change = list(_places(tree))[number]
        change(node)
        yield node.lineno, ast.unparse(ast.fix_missing_locations(tree))


def _places(tree: ast.AST) -> Iterator[tuple[Any, Any]]:
    for node in _code(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
            yield node, lambda n: n.ops.__setitem__(0, COMPARED[type(n.ops[0])]())
        elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED and not _text(node):
            yield node, lambda n: setattr(n, "op", COMPUTED[type(n.op)]())
        elif isinstance(node, ast.BoolOp):
            yield node, lambda n: setattr(n, "op", ast.Or() if _and(n) else ast.And())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node, lambda n: setattr(n, "op", ast.UAdd())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
            yield node, lambda n: setattr(n, "value", _next(n.value))
        elif isinstance(node, ast.Return) and not _nothing(node):
            yield node, lambda n: setattr(n, "value", ast.Constant(None))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that decide what a module computes: no types, no docstrings, no imports of types."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases", "msg"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _typing(child):
                continue
            yield child
            if not isinstance(child, ast.Raise):
                yield from _code(child)


def _typing(node: ast.AST) -> bool:
    tested = isinstance(node, ast.If) and isinstance(node.test, ast.Name)
    return tested and node.test.id == "TYPE_CHECKING"  # type: ignore[attr-defined]


def _text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(
        isinstance(s, ast.JoinedStr) or (isinstance(s, ast.Constant) and isinstance(s.value, str))
        for s in sides
    )


def _and(node: ast.BoolOp) -> bool:
    return isinstance(node.op, ast.And)


def _nothing(node: ast.Return) -> bool:
    return node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)


def _next(value: float) -> float:
    return not value if isinstance(value, bool) else value + 1


def serve() -> None:
    """Answer tasks until stdin ends."""
    for name in HEAVY:
        import_module(name)
    for line in sys.stdin:
        print(_tried(json.loads(line)), flush=True)


def _tried(task: dict[str, Any]) -> str:
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(_run(task))
    until = time.monotonic() + task["seconds"]
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return SURVIVED if os.waitstatus_to_exitcode(status) == 0 else KILLED
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return LATE


def _run(task: dict[str, Any]) -> int:
    import pytest

    path = str(Path(task["path"]).resolve())
    own = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, name: str) -> Any:
        if str(Path(self.path).resolve()) == path:
            return compile(task["source"], path, "exec", dont_inherit=True)
        return own(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    flags = ["-o", "addopts=", "--import-mode=importlib", "-m", "not slow", "-x", "-q",
             "-p", "no:cacheprovider", "-p", "no:xdist"]  # fmt: skip
    return int(pytest.main([*flags, *task["tests"]]))


if __name__ == "__main__":
    serve()
