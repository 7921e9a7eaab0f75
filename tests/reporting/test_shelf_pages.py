"""Every model of the shelf has a page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.decisions.horizon import axis_of
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
    if not {"params", "tokens", "flops"} <= set(spec.inputs):
        table = table.drop(columns="flops")
    runs = Runs.from_frame(table)
    columns = {column: runs.resource(column) for column in spec.inputs}
    ends = {column: (float(v.min()), float(v.max())) for column, v in columns.items()}
    priors = spec.against({"loss": (2.0, 4.0), **ends}).priors
    medians = {unknown: float(prior.quantile(0.55)) for unknown, prior in priors.items()}
    fit = replace(make_fit("chinchilla-plain", medians, runs), spec=spec)
    made = report(fit, [2 * float(runs.resource(axis_of(fit)).max())])
    assert name in made.page and "<script" not in made.page
    assert ("plan" in made.page.lower()) >= spec.law.allocates


def every_column() -> pd.DataFrame:
    """The ladder with compute that varies apart from 6ND, and three passes over the data."""
    table = ladder()
    wobble = np.where(np.arange(len(table)) % 2, 1.5, 0.7)
    flops = 6 * table["params"] * table["tokens"] * wobble
    return table.assign(flops=flops, unique_tokens=table["tokens"] / 3)
