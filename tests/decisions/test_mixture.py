"""The best mixture of data sources: closed forms and corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from tests.conftest import make_fit

SOURCES = ("code", "text", "web")


def fit_of(model: str, values: dict[str, float]) -> Fit:
    """A hand-made posterior of a mixture model over three sources."""
    rng = np.random.default_rng(20261124)
    table = pd.DataFrame(
        rng.dirichlet(np.full(3, 2.0), 40), columns=[f"weight_{s}" for s in SOURCES]
    )
    table = table.assign(params=10 ** rng.uniform(8, 10, 40), tokens=10 ** rng.uniform(9, 11, 40))
    runs = Runs.from_frame(table.assign(loss=rng.uniform(2, 3, 40)))
    made = make_fit("chinchilla-plain", values, runs)
    return replace(made, spec=bs.load_model(model).at_sources(SOURCES))


ADDITIVE = {
    "L_inf": 1.7, "M": 0.3, "c_text": 1.5, "c_web": 0.6, "g_code": 0.5, "g_text": 0.5,
    "g_web": 0.5, "A": 0.36, "alpha": 0.34, "B": 0.36, "beta": 0.36,
}  # fmt: skip


def test_interior_mixture_is_the_closed_form() -> None:
    """With one exponent g for all sources, w_i goes as c_i^(1/(1-g))."""
    fit = fit_of("mixture-additive", ADDITIVE)
    same = fit.posterior.assign(g_text=fit.posterior["g_code"], g_web=fit.posterior["g_code"])
    best = bs.best_mixture(replace(fit, posterior=same), params=1e9, tokens=1e11)
    assert best.dims == ("chain", "draw", "source") and list(best["source"].values) == [*SOURCES]
    power = 1 / (1 - same["g_code"].values)
    worth = np.stack([np.ones_like(power), same["c_text"] ** power, same["c_web"] ** power], -1)
    exact = worth / worth.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(best.values, exact, atol=2e-4)
    assert best.attrs == {"at_corner": 0.0, "note": ""}


def test_no_other_mixture_does_better() -> None:
    fit = fit_of("mixture-additive", {**ADDITIVE, "g_code": 0.3, "g_web": 1.4})
    best = bs.best_mixture(fit, params=1e9, tokens=1e11)
    np.testing.assert_allclose(best.sum("source"), 1, rtol=1e-12)

    def loss(weights: np.ndarray) -> np.ndarray:
        values = {k: fit.posterior[k].values for k in fit.model.law.unknowns}
        return np.asarray(fit.model.law(np, 1e9, 1e11, *np.moveaxis(weights, -1, 0), **values))

    rng = np.random.default_rng(1)
    lowest = loss(best.values)
    for other in rng.dirichlet(np.ones(3), 200):
        assert (lowest <= loss(np.broadcast_to(other, best.shape)) + 1e-9).all()


def test_substitutes_make_corners_and_are_said_to() -> None:
    base = {k: v for k, v in ADDITIVE.items() if k[0] not in "Mcg"}
    fit = fit_of("effective-tokens", {**base, "q_text": 1.8, "q_web": 0.6})
    best = bs.best_mixture(fit, params=1e9, tokens=1e11)
    assert (best.sel(source="text") == 1).all()
    assert best.attrs["at_corner"] == 1 and "no evidence for a mixture" in best.attrs["note"]


def test_several_evaluation_sets_balance() -> None:
    """Two sets that each want another source: the best mixture lies between, by symmetry half."""
    one = fit_of("mixture-exp", {"c": 1.8, "k": 0.5, "t_text": 2.0, "t_web": 4.0})
    posterior = one.posterior.assign(t_text=0 * one.posterior["t_text"] + 2.0)
    flipped = posterior.assign(t_text=-posterior["t_text"], t_web=0 * posterior["t_web"] + 4.0,
                               k=posterior["k"] * np.exp(2.0))  # fmt: skip
    one, other = replace(one, posterior=posterior), replace(one, posterior=flipped)
    assert (bs.best_mixture(one).sel(source="code") == 1).all()
    assert (bs.best_mixture(other).sel(source="text") == 1).all()
    both = bs.best_mixture([one, other])
    np.testing.assert_allclose(both.sel(source="code"), 0.5, atol=5e-3)
    assert both.attrs["at_corner"] == 0


def test_forecast_of_a_mixture_alone() -> None:
    """The law reads no sizes: its axis is a weight, whatever else the table holds."""
    fit = fit_of("mixture-exp", {"c": 1.8, "k": 0.5, "t_text": -1.0, "t_web": 0.5})
    assert axis_of(fit) == "weight_code"
    plan = pd.DataFrame({"weight_code": [1.0, 0.5], "weight_text": [0, 0.5], "weight_web": [0, 0]})
    found = bs.forecast(fit, plan).quantiles([0.5])[0.5]
    assert found[0] == pytest.approx(2.3, abs=0.02) and found[1] < found[0]
    assert "weight code" in bs.report(fit, [0.6]).page.replace("_", " ")


def test_refusals() -> None:
    fit = fit_of("mixture-additive", ADDITIVE)
    with pytest.raises(UsageError, match="reads params"):
        bs.best_mixture(fit, tokens=1e11)
    with pytest.raises(UsageError, match="same sources"):
        bs.best_mixture([fit, replace(fit, spec=fit.spec.at_sources(("web", "text", "code")))])
    plain = make_fit(
        "chinchilla-plain", {"L_inf": 1.8, "A": 0.3, "alpha": 0.3, "B": 0.3, "beta": 0.3}
    )
    with pytest.raises(UsageError, match="no weights"):
        bs.best_mixture(plain)
    with pytest.raises(UsageError, match="from a fit"):
        bs.best_mixture("fit.nc")


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    fit = fit_of("mixture-additive", ADDITIVE)
    weights = {"weight_code": 0.9, "weight_text": 0.9, "weight_web": 0.9}
    plan = pd.DataFrame({"params": [1e9], "tokens": [2e10], **{k: [v] for k, v in weights.items()}})
    for ask in (
        lambda: bs.forecast(fit, plan),
        lambda: bs.forecast(fit.at(**weights), plan[["params", "tokens"]]),
        lambda: bs.forecast(fit.at(**weights), [1e22]),
        lambda: bs.allocate(fit.at(**weights), [1e22]),
        lambda: bs.forecast(
            fit.at(weight_code=0.9, weight_web=0.9), plan.drop(columns="weight_web")
        ),
    ):
        with pytest.raises(UsageError, match=r"sum to 2.7"):
            ask()
    whole = fit.at(weight_code=0.2, weight_text=0.3, weight_web=0.5)
    assert bs.forecast(whole, plan[["params", "tokens"]]).target == "loss"
