"""Questions: what a command line asks of a model, as points or as amounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayes_scaling.cli.amounts import gather, parse_amounts
from bayes_scaling.cli.pricing import Price
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, PARAMS, TOKENS
from bayes_scaling.runs.money import parse_money

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.cli.options import Question
    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.specs.spec import ModelSpec


def points_asked(
    model: ModelSpec, asked: Question, columns: Mapping[str, str], given: Collection[str] = ()
) -> Any:
    """Return what is asked: a table of points, or budgets.

    `columns` are those of a plan, ours to theirs; `given` names what is known already.
    """
    from bayes_scaling.cli.sources import read_plan

    if asked.at:
        return read_plan(asked.at, dict(columns))
    if asked.params or asked.tokens:
        return _runs_asked(model, asked.params or [], asked.tokens or [], given)
    return amounts_asked(model, asked.flops, None, asked.amount, Price().cost())


def _runs_asked(
    model: ModelSpec, params: Sequence[str], tokens: Sequence[str], known: Collection[str]
) -> pd.DataFrame:
    """Pair the sizes that were asked for; a law of one of them needs only that one."""
    import pandas as pd

    given = {PARAMS: params, TOKENS: tokens}
    needed = [n for n in (PARAMS, TOKENS) if n in model.inputs and n not in known]
    if not needed:
        raise UsageError(f"model {model.name} reads {', '.join(model.inputs)}: use --at")
    if any(not given.get(name) for name in needed):
        need = " and ".join(f"--{name}" for name in needed)
        raise UsageError(f"model {model.name} needs {need}")
    columns = {k: parse_amounts(v, k) for k, v in given.items() if v}
    if len({len(values) for values in columns.values()}) > 1:
        raise UsageError(
            f"{len(params)} times --params and {len(tokens)} times --tokens: give them in pairs"
        )
    return pd.DataFrame(columns)


def amounts_asked(
    model: ModelSpec,
    flops: Sequence[str] | None,
    usd: Sequence[str] | None,
    amount: Sequence[str] | None,
    cost: Cost,
) -> list[float]:
    """Return budgets in FLOP, or amounts of the one resource of the law.

    Raises UsageError for the option that does not fit the law.
    """
    axis, reads = model.axis, model.inputs
    if amount and axis == FLOPS and len(reads) > 1:
        raise UsageError(f"model {model.name} reads {PARAMS} and {TOKENS}: use --flops")
    if (flops or usd) and axis != FLOPS:
        beside = f" of {axis}, the rest --given" if len(reads) > 1 else ""
        raise UsageError(f"model {model.name} reads {', '.join(reads)}: use --amount{beside}")
    money = [cost.middle.flops_of(usd=each) for each in gather(usd or [], parse_money)]
    return [*parse_amounts(amount or [], axis), *parse_amounts(flops or [], FLOPS), *money]
