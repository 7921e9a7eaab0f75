"""Comparison of laws on hand-made fits: numbers against ArviZ, refusals, words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import arviz_stats as azs
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation import leave_one_out as home
from bayes_scaling.evaluation.comparison import compare, sentence_of
from bayes_scaling.evaluation.left_out import with_kept_priors
from bayes_scaling.inference.fit import Fit, stated_against
from bayes_scaling.inference.predict import log_likelihood
from bayes_scaling.runs.table import Runs
from tests.conftest import REPLICATION, ladder, make_fit
from tests.evaluation.test_backtest import hand_made

SEED = 20261124


def noisy(rows: pd.DataFrame | None = None) -> pd.DataFrame:
    table = ladder() if rows is None else rows
    scatter = 0.004 * np.random.default_rng(SEED).standard_normal(len(table))
    return table.assign(loss=table["loss"] * np.exp(scatter))


def tight_fit(runs: Runs | None = None, **moved: float) -> Fit:
    """A posterior around the replication's values, narrow enough for importance sampling."""
    fit = make_fit("chinchilla-plain", {**REPLICATION, **moved}, runs or Runs.from_frame(noisy()))
    values = {k: float(v.mean()) for k, v in fit.posterior.items()}
    narrow = fit.posterior.map(lambda v: values[str(v.name)] * (v / values[str(v.name)]) ** 0.02)
    return replace(fit, posterior=narrow)


@pytest.fixture(scope="module")
def fits() -> dict[str, Fit]:
    """The truth, one that is a little off and one that is far off."""
    return {
        "far": tight_fit(alpha=0.37),
        "near": tight_fit(L_inf=1.818),
        "truth": tight_fit(),
    }


def test_table_agrees_with_arviz(fits: dict[str, Fit]) -> None:
    found = bs.compare(fits)
    trees = {
        name: xr.DataTree.from_dict(
            {
                "posterior": fit.posterior,
                "log_likelihood": xr.Dataset({"loss": log_likelihood(fit)}),
            }
        )
        for name, fit in fits.items()
    }
    theirs = azs.compare(trees, method="stacking", round_to="none")
    assert list(found.table.index) == list(theirs.index)
    assert found.table.index[-1] == "far"
    for ours, name in {
        "elpd": "elpd",
        "elpd_diff": "elpd_diff",
        "dse": "dse",
        "p_loo": "p",
    }.items():
        assert np.allclose(found.table[ours], theirs[name], atol=1e-8), name
    assert np.allclose(found.table["weight"], theirs["weight"], atol=5e-3)
    assert list(found.table["rank"]) == [1, 2, 3]
    assert found.weights["truth"] == found.table["weight"]["truth"]
    assert found.pointwise.dims == ("run", "model")
    assert np.allclose(found.pointwise.sum("run").sel(model="near"), found.table["elpd"]["near"])
    assert (found.table["elpd_diff"] <= 0).all()
    assert (found.table["exact_refits"] == 0).all()
    assert list(found.to_frame()["model"]) == list(found.table.index)


def test_flags_and_words(fits: dict[str, Fit]) -> None:
    found = compare(fits, exact=False)
    best, second, worst = found.table.index
    assert found.table["flags"][best] == ""
    assert "cannot be told apart" in found.table["flags"][second]
    assert "n < 100" in found.table["flags"][worst]
    assert "cannot be told apart" not in found.table["flags"][worst]
    assert found.sentence.startswith(f"{best} explains the 36 runs best, but {second} cannot be")
    assert "Standard errors are not to be trusted with fewer than 100 runs." in found.sentence
    assert {f.code for f in found.findings} == {"M001", "M002"}
    clear = compare({"truth": fits["truth"], "far": fits["far"]}, exact=False)
    assert "truth explains the 36 runs best: far is" in clear.sentence
    assert "not to be trusted with fewer than 100 runs" in clear.sentence
    assert "clearly" in sentence_of(clear.table, 100)
    assert "by chance" in sentence_of(clear.table.assign(dse=[0.0, 1e3]), 100)
    assert clear.weights["truth"] > 0.95


def test_same_fits_same_numbers(fits: dict[str, Fit]) -> None:
    first, again = compare(fits), compare(fits)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.pointwise.identical(again.pointwise)
    assert first.sentence == again.sentence


@dataclass(frozen=True)
class Scored:
    by_model: pd.DataFrame


def scored(crps: dict[str, float]) -> Scored:
    rows = {
        name: {
            "coverage90": 0.9 if value < 0.02 else 0.4, "interval_score90": 3 * value,
            "crps": value, "wis": value / 2, "bias": 0.0, "n": 9,
        }
        for name, value in crps.items()
    }  # fmt: skip
    return Scored(pd.DataFrame.from_dict(rows, orient="index"))


def test_a_backtest_that_disagrees_is_said(fits: dict[str, Fit]) -> None:
    best = compare(fits, exact=False).table.index[0]
    backtest = scored({"far": 0.01, "near": 0.03, "truth": 0.05})
    found = compare(fits, exact=False, backtest=backtest)
    assert f"LOO prefers {best}, but far forecast the larger runs better" in found.sentence
    assert "(CRPS 0.01 with 90% inside the 90% intervals, against " in found.sentence
    assert "M005" in {f.code for f in found.findings}
    assert found.table["extrapolation_rank"].to_dict() == {"far": 1, "near": 2, "truth": 3}
    assert found.table["interval_score"]["near"] == pytest.approx(0.09)
    assert found.table["coverage90"]["far"] == 0.9
    frame = backtest.by_model.rename_axis("model").reset_index()
    as_column = compare(fits, exact=False, backtest=Scored(frame))
    pd.testing.assert_frame_equal(found.table, as_column.table)


def test_a_backtest_that_agrees_or_lacks_a_model(fits: dict[str, Fit]) -> None:
    best = compare(fits, exact=False).table.index[0]
    found = compare(fits, exact=False, backtest=scored({best: 0.01, "far": 0.03}))
    assert f"{best} also forecast the larger runs best" in found.sentence
    assert found.table["extrapolation_rank"].isna().sum() == 1
    with pytest.raises(UsageError, match="the backtest needs one row for each model"):
        compare(fits, backtest=scored({"other": 0.1}))
    with pytest.raises(UsageError, match="coverage90, interval_score90, crps"):
        compare(fits, backtest=Scored(pd.DataFrame(index=list(fits))))


@pytest.mark.parametrize("given", [{}, [1], {"a": 1}])
def test_fewer_than_two_fits_are_refused(given: Any, fits: dict[str, Fit]) -> None:
    with pytest.raises(UsageError, match="compare takes"):
        compare(given)
    with pytest.raises(UsageError, match="at least two fits"):
        compare({"one": fits["truth"]})


def test_different_data_are_refused_by_name(fits: dict[str, Fit]) -> None:
    table = noisy()
    table.loc[3, "loss"] = 2.5
    table = table.drop(index=5)
    extra = pd.DataFrame([{"run": "new one", "params": 1e9, "tokens": 2e10, "loss": 2.6}])
    other = tight_fit(Runs.from_frame(pd.concat([table, extra], ignore_index=True)))
    with pytest.raises(UsageError) as caught:
        compare({"mine": fits["truth"], "theirs": other})
    message = str(caught.value)
    assert "mine and theirs do not compare" in message
    assert "run 'run 5' only in mine" in message
    assert "run 'new one' only in theirs" in message
    loss = noisy()["loss"][3]
    assert f"run 'run 3': loss {loss:.8g} in mine, 2.5 in theirs" in message


def test_at_most_ten_rows_are_listed_and_order_counts(fits: dict[str, Fit]) -> None:
    table = noisy()
    shifted = tight_fit(Runs.from_frame(table.assign(loss=table["loss"] + 0.1)))
    with pytest.raises(UsageError, match="and 26 more") as caught:
        compare({"a": fits["truth"], "b": shifted})
    assert str(caught.value).count("run '") == 10
    turned = tight_fit(Runs.from_frame(table.iloc[::-1]))
    with pytest.raises(UsageError, match="in another order"):
        compare({"a": fits["truth"], "b": turned})
    held = tight_fit(fits["truth"].runs.hold_out(["run 7"]))
    with pytest.raises(UsageError, match="run 'run 7' only in a"):
        compare({"a": fits["truth"], "b": held})


def test_other_units_and_targets_are_refused(fits: dict[str, Fit]) -> None:
    fit = fits["truth"]
    bits = replace(fit, runs=replace(fit.runs, loss_unit="bits"))
    with pytest.raises(UsageError, match="one table is in nats, the other in bits"):
        compare({"a": fit, "b": bits})
    spec = replace(fit.spec, target="error")
    table = noisy().assign(error=noisy()["loss"] / 10)
    both = Runs.from_frame(table)
    with pytest.raises(UsageError, match="one explains the loss, the other the error"):
        compare({"a": replace(fit, runs=both), "b": replace(fit, spec=spec, runs=both)})


def outlier_fit() -> tuple[Fit, int]:
    table = noisy()
    table.loc[11, "loss"] *= 1.06
    table["run"] = "same name"
    fit = tight_fit(Runs.from_frame(table))
    steady = fit.posterior.assign(nu=200 * (fit.posterior["nu"] / fit.posterior["nu"]))
    scale = np.exp(0.5 * np.random.default_rng(2).standard_normal(steady["sigma"].shape))
    return replace(fit, posterior=steady.assign(sigma=steady["sigma"] * scale)), 11


def test_runs_beyond_importance_sampling_are_refitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By position, as all rows have one name; the score is the refit's predictive density."""
    fit, row = outlier_fit()
    without = replace(fit, posterior=fit.posterior.assign(L_inf=fit.posterior["L_inf"] + 0.01))
    asked: list[int] = []

    def refit(source: Fit, left_out: int) -> Fit:
        asked.append(int(left_out))
        return without

    monkeypatch.setattr(home, "refit_without", refit)
    other = replace(fit, posterior=fit.posterior.assign(nu=fit.posterior["nu"] / 60))
    found = compare({"normal": fit, "robust": other})
    assert asked[0] == row
    density = log_likelihood(without).values[..., row]
    expected = np.log(np.mean(np.exp(density - density.max()))) + density.max()
    assert found.pointwise.sel(model="normal").values[row] == pytest.approx(expected)
    assert found.table["exact_refits"]["normal"] == len(asked)
    rough = compare({"normal": fit, "robust": other}, exact=False)
    assert rough.table["exact_refits"]["normal"] == 0
    assert "k-hat above" in rough.table["flags"]["normal"]
    assert "M003" in {f.code for f in rough.findings}
    assert "Some scores are rough" in rough.sentence


def test_what_cannot_be_refitted_keeps_its_score_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit, row = outlier_fit()

    def refuse(source: Fit, left_out: int) -> Fit:
        raise UsageError("not today")

    monkeypatch.setattr(home, "refit_without", refuse)
    found = home.leave_one_out(fit)
    assert not found.refitted.any() and found.unsettled[row]
    assert "no refit without 'same name': not today" in found.faults
    monkeypatch.setattr(home, "MAX_REFITS", 0)
    assert "0 were made" in home.leave_one_out(fit).faults[0]


def test_chains_that_did_not_mix_are_an_error(fits: dict[str, Fit]) -> None:
    bad = replace(fits["near"], provenance={**fits["near"].provenance, "worst_rhat": 1.2})
    found = compare({"truth": fits["truth"], "near": bad}, exact=False)
    assert found.findings[0].severity == "error"
    assert "near: the chains did not mix: R-hat 1.200" in found.findings[0].message


def test_priors_relative_to_the_table_stay_in_a_refit() -> None:
    fit = make_fit("chinchilla-plain", REPLICATION)
    row = int(np.argmin(fit.observed))
    less = fit.runs.hold_out_rows([row])
    assert len(less.fitted) == 35 and row in np.flatnonzero(less.frame["held_out"])
    moved = stated_against(fit.spec, less).priors["L_inf"].hyper["beta"]
    kept = stated_against(with_kept_priors(fit.model, less), less).priors
    assert moved != pytest.approx(fit.model.priors["L_inf"].hyper["beta"], rel=1e-4)
    for name, prior in fit.model.priors.items():
        assert kept[name].hyper == pytest.approx(prior.hyper)


def test_a_backtest_of_ours_is_taken_as_it_is(fits: dict[str, Fit]) -> None:
    names = tuple(fits)
    found = compare(fits, exact=False, backtest=hand_made([2.0, 8.0], [True, False], names))
    assert found.table["crps"].notna().all()
    assert set(found.table["coverage90"]) == {0.5}
    assert (found.table["extrapolation_rank"] == 1).all()
