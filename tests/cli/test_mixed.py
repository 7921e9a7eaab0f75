"""Forecasts and splits straight from a table: default models, averaged, with their evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs

from .conftest import TRUTH, Cli

LAW = {name: TRUTH[name] for name in ("L_inf", "A", "alpha", "B", "beta")}


def test_a_forecast_from_a_table_is_an_average_with_evidence(cli: Cli, folder: Path) -> None:
    """Both models are compiled here; in text the evidence comes first (see tests of decisions)."""
    ran = cli("forecast", folder / "runs.csv", "--flops", "1e23", "--json")
    assert ran.code == 0, ran.err
    found = ran.json["result"]
    assert found["model"] == "chinchilla + skaling"
    assert found["weights"] == {"chinchilla": 0.5, "skaling": 0.5}
    (point,), (evidence,) = found["points"], found["evidence"]
    assert point["loss_new_q05"] < point["loss_new_q50"] < point["loss_new_q95"]
    sizes = np.geomspace(1e9, 1e12, 2000)
    loss = bs.load_law("chinchilla")(np, sizes, 1e23 / 6 / sizes, **LAW)
    assert point["loss_new_q05"] < loss.min() < point["loss_new_q95"]
    assert evidence["verdict"] in ("supported", "stretched") and evidence["own"]["n"] > 5


def test_a_split_from_a_table_takes_the_models_that_are_named(cli: Cli, folder: Path) -> None:
    ran = cli("allocate", folder / "runs.csv", "--flops", "1e23", "-m", "chinchilla", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["result"]["model"] == "chinchilla"
    (budget,) = ran.json["result"]["budgets"]
    assert 1e9 < budget["plan_params"] < 1e11


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--weights", "best"), "equal, loo, backtest"),
        (("-m", "chinchilla", "-m", "accuracy-sigmoid"), "explains the accuracy"),
    ],
)
def test_what_cannot_be_is_refused(
    cli: Cli, folder: Path, more: tuple[str, ...], words: str
) -> None:
    ran = cli("forecast", folder / "runs.csv", "--flops", "1e23", *more)
    assert ran.code == 2 and words in ran.err and "Traceback" not in ran.err
