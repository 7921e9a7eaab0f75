"""Power scaling: few runs leave the prior its say, many take it."""

from __future__ import annotations

import bayes_scaling as bs
from bayes_scaling.inference.prior_sensitivity import SENSITIVE, prior_sensitivity


def test_more_runs_leave_the_prior_less_to_say() -> None:
    runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
    spec = bs.load_model("chinchilla-plain")
    few = prior_sensitivity(bs.fit(spec, runs.train_below("1e18"), draws=400))
    many = prior_sensitivity(bs.fit(spec, runs, draws=400))
    assert list(many.columns) == ["prior", "likelihood", "diagnosis"]
    assert set(many.index) == set(spec.all_priors)
    assert many.loc["L_inf", "prior"] < few.loc["L_inf", "prior"]
    assert few.loc["L_inf", "prior"] > SENSITIVE
    assert many.loc["sigma", "likelihood"] > SENSITIVE
    for row in (*few.itertuples(), *many.itertuples()):
        assert (row.diagnosis == "") == (not row.prior > SENSITIVE)
