"""Every model of the shelf has a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.decisions.horizon import axis_of
from bayes_scaling.errors import OutputError
from bayes_scaling.reporting.report import report
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model
from tests.conftest import ladder, make_fit


@pytest.mark.parametrize("name", model_names())
def test_page_of_a_posterior_at_the_priors_middle(name: str) -> None:
    spec = load_model(name)
    spec = spec if spec.inputs else spec.at_resource("tokens")
    table = every_column()
    if spec.groups is not None:
        table["group"] = ["a", "b", "c"] * 12
    if not {"params", "tokens", "flops"} <= set(spec.inputs):
        table = table.drop(columns="flops")
    runs = Runs.from_frame(table)
    columns = {column: runs.resource(column) for column in spec.inputs}
    ends = {column: (float(v.min()), float(v.max())) for column, v in columns.items()}
    priors = spec.against({"loss": (2.0, 4.0), **ends}).all_priors
    medians = {unknown: float(prior.quantile(0.55)) for unknown, prior in priors.items()}
    made = make_fit("chinchilla-plain", medians, runs)
    fit = replace(made, spec=spec, posterior=made.posterior[list(priors)])
    if spec.groups is not None:
        own = {f"{k}_of_group": made.posterior[k].expand_dims(group=list("abc"), axis=-1)
               for k in spec.groups.spread}  # fmt: skip
        fit = replace(fit, posterior=fit.posterior.assign(own)).at_group("b")
    made = report(fit, [2 * float(runs.resource(axis_of(fit)).max())])
    assert name in made.page and "<script" not in made.page
    assert ("plan" in made.page.lower()) >= spec.law.allocates


def every_column() -> pd.DataFrame:
    """The ladder with compute that varies apart from 6ND, and three passes over the data."""
    table = ladder()
    wobble = np.where(np.arange(len(table)) % 2, 1.5, 0.7)
    flops = 6 * table["params"] * table["tokens"] * wobble
    return table.assign(flops=flops, unique_tokens=table["tokens"] / 3)


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
