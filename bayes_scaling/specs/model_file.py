"""The model file format 1: what a `models/*.toml` may say, checked by pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bayes_scaling.errors import UsageError
from bayes_scaling.names import GROUP, TARGET
from bayes_scaling.specs.drift import Drift, is_spread
from bayes_scaling.specs.drift import Kind as DriftKind
from bayes_scaling.specs.groups import Groups
from bayes_scaling.specs.noise import GROWTH, RUN_EFFECT, UNKNOWNS_OF_KIND, Kind, Scale
from bayes_scaling.specs.prior import FAMILIES, RELATIVE, Prior
from bayes_scaling.specs.strict import Strict

OneResource = Literal[
    "params",
    "tokens",
    "flops",
    "steps",
    "examples",
    "adapter_rank",
    "finetune_tokens",
    "attempts",
]
Number = Annotated[float, Field(allow_inf_nan=False, strict=False)]


class PriorFile(Strict):
    """A `[priors.NAME]` table: a distribution, its numbers, its unit and the reason for it."""

    dist: Literal[
        "Normal",
        "LogNormal",
        "HalfNormal",
        "Beta",
        "Gamma",
        "FractionOfMin",
        "OfRange",
        "OfSmallest",
    ]
    q05: Number | None = None
    q95: Number | None = None
    alpha: Number | None = None
    beta: Number | None = None
    of: str = ""
    lower: Number | None = None
    upper: Number | None = None
    unit: str = Field(min_length=1)
    why: str = Field(min_length=1)

    @model_validator(mode="after")
    def _exact_arguments(self) -> PriorFile:
        wanted = set(FAMILIES[self.dist].arguments)
        given = {k for k in ("q05", "q95", "alpha", "beta") if getattr(self, k) is not None}
        if wanted != given:
            raise ValueError(
                f"{self.dist} takes {' and '.join(sorted(wanted))}, "
                f"not {' and '.join(sorted(given)) or 'nothing'}"
            )
        if self.dist in ("OfRange", "OfSmallest") and not self.of:
            raise ValueError(f"`of` names the column that {self.dist} is relative to")
        if self.of and self.dist not in RELATIVE:
            raise ValueError(f"{self.dist} is relative to nothing; leave out `of`")
        try:
            self.prior()
        except UsageError as fault:
            raise ValueError(str(fault)) from None
        return self

    def prior(self) -> Prior:
        """Return the distribution."""
        given = {k: getattr(self, k) for k in FAMILIES[self.dist].arguments}
        of = (self.of or TARGET) if self.dist == "FractionOfMin" else self.of
        return Prior(self.dist, given, self.lower, self.upper, self.unit, self.why, of)


class NoiseFile(Strict):
    """The `[noise]` table: kind, scale, and the priors of its own unknowns."""

    kind: Kind
    scale: Scale = "log"
    sigma: PriorFile
    nu: PriorFile | None = None
    p_bad: PriorFile | None = None
    excess: PriorFile | None = None
    run_effect: PriorFile | None = None
    growth: PriorFile | None = None

    @model_validator(mode="after")
    def _exact_unknowns(self) -> NoiseFile:
        wanted = set(UNKNOWNS_OF_KIND[self.kind])
        if wanted != set(self.priors()) - {RUN_EFFECT, GROWTH}:
            raise ValueError(f"{self.kind} noise has the unknowns {' and '.join(sorted(wanted))}")
        if self.p_bad is not None and not _is_share(self.p_bad.prior()):
            raise ValueError("p_bad is a share of the runs: its prior must lie between 0 and 1")
        if self.growth is not None and not is_spread(self.growth.prior()):
            raise ValueError("growth is positive: smaller runs scatter more, a HalfNormal")
        if self.run_effect is None:
            return self
        if self.kind != "normal":
            raise ValueError(f"a run_effect needs normal noise; {self.kind} noise has none")
        if self.run_effect.prior().support[0] < 0:
            raise ValueError("run_effect is a standard deviation: its prior must be above 0")
        return self

    def priors(self) -> dict[str, Prior]:
        """Return the priors of the noise's own unknowns that the file states."""
        named = (
            (k, getattr(self, k)) for k in ("sigma", "nu", "p_bad", "excess", RUN_EFFECT, GROWTH)
        )
        return {k: v.prior() for k, v in named if v is not None}


def _is_share(prior: Prior) -> bool:
    low, high = prior.support
    return low >= 0 and high <= 1


class DriftFile(Strict):
    """The `[drift]` table: how the law may go wrong beyond the largest fitted run."""

    kind: DriftKind
    scale: PriorFile
    follows: float = Field(default=0.0, ge=0, le=2)

    @model_validator(mode="after")
    def _positive(self) -> DriftFile:
        if not is_spread(self.scale.prior()):
            raise ValueError("scale is a standard deviation, a HalfNormal or LogNormal")
        return self

    def drift(self) -> Drift:
        """Return the drift."""
        return Drift(self.kind, self.scale.prior(), self.follows)


class GroupsFile(Strict):
    """The `[groups]` table: the column, and the prior of the spread of each unknown that varies."""

    column: Literal["group"] = GROUP
    spread: dict[str, PriorFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _positive(self) -> GroupsFile:
        for name, prior in self.spread.items():
            if not is_spread(prior.prior()):
                raise ValueError(f"spread.{name}: a standard deviation, a HalfNormal or LogNormal")
        return self

    def groups(self) -> Groups:
        """Return what varies."""
        return Groups(self.column, {k: v.prior() for k, v in self.spread.items()})


class InputErrorFile(Strict):
    """An `[errors.INPUT]` table: sd of the log of an input that is not known exactly."""

    sd: Number = Field(gt=0, le=1)
    why: str = Field(min_length=1)


class ModelFile(Strict):
    """Model file: one joint density of losses and unknowns given the resources spent."""

    format: Literal[1]
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: int = Field(ge=1)
    law: str = Field(min_length=1)
    answers: str = Field(min_length=1)
    references: tuple[str, ...] = ()
    target: Literal["loss", "accuracy", "error", "normalized_loss"] | None = None
    resource: OneResource | None = None
    sources: tuple[str, ...] = ()
    constants: dict[str, Number | dict[OneResource, Number]] = Field(default_factory=dict)
    priors: dict[str, PriorFile]
    noise: NoiseFile
    drift: DriftFile | None = None
    groups: GroupsFile | None = None
    errors: dict[Literal["params", "tokens", "flops"], InputErrorFile] = Field(default_factory=dict)
