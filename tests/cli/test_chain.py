"""forecast --then: what a benchmark will measure, in the words of its own quantity."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli


def test_accuracy_from_a_forecast_loss(cli: Cli, folder: Path) -> None:
    asked = ("forecast", folder / "fit.nc", "--params", "1B", "--tokens", "20B")
    ran = cli(*asked, "--then", folder / "link.nc", "--at-least", "0.5")
    assert ran.code == 0, ran.err
    assert "accuracy" in ran.out and "share of items" in ran.out and "nats" not in ran.out
    assert "probability of accuracy at least 0.5" in ran.out
    assert "chinchilla-plain, 23 runs, then accuracy-sigmoid, 12 runs" in " ".join(ran.out.split())
    found = cli(*asked, "--then", folder / "link.nc", "--at-least", "0.5", "--json").json["result"]
    assert (found["target"], found["then"], found["unit"]) == ("accuracy", "accuracy-sigmoid", "1")
    (point,) = found["points"]
    assert 0.2 < point["accuracy_new_q50"] < 0.9 and 0 <= point["probability"] <= 1
    assert point["loss_mean_q50"] == pytest.approx(2.53, abs=0.05)
    assert "loss_new_q50" not in point


def test_a_loss_beyond_the_link_is_a_failure(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "fit.nc", "--flops", "1e23", "--then", folder / "link.nc")
    assert "X005" in ran.err and "outside the losses 2.2 to 3.2" in ran.err
    far = cli("forecast", folder / "link.nc", "--amount", "1.2")
    assert far.code == 1 and "X005" in far.err


def test_shares_are_named_where_they_are_shown(cli: Cli, folder: Path) -> None:
    ran = cli("forecast", folder / "link.nc", "--amount", "2.5", "--json")
    assert "accuracy_new_q50" in ran.json["result"]["points"][0]
    page = cli("report", folder / "link.nc", "--amount", "2.5", "-o", folder.parent / "link.html")
    assert page.code in (0, 1), page.err
    assert "accuracy" in page.out and "share of items" in page.out
    words = (folder.parent / "link.html").read_text()
    assert "Forecast of the accuracy" in words and "nats per token" not in words


def test_percentages_are_named_where_a_fit_is_refused(
    cli: Cli, folder: Path, tmp_path: Path
) -> None:
    rows = "\n".join(f"{2 + i / 20},{80 - 2 * i}" for i in range(12))
    (tmp_path / "percent.csv").write_text(f"loss,accuracy\n{rows}\n")
    model = ("--model", "accuracy-sigmoid", "-o", tmp_path / "fit.nc")
    ran = cli("fit", tmp_path / "percent.csv", *model)
    assert ran.code == 2 and "divide the column by 100" in " ".join(ran.err.split())
    assert cli("check", tmp_path / "percent.csv").code != 70
