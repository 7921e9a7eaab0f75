"""Chances: the probability that a forecast reaches a mark, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.errors import UsageError
from bayes_scaling.quantities import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayes_scaling.decisions.forecast import Forecast


def require_possible(found: Forecast, mark: tuple[float | None, float | None]) -> None:
    """Refuse a mark that the target cannot reach, such as 60 of an accuracy."""
    value = next(v for v in mark if v is not None)
    if not quantity(found.target).holds(value):
        hint = f"; {value:g}% is {value / 100:g}" if 1 < value <= 100 else ""
        raise UsageError(f"{value:g} is no possible {found.target}{hint}")


def chance_lines(
    target: str, mark: tuple[float | None, float | None], chances: Iterable[float]
) -> Iterator[str]:
    """Return how probable it is that the target reaches the mark, at each point."""
    from bayes_scaling.reporting.wording import say_share, say_target

    low, high = mark
    words = f"at least {low:g}" if low is not None else f"at most {high:g}"
    listed = ", ".join(say_share(round(each, 3)) for each in chances)
    yield f"probability of {say_target(target)} {words}: {listed}"
