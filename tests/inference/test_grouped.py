"""Groups: their unknowns at points, one of them as a fit, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.fit import Fit, stated_against
from bayes_scaling.inference.predict import curve_at, law_at, log_likelihood, prior_draws
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model
from tests.conftest import FAMILIES, ladder

POINTS = {"params": np.array([1e9, 3e9, 1e9]), "tokens": np.array([2e10, 1e11, 2e10])}


def test_a_point_is_read_at_its_own_group(grouped_fit: Fit) -> None:
    """Against the law called by hand with the group's values."""
    names = np.array(["b", "a", "c"])
    found = law_at(grouped_fit, {**POINTS, "group": names})
    for i, name in enumerate(names):
        own = grouped_fit.posterior.sel(group=name)
        values = {k: own[f"{k}_of_group"].values for k in ("L_inf", "A", "alpha", "B", "beta")}
        slow = bs.load_law("chinchilla").curve(
            np, POINTS["params"][i], POINTS["tokens"][i], **values
        )
        np.testing.assert_allclose(found[..., i], slow, rtol=1e-12)


def test_one_group_is_a_plain_fit(grouped_fit: Fit) -> None:
    whole = curve_at(grouped_fit, {**POINTS, "group": np.array(["b"] * 3)})
    one = grouped_fit.at_group("b")
    np.testing.assert_array_equal(curve_at(one, POINTS), whole)
    assert one.model.groups is None and set(one.runs.frame["group"]) == {"b"}
    assert list(one.posterior) == ["L_inf", "A", "alpha", "B", "beta", "sigma", "nu"]
    assert one.summary().loc["a", "mean"] == pytest.approx(0.513, abs=0.03)
    kept = log_likelihood(grouped_fit)[..., grouped_fit.runs.fitted["group"] == "b"]
    np.testing.assert_allclose(log_likelihood(one), kept, rtol=1e-12)
    with pytest.raises(UsageError, match="is the one of group 'b'"):
        one.at_group("a")


def test_a_new_group_scatters_around_the_population(grouped_fit: Fit) -> None:
    new = grouped_fit.at_group("new")
    for name in ("alpha", "L_inf"):
        ratio = np.log(new.posterior[name].values / grouped_fit.posterior[name].values)
        assert ratio.std() == pytest.approx(0.1, rel=0.1)  # the spread of the hand-made fit
        assert abs(ratio.mean()) < 0.01
    again = curve_at(grouped_fit, {**POINTS, "group": np.array(["new"] * 3)})
    np.testing.assert_array_equal(curve_at(new, POINTS), again)
    np.testing.assert_array_equal(again[..., 0], again[..., 2])  # one group, not one per point


def test_unknown_groups_are_refused_with_a_list(grouped_fit: Fit) -> None:
    for call in (
        lambda: grouped_fit.at_group("d"),
        lambda: curve_at(grouped_fit, {**POINTS, "group": np.array(["a", "d", "a"])}),
    ):
        with pytest.raises(UsageError, match="no group 'd'; the fit has a, b, c, and 'new'"):
            call()
    with pytest.raises(UsageError, match=r"a, b, c, or 'new'.*--group"):
        curve_at(grouped_fit, POINTS)


def test_tables_without_groups_are_refused() -> None:
    spec = load_model("chinchilla-by-family")
    table = ladder()
    cases = {
        "no column 'group'.*--col group=THEIRS": table,
        "every row is of 'a'.*model without groups": table.assign(group="a"),
        "2 rows of the table have an empty group": table.assign(group=["", ""] + ["a", "b"] * 17),
        "cannot be called 'new'": table.assign(group=["new", "a"] * 18),
    }
    for words, frame in cases.items():
        with pytest.raises(UsageError, match=words):
            stated_against(spec, Runs.from_frame(frame))
    assert stated_against(
        spec, Runs.from_frame(table.assign(group=["z", "a"] * 18))
    ).groups.labels == (
        "a",
        "z",
    )


def test_every_view_of_a_fit_knows_its_groups(grouped_fit: Fit, tmp_path: Path) -> None:
    table = grouped_fit.summary()
    assert "alpha_of_group[b]" in table.index and "spread_alpha" in table.index
    rows = grouped_fit.to_frame()
    assert set(rows["name"]) == set(table.index) and not rows["value"].isna().any()
    tree = grouped_fit.to_datatree()
    assert tree["posterior"]["alpha_of_group"].dims == ("chain", "draw", "group")
    prior = prior_draws(grouped_fit)
    assert prior["alpha_of_group"].sizes == {"chain": 1, "draw": 1000, "group": 3}
    wide = np.log(prior["alpha_of_group"] / prior["alpha"]).std()
    assert float(wide) == pytest.approx(0.204, rel=0.1)  # rms of a half-normal of sd .204
    path = grouped_fit.save(tmp_path / "fit.nc")
    again = bs.load_fit(path)
    assert again.posterior.equals(grouped_fit.posterior)
    assert list(again.posterior["group"].values) == list(FAMILIES)
    assert grouped_fit.save(tmp_path / "b.nc").read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(
        again.at_group("new").posterior["A"], grouped_fit.at_group("new").posterior["A"]
    )
    with pytest.raises(UsageError, match="save that fit"):
        again.at_group("a").save(tmp_path / "a.nc")


def test_check_of_several_groups(grouped_fit: Fit) -> None:
    names = [row.name for row in bs.check(grouped_fit).rows]
    assert "table R007" not in names and "I010 contraction of alpha" in names


def test_forecast_by_group(grouped_fit: Fit) -> None:
    at = pd.DataFrame({**POINTS, "group": ["b", "a", "new"]})
    found = bs.forecast(grouped_fit, at)
    assert found.points["group"].tolist() == ["b", "a", "new"]
    np.testing.assert_array_equal(
        found.draws["loss_mean"][..., 0],
        bs.forecast(grouped_fit.at_group("b"), at.iloc[[0]]).draws["loss_mean"][..., 0],
    )
    own = grouped_fit.at_group("a").runs.resource("flops").max()
    assert found.points["extrapolation"][1] == pytest.approx(6 * 3e9 * 1e11 / own)
    with pytest.raises(UsageError, match="a, b, c, or 'new'"):
        bs.forecast(grouped_fit, at.drop(columns="group"))
    for call in (bs.forecast, bs.allocate, bs.report):
        with pytest.raises(UsageError, match="a, b, c, or 'new'"):
            call(grouped_fit, [1e22])
    with pytest.raises(UsageError, match="that of group 'a'"):
        bs.forecast(grouped_fit.at_group("a"), at)
    assert bs.allocate(grouped_fit.at_group("a"), [1e22]).provenance["group"] == "a"
