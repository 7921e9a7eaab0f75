"""Sections of a study file that say what a plan is asked and must respect."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bayes_scaling.decisions.convention import (
    Convention,
    active_convention,
    attention_convention,
    power_convention,
)
from bayes_scaling.decisions.cost import QUANTITIES, Cost
from bayes_scaling.decisions.limits import Latency, Limits, Linear
from bayes_scaling.decisions.prices import FLOPS_PER_GPU_SECOND, MFU, USD_PER_GPU_HOUR
from bayes_scaling.decisions.repetition import Repetition
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.wanted import Wanted
from bayes_scaling.names import FLOPS, PARAMS, TOKENS
from bayes_scaling.runs.money import parse_hours, parse_money
from bayes_scaling.runs.units import parse_quantity
from bayes_scaling.specs.model_file import PriorFile
from bayes_scaling.specs.strict import Strict

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _read(how: Callable[[str], float]) -> BeforeValidator:
    def number(given: Any) -> Any:
        return how(given) if isinstance(given, str) else given

    return BeforeValidator(number, json_schema_input_type=float | str)


def _absolute(given: float | PriorFile) -> float | PriorFile:
    if isinstance(given, PriorFile) and given.prior().of:
        raise ValueError("a prior relative to a table cannot stand here; give its quantiles")
    return given


Flops = Annotated[Positive, _read(partial(parse_quantity, column=FLOPS))]
"""FLOP: a number, or a text such as "1e24" or "6.9 PF-days"; read as a number, like those below."""
Params = Annotated[Positive, _read(partial(parse_quantity, column=PARAMS))]
Tokens = Annotated[Positive, _read(partial(parse_quantity, column=TOKENS))]
Usd = Annotated[Positive, _read(parse_money)]
Hours = Annotated[Positive, _read(parse_hours)]
Uncertain = Annotated[Positive | PriorFile, AfterValidator(_absolute)]
"""A number, or a prior as model files write it."""


class ConventionSection(Strict):
    """The `convention` of `[cost]`: attention (depth, width, context), `active`, or kappa, p, q."""

    depth: Positive | None = None
    width: Positive | None = None
    context: Positive | None = None
    vocabulary: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    active: Annotated[float, Field(gt=0, le=1)] | None = None
    kappa: Positive | None = None
    p: Positive = 1.0
    q: Positive = 1.0

    @model_validator(mode="after")
    def _one_way(self) -> ConventionSection:
        shape = [self.depth, self.width, self.context]
        ways = [any(shape), self.active is not None, self.kappa is not None]
        if sum(ways) != 1 or (any(shape) and None in shape):
            raise ValueError("state one of: depth, width and context; active; kappa (with p, q)")
        return self

    def convention(self) -> Convention:
        """Return the `Convention`."""
        if self.active is not None:
            return active_convention(self.active)
        if self.kappa is not None:
            return power_convention(self.kappa, self.p, self.q)
        shape = self.depth or 0.0, self.width or 0.0, self.context or 0.0
        return attention_convention(*shape, vocabulary=self.vocabulary)


class CostSection(Strict):
    """The `[cost]` table: see `Cost`; each but devices a number or a prior as in model files."""

    usd_per_gpu_hour: Uncertain = USD_PER_GPU_HOUR
    flops_per_gpu_second: Uncertain = FLOPS_PER_GPU_SECOND
    mfu: Annotated[Annotated[float, Field(gt=0, le=1)] | PriorFile, AfterValidator(_absolute)] = MFU
    overhead: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False)] | PriorFile, AfterValidator(_absolute)
    ] = 0.0
    devices: Annotated[int, Field(gt=0)] | None = None
    convention: ConventionSection | None = None

    @model_validator(mode="after")
    def _can_be(self) -> CostSection:
        self.cost()
        return self

    def cost(self) -> Cost:
        """Return the `Cost`; raises UsageError for values that cannot be."""
        given: dict[str, Any] = {name: _value(getattr(self, name)) for name in QUANTITIES}
        if self.convention is not None:
            given["convention"] = self.convention.convention()
        return Cost(**given, devices=self.devices)


class AllocateSection(Strict):
    """The `[allocate]` table: see `Wanted`."""

    flops: tuple[Flops, ...] = ()
    usd: tuple[Usd, ...] = ()
    gpu_hours: tuple[Hours, ...] = ()
    hours: tuple[Hours, ...] = ()
    loss: Positive | None = None
    probability: Annotated[float, Field(gt=0, lt=1)] = 0.9
    usd_per_nat: Usd | None = None
    for_params: Params | None = None
    for_tokens: Tokens | None = None
    cvar: Annotated[float, Field(ge=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> AllocateSection:
        if self.wanted().ways > 1:
            raise ValueError(
                "a budget is stated, or follows from one of loss, usd_per_nat, for_params and "
                "for_tokens"
            )
        return self

    def wanted(self) -> Wanted:
        """Return what is asked."""
        return Wanted(**self.model_dump())


class PlanSection(Strict):
    """The `[plan]` table: one run that is planned."""

    params: Params
    tokens: Tokens


class LatencySection(Strict):
    """The `latency` of `[limits]`: see `Latency`."""

    at_most: Positive
    seconds_at_1b: Positive
    power: Positive = 1.0


class LinearSection(Strict):
    """One of `linear` of `[limits]`: see `Linear`."""

    bound: Positive
    params_power: float = 0.0
    tokens_power: float = 0.0


class LimitsSection(Strict):
    """The `[limits]` table: see `Limits`."""

    min_params: Params | None = None
    max_params: Params | None = None
    max_tokens: Tokens | None = None
    min_tokens_per_param: Positive | None = None
    max_tokens_per_param: Positive | None = None
    sizes: tuple[Params, ...] = ()
    latency: LatencySection | None = None
    linear: tuple[LinearSection, ...] = ()

    @model_validator(mode="after")
    def _can_be(self) -> LimitsSection:
        self.limits()
        return self

    def limits(self) -> Limits:
        """Return the `Limits`; raises UsageError for values that cannot be."""
        return Limits(
            min_params=self.min_params,
            max_params=self.max_params,
            max_tokens=self.max_tokens,
            min_tokens_per_param=self.min_tokens_per_param,
            max_tokens_per_param=self.max_tokens_per_param,
            sizes=self.sizes,
            latency=Latency(**self.latency.model_dump()) if self.latency else None,
            linear=tuple(Linear(**each.model_dump()) for each in self.linear),
        )


class ServingSection(Strict):
    """The `[serving]` table: see `Serving`."""

    tokens: Annotated[Tokens | PriorFile, AfterValidator(_absolute)]
    requests: Uncertain = 1.0
    weight: Positive = 1.0

    @model_validator(mode="after")
    def _can_be(self) -> ServingSection:
        self.serving()
        return self

    def serving(self) -> Serving:
        """Return the `Serving`; raises UsageError for values that cannot be."""
        return Serving(_value(self.tokens), _value(self.requests), self.weight)


class RepetitionSection(Strict):
    """The `[repetition]` table: see `Repetition`."""

    unique_tokens: Tokens
    worth: Uncertain | None = None

    @model_validator(mode="after")
    def _can_be(self) -> RepetitionSection:
        self.repetition()
        return self

    def repetition(self) -> Repetition:
        """Return the `Repetition`; raises UsageError for values that cannot be."""
        given = () if self.worth is None else (_value(self.worth),)
        return Repetition(self.unique_tokens, *given)


def _value(value: float | PriorFile) -> Any:
    return value.prior() if isinstance(value, PriorFile) else value
