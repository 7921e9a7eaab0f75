"""Sections of a study file that say what a plan is asked and must respect."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

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
from bayes_scaling.names import PARAMS, TOKENS
from bayes_scaling.runs.units import parse_quantity
from bayes_scaling.specs.model_file import PriorFile
from bayes_scaling.specs.strict import Strict

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Positive | str
"""A number, or a quantity as people write it, such as "1e24" or "70B"."""
Uncertain = Positive | PriorFile
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
    mfu: Uncertain = MFU
    overhead: Annotated[float, Field(ge=0, allow_inf_nan=False)] | PriorFile = 0.0
    devices: Annotated[int, Field(gt=0)] | None = None
    convention: ConventionSection | None = None

    def cost(self) -> Cost:
        """Return the `Cost`; raises UsageError for values that cannot be."""
        given: dict[str, Any] = {name: _value(getattr(self, name)) for name in QUANTITIES}
        if self.convention is not None:
            given["convention"] = self.convention.convention()
        return Cost(**given, devices=self.devices)


class AllocateSection(Strict):
    """The `[allocate]` table: budgets, or what one is to follow from; options of `allocate`."""

    flops: tuple[Amount, ...] = ()
    usd: tuple[Amount, ...] = ()
    gpu_hours: tuple[Amount, ...] = ()
    hours: tuple[Amount, ...] = ()
    loss: Positive | None = None
    probability: Annotated[float, Field(gt=0, lt=1)] = 0.9
    usd_per_nat: Amount | None = None
    for_params: Amount | None = None
    for_tokens: Amount | None = None
    cvar: Annotated[float, Field(ge=0, lt=1)] | None = None


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

    min_params: Amount | None = None
    max_params: Amount | None = None
    max_tokens: Amount | None = None
    min_tokens_per_param: Positive | None = None
    max_tokens_per_param: Positive | None = None
    sizes: tuple[Amount, ...] = ()
    latency: LatencySection | None = None
    linear: tuple[LinearSection, ...] = ()

    def limits(self) -> Limits:
        """Return the `Limits`; raises UsageError for values that cannot be."""
        return Limits(
            min_params=_amount(self.min_params, PARAMS),
            max_params=_amount(self.max_params, PARAMS),
            max_tokens=_amount(self.max_tokens, TOKENS),
            min_tokens_per_param=self.min_tokens_per_param,
            max_tokens_per_param=self.max_tokens_per_param,
            sizes=tuple(_number(size, PARAMS) for size in self.sizes),
            latency=Latency(**self.latency.model_dump()) if self.latency else None,
            linear=tuple(Linear(**each.model_dump()) for each in self.linear),
        )


class ServingSection(Strict):
    """The `[serving]` table: see `Serving`."""

    tokens: Amount | PriorFile
    requests: Uncertain = 1.0
    weight: Positive = 1.0

    def serving(self) -> Serving:
        """Return the `Serving`; raises UsageError for values that cannot be."""
        tokens = self.tokens
        known = tokens.prior() if isinstance(tokens, PriorFile) else _number(tokens, TOKENS)
        return Serving(known, _value(self.requests), self.weight)


class RepetitionSection(Strict):
    """The `[repetition]` table: see `Repetition`."""

    unique_tokens: Amount
    worth: Uncertain | None = None

    def repetition(self) -> Repetition:
        """Return the `Repetition`; raises UsageError for values that cannot be."""
        unique = _number(self.unique_tokens, TOKENS)
        return Repetition(unique) if self.worth is None else Repetition(unique, _value(self.worth))


def _value(value: float | PriorFile) -> Any:
    return value.prior() if isinstance(value, PriorFile) else value


def _number(amount: float | str, column: str) -> float:
    return parse_quantity(amount, column) if isinstance(amount, str) else amount


def _amount(amount: float | str | None, column: str) -> float | None:
    return None if amount is None else _number(amount, column)
