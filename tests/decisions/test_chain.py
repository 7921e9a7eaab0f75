"""chain: the loss draws of a forecast through the draws of a link, against a slow loop."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.chain import _shuffled
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from tests.conftest import make_fit

PLAN = pd.DataFrame({"params": [1e9, 7e9], "tokens": [2e10, 1.4e11]})
STEP = {"reach": 0.8, "L_mid": 2.4, "s": 0.2}


def link_on(low: float, high: float, rows: int = 12) -> Fit:
    loss = np.linspace(low, high, rows)
    accuracy = bs.load_law("accuracy-sigmoid")(np, loss, **STEP)
    runs = Runs.from_frame(pd.DataFrame({"loss": loss, "accuracy": accuracy}))
    return make_fit("accuracy-sigmoid", STEP, runs)


def test_each_loss_draw_meets_one_draw_of_the_link(chinchilla_fit: Fit) -> None:
    link = link_on(2.0, 3.2)
    losses = bs.forecast(chinchilla_fit, PLAN)
    found = bs.chain(losses, link, seed=3)
    assert found.target == "accuracy" and dict(found.draws.sizes) == dict(losses.draws.sizes)
    assert found.draws["loss_mean"].equals(losses.draws["loss_mean"])
    assert "loss_new" not in found.draws
    p = {k: v.to_numpy().ravel() for k, v in link.posterior.items()}
    loss = losses.draws["loss_mean"].to_numpy().reshape(-1, 2)
    mean = found.draws["accuracy_mean"].to_numpy().reshape(-1, 2)
    for i in (0, 17, 999):  # the draw of the link that was met explains both points
        each = 0.25 + 0.75 * p["reach"] / (1 + np.exp((loss[i, :, None] - p["L_mid"]) / p["s"]))
        assert np.abs(each - mean[i, :, None]).max(axis=0).min() < 1e-12


def test_pairs_are_random_and_sizes_may_differ(chinchilla_fit: Fit) -> None:
    losses = bs.forecast(chinchilla_fit, PLAN)
    link = link_on(2.0, 3.2)
    a, b, c = (bs.chain(losses, link, seed=s).draws["accuracy_mean"] for s in (1, 1, 2))
    assert a.equals(b) and not a.equals(c)
    order = _shuffled(300, (4, 250), np.random.default_rng(0)).ravel()
    assert set(np.bincount(order, minlength=300)) == {3, 4}
    thin = link.posterior.isel(draw=slice(0, 60))
    few = bs.chain(losses, Fit(link.spec, link.runs, thin, link.sampling, link.provenance))
    assert few.draws["accuracy_new"].shape == losses.draws["loss_new"].shape


def test_probability_is_a_share_of_the_draws_of_a_new_measurement(chinchilla_fit: Fit) -> None:
    found = bs.chain(bs.forecast(chinchilla_fit, PLAN), link_on(2.0, 3.2))
    new = found.draws["accuracy_new"].to_numpy().reshape(-1, 2)
    at_least = found.probability(at_least=0.55)
    np.testing.assert_allclose(at_least, (new >= 0.55).mean(axis=0))
    np.testing.assert_allclose(at_least + found.probability(at_most=0.55), 1)
    assert at_least[1] > at_least[0]
    with pytest.raises(UsageError, match="either"):
        found.probability()


def test_losses_outside_the_links_own_are_named(chinchilla_fit: Fit) -> None:
    losses = bs.forecast(chinchilla_fit, PLAN)
    assert bs.chain(losses, link_on(2.0, 3.2)).findings == ()
    (near,) = bs.chain(losses, link_on(2.3, 3.2)).findings
    assert (near.code, near.severity) == ("X005", "warn") and "1 of 2 questions" in near.message
    (far,) = bs.chain(losses, link_on(2.8, 3.0)).findings
    assert (far.code, far.severity) == ("X005", "error") and "2.8 to 3" in far.message


def test_from_one_loss_to_another(chinchilla_fit: Fit) -> None:
    source = np.linspace(1.9, 3.2, 10)
    truth = {"E0": 1.0, "E1": 0.5, "K": 1.1, "kappa": 0.9}
    loss = bs.load_law("loss-transfer")(np, source, **truth)
    runs = Runs.from_frame(pd.DataFrame({"source_loss": source, "loss": loss}))
    losses = bs.forecast(chinchilla_fit, PLAN)
    found = bs.chain(losses, make_fit("loss-transfer", truth, runs))
    assert found.target == "loss"
    middle = losses.draws["loss_mean"].median(("chain", "draw"))
    expected = bs.load_law("loss-transfer")(np, middle.to_numpy(), **truth)
    got = found.draws["loss_mean"].median(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(got, expected, rtol=0.01)


def test_what_is_no_link_is_refused(chinchilla_fit: Fit) -> None:
    losses = bs.forecast(chinchilla_fit, PLAN)
    with pytest.raises(UsageError, match="is no link: it reads params, tokens"):
        bs.chain(losses, chinchilla_fit)
    with pytest.raises(UsageError, match="forecast of the accuracy"):
        bs.chain(bs.chain(losses, link_on(2.0, 3.2)), link_on(2.0, 3.2))
    with pytest.raises(UsageError, match="takes a forecast"):
        bs.chain(PLAN, chinchilla_fit)  # type: ignore[arg-type]


def test_a_step_that_no_run_resolves_is_a_warning() -> None:
    rows = {r.name: r for r in bs.check(link_on(2.0, 3.2, rows=12)).rows}
    assert rows["width of the step in loss"].verdict == "ok"
    rows = {r.name: r for r in bs.check(link_on(2.0, 3.2, rows=5)).rows}
    wide = rows["width of the step in loss"]
    assert wide.verdict == "warn" and "P(accuracy >= t)" in wide.advice


def test_binomial_error_of_a_share_adds_to_the_noise() -> None:
    from bayes_scaling.inference.graph import known_sd

    loss = np.linspace(2.0, 3.0, 6)
    frame = pd.DataFrame({"loss": loss, "accuracy": 0.5, "items": 400.0})
    frame.loc[5, "accuracy"] = 0.0
    spec = bs.load_model("accuracy-sigmoid")
    sd = known_sd(spec, Runs.from_frame(frame))
    np.testing.assert_allclose(sd[:5], 0.5 / 20, rtol=0.01)
    assert 0 < sd[5] < 0.005  # no item right is not known without error
    stated = known_sd(spec, Runs.from_frame(frame.assign(accuracy_sd=0.03)))
    np.testing.assert_allclose(stated, 0.03)


def test_a_benchmark_of_few_items_scatters_binomially(chinchilla_fit: Fit) -> None:
    losses, link = bs.forecast(chinchilla_fit, PLAN), link_on(2.0, 3.2)
    plain, few = (bs.chain(losses, link, items=k).draws["accuracy_new"] for k in (None, 50))
    assert set(np.unique(np.round(few * 50, 9) % 1)) == {0.0}
    p = plain.mean(("chain", "draw")).to_numpy()
    extra = few.var(("chain", "draw")) - plain.var(("chain", "draw"))
    np.testing.assert_allclose(extra, p * (1 - p) / 50, rtol=0.2)
    for bad in (0, -1, 2.5):
        with pytest.raises(UsageError, match="items"):
            bs.chain(losses, link, items=bad)  # type: ignore[arg-type]


def test_an_all_or_nothing_metric_is_named(chinchilla_fit: Fit) -> None:
    known = {"L_t": 2.4, "s": 0.1}
    loss = np.linspace(2.0, 3.2, 12)
    score = bs.load_law("threshold")(np, loss, **known)
    runs = Runs.from_frame(pd.DataFrame({"loss": loss, "accuracy": score}))
    found = bs.chain(bs.forecast(chinchilla_fit, PLAN), make_fit("threshold", known, runs))
    assert [f.code for f in found.findings if f.code == "X007"] == ["X007"]
    smooth = bs.chain(bs.forecast(chinchilla_fit, PLAN), link_on(2.0, 3.2))
    assert all(f.code != "X007" for f in smooth.findings)
