"""Revision: a model file with another prior of one unknown, as a new model under a new name.

The new text is complete, so that a fit saved with it reads back, and its digest is that of the new
density. There is no inheritance between model files: what is sampled is what the file says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bayes_scaling.errors import UsageError
from bayes_scaling.laws.law import THREE_SOURCES
from bayes_scaling.runs.labels import display_name
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from bayes_scaling.specs.spec import ModelSpec

NAME_LIKE = r"[a-z0-9]+(-[a-z0-9]+)*"
LONGEST_REASON = 600


def with_prior(
    spec: ModelSpec, unknown: str, prior: Prior, *, name: str | None = None
) -> ModelSpec:
    """Return a model that states `prior` for one unknown of the law, and is otherwise `spec`.

    `name` is that of the new model (default: the old one's, `-` and the unknown in kebab case); its
    version is 1. Raises UsageError where the law has no such unknown, the file states it in a form
    that cannot be replaced, or the prior has no unit or reason.
    """
    from bayes_scaling.specs.spec import model_from_text

    if unknown not in spec.priors:
        have = ", ".join(spec.priors)
        raise UsageError(f"model {spec.name!r} has no unknown {unknown!r}; it has {have}")
    if not (prior.unit and prior.why):
        raise UsageError(f"the prior of {unknown} needs a unit and a reason (why)")
    kebab = unknown.lower().replace("_", "-")
    new_name = name or f"{spec.name}-{kebab}"
    if not re.fullmatch(NAME_LIKE, new_name):
        raise UsageError(f"{new_name!r} is no model name: lower case, digits and single hyphens")
    text = _replaced(spec.text, unknown, _block(unknown, prior))
    text = re.sub(r"(?m)^name\s*=.*$", f'name = "{new_name}"', text, count=1)
    text = re.sub(r"(?m)^version\s*=.*$", "version = 1", text, count=1)
    own = spec.law.sources
    law = spec.law.over(THREE_SOURCES) if own else spec.law
    revised = model_from_text(text, new_name, law=law)
    if own:
        revised = revised.at_sources(own)
    others = {k: p for k, p in spec.all_priors.items() if k != unknown}
    kept = {k: p for k, p in revised.all_priors.items() if k != unknown}
    if kept != others or revised.priors[unknown] != prior:
        raise UsageError(
            f"model {spec.name!r} states its priors in a form that cannot be edited here; "
            f"write [priors.{unknown}] as a table of its own"
        )
    return revised if spec.resource is None else revised.at_resource(spec.resource)


def _block(unknown: str, prior: Prior) -> str:
    """Return the prior as a table of a model file."""
    lines = [f"[priors.{unknown}]", f'dist = "{prior.dist}"']
    lines += [f"{key} = {float(value)!r}" for key, value in prior.given.items()]
    ends = {"lower": prior.lower, "upper": prior.upper}
    lines += [f"{key} = {float(value)!r}" for key, value in ends.items() if value is not None]
    if prior.dist in ("OfRange", "OfSmallest"):
        lines.append(f"of = {_quoted(prior.of)}")
    return "\n".join([*lines, f"unit = {_quoted(prior.unit)}", f"why = {_quoted(prior.why)}"])


def _quoted(text: str) -> str:
    return json.dumps(display_name(text, LONGEST_REASON), ensure_ascii=False)


def _replaced(text: str, unknown: str, block: str) -> str:
    """Return the text with the table of one prior exchanged; unchanged where there is none."""
    table = re.compile(rf"(?ms)^\[priors\.{re.escape(unknown)}\]\s*$.*?(?=^\[|\Z)")
    return table.sub(lambda _: f"{block}\n\n", text, count=1)
