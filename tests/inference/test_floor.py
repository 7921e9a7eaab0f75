"""The floor of one table as a prior for another: written, read, fitted, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import CheckError, UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.specs.prior import Prior
from bayes_scaling.specs.spec import model_from_text
from tests.conftest import REPLICATION, make_fit


def test_quantiles_are_those_of_the_posterior(chinchilla_fit: Fit) -> None:
    prior = bs.floor_prior(chinchilla_fit)
    draws = chinchilla_fit.posterior["L_inf"].values
    np.testing.assert_allclose(
        prior.quantile((0.05, 0.95)), np.quantile(draws, (0.05, 0.95)), rtol=1e-5
    )
    assert prior.unit == "nats/token"
    for part in ("36 runs", chinchilla_fit.runs.digest[:12], "same evaluation set and tokenizer"):
        assert part in prior.why


def test_a_model_with_that_floor_is_a_file_of_its_own(chinchilla_fit: Fit, tmp_path: Path) -> None:
    prior = bs.floor_prior(chinchilla_fit)
    for name in (n for n in bs.model_names() if "L_inf" in bs.load_model(n).priors):
        spec = bs.load_model(name)
        mine = spec.with_prior("L_inf", prior, name="mine")
        assert mine.digest != spec.digest and mine.priors["L_inf"] == prior
        assert {k: p for k, p in mine.all_priors.items() if k != "L_inf"} == {
            k: p for k, p in spec.all_priors.items() if k != "L_inf"
        }
        (tmp_path / "mine.toml").write_text(mine.text)
        assert bs.load_model(tmp_path / "mine.toml").digest == mine.digest


def test_a_fit_with_it_reads_back(chinchilla_fit: Fit, tmp_path: Path) -> None:
    mine = chinchilla_fit.spec.with_prior("L_inf", bs.floor_prior(chinchilla_fit))
    assert mine.name == "chinchilla-plain-l-inf"
    provenance = {**chinchilla_fit.provenance, "model_digest": mine.digest}
    found = replace(chinchilla_fit, spec=mine, provenance=provenance)
    back = bs.load_fit(found.save(tmp_path / "fit.nc"))
    assert back.spec.digest == mine.digest and back.spec.priors["L_inf"] == mine.priors["L_inf"]


def test_resource_and_awkward_words_are_kept(chinchilla_fit: Fit) -> None:
    words = 'a "quoted" \\ path\n[priors.A]\ndist = "x"'
    prior = replace(bs.floor_prior(chinchilla_fit), why=words)
    spec = bs.load_model("power-floor-plain", resource="flops")
    with pytest.raises(UsageError, match="form that cannot be edited"):
        spec.with_prior("L_inf", prior)  # a line break does not survive the cleaning
    prior = replace(prior, why=words.replace("\n", " "))
    mine = spec.with_prior("L_inf", prior)
    assert mine.resource == "flops" and mine.priors["L_inf"].why == prior.why


def test_what_is_refused(chinchilla_fit: Fit) -> None:
    floorless = make_fit("kaplan-plain", {"S": 2.4, "w": 0.5, "p": 0.74, "k": 0.1})
    with pytest.raises(UsageError, match="no floor"):
        bs.floor_prior(floorless)
    with pytest.raises(UsageError, match="takes a fit"):
        bs.floor_prior("fit.nc")  # type: ignore[arg-type]
    unmixed = replace(chinchilla_fit, provenance={"worst_rhat": 1.2})
    with pytest.raises(CheckError, match="R-hat"):
        bs.floor_prior(unmixed)
    draws = chinchilla_fit.model.priors["L_inf"].sample(np.random.default_rng(0), 1000)
    wide = chinchilla_fit.posterior.assign(L_inf=(("chain", "draw"), draws.reshape(4, 250)))
    with pytest.raises(CheckError, match="I004"):
        bs.floor_prior(replace(chinchilla_fit, posterior=wide))
    good = bs.floor_prior(chinchilla_fit)
    with pytest.raises(UsageError, match="no unknown 'L_inf'"):
        bs.load_model("kaplan-plain").with_prior("L_inf", good)
    with pytest.raises(UsageError, match="unit and a reason"):
        chinchilla_fit.spec.with_prior("L_inf", Prior("LogNormal", {"q05": 1, "q95": 2}))
    with pytest.raises(UsageError, match="no model name"):
        chinchilla_fit.spec.with_prior("L_inf", good, name="My model")
    inline = chinchilla_fit.spec.text.replace(
        "[priors.L_inf]", "[priors]\nL_inf.x = 1\n[priors.A_]"
    )
    with pytest.raises(UsageError):
        model_from_text(inline, "inline")


@pytest.mark.slow
def test_the_imported_floor_decides_where_the_table_cannot() -> None:
    """One decade of tokens leaves the floor open; the imported one narrows it to its own width."""
    rng = np.random.default_rng(6)
    tokens = np.geomspace(1e9, 1e10, 20)
    loss = 1.8 + 0.7 * (tokens / 2e10) ** -0.3
    loss *= np.exp(0.004 * rng.standard_normal(20))
    runs = bs.read_runs(pd.DataFrame({"tokens": tokens, "loss": loss}))
    spec = bs.load_model("power-floor-plain")
    mine = spec.with_prior("L_inf", bs.floor_prior(make_fit("chinchilla-plain", REPLICATION)))
    fits = [bs.fit(model, runs, draws=250) for model in (spec, mine)]
    before, after = (f.summary().loc["L_inf"] for f in fits)
    prior = mine.priors["L_inf"].given
    assert after["q95"] - after["q05"] < 0.5 * (before["q95"] - before["q05"])
    assert prior["q05"] - 0.05 < after["q50"] < prior["q95"] + 0.05


def test_a_model_of_named_sources_keeps_its_digest(chinchilla_fit: Fit) -> None:
    """Else a fit with it could not be read back, since its file names no sources."""
    spec = bs.load_model("mixture-additive", sources=("web", "code"))
    mine = spec.with_prior("L_inf", bs.floor_prior(chinchilla_fit))
    assert mine.law.sources == ("web", "code") and "c_code" in mine.priors
    assert mine.digest == model_from_text(mine.text, "mine").digest
