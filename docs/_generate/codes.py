"""Codes: exit codes from `errors`, codes of findings and checks from the tables of their homes."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import bayes_scaling
from bayes_scaling import errors

PACKAGE = Path(bayes_scaling.__file__).parent
CODE = re.compile(r"[A-Z]\d{3}")


def tables() -> dict[str, list[str]]:
    """Return each table of codes, from the docstring of the module that is its home."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows = [line for line in text.splitlines() if line.startswith("|")]
        if rows and rows[0].startswith("| code |"):
            home = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            found[f"{home}\n{text.splitlines()[0]}"] = rows
    return found


def codes_page() -> dict[str, str]:
    """Return the page of codes."""
    parts = [
        "# Codes of findings and checks\n",
        "A finding or check of the command line, of `check` and of the page carries a code.",
        "Each table stands in the module that gives the codes.\n",
    ]
    for home, rows in tables().items():
        module, _, summary = home.partition("\n")
        parts += [f"## {summary.partition(':')[0]}\n", f"{summary} (`{module}`)\n"]
        parts += [*rows, ""]
    return {"codes.md": "\n".join(parts)}


def exits_page() -> dict[str, str]:
    """Return the page of exit codes."""
    codes = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    kinds = [each for each in vars(errors).values() if inspect.isclass(each)]
    rows = ["| exit code | name | errors of Python |", "|---|---|---|"]
    for name, value in codes.items():
        raised = [k for k in kinds if k.exit_code == value and k.__mro__[1] is not Exception]
        said = " ".join(f"`{k.__name__}`: {inspect.cleandoc(k.__doc__ or '')}" for k in raised)
        meaning = name.removeprefix("EXIT_").replace("_", " ").lower()
        rows.append(f"| {value} | {meaning} | {' '.join(said.split())} |")
    head = "# Exit codes\n\nThe constants of `bayes_scaling.errors`, and the errors that set them."
    return {"exit-codes.md": f"{head}\n\n" + "\n".join(rows) + "\n"}
