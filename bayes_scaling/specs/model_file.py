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
    """Name of the distribution."""
    q05: Number | None = None
    """5% quantile, in `unit`; of a relative distribution, a multiple."""
    q95: Number | None = None
    """95% quantile, in `unit`; of a relative distribution, a multiple."""
    alpha: Number | None = None
    """First argument of Beta and Gamma (shape)."""
    beta: Number | None = None
    """Second argument of Beta (shape) and Gamma (rate)."""
    of: str = ""
    """Column to which the distribution is relative; x is the law's one resource."""
    lower: Number | None = None
    """Cut off below here, in `unit`."""
    upper: Number | None = None
    """Cut off above here, in `unit`."""
    unit: str = Field(min_length=1)
    """Unit of the unknown; 1 for a plain number."""
    why: str = Field(min_length=1)
    """Where these numbers are from, for the reviewer."""

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
    """Distribution of a run's loss around the curve."""
    scale: Scale = "log"
    """What scatters: the log of the loss (relative error), or the loss itself."""
    sigma: PriorFile
    """Scale of the scatter, relative or in the unit of the target."""
    nu: PriorFile | None = None
    """Degrees of freedom of Student's t."""
    p_bad: PriorFile | None = None
    """Share of bad runs, of one-sided noise."""
    excess: PriorFile | None = None
    """Mean by which bad runs are worse, in the unit of sigma."""
    run_effect: PriorFile | None = None
    """Standard deviation between runs, shared by the rows of each; normal noise only."""
    growth: PriorFile | None = None
    """Log sigma gained with each e-fold of the axis below the largest fitted run."""

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
    """How the log loss bends away from the law."""
    scale: PriorFile
    """Size of the bend [log loss per e-fold^2]."""
    follows: float = Field(default=0.0, ge=0, le=2)
    """Power of the table's own scatter, relative to .5%, that the scale follows."""

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
    """Column that names each run's group."""
    spread: dict[str, PriorFile] = Field(min_length=1)
    """Unknown to the prior of its standard deviation between groups, on log or logit scale."""

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
    """Standard deviation of the log of the input."""
    why: str = Field(min_length=1)
    """Where this number is from, for the reviewer."""


class ModelFile(Strict):
    """Model file: one joint density of losses and unknowns given the resources spent."""

    format: Literal[1]
    """Version of this format."""
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Name of the model: the file's, without its ending."""
    version: int = Field(ge=1)
    """Number of the density; a changed density has a new one."""
    law: str = Field(min_length=1)
    """Name of a built-in law, or FILE.py:NAME beside this file."""
    answers: str = Field(min_length=1)
    """Question that the model answers, in words."""
    references: tuple[str, ...] = ()
    """Where the form and its numbers come from."""
    target: Literal["loss", "accuracy", "error", "normalized_loss"] | None = None
    """What the law explains; left out, the law says it."""
    resource: OneResource | None = None
    """Column that a law of one resource reads; left out, the table decides."""
    sources: tuple[str, ...] = ()
    """Sources of a data mixture, the reference first; left out, the table's, by alphabet."""
    constants: dict[str, Number | dict[OneResource, Number]] = Field(default_factory=dict)
    """Anchors of the law by name: a number, or one for each resource."""
    priors: dict[str, PriorFile]
    """Unknown of the law to its prior; every unknown has one."""
    noise: NoiseFile
    """How runs scatter around the curve."""
    drift: DriftFile | None = None
    """How the law may go wrong beyond the largest fitted run."""
    groups: GroupsFile | None = None
    """Which unknowns vary by group."""
    errors: dict[Literal["params", "tokens", "flops"], InputErrorFile] = Field(default_factory=dict)
    """Input to its error, where it is not known exactly."""
