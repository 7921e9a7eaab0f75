"""Words: the numbers of a report as the sentences a terminal shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bayes_scaling.names import FLOPS, PARAMS, TOKENS

NAMED: Final = 3
"""Held-out runs outside their interval that are named."""


def answer_lines(numbers: Mapping[str, Any], price: str) -> list[str]:
    """Return one sentence per budget: the loss it buys, and the plan to fund at the price said."""
    from bayes_scaling.reporting.wording import (
        say_given,
        say_loss,
        say_share,
        say_size,
        say_target,
        unit_in_words,
    )

    target = numbers["target"]["name"]
    axis, widest = numbers["axis"], numbers["widest"]
    lines = []
    for i, point in enumerate(numbers["forecast"]):
        loss = point[numbers["new"]]
        low, high = say_loss(loss[widest["low"]]), say_loss(loss[widest["high"]])
        beyond = ", beyond what the runs support" if point["beyond"] else ""
        line = (
            f"At {say_given(point[axis], axis)}{beyond}: {say_target(target)} "
            f"{say_loss(loss['q50'])} {unit_in_words(target)}, "
            f"{say_share(widest['share'])} between {low} and {high}."
        )
        if numbers["allocation"]:
            line += f" {_plan(numbers['allocation'][i], widest)}"
        lines.append(line)
    if numbers["refused"]:
        ray = say_size(numbers["ray_tokens_per_param"])
        lines.append(f"For runs along the table's own {ray} tokens per parameter; no split.")
    elif numbers["no_split"]:
        lines.append(numbers["no_split"])
    if axis == FLOPS and not numbers["no_split"]:
        lines.append(f"Prices at {price}.")
    return lines


def _plan(budget: Mapping[str, Any], widest: Mapping[str, Any]) -> str:
    from bayes_scaling.reporting.wording import say_share, say_size, say_usd

    plan, optimum = budget["plan"], budget["optimum"][PARAMS]
    ends = f"{say_size(optimum[widest['low']])} and {say_size(optimum[widest['high']])}"
    return (
        f"Plan {say_size(plan[PARAMS])} parameters on {say_size(plan[TOKENS])} tokens "
        f"({say_share(widest['share'])} of the optimum between {ends}), "
        f"about {say_usd(budget['usd'])}."
    )


def held_out_lines(numbers: Mapping[str, Any]) -> list[str]:
    """Return how the runs fared that were not fitted; nothing where there are none."""
    from bayes_scaling.reporting.wording import say_share

    held_out = numbers["held_out"]
    if not held_out:
        return []
    counts = [
        f"{inside} of {held_out['count']} inside {say_share(interval['share'])}"
        for inside, interval in zip(held_out["inside"], numbers["intervals"], strict=True)
    ]
    farthest = max(row["extrapolation"] for row in held_out["rows"])
    outside = [row for row in held_out["rows"] if not row["inside"][-1]]
    names = ", ".join(f"{row['run']} ({row['error_percent']:+.1f}%)" for row in outside[:NAMED])
    more = f" and {len(outside) - NAMED} more" if len(outside) > NAMED else ""
    return [
        f"Held-out runs, up to {farthest:.2g} times the largest fitted one: {', '.join(counts)}."
        + (f" Outside: {names}{more}." if names else "")
    ]


def failures_and_warnings(numbers: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what fails and what warns: checks, the horizon, and findings of the table."""
    from bayes_scaling.reporting.wording import say_number
    from bayes_scaling.runs.finding import ERROR, WARN

    failures = [numbers["no_split"]] if numbers["refused"] else []
    warnings: list[str] = []
    for row in numbers["checks"]:
        line = f"{row['name']}: {say_number(row['value'])} (limit: {row['limit']}); {row['advice']}"
        if row["verdict"] == "fail":
            failures.append(line)
        elif row["verdict"] == WARN:
            warnings.append(line)
    for finding in (*numbers["caveats"], *numbers["table_findings"]):
        line = f"{finding['code']} {finding['sentence']}"
        if finding["severity"] == ERROR:
            failures.append(line)
        elif finding["severity"] == WARN:
            warnings.append(line)
    return failures, warnings
