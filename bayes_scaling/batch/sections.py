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
    """Layers of the transformer."""
    width: Positive | None = None
    """Width of its residual stream."""
    context: Positive | None = None
    """Context length [tokens]."""
    vocabulary: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Entries of the vocabulary, for the output embedding; 0 leaves it out."""
    active: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of a sparse model's parameters that each token meets: C = 6 active N D."""
    kappa: Positive | None = None
    """Of C = kappa N^p D^q [FLOP]."""
    p: Positive = 1.0
    """Power of the parameters, beside kappa."""
    q: Positive = 1.0
    """Power of the tokens, beside kappa."""

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
    """Price of one device for an hour [USD]."""
    flops_per_gpu_second: Uncertain = FLOPS_PER_GPU_SECOND
    """Peak of one device [FLOP/s]."""
    mfu: Annotated[Annotated[float, Field(gt=0, le=1)] | PriorFile, AfterValidator(_absolute)] = MFU
    """Share of that peak which a training run achieves."""
    overhead: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False)] | PriorFile, AfterValidator(_absolute)
    ] = 0.0
    """Share of further time lost to failures and restarts."""
    devices: Annotated[int, Field(gt=0)] | None = None
    """Number of devices, for hours of wall-clock."""
    convention: ConventionSection | None = None
    """How FLOP are counted; left out, 6ND."""

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
    """Budgets of compute [FLOP]."""
    usd: tuple[Usd, ...] = ()
    """Budgets in money [USD]."""
    gpu_hours: tuple[Hours, ...] = ()
    """Budgets in time of devices [GPU-hours]."""
    hours: tuple[Hours, ...] = ()
    """Budgets in wall-clock [hours] on the devices of `[cost]`."""
    loss: Positive | None = None
    """Loss to reach [nats/token]; beside a budget, a question about it."""
    probability: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Probability with which the loss is to be reached."""
    usd_per_nat: Usd | None = None
    """What a nat/token less is worth [USD]; the budget follows from it."""
    for_params: Params | None = None
    """Size [parameters] whose budget is sought."""
    for_tokens: Tokens | None = None
    """Data set [tokens] whose budget is sought."""
    cvar: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Plan for the worst share 1 - cvar of draws; left out, for their mean."""

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
    """Its size [parameters]."""
    tokens: Tokens
    """Its training data [tokens], repeats counted."""


class LatencySection(Strict):
    """The `latency` of `[limits]`: see `Latency`."""

    at_most: Positive
    """Longest time for one generated token [s]."""
    seconds_at_1b: Positive
    """Time that a model of 1B parameters takes for it [s]."""
    power: Positive = 1.0
    """Power of the size with which that time grows."""


class LinearSection(Strict):
    """One of `linear` of `[limits]`: see `Linear`."""

    bound: Positive
    """Bound of N^params_power D^tokens_power, N in parameters and D in tokens."""
    params_power: float = 0.0
    """Power of the parameters."""
    tokens_power: float = 0.0
    """Power of the tokens."""


class LimitsSection(Strict):
    """The `[limits]` table: see `Limits`."""

    min_params: Params | None = None
    """Smallest size of a plan [parameters]."""
    max_params: Params | None = None
    """Largest size of a plan [parameters]."""
    max_tokens: Tokens | None = None
    """Most training tokens of a plan [tokens]."""
    min_tokens_per_param: Positive | None = None
    """Least tokens per parameter."""
    max_tokens_per_param: Positive | None = None
    """Most tokens per parameter."""
    sizes: tuple[Params, ...] = ()
    """The only sizes that a plan may have [parameters]."""
    latency: LatencySection | None = None
    """How fast the model must answer."""
    linear: tuple[LinearSection, ...] = ()
    """Bounds on products of powers of parameters and tokens; all hold."""

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
    """Tokens generated or read over the model's life [tokens], of each request if counted."""
    requests: Uncertain = 1.0
    """Requests over the model's life, by which the tokens are multiplied."""
    weight: Positive = 1.0
    """Price of a served FLOP as a multiple of a trained one."""

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
    """Tokens there are before any is seen again [tokens]."""
    worth: Uncertain | None = None
    """Repetition that carries value [epochs]; left out, a prior around the published value."""

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
