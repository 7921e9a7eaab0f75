"""Every model of the shelf has a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.errors import OutputError
from bayes_scaling.quantities import quantity
from bayes_scaling.reporting.report import report
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model
from tests.conftest import ladder, make_fit
from tests.designs import stated


@pytest.mark.parametrize("name", model_names())
def test_page_of_a_posterior_at_the_priors_middle(name: str) -> None:
    spec, table, _columns = stated(name, 60, 20261124)
    rng = np.random.default_rng(20261124)
    table = table.assign(**{spec.target: rng.uniform(0.4, 0.6, len(table))})
    if not {"params", "tokens", "flops"} <= set(spec.inputs):
        table = table.drop(columns="flops")
    runs = Runs.from_frame(table)
    priors = spec.all_priors
    medians = {unknown: float(prior.quantile(0.55)) for unknown, prior in priors.items()}
    made = make_fit("chinchilla-plain", medians, runs)
    fit = replace(made, spec=spec, posterior=made.posterior[list(priors)])
    if spec.groups is not None:
        labels = list(spec.groups.labels)
        own = {f"{k}_of_group": made.posterior[k].expand_dims(group=labels, axis=-1)
               for k in spec.groups.spread}  # fmt: skip
        fit = replace(fit, posterior=fit.posterior.assign(own)).at_group(labels[1])
    axis = axis_of(fit)
    made = report(fit, [min(2 * float(runs.resource(axis).max()), quantity(axis).high)])
    assert name in made.page and made.page.count("<script") in (0, 2)
    assert ("plan" in made.page.lower()) >= spec.law.allocates


def test_a_report_spares_the_table_and_other_files(tmp_path: Path) -> None:
    runs = Runs.from_frame(ladder(), source=str(tmp_path / "runs.csv"))
    (tmp_path / "runs.csv").write_text("mine")
    (tmp_path / "w.json").write_text("mine")
    values = dict.fromkeys(load_model("chinchilla-plain").law.unknowns, 0.4) | {"L_inf": 1.8}
    made = report(make_fit("chinchilla-plain", values, runs), [1e22])
    for name in ("runs.html", "w.html"):
        with pytest.raises(OutputError, match="name another page"):
            made.save(tmp_path / name)
    assert (tmp_path / "runs.csv").read_text() == (tmp_path / "w.json").read_text() == "mine"
    made.save(tmp_path / "page.html")
    made.save(tmp_path / "page.html")  # in place of an earlier report
