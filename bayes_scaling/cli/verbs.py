"""Verbs: turn a function over groups of options into a Typer command.

The function returns an `Outcome`; printing it and the exit code are the same for every verb.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

import typer

from bayes_scaling.cli.options import Output
from bayes_scaling.cli.output import Outcome, emit

Verb = Callable[..., Outcome]


def verb(app: typer.Typer, name: str, *, group: str = "") -> Callable[[Verb], Verb]:
    """Register a function as command `name`; its parameters that are option groups are spread.

    Parameters
    ----------
    app
        The Typer app that gets the command.
    name
        As it is typed.
    group
        Name of a parent command, for `command` in the JSON object.
    """

    def register(function: Verb) -> Verb:
        app.command(name)(as_command(function, f"{group} {name}".strip()))
        return function

    return register


def as_command(function: Verb, name: str) -> Callable[..., None]:
    """Return the function Typer calls: options in, printed outcome and exit code out."""
    parameters = inspect.signature(function, eval_str=True).parameters
    groups = {k: p.annotation for k, p in parameters.items() if is_dataclass(p.annotation)}
    spread: list[inspect.Parameter] = []
    for key, parameter in parameters.items():
        taken = {each.name for each in spread}  # an option that two groups have is one option
        own = _options(groups[key]) if key in groups else [parameter]
        spread += [each for each in own if each.name not in taken]

    def command(**values: Any) -> None:
        formed = {key: _form(kind, values) for key, kind in groups.items()}
        output = next((v for v in formed.values() if isinstance(v, Output)), Output())
        single = {k: v for k, v in values.items() if k in parameters}
        code = emit(name, function(**single, **formed), output)
        if code:
            raise typer.Exit(code)

    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in spread]
    command.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in keyword}
    command.__doc__ = flowing(function.__doc__ or "")
    command.__name__ = function.__name__
    return command


def flowing(text: str) -> str:
    """Return a docstring with one line per paragraph, for a terminal to break as it needs."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _options(group: Any) -> list[inspect.Parameter]:
    """Return the fields of a group as parameters with their defaults."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in fields(group)
    ]


def _form(group: Any, values: Mapping[str, Any]) -> Any:
    return group(**{each.name: values[each.name] for each in fields(group)})
