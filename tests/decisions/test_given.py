"""Questions to laws of parameters, tokens and something else: given for all, or run by run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.horizon import has_floor
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from tests.cli.conftest import Cli, cli  # noqa: F401 (a fixture)
from tests.conftest import ladder, make_fit

VALUES = {
    "L_inf": 1.7, "A": 0.36, "alpha": 0.34, "B": 0.35, "beta": 0.36, "g": 0.05, "gamma": 0.58,
}  # fmt: skip
PLAN = pd.DataFrame({"params": [1e9, 4e9], "tokens": [2e10, 9e10]})
REFUSED = r"reads granularity too.*--given granularity=.*fit.at\(granularity="


def granular() -> pd.DataFrame:
    table = ladder().assign(granularity=np.tile([1.0, 4.0, 16.0], 12))
    columns = (table[c].to_numpy() for c in ("params", "tokens", "granularity"))
    return table.assign(loss=bs.load_law("moe-granular")(np, *columns, **VALUES))


def sparse() -> Fit:
    values = {
        "L_inf": 1.2, "A": 0.3, "alpha": 0.34, "B": 0.35, "beta": 0.36,
        "c_S": 0.4, "kappa": 0.2, "H": 0.2, "delta": 0.2, "gamma": 0.2,
    }  # fmt: skip
    table = ladder().assign(sparsity=np.tile([0.0, 0.5, 0.75], 12))
    return make_fit("moe-sparsity", values, Runs.from_frame(table))


@pytest.fixture(scope="module")
def fit() -> Fit:
    return make_fit("moe-granular", VALUES, Runs.from_frame(granular()))


def test_what_is_left_open_is_refused_in_plain_words(fit: Fit) -> None:
    for ask in (
        lambda: bs.allocate(fit, [1e22]),
        lambda: bs.forecast(fit, [1e22]),
        lambda: bs.forecast(fit, PLAN),
    ):
        with pytest.raises(UsageError, match=REFUSED):
            ask()
    with pytest.raises(UsageError, match=r"'experts'.*reads params, tokens, granularity"):
        fit.at(experts=8)
    for impossible in (-1, 0, "many"):
        with pytest.raises(UsageError, match="not a possible value"):
            fit.at(granularity=impossible)


def test_budgets_are_split_at_what_is_given(fit: Fit) -> None:
    """At each granularity the law is the additive one, whose optimum is known."""
    base, law = fit.unknowns("budget"), bs.load_law("chinchilla")
    for granularity in (2.0, 16.0):
        found = bs.allocate(fit.at(granularity=granularity), [1e22])
        inner = base["A"] + base["g"] * (granularity / 8) ** -base["gamma"]
        rest = {k: base[k] for k in ("L_inf", "alpha", "B", "beta")}
        N, D = law.optimum(np, 1e22 / 6, A=inner, **rest, **law.constants)
        np.testing.assert_allclose(found.draws["params"], N, rtol=1e-6)
        np.testing.assert_allclose(found.draws["tokens"], D, rtol=1e-6)
        assert found.provenance["given"] == {"granularity": granularity}


def test_points_state_it_or_take_it_as_given(fit: Fit) -> None:
    for_all = bs.forecast(fit.at(granularity=4), PLAN)
    each = bs.forecast(fit, PLAN.assign(granularity=4.0))
    pd.testing.assert_frame_equal(for_all.quantiles(), each.quantiles())
    assert each.points["granularity"].tolist() == [4.0, 4.0]
    stated = bs.forecast(fit.at(granularity=1), PLAN.assign(granularity=4.0))
    pd.testing.assert_frame_equal(stated.quantiles(), each.quantiles())  # the points have it
    finer = bs.forecast(fit.at(granularity=16), PLAN).quantiles([0.5], of="loss_mean")[0.5]
    assert (finer < for_all.quantiles([0.5], of="loss_mean")[0.5]).all()


def test_beyond_what_the_runs_had(fit: Fit) -> None:
    far = bs.allocate(fit.at(granularity=1e4), [1e22]).findings
    assert [f.code for f in far] == ["X003"]
    assert far[0].message.startswith("granularity up to 625 times outside")


def test_command_line(fit: Fit, cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    saved = fit.save(tmp_path / "fit.nc")
    PLAN.to_csv(tmp_path / "plan.csv", index=False)
    PLAN.assign(granularity=4).to_csv(tmp_path / "full.csv", index=False)
    plan, full = tmp_path / "plan.csv", tmp_path / "full.csv"
    for words in (("allocate", saved, "--flops", "1e22"), ("forecast", saved, "--at", plan)):
        ran = cli(*words)
        assert ran.code == 2 and "--given granularity=" in ran.err
        assert cli(*words, "--given", "granularity=4").code == 0
    ran = cli("allocate", saved, "--flops", "1e22", "--given", "granularity=4", "--json")
    assert ran.json["result"]["given"] == {"granularity": 4}
    by_row = cli("forecast", saved, "--at", full, "--json").json["result"]["points"]
    for_all = cli("forecast", saved, "--at", plan, "--given", "granularity=4", "--json")
    of = "loss_new_q50"
    assert [p[of] for p in by_row] == [p[of] for p in for_all.json["result"]["points"]]
    assert "granularity = 4" in cli("forecast", saved, "--at", plan, "--given", "granularity=4").out
    ran = cli("forecast", saved, "--at", plan, "--given", "granularity=x")
    assert ran.code == 2 and "granularity 'x'" in ran.err
    ran = cli("forecast", saved, "--at", plan, "--given", "grain=4")
    assert ran.code == 2 and "grain is no column" in ran.err
    words = ("allocate", saved, "--flops", "1e22", "--given", "granularity=4")
    assert "granularity = 4" in cli(*words).out


def test_a_share_of_zero_in_a_plan(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    values = {"L_inf": 1.7, "a_S": 0.2, "b_S": 0.8, "c_S": 0.2, "b_N": 0.3, "B": 0.3, "b_D": 0.3}
    table = ladder().assign(sparsity=np.tile([0.0, 0.5, 0.75], 12))
    saved = make_fit("weight-sparsity", values, Runs.from_frame(table)).save(tmp_path / "fit.nc")
    PLAN.assign(sparsity=[0, 0.5]).to_csv(tmp_path / "plan.csv", index=False)
    assert cli("forecast", saved, "--at", tmp_path / "plan.csv").code == 0
    PLAN.assign(sparsity=[0, 1.5]).to_csv(tmp_path / "bad.csv", index=False)
    ran = cli("forecast", saved, "--at", tmp_path / "bad.csv")
    assert ran.code == 2 and "between 0 and 0.99999" in ran.err


def test_a_share_of_all_is_none(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    """At sparsity 1 nothing is left of a model: its loss is no number."""
    for name in ("moe-sparsity", "weight-sparsity"):
        assert "sparsity" in bs.load_model(name).inputs
    with pytest.raises(UsageError, match="not a possible value"):
        sparse().at(sparsity=1.0)
    PLAN.assign(sparsity=[0, 1]).to_csv(tmp_path / "all.csv", index=False)
    ran = cli("forecast", sparse().save(tmp_path / "fit.nc"), "--at", tmp_path / "all.csv")
    assert ran.code == 2 and "sparsity = 1" in ran.err


def test_a_floor_is_looked_for_at_shares_that_exist() -> None:
    with np.errstate(all="raise"):
        assert has_floor(sparse())


def test_what_a_budget_buys_is_not_given(fit: Fit) -> None:
    for name, value in (("params", 1e9), ("tokens", 2e10)):
        given = fit.at(**{"granularity": 8, name: value})
        for ask in (bs.forecast, bs.allocate):
            with pytest.raises(UsageError, match=f"{name}: given, and what a budget buys"):
                ask(given, [1e22])


def test_a_ratio_may_be_given(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    values = {"L_inf": 1.7, "A": 0.36, "alpha": 0.34, "B": 0.35}
    saved = make_fit("overtraining", values).save(tmp_path / "fit.nc")
    pd.DataFrame({"flops": [1e21]}).to_csv(tmp_path / "plan.csv", index=False)
    words = ("forecast", saved, "--at", tmp_path / "plan.csv")
    assert cli(*words).code == 2
    assert cli(*words, "--given", "tokens_per_param=20").code == 0


def test_an_option_is_named_in_its_own_error(cli: Cli, fit: Fit, tmp_path: Path) -> None:  # noqa: F811
    saved = fit.save(tmp_path / "fit.nc")
    ran = cli("allocate", saved, "--flops", "1e22", "--given", "granularity")
    assert ran.code == 2 and "--given 'granularity'" in ran.err and "--at" not in ran.err


def test_laws_without_a_compute_axis(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    """Amounts of what they read first, where the rest is given; the options say so."""
    values = {"L_inf": 1.7, "A": 0.36, "alpha": 0.34, "G": 0.1}
    table = pd.DataFrame(
        {"lr_sum": np.linspace(1, 20, 12), "lr_annealing": np.linspace(0, 0.2, 12)}
    )
    runs = Runs.from_frame(table.assign(loss=np.linspace(3, 2.5, 12)))
    saved = make_fit("annealing", values, runs).save(tmp_path / "fit.nc")
    words = ("forecast", saved, "--amount", "10")
    ran = cli("forecast", saved, "--flops", "1e22")
    assert ran.code == 2 and "use --amount of lr_sum, the rest --given" in ran.err
    assert cli(*words).code == 2 and "give all but lr_sum" in cli(*words).err
    given = cli(*words, "--given", "lr_annealing=0.1", "--json").json["result"]["points"][0]
    table[:1].assign(lr_sum=10, lr_annealing=0.1).to_csv(tmp_path / "plan.csv", index=False)
    (stated,) = cli("forecast", saved, "--at", tmp_path / "plan.csv", "--json").json["result"][
        "points"
    ]
    assert given["loss_new_q50"] == stated["loss_new_q50"]
    assert cli("report", saved, "--amount", "10", "-o", tmp_path / "page.html").code in (0, 1)


@pytest.mark.slow
def test_a_fitted_mixture_of_experts() -> None:
    """Simulated runs, fitted, then forecast and split at a granularity that was not among them."""
    table = granular()
    noise = np.exp(0.002 * np.random.default_rng(20261124).standard_normal(len(table)))
    found = bs.fit(
        bs.load_model("moe-granular"), bs.read_runs(table.assign(loss=table.loss * noise))
    )
    given = found.at(granularity=8)
    truth = bs.load_law("moe-granular")(np, 4e9, 9e10, 8.0, **VALUES)
    low, high = bs.forecast(given, PLAN).quantiles([0.01, 0.99], of="loss_mean").iloc[1]
    assert low < truth < high
    inner = {k: VALUES[k] for k in ("L_inf", "alpha", "B", "beta")}
    best, _ = bs.load_law("chinchilla").optimum(
        np, 1e22 / 6, A=VALUES["A"] + VALUES["g"], **inner, N_ref=1e9, D_ref=2e10
    )
    low, high = bs.allocate(given, [1e22]).quantiles([0.01, 0.99]).iloc[0]
    assert low < best < high
