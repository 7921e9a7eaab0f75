"""Saved fits: equal after a round trip, equal bytes, and damage is seen."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import arviz as az
import numpy as np
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingError, OutputError, UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.store import fit_bytes
from bayes_scaling.names import GROUP
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model
from tests.conftest import ladder, make_fit


def test_round_trip(chinchilla_fit: Fit, tmp_path: Path) -> None:
    path = chinchilla_fit.save(tmp_path / "deep" / "fit.nc")
    back = bs.load_fit(path)
    xr.testing.assert_identical(back.posterior, chinchilla_fit.posterior)
    xr.testing.assert_identical(back.sampling, chinchilla_fit.sampling)
    assert back.runs == chinchilla_fit.runs and back.spec == chinchilla_fit.spec
    assert back.provenance == chinchilla_fit.provenance
    a, b = (bs.forecast(f, [1e23]).draws for f in (chinchilla_fit, back))
    assert a.identical(b)
    assert list(path.parent.iterdir()) == [path]


def test_equal_fits_are_equal_bytes(chinchilla_fit: Fit) -> None:
    assert fit_bytes(chinchilla_fit) == fit_bytes(replace(chinchilla_fit, seconds={"sample": 1.0}))


def test_every_flipped_bit_is_seen(chinchilla_fit: Fit, tmp_path: Path) -> None:
    raw = fit_bytes(chinchilla_fit)
    rng = np.random.default_rng(20261124)
    path = tmp_path / "fit.nc"
    for position in rng.integers(0, len(raw), 200):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(BayesScalingError, match=r"damaged|not a saved fit|no fit saved"):
            bs.load_fit(path)


def test_other_readers_open_it_too(chinchilla_fit: Fit, tmp_path: Path) -> None:
    path = chinchilla_fit.save(tmp_path / "fit.nc")
    with az.from_netcdf(path) as tree:
        np.testing.assert_array_equal(tree["posterior"]["alpha"], chinchilla_fit.posterior["alpha"])


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(chinchilla_fit: Fit, tmp_path: Path, keep: float) -> None:
    raw = fit_bytes(chinchilla_fit)
    path = tmp_path / "fit.nc"
    path.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises((OutputError, UsageError), match=r"damaged|not a saved fit"):
        bs.load_fit(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="not a saved fit"):
        bs.load_fit(path)
    with pytest.raises(UsageError, match="cannot read"):
        bs.load_fit(tmp_path / "absent.nc")
    other = tmp_path / "other.nc"
    xr.Dataset({"x": ("i", [1.0])}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(UsageError, match="no fit saved by"):
        bs.load_fit(other)


def test_a_fit_of_one_resource_keeps_which(tmp_path: Path) -> None:
    fit = make_fit("power-floor-plain", {"L_inf": 1.8, "A": 0.5, "alpha": 0.3})
    fit = replace(fit, spec=load_model("power-floor-plain", resource="tokens"))
    again = bs.load_fit(fit.save(tmp_path / "one.nc"))
    assert again.model.inputs == ("tokens",) and again.spec == fit.spec
    assert bs.forecast(again, [1e12]).draws.equals(bs.forecast(fit, [1e12]).draws)


def test_one_group_of_several_is_not_saved_alone(tmp_path: Path, chinchilla_fit: Fit) -> None:
    alone = replace(chinchilla_fit, provenance={**chinchilla_fit.provenance, GROUP: "c4"})
    with pytest.raises(UsageError, match="this is group 'c4' of a fit of several"):
        alone.save(tmp_path / "alone.nc")


def test_an_unwritable_place_is_an_output_error(chinchilla_fit: Fit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        chinchilla_fit.save(tmp_path / "file" / "fit.nc")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        chinchilla_fit.save(tmp_path / "taken")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken"]


def test_the_tree_is_arvizs(chinchilla_fit: Fit) -> None:
    tree = chinchilla_fit.to_datatree()
    assert {"posterior", "sample_stats", "log_likelihood", "log_prior", "prior"} <= set(
        tree.children
    )
    assert "r_hat" in az.summary(tree, var_names=["alpha"]).columns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a hand-made posterior fits no data
        assert np.isfinite(az.loo(tree).elpd)
    assert np.isfinite(az.psense(tree, var_names=["alpha"])["alpha"]).all()


def test_summary_is_the_table_promised(chinchilla_fit: Fit) -> None:
    table = chinchilla_fit.summary()
    assert list(table.columns) == [
        "mean",
        "sd",
        "q05",
        "q50",
        "q95",
        "rhat",
        "ess_bulk",
        "ess_tail",
    ]
    assert list(table.index) == [
        "L_inf", "A", "alpha", "B", "beta", "sigma", "nu", "A_at_1", "B_at_1", "a", "gamma_C",
            "elasticity",
    ]  # fmt: skip
    alpha = chinchilla_fit.posterior["alpha"].to_numpy()
    assert table.loc["alpha", "q05"] == np.quantile(alpha, 0.05)
    a = (
        chinchilla_fit.posterior["beta"]
        / (chinchilla_fit.posterior["alpha"] + chinchilla_fit.posterior["beta"])
    ).mean()
    assert table.loc["a", "mean"] == pytest.approx(float(a), rel=1e-12)


def test_known_errors_widen_the_replicates(chinchilla_fit: Fit) -> None:
    """A stated standard deviation of .2 nats is in the posterior predictive of fitted runs."""
    stated = Runs.from_frame(ladder().assign(loss_sd=0.2))
    tree = replace(chinchilla_fit, runs=stated).to_datatree()
    plain = chinchilla_fit.to_datatree()
    sd = {k: float(t["posterior_predictive"]["loss"].std(("chain", "draw")).median())
          for k, t in (("stated", tree), ("plain", plain))}  # fmt: skip
    assert sd["plain"] < 0.15 and sd["stated"] > 0.2
