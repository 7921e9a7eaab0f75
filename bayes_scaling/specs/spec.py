"""ModelSpec: a law, priors, noise and drift as one density, read from a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bayes_scaling.errors import UsageError
from bayes_scaling.laws.law import THREE_SOURCES, Law
from bayes_scaling.laws.library import is_user_law, load_law
from bayes_scaling.names import FLOPS, TARGET
from bayes_scaling.quantities import (
    ANY_RESOURCE,
    NATS,
    ONE_RESOURCES,
    RESOURCES,
    column_of,
    grows,
    quantity,
    reference_of,
    unit_of,
)
from bayes_scaling.runs.derived import derive, sources_of
from bayes_scaling.specs.digest import Seal
from bayes_scaling.specs.drift import Drift
from bayes_scaling.specs.groups import Groups
from bayes_scaling.specs.input_error import InputError
from bayes_scaling.specs.model_file import ModelFile
from bayes_scaling.specs.noise import Noise
from bayes_scaling.specs.prior import Prior
from bayes_scaling.specs.shelf import find_model
from bayes_scaling.specs.strict import parse_toml

Constants = Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True)
class ModelSpec:
    """One joint density p(loss, unknowns | resources), as its file states it.

    `priors` has one entry for each unknown of the law, in the law's order; those of the noise are
    in `noise.priors`. `target` is the column that the model explains, `resource` the one that a
    one-resource law reads. `digest` changes with the density and with nothing else; `text` is the
    file, verbatim.

    Examples
    --------
    >>> model = bs.load_model("chinchilla")
    >>> model.inputs, model.axis, len(model.digest)
    (('params', 'tokens'), 'flops', 64)
    >>> list(model.all_priors)
    ['L_inf', 'A', 'alpha', 'B', 'beta', 'sigma', 'nu', 'growth']
    """

    name: str
    version: int
    law: Law
    constants: Constants
    priors: Mapping[str, Prior]
    noise: Noise
    target: str
    resource: str | None
    answers: str
    references: tuple[str, ...]
    text: str
    drift: Drift | None = None
    groups: Groups | None = None
    input_errors: Mapping[str, InputError] = field(default_factory=dict)
    seal: Seal = field(default_factory=Seal, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 that changes with the density and with nothing else."""
        return self.seal.digest

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
        return tuple(column_of(symbol) for symbol in self.law.inputs)

    @property
    def axis(self) -> str:
        """Column along which the model extrapolates: compute, or what its law reads first."""
        spends = FLOPS in self.inputs or sources_of(FLOPS, self.inputs) is not None
        return FLOPS if len(self.inputs) > 1 and spends else self.inputs[0]

    def along(self, known: Mapping[str, Any]) -> Any:
        """Axis at known inputs [SI units], compute as 6ND where the law does not read it."""
        return known[self.axis] if self.axis in self.inputs else derive(self.axis, known)

    @property
    def settled(self) -> bool:
        """True where the columns that the law reads do not wait for a table to name them."""
        return bool(self.inputs) and self.law.sources != THREE_SOURCES

    @property
    def input_sds(self) -> dict[str, float]:
        """Standard deviations of the logs of the columns that are not known exactly."""
        return {k: self.input_errors[k].sd for k in self.inputs if k in self.input_errors}

    @property
    def numbers(self) -> dict[str, float]:
        """The law's constants as numbers; those stated per resource follow `resource`.

        Raises UsageError where that is not known yet.
        """
        found = {}
        for name, value in self.constants.items():
            if isinstance(value, Mapping):
                if self.resource is None:
                    known = ", ".join(ONE_RESOURCES)
                    raise UsageError(f"model {self.name!r}: which resource? One of {known}")
                value = value.get(self.resource, reference_of(self.resource))
            found[name] = float(value)
        return found

    def at_resource(self, resource: str) -> ModelSpec:
        """Return the same model reading `resource`.

        Raises UsageError for laws of several resources, and for what is none.
        """
        if self.law.inputs != (ANY_RESOURCE,):
            raise UsageError(
                f"model {self.name!r} reads {', '.join(self.inputs)}; "
                "only a one-resource law can be pointed at a column"
            )
        if resource not in ONE_RESOURCES:
            raise UsageError(f"resource {resource!r} is not one of {', '.join(ONE_RESOURCES)}")
        return replace(self, resource=resource)

    def at_sources(self, sources: tuple[str, ...]) -> ModelSpec:
        """Return the same model over these data sources, the first of which is the reference.

        Raises UsageError where the law reads no mixture, or there are fewer than two sources.
        """
        if len(set(sources)) < len(sources):
            raise UsageError(f"sources {', '.join(sources)}: each is named once")
        law = self.law.over(sources)
        of_family = {self.law.family_of(name): prior for name, prior in self.priors.items()}
        return replace(
            self, law=law, priors={name: of_family[law.family_of(name)] for name in law.unknowns}
        )

    def against(
        self, ends: Mapping[str, tuple[float, float]], groups: Sequence[str] = ()
    ) -> ModelSpec:
        """Return the same model with relative priors and groups stated against a table.

        `ends`: smallest and largest value of each column the law reads, and of the target,
        in their SI units.
        """
        priors = {}
        for name, prior in self.priors.items():
            column = self.inputs[0] if prior.of == ANY_RESOURCE else prior.of
            priors[name] = prior.against(*ends[column]) if prior.relative else prior
        stated = self.groups.against(groups) if self.groups else None
        return replace(self, priors=priors, groups=stated)

    def at_reference(self, smallest: float = 1.0) -> ModelSpec:
        """Return the same model with relative priors stated against the reference run alone.

        `smallest` is the smallest value of the target, in its unit, that floors are fractions of; a
        loss that the law reads begins where laws are tried.
        """
        ends = {column: (reference_of(column),) * 2 for column in self.inputs}
        for column in (c for c in self.inputs if unit_of(c) == NATS):
            ends[column] = (quantity(column).trial[0], reference_of(column))
        return self.against({**ends, TARGET: (smallest, smallest)})

    def with_prior(self, unknown: str, prior: Prior, *, name: str | None = None) -> ModelSpec:
        """Return the model with another prior of one unknown, as a file of its own; `revision`."""
        from bayes_scaling.specs.revision import with_prior

        return with_prior(self, unknown, prior, name=name)

    def curve(self, xp: Any, inputs: tuple[Any, ...], unknowns: Mapping[str, Any]) -> Any:
        """Expected loss [nats/token] at `inputs` in SI units, in the order of `self.inputs`."""
        values = {name: unknowns[name] for name in self.law.unknowns}
        return self.law.curve(xp, *inputs, **values, **self.numbers)


def load_model(
    name_or_path: str | Path,
    *,
    resource: str | None = None,
    sources: Sequence[str] | None = None,
) -> ModelSpec:
    """Return the model of a shelf name (`chinchilla`) or of a path (`./mine.toml`).

    `resource` (params, tokens, flops, steps, ...) is the column that a one-resource law reads.
    `sources` are the data sources of a mixture law, the first of which is the reference; without
    them they are the table's, in alphabetical order. A law given in the file as `FILE.py:NAME` is
    read from the model file's folder and executed. Raises UsageError where the name is unknown, the
    file is faulty, or priors and unknowns of the law do not match exactly.

    Examples
    --------
    >>> bs.load_model("power-floor", resource="tokens").inputs
    ('tokens',)
    """
    where = str(name_or_path)
    path, text = find_model(where)
    parsed = parse_toml(ModelFile, text, where)
    if path.stem != parsed.name:
        raise UsageError(f"{where}: the file says name = {parsed.name!r}; name it {path.stem!r}")
    spec = _build(parsed, text, where, load_law(parsed.law, folder=path.parent))
    spec = spec if resource is None else spec.at_resource(resource)
    return spec if sources is None else spec.at_sources(tuple(sources))


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
    stated = {law.family_of(name) for name in law.unknowns}
    _match(where, "priors", set(parsed.priors), stated, law.name)
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
        priors={name: parsed.priors[law.family_of(name)].prior() for name in law.unknowns},
        noise=noise,
        target=parsed.target or law.target,
        resource=parsed.resource,
        answers=parsed.answers,
        references=parsed.references,
        text=text,
        drift=parsed.drift.drift() if parsed.drift else None,
        groups=groups,
        input_errors={str(k): InputError(v.sd, v.why) for k, v in parsed.errors.items()},
    )
    spec = spec.at_sources(parsed.sources) if parsed.sources else spec
    _refuse_without_axis(spec, where)
    if strange := sorted(set(spec.input_errors) - set(spec.inputs or RESOURCES)):
        raise UsageError(
            f"{where}: [errors] names {', '.join(strange)}; the law reads {', '.join(spec.inputs)}"
        )
    spec.seal.spec = spec
    return spec


def _refuse_without_axis(spec: ModelSpec, where: str) -> None:
    """Refuse a drift of what is bounded, and what counts along an axis that there is not."""
    if spec.noise.grows and spec.groups:
        raise UsageError(f"{where}: noise.growth beside [groups]: whose largest run would it mean?")
    stated = ["[drift]"] if spec.drift else []
    stated += ["noise.growth"] if spec.noise.grows else []
    if stated and spec.inputs and not grows(spec.axis):
        raise UsageError(
            f"{where}: {' and '.join(stated)} count e-folds of the axis, and {spec.axis} has none"
        )
    if spec.drift and quantity(spec.target).closed:
        raise UsageError(f"{where}: [drift] multiplies the {spec.target}, which is bounded")


def _match(where: str, what: str, given: set[str], wanted: set[str], law: str) -> None:
    missing, surplus = sorted(wanted - given), sorted(given - wanted)
    if missing or surplus:
        faults = [f"missing: {', '.join(missing)}"] if missing else []
        faults += [f"not in the law: {', '.join(surplus)}"] if surplus else []
        raise UsageError(
            f"{where}: [{what}] do not match law {law!r}; {'; '.join(faults)}. "
            f"The law has {', '.join(sorted(wanted)) or 'none'}."
        )
