"""Setting: what surrounds a split: cost, limits, demand, data; as a line and a curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bayes_scaling.decisions.budget_line import NO_LIMITS, BudgetLine
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.optimum import per_draw_optimum, require_split
from bayes_scaling.decisions.repetition import Repetition
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.source import Source, average_of
from bayes_scaling.inference.predict import curve_at, law_at
from bayes_scaling.names import FLOPS, PARAMS, TOKENS, UNIQUE_TOKENS
from bayes_scaling.runs.compute import train_flop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]
    Curve = Callable[[Floats, Floats], Floats]

USUAL_COST = Cost()


@dataclass(frozen=True)
class Setting:
    """What a plan costs, what it must respect, and which demand and data it meets.

    `seed` draws what is uncertain in them: price, demand, worth of repeated tokens.

    Examples
    --------
    >>> setting = bs.Setting(limits=bs.Limits(max_params=7e9), serving=bs.Serving(tokens=1e12))
    >>> setting.describe()[-1]
    'limits: at most 7e+09 params'
    """

    cost: Cost = USUAL_COST
    limits: Limits = NO_LIMITS
    serving: Serving | None = None
    repetition: Repetition | None = None
    seed: int = 0

    @classmethod
    def of(
        cls,
        cost: Cost | None,
        limits: Limits | None,
        serving: Serving | None,
        repetition: Repetition | None,
        seed: int,
    ) -> Setting:
        """Return the setting of optional parts: usual cost, no limits where none are given.

        Examples
        --------
        >>> bs.Setting.of(None, None, None, None, seed=0) == bs.Setting()
        True
        """
        return cls(cost or USUAL_COST, limits or NO_LIMITS, serving, repetition, seed)

    @property
    def is_usual(self) -> bool:
        """Whether a budget pays for training alone, by 6ND, without limits, with data for all.

        Examples
        --------
        >>> bs.Setting().is_usual, bs.Setting(serving=bs.Serving(tokens=1e12)).is_usual
        (True, False)
        """
        return self.line.is_usual and self.repetition is None

    @property
    def line(self) -> BudgetLine:
        """Line of a budget at the medians of price and demand.

        Examples
        --------
        >>> bs.Setting(serving=bs.Serving(tokens=1e12)).line.served
        2000000000000.0
        """
        served = self.serving.middle if self.serving else 0.0
        return BudgetLine(self.cost.convention, served, self.limits)

    def drawn_line(self, fit: Fit) -> BudgetLine:
        """Line of a budget with the demand from draw to draw.

        Examples
        --------
        >>> bs.Setting().drawn_line(fit) == bs.Setting().line
        True
        """
        if self.serving is None:
            return self.line
        served = self.serving.flop_per_param(fit.shape, seed=self.seed)
        return replace(self.line, served=served)

    def curve(self, fit: Fit, *, drift: bool = True) -> Curve:
        """Expected loss of (N, D) [nats/token], with the data at hand, broadcasting as `curve_at`.

        Without drift: the law alone, which decides a split.

        Examples
        --------
        >>> curve = bs.Setting().curve(fit)
        >>> curve(np.array([7e9]), np.array([1.4e11])).shape == (*fit.shape, 1)
        True
        """
        at = curve_at if drift else law_at
        inputs = self.inputs(fit)
        return lambda N, D: at(fit, inputs(N, D))

    def inputs(self, fit: Fit) -> Callable[[Floats, Floats], dict[str, Floats]]:
        """What the law reads of a run of (N, D), as `predict_at` and `curve_at` take it.

        Examples
        --------
        >>> sorted(bs.Setting().inputs(fit)(np.array([7e9]), np.array([1.4e11])))
        ['params', 'tokens']
        """
        repetition = self.repetition
        if repetition is None or UNIQUE_TOKENS in fit.model.inputs:
            return lambda N, D: {PARAMS: N, TOKENS: D}
        worth = repetition.drawn(fit.shape, seed=self.seed)
        return lambda N, D: {
            PARAMS: N,
            TOKENS: repetition.effective(D, worth),
            FLOPS: train_flop(N, D),
        }

    def average(
        self,
        source: Source,
        budgets: Floats | None = None,
        *,
        seed: int = 0,
        backtest: bool = False,
    ) -> Average:
        """Return what a source stands for, as `average_of`, ready to split a budget.

        Laws that read the unique tokens are told them. Raises what `require_split` raises, at
        `budgets` [FLOP] or at the largest fitted run.

        Examples
        --------
        >>> list(bs.Setting().average({"one": fit, "other": fit}).fits)
        ['one', 'other']
        """
        mixed = average_of(source, seed=seed, backtest=backtest)
        if self.repetition is not None:
            unique = {UNIQUE_TOKENS: self.repetition.unique_tokens}
            fits = {
                name: fit.at(**unique)
                if UNIQUE_TOKENS in fit.model.inputs and UNIQUE_TOKENS not in fit.given
                else fit
                for name, fit in mixed.fits.items()
            }
            mixed = replace(mixed, fits=fits)
        for fit in mixed.fits.values():
            require_split(fit, np.array([fit.largest]) if budgets is None else budgets)
        return mixed

    def best_split(
        self, fit: Fit, budgets: Floats, line: BudgetLine
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Best split of each budget [FLOP] for each draw, with the data at hand.

        Returns parameters, tokens and where the search met its end, each (chain, draw, budget).

        Examples
        --------
        >>> setting = bs.Setting()
        >>> params, tokens, at_edge = setting.best_split(fit, np.array([1e22]), setting.line)
        >>> params.shape == (*fit.shape, 1), bool(at_edge.any())
        (True, False)
        """
        curve = None if self.repetition is None else self.curve(fit, drift=False)
        return per_draw_optimum(fit, budgets, line, curve)

    def describe(self) -> list[str]:
        """Say the assumptions, one line each."""
        lines = [f"cost at {self.cost.describe()}"]
        if self.serving is not None:
            lines.append(f"lifetime compute: training and {self.serving.describe()}")
        if self.repetition is not None:
            lines.append(self.repetition.describe())
        words = [limit.words for limit in self.limits.each()]
        if self.limits.sizes:
            words.append("sizes " + ", ".join(f"{size:.3g}" for size in self.limits.sizes))
        return lines + ([f"limits: {'; '.join(words)}"] if words else [])


USUAL = Setting()
"""Usual cost, no limits, training alone, plenty of data."""
