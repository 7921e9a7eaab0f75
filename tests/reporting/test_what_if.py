"""What if: the thinned draws answer as the fit does; laws without a formula have no sliders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.inference.fit import Fit
from bayes_scaling.laws.formula import javascript
from bayes_scaling.laws.library import built_in
from bayes_scaling.reporting import what_if as module
from bayes_scaling.reporting.report import report
from bayes_scaling.reporting.what_if import NO_LIMIT, WhatIf, what_if
from tests.conftest import REPLICATION
from tests.conftest import make_fit as fit_of

BUDGET = 1e23
COST = bs.Cost(usd_per_gpu_hour=2.0, overhead=0.1)
LEVELS = ("q05", "q50", "q95")


@pytest.fixture(scope="module", params=["chinchilla-plain", "chinchilla"])
def drawn(request: pytest.FixtureRequest) -> Fit:
    return fit_of(request.param, REPLICATION)


def whole(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> WhatIf:
    """With every draw kept."""
    monkeypatch.setattr(module, "MOST_DRAWS", 10**6)
    found = what_if(fit, BUDGET, Setting(COST))
    assert found is not None and found.offset.size == fit.posterior.sizes["draw"] * 4
    return found


def test_with_every_draw_it_is_the_fits_own_plan_and_forecast(
    drawn: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = whole(drawn, monkeypatch)
    found = asks.answer(asks.asked)
    plan = bs.allocate(drawn, [BUDGET], cost=COST)
    for name in ("params", "tokens"):
        assert found[name] == pytest.approx(plan.robust[name].iloc[0], rel=1e-9)
    assert found["usd"] == pytest.approx(plan.budgets["usd"].iloc[0], rel=1e-9)
    at = pd.DataFrame({name: [found[name]] for name in ("params", "tokens")})
    asked = bs.forecast(drawn, at)
    expected = asked.quantiles([0.05, 0.5, 0.95]).loc[0]
    assert [found[name] for name in LEVELS] == pytest.approx(list(expected), rel=1e-9)
    chance = asked.probability(at_most=asks.asked.target)[0]
    assert found["probability"] == pytest.approx(chance, abs=1e-12)


def test_thinned_draws_are_close(drawn: Fit) -> None:
    asks = what_if(drawn, BUDGET, Setting(COST))
    assert asks is not None and asks.offset.size <= module.MOST_DRAWS
    found = asks.answer(asks.asked)
    whole_ = bs.forecast(drawn, [BUDGET]).quantiles([0.5]).loc[0, 0.5]
    assert found["q50"] == pytest.approx(whole_, rel=0.01)


def test_demand_data_and_money_move_the_plan(drawn: Fit) -> None:
    asks = what_if(drawn, BUDGET, Setting(COST))
    assert asks is not None and asks.asked.max_tokens == NO_LIMIT
    base = asks.answer(asks.asked)
    served = asks.answer(replace(asks.asked, serve_tokens=1e13))
    assert served["params"] < base["params"] and served["flops"] < base["flops"]
    short = asks.answer(replace(asks.asked, max_tokens=base["tokens"] / 4))
    assert short["tokens"] == pytest.approx(base["tokens"] / 4, rel=1e-6)
    assert short["loss_mean"] > base["loss_mean"]
    rich = asks.answer(replace(asks.asked, usd=asks.asked.usd * 10))
    assert rich["loss_mean"] < base["loss_mean"] and rich["flops"] > 9 * base["flops"]
    sure = asks.answer(replace(asks.asked, target=10.0))
    assert sure["probability"] == 1.0


def test_each_formula_is_the_law(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every law that allocates and has a formula, evaluated as the script would."""
    tried = 0
    for law in built_in().values():
        code = javascript(law) if law.allocates else None
        if code is None:
            continue
        rng = np.random.default_rng(0)
        unknowns = {name: float(rng.uniform(0.2, 0.9)) for name in law.unknowns}
        inputs = {s: float(rng.uniform(1, 3)) for s in law.inputs}
        scope = {
            "Math": _Math,
            "u": list(unknowns.values()),
            "c": [float(v) for v in law.constants.values()],
            "g": list(inputs.values()),
            **inputs,
        }
        if "?" in code or "if" in code:
            continue  # a choice is JavaScript's own; the browser tests it
        with np.errstate(all="ignore"):
            value = eval(code, {"__builtins__": {}}, scope)
            expected = float(law.curve(np, *inputs.values(), **unknowns, **law.constants))
        if not np.isfinite(expected):
            continue
        assert value == pytest.approx(expected, rel=1e-12), law.name
        tried += 1
    assert tried >= 5


class _Math:
    pow, exp, log, sqrt = staticmethod(np.power), np.exp, np.log, np.sqrt
    max, min, abs, tanh, log1p = staticmethod(max), staticmethod(min), np.abs, np.tanh, np.log1p


def test_no_name_of_a_users_law_becomes_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("law")
    (folder / "own.py").write_text(
        "from bayes_scaling.laws.law import law\n"
        '@law(reference="ours")\n'
        "def own(xp, N, D, *, constructor, prototype, N_ref=1.0):\n"
        '    """Loss [nats/token]."""\n'
        "    return constructor + prototype * (N / N_ref) ** -0.3 + D**-0.3\n"
    )
    code = javascript(bs.load_law(f"{folder}/own.py:own"))
    assert code is not None and "constructor" not in code and "prototype" not in code


@pytest.mark.parametrize(
    "cost", [bs.Cost(convention=bs.active_convention(0.5)), None], ids=["other FLOP", "no split"]
)
def test_what_the_sliders_cannot_say_has_none(
    drawn: Fit, one_resource_fit: Fit, cost: bs.Cost | None
) -> None:
    if cost is not None:
        assert what_if(drawn, BUDGET, Setting(cost)) is None
        return
    made = report(one_resource_fit, [1e11])
    assert made.numbers["what_if"] is None and "<script" not in made.page
