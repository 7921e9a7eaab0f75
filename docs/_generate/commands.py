"""Commands: what `--help` prints, verb by verb."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import typer

from bayes_scaling.cli import main
from bayes_scaling.cli.app import build_app
from bayes_scaling.errors import EXIT_OK


def verbs() -> list[str]:
    """Return every verb as it is typed, `import mlflow` included, in the order of `--help`."""
    return list(_below(typer.main.get_command(build_app()), ""))


def _below(command: Any, words: str) -> Iterator[str]:
    for name, each in getattr(command, "commands", {}).items():
        spoken = f"{words} {name}".strip()
        yield spoken
        yield from _below(each, spoken)


def help_of(verb: str) -> str:
    """Return what `bayes-scaling VERB --help` prints on a plain terminal of 80 columns."""
    plain = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb"}
    said = io.StringIO()
    with mock.patch.dict(os.environ, plain), contextlib.redirect_stdout(said):
        code = main([*verb.split(), "--help"])
    assert code == EXIT_OK, f"{verb} --help: exit code {code}"
    return "\n".join(line.rstrip() for line in said.getvalue().strip("\n").splitlines())


def command_pages() -> dict[str, str]:
    """Return the pages of the command line by path."""
    heads: dict[str, list[str]] = {}
    for verb in verbs():
        heads.setdefault(verb.split()[0], []).append(verb)
    pages = {f"cli/{head}.md": page(head, spoken) for head, spoken in heads.items()}
    listed = "\n".join(heads)
    pages["cli/index.md"] = (
        f"# Command line\n\n```text\n{help_of('')}\n```\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n:hidden:\n\n{listed}\n```\n"
    )
    return pages


def page(head: str, spoken: list[str]) -> str:
    """Return the page of a verb, and of the verbs below it."""
    parts = [f"# {head}\n"]
    for verb in spoken:
        parts += [f"## {verb}\n"] if verb != head else []
        parts += [f"```text\n{help_of(verb)}\n```\n"]
    return "\n".join(parts)
