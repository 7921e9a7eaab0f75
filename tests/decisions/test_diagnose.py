"""Diagnosis: runs at, above and below the optimum; roots against scipy; own inputs of each run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.decisions.convention import Convention, power_convention
from bayes_scaling.decisions.optimum import per_draw_optimum
from bayes_scaling.decisions.roots import falling_root
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.evaluation.averaging import average
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.predict import law_at
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.prior import Prior
from tests.conftest import REPLICATION, ladder, make_fit, make_grouped_fit
from tests.decisions.test_allocation import VALUES, without_closed_form


def certain(fit: Fit) -> Fit:
    """The fit with all draws at their first value."""
    return replace(fit, posterior=fit.posterior.map(lambda v: v * 0 + float(v[0, 0])))


def best_tokens(params: float | np.ndarray) -> np.ndarray:
    """Tokens at which a size is the best one: alpha A n^-alpha = beta B d^-beta."""
    r = REPLICATION
    model_slope = r["alpha"] * r["A"] * (np.asarray(params) / 1e9) ** -r["alpha"]
    return 2e10 * (r["beta"] * r["B"] / model_slope) ** (1 / r["beta"])


def at_and_off() -> Fit:
    """Runs of three sizes at the optimum of the values, with a tenth and ten times its tokens."""
    params = np.array([1e8, 1e9, 1e10] * 3)
    tokens = best_tokens(params) * np.repeat([1.0, 0.1, 10.0], 3)
    loss = bs.load_model("chinchilla-plain").law.curve(np, params, tokens, **REPLICATION)
    names = [f"{kind} {i}" for kind in ("at", "under", "over") for i in range(3)]
    table = pd.DataFrame({"run": names, "params": params, "tokens": tokens, "loss": loss})
    return make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(table))


def test_a_run_at_the_optimum_wastes_nothing() -> None:
    found = bs.diagnose(at_and_off())
    at = found.runs.index[found.runs["run"].str.startswith("at")]
    assert found.runs.loc[at, "p_undertrained"].between(0.35, 0.65).all()
    both = found.runs["p_undertrained"] + found.runs["p_overtrained"]
    assert_allclose(both, 1.0)
    assert (found.quantiles([0.5]).loc[at, 0.5] < 2e-3).all()
    fit = at_and_off()
    exact = {name: fit.posterior[name] * 0 + value for name, value in REPLICATION.items()}
    sure = bs.diagnose(replace(fit, posterior=fit.posterior.assign(exact))).draws.isel(run=at)
    assert float(sure["excess_loss"].max()) < 1e-12
    assert float(sure["wasted"].max()) < 1e-10
    assert float(sure["more_tokens"].max() / sure["tokens"].min()) < 1e-6


def test_too_few_and_too_many_tokens_are_told_apart() -> None:
    runs = bs.diagnose(at_and_off()).runs.set_index("run")
    for i in range(3):
        assert runs.loc[f"under {i}", "p_undertrained"] == 1.0
        assert runs.loc[f"over {i}", "p_overtrained"] == 1.0
    assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"])


@pytest.mark.parametrize("run", ["under 1", "over 1", "at 1"])
def test_least_compute_against_a_root_of_scipy(run: str) -> None:
    """One draw: the law written out, minimised and solved without anything of the package."""
    fit = at_and_off()
    d = {name: float(fit.posterior[name][2, 17]) for name in REPLICATION}

    def loss(n: float, tokens: float) -> float:
        above = d["A"] * (n / 1e9) ** -d["alpha"] + d["B"] * (tokens / 2e10) ** -d["beta"]
        return float(d["L_inf"] + above)

    def least_loss(log_flops: float) -> float:
        nd = np.exp(log_flops) / 6
        found = optimize.minimize_scalar(
            lambda x: loss(np.exp(x), nd / np.exp(x)),
            bracket=(np.log(nd) / 2 - 2, np.log(nd) / 2 - 1),
            options={"xtol": 1e-10},
        )
        return float(found.fun)

    found = bs.diagnose(fit)
    row = found.runs.set_index("run").loc[run]
    own, log_flops = loss(row["params"], row["tokens"]), np.log(row["flops"])
    root = optimize.brentq(
        lambda x: least_loss(x) - own, log_flops - 10, log_flops + 1e-6, xtol=1e-12
    )
    here = found.draws.sel(run=run, chain=2, draw=17)
    assert float(here["least_flops"]) == pytest.approx(np.exp(root), rel=1e-8)
    assert float(here["wasted"]) == pytest.approx(1 - np.exp(root) / row["flops"], abs=1e-8)
    assert float(here["excess_loss"]) == pytest.approx(own - least_loss(log_flops), abs=1e-12)


def test_tokens_to_mend_in_closed_form(chinchilla_fit: Fit) -> None:
    found = bs.diagnose(chinchilla_fit)
    p = {name: chinchilla_fit.posterior[name].values[..., None] for name in REPLICATION}
    n = found.runs["params"].to_numpy() / 1e9
    slope = p["alpha"] * p["A"] * n ** -p["alpha"]
    d = 2e10 * (p["beta"] * p["B"] / slope) ** (1 / p["beta"])
    assert_allclose(found.draws["best_tokens"], d, rtol=1e-9)
    more = np.maximum(d - found.runs["tokens"].to_numpy(), 0)
    assert_allclose(found.draws["more_tokens"], more, rtol=1e-7, atol=1e3)


@pytest.mark.parametrize("model", ["skaling-plain", "kaplan-plain"])
def test_search_and_closed_form_agree(model: str) -> None:
    fit = make_fit(model, VALUES[model], Runs.from_frame(ladder().iloc[::5]))
    closed, searched = bs.diagnose(fit).draws, bs.diagnose(without_closed_form(fit)).draws
    seen = ~(closed["at_edge"] | searched["at_edge"]).values
    assert seen.mean() > 0.9
    for name in ("least_flops", "best_tokens", "params"):
        assert_allclose(searched[name].values[seen], closed[name].values[seen], rtol=1e-6)


def test_money_totals_and_tables(chinchilla_fit: Fit) -> None:
    cost = bs.Cost(usd_per_gpu_hour=2.0, flops_per_gpu_second=1e15, mfu=0.5)
    found = bs.diagnose(chinchilla_fit, cost=cost)
    spent = cost.usd(found.runs["flops"].to_numpy())
    assert_allclose(found.runs["usd"], spent)
    lost = found.draws["wasted"] * spent
    assert_allclose(found.draws["wasted_usd"], lost, rtol=1e-9, atol=1e-9 * spent.max())
    share = (found.draws["wasted_usd"].sum("run") / spent.sum()).values
    assert_allclose(found.total_wasted.values, share, rtol=1e-9)
    wasted = found.quantiles([0.5], of="wasted")[0.5].to_numpy()[found.worst_first]
    assert (np.diff(wasted) <= 0).all() and wasted[0] > 0.5
    long = found.to_frame()
    assert len(long) == 36 * 9 * 7
    one = long[(long["run"] == "run 7") & (long["variable"] == "excess_loss")]
    assert one.set_index("level")["value"][0.5] == found.quantiles([0.5]).loc[7, 0.5]
    assert one["run_params"].iloc[0] == found.runs["params"][7]
    with pytest.raises(UsageError, match="no draws of"):
        found.quantiles([0.5], of="price")


def test_compute_counted_otherwise_and_an_uncertain_price(chinchilla_fit: Fit) -> None:
    """On C = 3ND half the FLOP pays for the same splits; a dear head makes small models waste."""
    usual = bs.diagnose(chinchilla_fit)
    half = bs.diagnose(chinchilla_fit, cost=bs.Cost(convention=power_convention(3.0)))
    assert_allclose(half.runs["flops"], usual.runs["flops"] / 2)
    for name in ("params", "tokens", "wasted", "best_tokens", "excess_loss"):
        assert_allclose(half.draws[name], usual.draws[name], rtol=1e-7, atol=1e-9)
    head = Convention("6(N + 1e8)D", lambda N: 6 * (N + 1e8))
    dear = bs.diagnose(chinchilla_fit, cost=bs.Cost(convention=head))
    spent = 6 * (dear.draws["params"] + 1e8) * dear.draws["tokens"]
    assert_allclose(spent, np.broadcast_to(dear.runs["flops"], spent.shape), rtol=1e-9)
    assert (dear.draws["params"] > usual.draws["params"]).all()
    price = Prior("LogNormal", {"q05": 2.0, "q95": 3.5})
    found = bs.diagnose(chinchilla_fit, cost=bs.Cost(usd_per_gpu_hour=price), seed=4)
    drawn = bs.Cost(usd_per_gpu_hour=price).drawn((4, 250), seed=4)
    wasted = found.draws["wasted"].values * drawn.usd(found.runs["flops"].to_numpy())
    assert_allclose(found.draws["wasted_usd"], wasted, rtol=1e-7, atol=1e-6)


def test_an_average_mixes_draws_of_each_law() -> None:
    fits = {name: make_fit(name, VALUES[name]) for name in ("chinchilla-plain", "skaling-plain")}
    mixed = average(fits)
    found, members = bs.diagnose(mixed), mixed.members()
    for place, fit in enumerate(fits.values()):
        own = bs.diagnose(fit).draws
        for name in ("excess_loss", "least_flops", "more_tokens"):
            there = members == place
            assert_allclose(found.draws[name].values[there], own[name].values[there])
    assert set(found.provenance["models"]) == set(fits)


def test_blocks_do_not_show(chinchilla_fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bs.diagnose(chinchilla_fit).draws
    monkeypatch.setattr("bayes_scaling.decisions.diagnose.BLOCK", 7000)
    parts = bs.diagnose(chinchilla_fit).draws
    for name in whole:
        assert_allclose(parts[name], whole[name], rtol=1e-8, atol=1e-12)


def test_what_the_law_reads_besides_is_as_each_run_had_it() -> None:
    """Few unique tokens move the best split; each run is judged at its own."""
    values = {**REPLICATION, "R_D": 15.0, "R_N": 5.0}
    spec = bs.load_model("data-constrained")
    assert set(spec.law.unknowns) <= set(values)
    table = ladder().iloc[[20, 21, 26, 20, 27]].reset_index(drop=True)
    table["unique_tokens"] = table["tokens"] / np.array([1.0, 2.0, 1.5, 20.0, 4.0])
    table["run"] = [f"r{i}" for i in range(5)]
    fit = make_fit("data-constrained", values, Runs.from_frame(table))
    found = bs.diagnose(fit).draws
    assert float(found["params"].sel(run="r0").median()) != pytest.approx(
        float(found["params"].sel(run="r3").median()), rel=0.05
    )
    for name, row in table.set_index("run").iterrows():
        given = fit.at(unique_tokens=float(row["unique_tokens"]))
        flops = np.array([6 * row["params"] * row["tokens"]])
        N, D, _ = per_draw_optimum(given, flops)
        assert_allclose(found["params"].sel(run=name), N[..., 0])
        least = law_at(given, {"params": N, "tokens": D})
        at = {k: np.array([row[k]]) for k in ("params", "tokens")}
        excess = np.maximum(law_at(given, at) - least, 0)[..., 0]
        assert_allclose(found["excess_loss"].sel(run=name), excess, atol=1e-12)


def test_refusals_are_those_of_allocate() -> None:
    along = ladder().assign(tokens=lambda t: 20 * t["params"])
    with pytest.raises(CheckError, match=r"I001.*20 tokens per parameter"):
        bs.diagnose(make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(along)))
    with pytest.raises(UsageError, match="varies by group"):
        bs.diagnose(make_grouped_fit())
    assert len(bs.diagnose(make_grouped_fit().at_group("a")).runs) == 12
    one = ladder().drop(columns="params")
    values = {"L_inf": 1.8, "A": 0.7, "alpha": 0.18}
    with pytest.raises(UsageError, match=r"joint law"):
        bs.diagnose(make_fit("power-floor-plain", values, Runs.from_frame(one)))
    with pytest.raises(UsageError, match=r"from a fit, fits by name, or a run table"):
        bs.diagnose(ladder())  # type: ignore[arg-type]


def test_roots_of_many_functions_against_scipy() -> None:
    rng = np.random.default_rng(5)
    a, b, c = rng.uniform(0.2, 1.5, (3, 40))
    c = c * np.where(np.arange(40) % 2, 1, 8)

    def f(x: np.ndarray) -> np.ndarray:
        return np.exp(-a * x) + 0.3 * np.exp(-b * x) - c

    found, beyond = falling_root(f, rng.uniform(-3, 3, 40))
    assert not beyond.any()
    for i in range(40):
        own = optimize.brentq(
            lambda x, i=i: np.exp(-a[i] * x) + 0.3 * np.exp(-b[i] * x) - c[i], -99, 99, xtol=1e-13
        )
        assert found[i] == pytest.approx(own, abs=1e-8)


def test_a_root_beyond_reach_is_marked() -> None:
    level = np.array([-1.5, 0.5, 2.0])
    found, beyond = falling_root(lambda x: level - np.tanh(x), np.zeros(3))
    assert beyond.tolist() == [True, False, True]
    assert found[1] == pytest.approx(np.arctanh(0.5))
    assert (abs(found[[0, 2]]) == 32).all()
    assert falling_root(lambda x: -x, np.zeros(1))[0][0] == 0.0
