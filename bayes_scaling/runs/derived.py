"""Derived: what follows from parameters and tokens where a table does not state it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bayes_scaling.names import (
    EPOCHS,
    FLOPS,
    PARAMS,
    TOKENS,
    TOKENS_PER_PARAM,
    UNIQUE_TOKENS,
)
from bayes_scaling.runs.compute import train_flop

RULES: Final[Mapping[str, tuple[tuple[tuple[str, ...], Callable[..., Any]], ...]]] = {
    FLOPS: (((PARAMS, TOKENS), train_flop),),
    TOKENS_PER_PARAM: (((PARAMS, TOKENS), lambda params, tokens: tokens / params),),
    UNIQUE_TOKENS: (
        ((TOKENS, EPOCHS), lambda tokens, epochs: tokens / epochs),
        ((TOKENS,), lambda tokens: tokens),
    ),
}
"""For each quantity: the columns it follows from, and how, best first. Without a word about
repetition every token is taken as seen once."""


def sources_of(name: str, there: Any) -> tuple[str, ...] | None:
    """Return the columns among `there` from which `name` follows, or None."""
    return next(
        (columns for columns, _ in RULES.get(name, ()) if all(c in there for c in columns)), None
    )


def derive(name: str, known: Mapping[str, Any]) -> Any:
    """Return `name` computed from known columns, elementwise; KeyError where nothing gives it."""
    columns = sources_of(name, known)
    if columns is None:
        raise KeyError(name)
    rule = next(rule for sources, rule in RULES[name] if sources == columns)
    return rule(*(known[column] for column in columns))
