"""App: the command line's verbs, put together. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_scaling.cli import (
    about,
    allocation,
    batch,
    calibration,
    comparison,
    decisions,
    diagnosis,
    evaluation,
    groups,
    imports,
    next_run,
    pages,
    planned,
    posterior,
    register,
    scan,
    selftest,
    shelf,
    tables,
)
from bayes_scaling.cli.verbs import flowing
from bayes_scaling.errors import EXIT_USAGE

SETTINGS = {"help_option_names": ["-h", "--help"]}
HELP = """Forecasts and budgets from scaling laws, with intervals, from a table of training runs.

Start with: bayes-scaling demo

Exit codes: 0 usable result; 1 done, but a check failed; 2 wrong command or model;
3 table rejected; 4 sampling failed; 5 tasks of a batch failed; 6 output problem; 130 interrupted.
"""


def build_app() -> typer.Typer:
    """Return the Typer app with all verbs."""
    app = typer.Typer(
        name="bayes-scaling",
        help=flowing(HELP),
        context_settings=SETTINGS,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback(invoke_without_command=True)(_start)
    for page in (
        pages, tables, batch, posterior, comparison, evaluation, decisions, allocation, planned,
        next_run, diagnosis, scan, register, groups, calibration, imports, shelf, selftest, about,
    ):  # fmt: skip
        page.add_to(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"bayes-scaling {version('bayes-scaling')}")
        raise typer.Exit


def _start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(EXIT_USAGE)


_start.__doc__ = flowing(HELP)
