"""Strict: TOML files checked by pydantic, all faults at once, each in plain words."""

from __future__ import annotations

import difflib
import tomllib
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from bayes_scaling.errors import UsageError

MAX_BYTES = 1_000_000


class Strict(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def parse_toml[M: Strict](kind: type[M], text: str, where: str) -> M:
    """Parse and validate the text of a file; `where` names it in errors.

    Raises UsageError with every fault of the file at once.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{where}: {len(text)} characters; such a file has at most {MAX_BYTES}")
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        why = "nested too deep" if isinstance(fault, RecursionError) else fault
        raise UsageError(f"{where}: not valid TOML: {why}") from None
    try:
        return kind.model_validate(raw)
    except ValidationError as fault:
        lines = [_say(each, kind) for each in fault.errors(include_url=False)]
        name = (kind.__doc__ or "").split(":")[0].lower()
        raise UsageError("\n  ".join([f"{where}: faults in the {name}:", *lines])) from None


def _say(error: Any, kind: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] != "extra_forbidden":
        words = error["msg"].removeprefix("Value error, ").removeprefix(f"{place}: ")
        return f"{place}: {words}"
    known = _known_keys(kind, error["loc"][:-1])
    near = difflib.get_close_matches(str(error["loc"][-1]), known, n=2, cutoff=0.5)
    hint = f"known keys: {', '.join(known)}"
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    return f"{place}: unknown key; {hint}"


def _known_keys(kind: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """Keys of the section at `place`; names of a mapping's entries are passed over."""
    for part in place:
        field = kind.model_fields.get(str(part))
        if field is not None:
            kind = _section(field.annotation) or kind
    return list(kind.model_fields)


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section(each) for each in get_args(annotation))
    return next((each for each in found if each is not None), None)
