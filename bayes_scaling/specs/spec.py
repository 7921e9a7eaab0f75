"""ModelSpec: a law, priors and noise as one density, read from a model file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.laws.law import Law, is_user_law, load_law
from bayes_scaling.names import ANY_RESOURCE, COLUMN_OF_SYMBOL, LOSS, REFERENCE, RESOURCES
from bayes_scaling.specs.groups import Groups
from bayes_scaling.specs.input_error import InputError
from bayes_scaling.specs.model_file import ModelFile
from bayes_scaling.specs.noise import Noise
from bayes_scaling.specs.prior import Prior
from bayes_scaling.specs.shelf import find_model
from bayes_scaling.specs.strict import parse_toml

Constants = Mapping[str, float | Mapping[str, float]]
GOLDEN_SCALES = (0.01, 1.0, 300.0)
"""Multiples of the reference run at which a model's digest evaluates its law."""


@dataclass(frozen=True)
class ModelSpec:
    """One joint density p(loss, unknowns | resources), as its file states it.

    `priors` has one entry for each unknown of the law, in the law's order; those of the noise are
    in `noise.priors`. `resource` is the column that a one-resource law reads. `digest` changes
    with the density and with nothing else; `text` is the file, verbatim.
    """

    name: str
    version: int
    law: Law
    constants: Constants
    priors: Mapping[str, Prior]
    noise: Noise
    resource: str | None
    answers: str
    references: tuple[str, ...]
    text: str
    digest: str
    groups: Groups | None = None
    input_errors: Mapping[str, InputError] = field(default_factory=dict)

    @property
    def all_priors(self) -> dict[str, Prior]:
        """Priors of the law's unknowns, then of the noise's, then of the spreads of groups."""
        spreads = self.groups.priors if self.groups else {}
        return {**self.priors, **self.noise.priors, **spreads}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns of a run table that the law reads, in the order of its arguments."""
        if self.law.inputs == (ANY_RESOURCE,):
            return (self.resource,) if self.resource else ()
        return tuple(COLUMN_OF_SYMBOL[symbol] for symbol in self.law.inputs)

    @property
    def input_sds(self) -> dict[str, float]:
        """Standard deviations of the logs of the columns that are not known exactly."""
        return {k: self.input_errors[k].sd for k in self.inputs if k in self.input_errors}

    @property
    def numbers(self) -> dict[str, float]:
        """The law's constants as numbers; those stated per resource follow `resource`."""
        found = {}
        for name, value in self.constants.items():
            if isinstance(value, Mapping):
                if self.resource is None:
                    raise UsageError(f"model {self.name!r}: which resource? {RESOURCES}")
                value = value[self.resource]
            found[name] = float(value)
        return found

    def at_resource(self, resource: str) -> ModelSpec:
        """Return the same model reading `resource`; for laws of one resource only."""
        if self.law.inputs != (ANY_RESOURCE,):
            raise UsageError(
                f"model {self.name!r} reads {', '.join(self.inputs)}; "
                "only a one-resource law can be pointed at a column"
            )
        if resource not in RESOURCES:
            raise UsageError(f"resource {resource!r} is not one of {', '.join(RESOURCES)}")
        return replace(self, resource=resource)

    def against(
        self, ends: Mapping[str, tuple[float, float]], groups: Sequence[str] = ()
    ) -> ModelSpec:
        """Return the same model with relative priors and groups stated against a table.

        `ends`: smallest and largest value of the loss and of each column the law reads.
        """
        priors = {}
        for name, prior in self.priors.items():
            column = self.inputs[0] if prior.of == ANY_RESOURCE else prior.of
            priors[name] = prior.against(*ends[column]) if prior.relative else prior
        stated = self.groups.against(groups) if self.groups else None
        return replace(self, priors=priors, groups=stated)

    def curve(self, xp: Any, inputs: tuple[Any, ...], unknowns: Mapping[str, Any]) -> Any:
        """Expected loss [nats/token] at `inputs`, in the order of `self.inputs`."""
        values = {name: unknowns[name] for name in self.law.unknowns}
        return self.law.curve(xp, *inputs, **values, **self.numbers)


def load_model(name_or_path: str | Path, *, resource: str | None = None) -> ModelSpec:
    """Return the model of a shelf name (`chinchilla-plain`) or of a path (`./mine.toml`).

    `resource` (params, tokens or flops) is the column that a one-resource law reads. A law given
    in the file as `FILE.py:NAME` is read from the model file's folder and executed. Raises
    UsageError where the name is unknown, the file is faulty, or priors and unknowns of the law do
    not match exactly.
    """
    where = str(name_or_path)
    path, text = find_model(where)
    parsed = parse_toml(ModelFile, text, where)
    if path.stem != parsed.name:
        raise UsageError(f"{where}: the file says name = {parsed.name!r}; name it {path.stem!r}")
    spec = _build(parsed, text, where, load_law(parsed.law, folder=path.parent))
    return spec if resource is None else spec.at_resource(resource)


def model_from_text(text: str, where: str, *, law: Law | None = None) -> ModelSpec:
    """Return the model of a text that was saved with a fit; `where` names it in errors.

    No code runs: a law of the user's own must be given as `law`, else UsageError.
    """
    parsed = parse_toml(ModelFile, text, where)
    if law is None:
        if is_user_law(parsed.law):
            raise UsageError(
                f"{where} was fitted with the law {parsed.law!r} of your own; name its file, with "
                "--law FILE.py:NAME on the command line or law=load_law(...) in Python"
            )
        law = load_law(parsed.law)
    return _build(parsed, text, where, law)


def _build(parsed: ModelFile, text: str, where: str, law: Law) -> ModelSpec:
    _match(where, "priors", set(parsed.priors), set(law.unknowns), law.name)
    if not set(parsed.constants) <= set(law.constants):
        _match(where, "constants", set(parsed.constants), set(law.constants), law.name)
    noise = Noise(parsed.noise.kind, parsed.noise.scale, parsed.noise.priors())
    if clash := set(noise.priors) & set(law.unknowns):
        raise UsageError(f"{where}: law and noise both have an unknown {clash.pop()!r}")
    groups = parsed.groups.groups() if parsed.groups else None
    if groups and (strange := sorted(set(groups.spread) - set(law.unknowns))):
        raise UsageError(
            f"{where}: [groups.spread] names {', '.join(strange)}; "
            f"the law has {', '.join(law.unknowns)}"
        )
    constants: dict[str, float | Mapping[str, float]] = dict(law.constants)
    for key, value in parsed.constants.items():
        constants[key] = {str(k): v for k, v in value.items()} if isinstance(value, dict) else value
    spec = ModelSpec(
        name=parsed.name,
        version=parsed.version,
        law=law,
        constants=constants,
        priors={name: parsed.priors[name].prior() for name in law.unknowns},
        noise=noise,
        resource=parsed.resource,
        answers=parsed.answers,
        references=parsed.references,
        text=text,
        digest="",
        groups=groups,
        input_errors={str(k): InputError(v.sd, v.why) for k, v in parsed.errors.items()},
    )
    if strange := sorted(set(spec.input_errors) - set(spec.inputs or RESOURCES)):
        raise UsageError(
            f"{where}: [errors] names {', '.join(strange)}; the law reads {', '.join(spec.inputs)}"
        )
    return replace(spec, digest=_digest(spec))


def _match(where: str, what: str, given: set[str], wanted: set[str], law: str) -> None:
    missing, surplus = sorted(wanted - given), sorted(given - wanted)
    if missing or surplus:
        faults = [f"missing: {', '.join(missing)}"] if missing else []
        faults += [f"not in the law: {', '.join(surplus)}"] if surplus else []
        raise UsageError(
            f"{where}: [{what}] do not match law {law!r}; {'; '.join(faults)}. "
            f"The law has {', '.join(sorted(wanted)) or 'none'}."
        )


def _density_keys(spec: ModelSpec) -> dict[str, Any]:
    def prior(p: Prior) -> dict[str, Any]:
        keys = {"dist": p.dist, "given": dict(p.given), "lower": p.lower, "upper": p.upper}
        return {**keys, "of": p.of} if p.of not in ("", LOSS) else keys

    groups = (
        {}
        if spec.groups is None
        else {
            "groups": {
                "column": spec.groups.column,
                "spread": {k: prior(p) for k, p in spec.groups.spread.items()},
            }
        }
    )
    errors = {k: v.sd for k, v in spec.input_errors.items()}
    return {
        **groups,
        **({"errors": errors} if errors else {}),
        "law": spec.law.name,
        "constants": spec.constants,
        "priors": {k: prior(p) for k, p in spec.priors.items()},
        "noise": {
            "kind": spec.noise.kind,
            "scale": spec.noise.scale,
            **{k: prior(p) for k, p in spec.noise.priors.items()},
        },
    }


def _golden_values(spec: ModelSpec) -> list[str]:
    """The law at three runs and prior medians, to ten digits: a changed formula shows here."""
    at = spec if spec.law.inputs != (ANY_RESOURCE,) else spec.at_resource(RESOURCES[0])
    at = at.against({LOSS: (1.0, 1.0), **{c: (REFERENCE[c], REFERENCE[c]) for c in at.inputs}})
    middle = {name: float(p.quantile(0.5)) for name, p in at.priors.items()}
    points = [tuple(scale * REFERENCE[c] for c in at.inputs) for scale in GOLDEN_SCALES]
    return [f"{float(at.curve(np, point, middle)):.10g}" for point in points]


def _digest(spec: ModelSpec) -> str:
    body = {"density": _density_keys(spec), "golden": _golden_values(spec)}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
