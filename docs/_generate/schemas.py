"""Schemas: the keys of model files, study files, run tables and JSON answers, as tables."""

from __future__ import annotations

import json
from typing import Any

from bayes_scaling.cli.about import _schema_of

TITLES = {
    "model": "Keys of a model file",
    "study": "Keys of a study file",
    "runs": "Columns of a run table",
    "result": "The object that `--json` prints",
}


def schema_pages() -> dict[str, str]:
    """Return one page for each schema by path."""
    return {f"schema/{what}.md": page(what, head) for what, head in TITLES.items()}


def page(what: str, head: str) -> str:
    """Return the page of a schema: the object itself, then each of its parts."""
    schema = _schema_of(what)
    parts = [f"# {head}\n", f"`bayes-scaling schema {what}` prints the JSON Schema.\n"]
    parts += [table(schema)]
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            parts += [f"## {name}\n", cell(part.get("description", "")), "", table(part)]
    return "\n".join(parts)


def table(part: dict[str, Any]) -> str:
    """Return a table of the properties of an object."""
    meanings = {key: meaning(each) for key, each in part["properties"].items()}
    said = any(meanings.values())
    rows = ["| key | kind | left out |" + " meaning |" * said, "|---|---|---|" + "---|" * said]
    needed = part.get("required", [])
    for key, each in part["properties"].items():
        absent = "needed" if key in needed else default(each)
        row = f"| `{key}` | {cell(kind(each))} | {cell(absent)} |"
        rows.append(row + f" {meanings[key]} |" * said)
    return "\n".join(rows) + "\n"


def meaning(each: dict[str, Any]) -> str:
    """Return what a value means, and its unit."""
    unit = each.get("unit", "1")
    return cell(each.get("description", "")) + ("" if unit == "1" else f" [{unit}]")


def default(each: dict[str, Any]) -> str:
    """Return in words what holds where a key is left out."""
    given = each.get("default")
    shown = given is not None and given != [] and not isinstance(given, dict)
    return f"`{json.dumps(given)}`" if shown else ""


def kind(each: dict[str, Any]) -> str:
    """Return in words what a value may be."""
    if "$ref" in each:
        name = str(each["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in each:
        return f"`{json.dumps(each['const'])}`"
    if "enum" in each:
        return ", ".join(f"`{json.dumps(value)}`" for value in each["enum"])
    if "anyOf" in each:
        return " or ".join(dict.fromkeys(kind(one) for one in each["anyOf"]))
    of = each.get("type", "anything")
    if of == "array":
        return f"list of {kind(each['items'])}" if "items" in each else "list"
    if of == "object" and isinstance(each.get("additionalProperties"), dict):
        return f"table of {kind(each['additionalProperties'])}"
    return " or ".join(of) if isinstance(of, list) else f"{of}{bounds(each)}"


def bounds(each: dict[str, Any]) -> str:
    """Return the limits of a number, in signs."""
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    return "".join(f" {sign} {each[key]:g}" for key, sign in signs.items() if key in each)


def cell(text: str) -> str:
    """Return text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
