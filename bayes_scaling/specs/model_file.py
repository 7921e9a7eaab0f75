"""The model file format 1: what a `models/*.toml` may say, checked by pydantic."""

from __future__ import annotations

import difflib
import tomllib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bayes_scaling.errors import UsageError
from bayes_scaling.specs.noise import UNKNOWNS_OF_KIND, Kind, Scale
from bayes_scaling.specs.prior import FAMILIES, Prior

MAX_BYTES = 1_000_000
Number = Annotated[float, Field(allow_inf_nan=False, strict=False)]


class Strict(BaseModel):
    """Unknown keys are errors; values are not coerced from text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PriorFile(Strict):
    """A `[priors.NAME]` table: a distribution, its numbers, its unit and the reason for it."""

    dist: Literal["Normal", "LogNormal", "HalfNormal", "FractionOfMin", "Beta", "Gamma"]
    q05: Number | None = None
    q95: Number | None = None
    alpha: Number | None = None
    beta: Number | None = None
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
        try:
            self.prior()
        except UsageError as fault:
            raise ValueError(str(fault)) from None
        return self

    def prior(self) -> Prior:
        """Return the distribution."""
        given = {k: getattr(self, k) for k in FAMILIES[self.dist].arguments}
        return Prior(self.dist, given, self.lower, self.upper, self.unit, self.why)


class NoiseFile(Strict):
    """The `[noise]` table: kind, scale, and the priors of its own unknowns."""

    kind: Kind
    scale: Scale = "log"
    sigma: PriorFile
    nu: PriorFile | None = None

    @model_validator(mode="after")
    def _exact_unknowns(self) -> NoiseFile:
        wanted = set(UNKNOWNS_OF_KIND[self.kind])
        given = {k for k in ("sigma", "nu") if getattr(self, k) is not None}
        if wanted != given:
            raise ValueError(f"{self.kind} noise has the unknowns {' and '.join(sorted(wanted))}")
        return self


class ModelFile(Strict):
    """One model file: one joint density of losses and unknowns given the resources spent."""

    format: Literal[1]
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: int = Field(ge=1)
    law: str = Field(min_length=1)
    answers: str = Field(min_length=1)
    references: tuple[str, ...] = ()
    resource: Literal["params", "tokens", "flops"] | None = None
    constants: dict[str, Number | dict[Literal["params", "tokens", "flops"], Number]] = {}
    priors: dict[str, PriorFile]
    noise: NoiseFile


def parse_model(text: str, where: str) -> ModelFile:
    """Parse and validate the text of a model file; `where` names it in errors.

    Raises UsageError with every fault of the file at once.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{where}: {len(text)} characters; a model file has at most {MAX_BYTES}")
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise UsageError(f"{where}: not valid TOML: {fault or 'nested too deep'}") from None
    try:
        return ModelFile.model_validate(raw)
    except ValidationError as fault:
        lines = [_say(each) for each in fault.errors(include_url=False)]
        raise UsageError(f"{where}: " + "\n  ".join(["not a model file:", *lines])) from None


def _say(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg'].removeprefix('Value error, ')}"
    known = _known_keys(error["loc"])
    near = difflib.get_close_matches(str(error["loc"][-1]), known, n=2, cutoff=0.5)
    hint = f"known keys: {', '.join(known)}"
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    return f"{place}: unknown key; {hint}"


def _known_keys(place: tuple[Any, ...]) -> list[str]:
    in_prior = (len(place) > 2 and place[0] == "priors") or (len(place) > 2 and place[0] == "noise")
    if in_prior:
        return list(PriorFile.model_fields)
    return list((NoiseFile if place[0] == "noise" and len(place) == 2 else ModelFile).model_fields)
