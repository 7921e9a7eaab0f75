"""Laws of one resource on every resource there is: anchored, checked, forecast, drawn, reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.cli import main
from bayes_scaling.decisions.design import examine, identifiable_models
from bayes_scaling.inference.fit import Fit, stated_against
from bayes_scaling.quantities import ONE_RESOURCES, RESOURCES, reference_of
from bayes_scaling.reporting.style import axis_label
from bayes_scaling.reporting.tables import forecast_table
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model
from tests.conftest import make_fit

OTHERS = tuple(name for name in ONE_RESOURCES if name not in RESOURCES)
MODELS = (
    "power", "power-floor-plain", "power-scale", "power-shifted", "saturating", "broken-power",
    "double-descent",
)  # fmt: skip


def table_of(resource: str) -> pd.DataFrame:
    """Thirty runs over three decades around the resource's reference."""
    amounts = reference_of(resource) * np.geomspace(0.03, 30, 30)
    wobble = 1 + 0.003 * np.sin(np.arange(30))
    return pd.DataFrame(
        {resource: amounts, "loss": (1.8 + 0.4 * np.geomspace(4, 0.3, 30)) * wobble}
    )


def fit_of(model: str, resource: str) -> Fit:
    """A hand-made posterior of a one-resource model around the medians of its priors."""
    runs = Runs.from_frame(table_of(resource))
    stated = stated_against(load_model(model), runs)
    assert stated.inputs == (resource,) and stated.numbers == {"x_ref": reference_of(resource)}
    middle = {name: float(prior.quantile(0.6)) for name, prior in stated.priors.items()}
    made = make_fit("chinchilla-plain", middle, runs)
    spec = load_model(model, resource=resource)
    return replace(made, spec=spec, provenance={**made.provenance, "model_digest": spec.digest})


@pytest.mark.parametrize("resource", ONE_RESOURCES)
@pytest.mark.parametrize("model", MODELS)
def test_forecast_of_any_resource(model: str, resource: str) -> None:
    fit = fit_of(model, resource)
    amounts = [reference_of(resource), 100 * reference_of(resource)]
    found = bs.forecast(fit, amounts)
    assert list(found.points.columns) == [resource, "extrapolation"]
    np.testing.assert_allclose(found.points["extrapolation"], [1 / 30, 100 / 30], rtol=1e-12)
    at_points = bs.forecast(fit, pd.DataFrame({resource: amounts}))
    np.testing.assert_array_equal(found.quantiles(), at_points.quantiles())
    median = found.quantiles([0.5])[0.5]
    assert 0.5 < median[1] < median[0] < 8 and np.isfinite(fit.summary()["mean"]).all()
    far = bs.forecast(fit, [1e4 * reference_of(resource)])
    assert "X001" in [f.code for f in far.findings]


@pytest.mark.parametrize("resource", OTHERS)
def test_what_a_table_of_it_can_tell(resource: str) -> None:
    runs = Runs.from_frame(table_of(resource))
    assert {f.code for f in runs.findings} == {"I014"}
    assert f"range of {resource}" in [row.name for row in examine(runs).rows]
    verdicts = {row.name: row.verdict for row in identifiable_models(runs).rows}
    assert {verdicts[model] for model in MODELS} == {"ok"}
    assert verdicts["chinchilla-plain"] == verdicts["frontier"] == "fail"
    near = Runs.from_frame(table_of(resource).iloc[:12])
    verdicts = {row.name: row for row in identifiable_models(near).rows}
    assert f"decades of {resource}" in verdicts["power-floor-plain"].advice


@pytest.mark.parametrize("resource", OTHERS)
def test_pictures_and_words(resource: str) -> None:
    fit = fit_of("power-floor-plain", resource)
    found = bs.forecast(fit, [30 * reference_of(resource)])
    assert bs.plot_forecast(fit, found).get_xlabel() == axis_label(resource) != resource
    assert bs.plot_residuals(fit).get_xlabel() == axis_label(resource)
    assert next(str(column.header) for column in forecast_table(found).columns) == resource
    verdicts = {row.name: row.verdict for row in bs.check(fit).rows}
    assert "fail" not in {v for name, v in verdicts.items() if "R-hat" not in name}


def test_a_page_and_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = fit_of("power-floor-plain", "finetune_tokens")
    page = bs.report(fit, [2e8]).page
    assert "200M tokens" in page and "finetune tokens" in page.replace("_", " ")
    path = tmp_path / "fit.nc"
    fit.save(path)
    assert main(["forecast", str(path), "--amount", "200M", "--json"]) == 0
    assert '"finetune_tokens": 200000000' in capsys.readouterr().out
    plan = tmp_path / "plan.csv"
    plan.write_text("finetune_tokens\n5M\n200M\n")
    assert main(["forecast", str(path), "--at", str(plan), "--csv"]) == 0
    assert "200000000" in capsys.readouterr().out
    assert main(["models", "list"]) == 0
    assert "one of params, tokens, flops, steps" in capsys.readouterr().out
