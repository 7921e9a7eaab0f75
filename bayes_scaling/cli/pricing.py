"""Pricing: what compute costs, what plans must respect, and which demand and data they meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.amounts import parse_amounts, parse_uncertain
from bayes_scaling.decisions.prices import FLOPS_PER_GPU_SECOND, MFU, USD_PER_GPU_HOUR
from bayes_scaling.errors import UsageError
from bayes_scaling.names import PARAMS, TOKENS, TOKENS_PER_PARAM

if TYPE_CHECKING:
    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.decisions.limits import Limits
    from bayes_scaling.decisions.repetition import Repetition
    from bayes_scaling.decisions.serving import Serving

PRICE = "Price of compute"
LIMITS = "What a plan must respect"
DEMAND = "Demand and data"
FIELDS = {"usd-per-hour": "usd_per_gpu_hour", "peak": "flops_per_gpu_second"}
"""Fields of `Cost` by options that are called differently."""


@dataclass(frozen=True)
class Price:
    """What compute costs: numbers, or LOW..HIGH for the 5% and 95% quantiles of uncertain ones."""

    usd_per_hour: Annotated[
        str,
        typer.Option(
            "--usd-per-hour",
            metavar="P",
            help="USD per GPU-hour: a number, or 2..3.5 for an uncertain one.",
            rich_help_panel=PRICE,
        ),
    ] = str(USD_PER_GPU_HOUR)
    peak: Annotated[
        str,
        typer.Option(
            "--peak", metavar="F", help="FLOP/s of one device at its peak.", rich_help_panel=PRICE
        ),
    ] = f"{FLOPS_PER_GPU_SECOND:g}"
    mfu: Annotated[
        str,
        typer.Option(
            "--mfu", metavar="M", help="Share of the peak achieved.", rich_help_panel=PRICE
        ),
    ] = str(MFU)
    overhead: Annotated[
        str,
        typer.Option(
            "--overhead",
            metavar="S",
            help="Share of further time lost to failures and restarts.",
            rich_help_panel=PRICE,
        ),
    ] = "0"
    devices: Annotated[
        int | None,
        typer.Option("--devices", help="Number of devices, for --hours.", rich_help_panel=PRICE),
    ] = None

    def cost(self) -> Cost:
        """Return the `Cost`; raises UsageError with all values that cannot be."""
        from bayes_scaling.decisions.cost import Cost

        given = {
            "usd-per-hour": self.usd_per_hour,
            "peak": self.peak,
            "mfu": self.mfu,
            "overhead": self.overhead,
        }
        values: dict[str, Any] = {}
        faults = []
        for name, text in given.items():
            field = FIELDS.get(name, name)
            try:
                values[field] = parse_uncertain(text, name)
            except UsageError as fault:
                faults.append(str(fault))
        if faults:
            raise UsageError("\n".join(faults))
        return Cost(**values, devices=self.devices)


@dataclass(frozen=True)
class Plans:
    """What a plan must respect, and which demand and data it meets."""

    max_params: Annotated[
        str | None,
        typer.Option("--max-params", metavar="N", help="Largest size.", rich_help_panel=LIMITS),
    ] = None
    min_params: Annotated[
        str | None,
        typer.Option("--min-params", metavar="N", help="Smallest size.", rich_help_panel=LIMITS),
    ] = None
    size: Annotated[
        list[str] | None,
        typer.Option(
            "--size", metavar="N", help="Only sizes given so. Repeatable.", rich_help_panel=LIMITS
        ),
    ] = None
    max_tokens: Annotated[
        str | None,
        typer.Option("--max-tokens", metavar="D", help="Most tokens.", rich_help_panel=LIMITS),
    ] = None
    min_ratio: Annotated[
        str | None,
        typer.Option(
            "--min-tokens-per-param",
            metavar="M",
            help="Least tokens per parameter.",
            rich_help_panel=LIMITS,
        ),
    ] = None
    max_ratio: Annotated[
        str | None,
        typer.Option(
            "--max-tokens-per-param",
            metavar="M",
            help="Most tokens per parameter.",
            rich_help_panel=LIMITS,
        ),
    ] = None
    max_latency: Annotated[
        float | None,
        typer.Option(
            "--max-latency",
            metavar="S",
            help="Most seconds for one token; with --latency-at-1b.",
            rich_help_panel=LIMITS,
        ),
    ] = None
    latency_at_1b: Annotated[
        float | None,
        typer.Option(
            "--latency-at-1b",
            metavar="S",
            help="Seconds for one token of a model of 1B parameters; in proportion to size.",
            rich_help_panel=LIMITS,
        ),
    ] = None
    tokens_available: Annotated[
        str | None,
        typer.Option(
            "--tokens-available",
            metavar="U",
            help="Unique tokens at hand; more are repetitions, worth less and less.",
            rich_help_panel=DEMAND,
        ),
    ] = None
    serve_tokens: Annotated[
        str | None,
        typer.Option(
            "--serve-tokens",
            metavar="T",
            help="Tokens served over the model's life, or 1T..10T: budgets pay for 6ND + 2NT.",
            rich_help_panel=DEMAND,
        ),
    ] = None

    def limits(self) -> Limits:
        """Return the `Limits`; raises UsageError for values that cannot be."""
        from bayes_scaling.decisions.limits import Latency, Limits

        if (self.max_latency is None) != (self.latency_at_1b is None):
            raise UsageError("give --max-latency and --latency-at-1b together")
        latency = None
        if self.max_latency is not None and self.latency_at_1b is not None:
            latency = Latency(self.max_latency, self.latency_at_1b)
        return Limits(
            min_params=_one(self.min_params, PARAMS),
            max_params=_one(self.max_params, PARAMS),
            max_tokens=_one(self.max_tokens, TOKENS),
            min_tokens_per_param=_one(self.min_ratio, TOKENS_PER_PARAM),
            max_tokens_per_param=_one(self.max_ratio, TOKENS_PER_PARAM),
            sizes=tuple(parse_amounts(self.size or [], PARAMS)),
            latency=latency,
        )

    def serving(self) -> Serving | None:
        """Return the demand, if one was stated."""
        from bayes_scaling.decisions.serving import Serving

        if self.serve_tokens is None:
            return None
        return Serving(parse_uncertain(self.serve_tokens, "serve-tokens", column=TOKENS))

    def repetition(self) -> Repetition | None:
        """Return the unique tokens at hand, if they were stated."""
        from bayes_scaling.decisions.repetition import Repetition

        unique = _one(self.tokens_available, TOKENS)
        return None if unique is None else Repetition(unique)


def _one(text: str | None, column: str) -> float | None:
    return None if text is None else parse_amounts([text], column)[0]
