"""Structure: what a graph depends on; models of equal structure differ only in data."""

from __future__ import annotations

from typing import Any

from bayes_scaling.inference.graph import are_positive
from bayes_scaling.laws.library import built_in
from bayes_scaling.specs.spec import ModelSpec


def structure(spec: ModelSpec, *, stated: bool = True) -> tuple[Any, ...]:
    """Key of a graph: two models with equal keys differ only in data.

    Without `stated` errors of the runs the scatter is one number for all rows, and they cost less.
    """
    law = spec.law
    # a user's file that is read again gives new functions; its text says whether they are the same
    formula: Any = (law.origin, law.name, law.source_digest) if law.source_digest else law.curve
    if law.generic is not None:
        formula = (law.generic, law.sources)
    return formula, stated, *_form(spec)


def written_structure(spec: ModelSpec, *, stated: bool = True) -> tuple[Any, ...] | None:
    """Key of a graph in words and numbers, equal in every process with the same package.

    None for a law of the user's: what its file imports may change without its text.
    """
    law, shelved = spec.law, built_in().get(spec.law.name)
    if shelved is None or (shelved.generic or shelved.curve) is not (law.generic or law.curve):
        return None
    return (law.name, law.sources), stated, *_form(spec)


def _form(spec: ModelSpec) -> tuple[Any, ...]:
    """What a graph depends on beside the law's formula."""
    priors = tuple((name, p.family.pymc, p.support) for name, p in spec.all_priors.items())
    law, terms = spec.law, tuple(spec.law.terms.items())
    groups = (tuple(spec.groups.spread), spec.groups.size) if spec.groups else None
    noise = (spec.noise.kind, spec.noise.scale)
    inputs = (law.inputs, are_positive(spec))
    return inputs, terms, law.share, priors, *noise, groups, tuple(spec.input_sds)
