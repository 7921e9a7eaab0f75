"""What if: plan and forecast of the page under another budget, price, limit, demand or target.

The page holds a thinned set of posterior draws, and the law as JavaScript, made from the same
function of which everything else is made. Sliders then move what was asked. Python gives the same
answers from the same draws: those that stand on the page before anything is moved, and those with
which the page is tested.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.decisions.allocation import allocate
from bayes_scaling.decisions.budget_line import RATIO_RANGE
from bayes_scaling.decisions.convention import SIX_ND
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.limits import Limits
from bayes_scaling.decisions.serving import Serving
from bayes_scaling.decisions.uncertain import middle
from bayes_scaling.inference.predict import law_at
from bayes_scaling.inference.seeds import rng_of
from bayes_scaling.laws.formula import javascript
from bayes_scaling.names import (
    CHAIN,
    DRAW,
    DRIFT,
    FLOPS,
    GPU_HOURS,
    LOSS_NEW,
    PARAMS,
    POINT,
    TOKENS,
    USD,
)  # fmt: skip
from bayes_scaling.quantities import COLUMN_OF_SYMBOL
from bayes_scaling.reporting.review import STEP_NATS
from bayes_scaling.runs.compute import train_flop
from bayes_scaling.specs.drift import SCATTER_REF
from bayes_scaling.specs.noise import GROWTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.inference.fit import Fit

    Floats = NDArray[np.float64]

MOST_DRAWS: Final = 400
"""Draws that the page holds; the Monte Carlo error of a quantile is then a twentieth of its sd."""
DIGITS: Final = 12
NO_LIMIT: Final = 1e18
"""Tokens that no one has, which stand for no limit on them."""
MORE: Final = 1.1
"""Factor on the budget that says what more money buys."""
REACH: Final = 1.5
"""Decades by which the budget moves to either side."""
PRICES, UTILISATIONS, SERVED, TRAINED = (-0.5, 1.5), (-1.5, 0.0), (8.0, 17.0), (9.0, 18.0)
"""Ends of sliders in the log of base ten; the left end of tokens served is none, the right end of
tokens to train on is no limit."""
STEP: Final = 0.001
SIX: Final = train_flop(1.0, 1.0)


@dataclass(frozen=True)
class Asked:
    """Where the sliders stand: money, its price, speed, demand and data in tokens, a loss."""

    usd: float
    usd_per_gpu_hour: float
    mfu: float
    serve_tokens: float
    max_tokens: float
    target: float


@dataclass(frozen=True)
class WhatIf:
    """Draws (draw,) and what else an answer takes; see `what_if`."""

    fit: Fit
    formula: str
    curvature: Floats
    offset: Floats
    cost: Cost
    asked: Asked

    @property
    def unknowns(self) -> dict[str, Floats]:
        """Draws of each unknown of the law, (draw,)."""
        values = self.fit.unknowns()
        return {name: values[name].ravel() for name in self.fit.model.law.unknowns}

    def answer(self, asked: Asked) -> dict[str, float]:
        """Return the plan of least expected loss, its forecast, and what more money buys.

        Raises UsageError where limits and demand leave no plan.
        """
        cost = replace(self.cost, usd_per_gpu_hour=asked.usd_per_gpu_hour, mfu=asked.mfu)
        flops = float(cost.middle.flops_of(usd=asked.usd))
        params, tokens = self._plan(asked, flops)
        mean, new = self._losses(params, tokens)
        more = float(self._losses(*self._plan(asked, flops * MORE))[0].mean())
        gained = float(mean.mean()) - more
        trained = train_flop(params, tokens)
        low, middle, high = np.quantile(new, (0.05, 0.5, 0.95))
        return {
            PARAMS: params,
            TOKENS: tokens,
            FLOPS: float(trained),
            USD: float(cost.usd(trained)),
            GPU_HOURS: float(cost.gpu_hours(trained)),
            "extrapolation": float(trained / self.fit.largest),
            "loss_mean": float(mean.mean()),
            "q05": float(low),
            "q50": float(middle),
            "q95": float(high),
            "probability": float((new <= asked.target).mean()),
            "usd_per_step": STEP_NATS * (MORE - 1) * asked.usd / gained if gained > 0 else np.inf,
        }

    def _plan(self, asked: Asked, flops: float) -> tuple[float, float]:
        limits = Limits(max_tokens=asked.max_tokens) if asked.max_tokens < NO_LIMIT else None
        serving = Serving(asked.serve_tokens) if asked.serve_tokens > 0 else None
        found = allocate(self.fit, [flops], limits=limits, serving=serving)
        return float(found.robust[PARAMS].iloc[0]), float(found.robust[TOKENS].iloc[0])

    def _losses(self, params: float, tokens: float) -> tuple[Floats, Floats]:
        """Curve and new runs at one point, (draw,)."""
        at = {PARAMS: np.array([params]), TOKENS: np.array([tokens])}
        law = law_at(self.fit, at).ravel()
        noise, values = self.fit.model.noise, self.fit.unknowns()
        values = {name: each.ravel() for name, each in values.items()}
        beyond = float(np.log(train_flop(params, tokens) / self.fit.largest))
        mean = law
        if self.fit.model.drift is not None:
            scatter = noise.relative_scatter(values, law) / SCATTER_REF
            bend = self.curvature * scatter**self.fit.model.drift.follows
            mean = law * np.exp(bend * max(beyond, 0.0) ** 2 / 2)
        widened = np.exp(values[GROWTH] * max(-beyond, 0.0)) if noise.grows else 1.0
        return mean, noise.from_scale(noise.to_scale(np, mean) + self.offset * widened)

    def embedded(self) -> dict[str, Any]:
        """What the page's script reads: numbers only, draws as lists."""
        fit = self.fit
        noise, law = fit.model.noise, fit.model.law
        values = {name: each.ravel() for name, each in fit.unknowns().items()}
        scatter = noise.relative_scatter(values, 1.0)
        growth = values[GROWTH] if noise.grows else np.zeros_like(scatter)
        columns = [COLUMN_OF_SYMBOL.get(symbol, symbol) for symbol in law.inputs]
        return {
            "unknowns": [_short(each) for each in self.unknowns.values()],
            "constants": [float(v) for v in fit.model.numbers.values()],
            "given": [float(fit.given.get(name, 0.0)) for name in columns],
            "curvature": _short(self.curvature),
            "scatter": _short(scatter / SCATTER_REF),
            "growth": _short(growth),
            "offset": _short(self.offset),
            "follows": fit.model.drift.follows if fit.model.drift else 0.0,
            "log": noise.scale == "log",
            "largest": fit.largest,
            "six": SIX,
            "serve": Serving(1.0).middle,
            "ratios": list(RATIO_RANGE),
            "no_limit": NO_LIMIT,
            "more": MORE,
            "step": STEP_NATS,
            "flop_per_gpu_hour": 1 / float(replace(self.cost, mfu=1.0).gpu_hours(1.0)),
        }

    def sliders(self) -> list[dict[str, Any]]:
        """The sliders of the page, in the order shown; `log`: they move the log of base ten."""
        at, spent = asdict(self.asked), float(np.log10(self.asked.usd))
        least = float(self.fit.observed.min())
        ends = {
            "usd": ("Budget", spent - REACH, spent + REACH),
            "usd_per_gpu_hour": ("Price of a GPU-hour", *PRICES),
            "mfu": ("Utilisation (MFU)", *UTILISATIONS),
            "serve_tokens": ("Tokens served in its life", *SERVED),
            "max_tokens": ("Tokens to train on, at most", *TRAINED),
            "target": ("Target loss", 0.5 * least, least),
        }
        return [
            {"name": name, "words": words, "log": name != "target", "value": at[name],
             "place": _place(name, at[name], low, high),
             "min": round(low, 2), "max": round(high, 2), "step": STEP}
            for name, (words, low, high) in ends.items()
        ]  # fmt: skip

    def record(self) -> dict[str, Any]:
        """Every number of the page's section, before anything is moved."""
        return {
            "sliders": self.sliders(),
            "answer": self.answer(self.asked),
            "draws": self.offset.size,
            "step": STEP_NATS,
            "flops_per_gpu_second": self.cost.flops_per_gpu_second,
            "overhead": self.cost.overhead,
        }


def what_if(fit: Fit, budget: float, setting: Setting) -> WhatIf | None:
    """Return what a page needs to ask again, from a budget [FLOP] on; None where it cannot.

    That takes a law of the loss that splits a budget, in a formula that a browser can evaluate,
    fixed prices, and no limits but that of tokens: the sliders move that and the demand.
    """
    law, cost, limits = fit.model.law, setting.cost, setting.limits
    if setting.repetition is not None or limits != Limits(max_tokens=limits.max_tokens):
        return None
    fixed = not cost.uncertain and cost.convention is SIX_ND
    formula = javascript(law) if law.allocates and fixed and not fit.spec.groups else None
    if formula is None:
        return None
    step = max(1, -(-fit.posterior.sizes[CHAIN] * fit.posterior.sizes[DRAW] // MOST_DRAWS))
    shape = fit.shape
    drift, noise = fit.model.drift, fit.model.noise
    curvature = np.zeros((*shape, 1))
    if drift is not None:
        rng = rng_of(fit.provenance.get("seed", 0), DRIFT)
        curvature = drift.bend(rng, shape, np.array([2**0.5]), np.full(shape, SCATTER_REF))
    offset = noise.sample_on_scale(
        rng_of(setting.seed, LOSS_NEW), np.zeros((*shape, 1)), fit.unknowns(POINT)
    )
    asked = Asked(
        usd=float(cost.usd(budget)),
        usd_per_gpu_hour=middle(cost.usd_per_gpu_hour),
        mfu=middle(cost.mfu),
        serve_tokens=setting.serving.middle / Serving(1.0).middle if setting.serving else 0.0,
        max_tokens=limits.max_tokens or NO_LIMIT,
        target=0.0,
    )
    thin = {DRAW: slice(step - 1, None, step)}
    part = replace(fit, posterior=fit.posterior.isel(thin), sampling=fit.sampling.isel(thin))
    kept = (slice(None), slice(step - 1, None, step), 0)
    found = WhatIf(part, formula, curvature[kept].ravel(), offset[kept].ravel(), cost, asked)
    target = round(found.answer(asked)["q50"], 2)
    return replace(found, asked=replace(asked, target=target))


def _place(name: str, value: float, low: float, high: float) -> float:
    """Where a slider stands for a value."""
    if name != "target":
        value = float(np.log10(value)) if value > 0 else low
    return round(min(max(value, round(low, 2)), round(high, 2)), 3)


def _short(values: Floats) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
