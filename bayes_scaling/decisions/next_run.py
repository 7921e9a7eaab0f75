"""next_run: which smaller run tells most about a final one, and when to stop.

| code | severity | what was found |
|---|---|---|
| V001 | warn | candidates that tell too much for the draws: regression |
| V002 | warn | the final plan lies at the edge of the search |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from bayes_scaling.decisions.candidates import grid_of, priced
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.final_run import FinalRun, Plan, outlook_of, plan_of, worth_of
from bayes_scaling.decisions.horizon import caveats, extrapolation_of, positive_values, stated_of
from bayes_scaling.decisions.information import MIN_EFFECTIVE, Gain, best_set, gain
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.setting import USUAL, Setting
from bayes_scaling.decisions.source import Source
from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, PARAMS, TOKENS, USD
from bayes_scaling.runs.compute import FLOP_CONVENTION
from bayes_scaling.runs.finding import WARN, Finding
from bayes_scaling.runs.units import format_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.decisions.information import Outlook
    from bayes_scaling.evaluation.averaging import Average

    Floats = NDArray[np.float64]

By = Literal["uncertainty", "regret"]
WAYS: tuple[By, ...] = ("uncertainty", "regret")
SHRINK, VALUE_NATS, VALUE_USD, NET_USD = "shrink", "value_nats", "value_usd", "net_usd"
SHARE, SD_NOW, SD_AFTER, EFFECTIVE = "share_of_final", "sd_now", "sd_after", "effective_draws"
RANKED_BY: Mapping[str, str] = {"uncertainty": SHRINK, "regret": NET_USD}


@dataclass(frozen=True)
class NextRun:
    """What each candidate run is expected to tell about the final run, best first.

    `table`, indexed by the candidate's position: params, tokens, flops, usd, share_of_final (of the
    final run's training compute), sd_now and sd_after (standard deviation of the log of loss_mean
    at the final plan, now and expected after the run), shrink (the share by which it falls),
    value_nats (expected value of sample information: how much lower the expected loss of the final
    plan is when it may be chosen after the run), value_usd (price of the compute that, added to the
    final run, lowers the expected loss of its best plan by as much), net_usd (value_usd less usd),
    effective_draws (below 50 the row comes from a regression). `flops` and `serve_tokens` [tokens]
    are those asked; `plan` is the final run planned now. `set`: the rows of the best set within
    `budget` [FLOP], and `together` its sums and gains in the table's columns; empty without one.

    Examples
    --------
    >>> found = bs.next_run(fit, 1e23, budget=1e22)
    >>> len(found.table), len(found.within) <= len(found.to_frame())
    (16, True)
    >>> "params" in found.best, found.stop in (True, False), found.verdict != ""
    (True, True, True)
    """

    table: pd.DataFrame
    set: pd.DataFrame
    together: Mapping[str, float]
    plan: Plan
    flops: float
    serve_tokens: float | None
    budget: float | None
    by: By
    cost: Cost
    findings: tuple[Finding, ...]
    provenance: Mapping[str, Any]

    @property
    def within(self) -> pd.DataFrame:
        """The rows of the table that the budget pays for; all without a budget."""
        limit = np.inf if self.budget is None else self.budget
        return self.table[self.table[FLOPS] <= limit]

    @property
    def best(self) -> pd.Series | None:
        """The first row of the table that the budget pays for, None where there is none."""
        return None if self.within.empty else self.within.iloc[0]

    @property
    def stop(self) -> bool:
        """Whether no candidate within the budget is worth its cost to the final plan."""
        return not bool((self.within[NET_USD] > 0).any())

    @property
    def verdict(self) -> str:
        """Say in plain words which run to do next, or to stop."""
        return _verdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the table."""
        return self.table.copy()


def next_run(
    source: Source,
    flops: float,
    candidates: pd.DataFrame | None = None,
    *,
    cost: Cost | None = None,
    serve_tokens: float | None = None,
    limits: Limits | None = None,
    budget: float | None = None,
    by: By = "uncertainty",
    seed: int = 0,
) -> NextRun:
    """Say how much each smaller run would tell about a final run of `flops` FLOP.

    Every posterior draw simulates the loss that a candidate would measure, with the draw's own
    curve, drift and noise; other draws are weighed by the density of that loss (information.py).
    Nothing is refitted. A run beyond the largest fitted one is read with the drift of today, which
    goes on to the final run. A refit lets the drift begin anew beyond the new largest run, and so
    claims more: in one case (chinchilla, 16 runs, final run at 400 times the largest) runs of 3%
    to 30% of the final one left 15% to 45% less spread after refits than is said here, and up to
    2.5 times the value; the order of candidates was nearly the same (Spearman .98 and .81). Without
    drift refits agree in size too (tests/slow/test_next_run.py).

    `source` is a fit, an `Average` (each draw by its own law), a mapping of fits or a run table.
    `candidates` has the columns params and tokens and, if they are not 6ND and the price of it,
    flops and usd. Without: 16 runs of 1% to 30% of the final run's training compute, at 1/4 to 4
    times its tokens per parameter, both in even steps of the log. With `serve_tokens` T, `flops`
    is the lifetime compute 6ND + 2NT and the final plan the best split of that; the final run, not
    the candidates, keeps to `limits`. `budget` [FLOP] bounds one run and the sum of a set of at
    most 5, searched as `best_set` does.

    `by` ranks: "uncertainty" by shrink, "regret" by net_usd; sets by shrink and value_nats. The
    default is uncertainty, since near its optimum the loss hardly depends on the split: what a run
    can change of the decision is then tiny, its rank mostly its cost, while the forecast on which
    the final run is approved still gains. The verdict weighs value against cost either way.

    Raises UsageError for impossible arguments and candidates (all faults at once) and for laws
    without a split, CheckError where the table cannot tell one.

    Examples
    --------
    >>> candidates = pd.DataFrame({"params": [1e9, 3e9], "tokens": [2e10, 6e10]})
    >>> bs.next_run(fit, 1e23, candidates).table["shrink"].between(0, 1).all().item()
    True
    """
    cost = cost or Cost()
    total, limit = _asked(flops, serve_tokens, budget, by, seed)
    serving = Serving(serve_tokens) if serve_tokens else None
    line = Setting.of(None, limits, serving, None, seed).line
    run = FinalRun(float(line.spendable(np.array([total]))[0]), line)
    mixed = USUAL.average(source, np.array([run.flops]), seed=seed)
    plan = plan_of(mixed, run)
    asked = grid_of(plan.params, plan.tokens) if candidates is None else candidates
    priced_ = priced(asked, cost, plan.flops)
    outlook = outlook_of(mixed, run, plan, priced_, seed)
    worth = worth_of(mixed, run, plan)

    def gains(rows: pd.DataFrame, found: Sequence[Gain]) -> pd.DataFrame:
        value = np.array([each.value for each in found])
        kept = np.array([each.kept for each in found])
        usd = np.asarray(cost.usd(worth(value)))
        return rows.assign(
            share_of_final=rows[FLOPS] / plan.flops,
            sd_now=plan.sd,
            sd_after=plan.sd * kept,
            shrink=1 - kept,
            value_nats=value,
            value_usd=usd,
            net_usd=usd - rows[USD],
            effective_draws=[each.effective for each in found],
        )

    singles = [gain(outlook, (c,)) for c in range(len(priced_))]
    table = gains(priced_, singles)
    chosen = () if limit is None else _set_of(outlook, priced_, limit, by)
    sums = priced_.iloc[list(chosen)][[FLOPS, USD]].sum().to_frame().T
    together = gains(sums, [gain(outlook, chosen)]).iloc[0].to_dict() if chosen else {}
    return NextRun(
        table=table.sort_values(RANKED_BY[by], ascending=False, kind="stable"),
        set=table.iloc[list(chosen)],
        together={str(name): float(value) for name, value in together.items()},
        plan=plan,
        flops=run.flops,
        serve_tokens=serve_tokens,
        budget=limit,
        by=by,
        cost=cost,
        findings=_findings(mixed, plan, singles),
        provenance=_provenance(mixed, seed),
    )


def _asked(
    flops: float, serve_tokens: float | None, budget: float | None, by: str, seed: int
) -> tuple[float, float | None]:
    """Return the final run's compute and the budget; UsageError with every fault of all."""
    faults, found = [], []
    asked = {"flops": (flops, FLOPS), "serve_tokens": (serve_tokens, TOKENS)}
    for name, (value, column) in {**asked, "budget": (budget, FLOPS)}.items():
        try:
            given = None if value is None else float(positive_values([value], column)[0])
            found.append(given)
        except UsageError as fault:
            faults.append(f"{name}: {fault}")
    if by not in WAYS:
        faults.append(f"by = {by!r}: one of {', '.join(WAYS)}")
    if seed < 0:
        faults.append(f"seed = {seed}: a whole number from 0")
    if faults:
        raise UsageError("\n".join(faults))
    assert found[0] is not None
    return found[0], found[2]


def _set_of(outlook: Outlook, rows: pd.DataFrame, budget: float, by: By) -> tuple[int, ...]:
    """Return the best set within the budget, by what is asked for."""
    known: dict[tuple[int, ...], float] = {}

    def value(chosen: tuple[int, ...]) -> float:
        if chosen not in known:
            found = gain(outlook, chosen, decide=by == "regret")
            known[chosen] = found.value if by == "regret" else 1 - found.kept
        return known[chosen]

    return best_set(value, rows[FLOPS].to_numpy(), budget)


def _findings(mixed: Average, plan: Plan, singles: Sequence[Gain]) -> tuple[Finding, ...]:
    """What must be said with the answer."""
    first = next(iter(mixed.fits.values()))
    final = {PARAMS: np.array([plan.params]), TOKENS: np.array([plan.tokens])}
    ratios = extrapolation_of(first, np.array([plan.flops]))
    found = [each for fit in mixed.fits.values() for each in caveats(fit, ratios, final)]
    poor = sum(each.regressed for each in singles)
    if poor:
        message = (
            f"{poor} of {len(singles)} candidates would tell so much that under "
            f"{MIN_EFFECTIVE:.0f} draws agree with their outcome; regression stands in"
        )
        found.append(Finding("V001", WARN, (), message, "fit with more draws"))
    if plan.at_edge:
        message = "the final plan lies at the edge of the search"
        hint = "the law does not bound the split: name another model"
        found.append(Finding("V002", WARN, (), message, hint))
    return tuple(dict.fromkeys(found))


def _provenance(mixed: Average, seed: int) -> dict[str, Any]:
    each = {name: {**fit.provenance, **stated_of(fit)} for name, fit in mixed.fits.items()}
    return {
        "models": each,
        "weights": dict(mixed.weights),
        "next_seed": seed,
        "flop_convention": FLOP_CONVENTION,
    }


def _verdict(found: NextRun) -> str:
    within, best = found.within, found.best
    if best is None:
        least = found.table[FLOPS].min()
        return (
            f"No candidate fits the budget of {found.budget:.3g} FLOP: the smallest takes "
            f"{least:.3g}."
        )
    if found.stop:
        most = _most(within, VALUE_NATS)
        words = (
            "Stop: the next run is not worth it. No candidate's value to the final plan exceeds "
            f"its cost; the most valuable, {_run(most)}, is worth {_usd(most[VALUE_USD])} "
            f"({most[VALUE_NATS]:.2g} nats) and costs {_usd(most[USD])}."
        )
    else:
        top = _most(within, NET_USD)
        words = (
            f"Next: {_run(top)}. It is worth {_usd(top[VALUE_USD])} to the final plan "
            f"({top[VALUE_NATS]:.2g} nats) and costs {_usd(top[USD])}."
        )
    if found.by == "regret":
        return words
    return (
        f"{words} The forecast gains most from {_run(best)}: its standard deviation falls by "
        f"{best[SHRINK]:.0%}, from {best[SD_NOW]:.2g} to {best[SD_AFTER]:.2g} log loss, for "
        f"{_usd(best[USD])}."
    )


def _most(rows: pd.DataFrame, column: str) -> pd.Series:
    return rows.iloc[int(np.nanargmax(rows[column].to_numpy()))]


def _run(row: pd.Series) -> str:
    sizes = (f"{format_quantity(row[n], n, digits=2)} {n}" for n in (PARAMS, TOKENS))
    return " on ".join(sizes)


def _usd(value: float) -> str:
    if not np.isfinite(value):
        return "an unknown sum"
    return f"{value:,.0f} USD" if abs(value) >= 1 else f"{value:.2f} USD"
