"""What moved between two fits: rows, model, settings, parameters, forecasts, and the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.evaluation.moved import moved
from bayes_scaling.evaluation.row_changes import row_changes
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import model_from_text
from tests.conftest import REPLICATION, ladder, make_fit, make_grouped_fit


def later(**values: float) -> Fit:
    """A fit to twelve more runs, one taken out and one corrected, around moved values."""
    table = ladder().drop(index=2)
    table.loc[3, "loss"] += 0.01
    more = table.tail(12).assign(run=[f"new {i}" for i in range(12)])
    more = more.assign(params=more["params"] * 3, tokens=more["tokens"] * 3)
    runs = Runs.from_frame(pd.concat([table, more], ignore_index=True))
    return make_fit("chinchilla-plain", {**REPLICATION, **values}, runs)


def test_rows_parameters_and_forecasts(chinchilla_fit: Fit) -> None:
    new = later(L_inf=REPLICATION["L_inf"] * 0.97)
    found = moved(chinchilla_fit, new)
    assert found.rows["change"].value_counts().to_dict() == {
        "added": 12, "removed": 1, "changed": 1,
    }  # fmt: skip
    assert found.rows["run"][found.rows["change"] == "removed"].tolist() == ["run 2"]
    changed = found.rows[found.rows["change"] == "changed"].iloc[0]
    assert (changed["run"], changed["columns"]) == ("run 3", "loss")
    floor = found.parameters.loc["L_inf"]
    old = chinchilla_fit.posterior["L_inf"]
    assert floor["old_q50"] == pytest.approx(float(old.median()))
    assert floor["shift_sd"] == pytest.approx(
        float((new.posterior["L_inf"].median() - old.median()) / old.std(ddof=1)), rel=1e-6
    )
    assert {"A_at_1", "gamma_C"} <= set(found.parameters.index)
    assert found.forecast["ratio"].tolist() == pytest.approx([1, 10, 100])
    largest = float(new.runs.resource("flops").max())
    assert found.forecast["amount"].iloc[1] == pytest.approx(10 * largest)
    row = int(new.runs.resource("flops").argmax())
    points = {k: new.runs.resource(k)[row] * np.array([1, 10, 100]) ** 0.5
              for k in ("params", "tokens")}  # fmt: skip
    expected = bs.forecast(new, at=pd.DataFrame(points)).quantiles([0.05, 0.5, 0.95])
    ours = found.forecast[["new_q05", "new_q50", "new_q95"]].to_numpy()
    assert np.allclose(ours, expected.to_numpy(), atol=2e-3)
    assert "12 runs were added, the largest at 2.70e22 FLOP" in found.sentence
    assert "1 run was removed, at " in found.sentence
    assert "1 run was changed in loss, at " in found.sentence
    assert "L_inf moved down by " in found.sentence
    assert "the forecast loss at 10x the largest run fell from" in found.sentence
    assert "(90% intervals overlap)" in found.sentence


def test_only_the_seed(chinchilla_fit: Fit) -> None:
    other = replace(chinchilla_fit, provenance={**chinchilla_fit.provenance, "seed": 7})
    found = moved(chinchilla_fit, other)
    assert found.sentence.startswith("Only the seed differs: what moved is Monte Carlo error")
    assert "no unknown moved by more than 0.1 sd" in found.sentence
    assert found.settings.to_dict("records") == [{"setting": "seed", "old": "0", "new": "7"}]
    assert not len(found.rows) and found.model == ()
    same = moved(chinchilla_fit, chinchilla_fit)
    assert same.sentence.startswith("Data, model and settings are the same")
    assert (same.parameters["shift_sd"] == 0).all() and same.forecast["overlap"].all()


def test_a_changed_prior_and_version(chinchilla_fit: Fit) -> None:
    text = chinchilla_fit.spec.text.replace("q95 = 0.03", "q95 = 0.05")
    versions = {"numpy": "2.0"}
    new = replace(
        chinchilla_fit,
        spec=model_from_text(text, "test"),
        provenance={**chinchilla_fit.provenance, "versions": versions},
    )
    found = moved(chinchilla_fit, new)
    assert found.model == ("-q95 = 0.03", "+q95 = 0.05")
    assert "the model file changed in 2 lines" in found.sentence.lower()
    assert "other versions of numpy" in found.sentence


def test_another_law_has_other_unknowns(chinchilla_fit: Fit) -> None:
    values = {k: v for k, v in REPLICATION.items() if k not in "AB"}
    values |= {"S": 0.7, "w": 0.5, "k": 1.0}
    new = make_fit("skaling-plain", values, chinchilla_fit.runs)
    found = moved(chinchilla_fit, new, [1e22])
    assert "the model is skaling-plain instead of chinchilla-plain" in found.sentence.lower()
    assert np.isnan(found.parameters.loc["k", "old_q50"])
    assert np.isfinite(found.parameters.loc["k", "new_q50"])
    frame = found.to_frame()
    assert frame["kind"].value_counts()["forecast"] == 1
    assert frame["name"].iloc[-1] == "loss at 1e+22 flops"


def test_points_may_be_a_table_or_amounts_in_words(chinchilla_fit: Fit) -> None:
    table = pd.DataFrame({"params": [1e9, 7e10], "tokens": [2e10, 1.4e12]})
    found = moved(chinchilla_fit, chinchilla_fit, table)
    assert found.forecast["amount"].tolist() == pytest.approx([1.2e20, 5.88e23])
    words = moved(chinchilla_fit, chinchilla_fit, ["1e22"])
    assert words.forecast["amount"].tolist() == [1e22]
    for bad, message in (([], "at: amounts"), ([-1.0], "above 0"), (["x"], "at: ")):
        with pytest.raises(UsageError, match=message):
            moved(chinchilla_fit, chinchilla_fit, bad)
    with pytest.raises(UsageError, match="empty"):
        moved(chinchilla_fit, chinchilla_fit, table.iloc[:0])
    with pytest.raises(UsageError, match="tokens"):
        moved(chinchilla_fit, chinchilla_fit, table[["params"]])


def one_resource_fit(resource: str) -> Fit:
    table = ladder()[["run", resource, "loss"]]
    values = {"L_inf": 1.8, "A": 0.4, "alpha": 0.3}
    fit = make_fit("power-floor-plain", values, Runs.from_frame(table))
    return replace(fit, spec=fit.spec.at_resource(resource))


def test_one_resource_and_groups(chinchilla_fit: Fit) -> None:
    fit = one_resource_fit("tokens")
    found = moved(fit, fit)
    assert found.axis == "tokens"
    assert found.forecast["amount"].tolist() == pytest.approx([1e11, 1e12, 1e13])
    with pytest.raises(UsageError, match="nothing to set side by side"):
        moved(fit, chinchilla_fit)
    with pytest.raises(UsageError, match="moved takes two fits"):
        moved(fit, "new")  # type: ignore[arg-type]
    grouped = moved(make_grouped_fit(), make_grouped_fit(floor_of_c=1.1))
    assert "L_inf_of_group[c] moved up" in grouped.sentence
    assert not grouped.forecast["overlap"].all()


def test_rows_are_matched_whatever_their_order_and_names() -> None:
    table = ladder()
    old = Runs.from_frame(table)
    assert not row_changes(old, Runs.from_frame(table.iloc[::-1]))
    nameless = table.drop(columns="run")
    shifted = row_changes(Runs.from_frame(nameless), Runs.from_frame(nameless.iloc[1:]))
    assert shifted.removed == (0,) and not shifted.added and not shifted.changed
    twice = pd.concat([table, table.head(1)], ignore_index=True)
    assert row_changes(old, Runs.from_frame(twice)).added == (36,)
    gaps = table.assign(loss_sd=np.where(np.arange(36) < 35, np.nan, 0.01))
    found = row_changes(old, Runs.from_frame(gaps))
    assert found.changed == ((35, 35, ("loss_sd",)),)
