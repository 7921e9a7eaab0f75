"""The verbs `allocate` with targets, limits and demand, and `plan`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.conftest import REPLICATION, make_fit

Cli = Callable[..., Ran]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "fit.nc"
    return Path(make_fit("chinchilla", REPLICATION).save(path))


def test_a_budget_for_a_loss(cli: Cli, saved: Path) -> None:
    found = cli("allocate", saved, "--loss", "2.1", "--probability", "0.8", "--json").json["result"]
    (budget,) = found["budgets"]
    assert "reaches 2.1" in found["wanted"] and budget["usd"] > 0
    at_one = [row for row in found["more_compute"] if row["times"] == 1]
    assert 0.8 <= at_one[0]["reaches"] < 0.82
    said = cli("allocate", saved, "--flops", "1e22", "--loss", "2.1").out
    assert "that a new run reaches 2.1" in said and "2x: lower by" in said
    out_of_reach = cli("allocate", saved, "--loss", "1.7")
    assert out_of_reach.code == 1 and "no budget reaches" in out_of_reach.err
    chosen = cli("allocate", saved, "--for-params", "70B", "--json").json["result"]["budgets"][0]
    assert chosen["plan_params"] == pytest.approx(7e10, rel=1e-6)
    data = cli("allocate", saved, "--for-tokens", "2T", "--json").json["result"]["budgets"][0]
    assert data["plan_tokens"] == pytest.approx(2e12, rel=1e-6)
    worth = cli("allocate", saved, "--usd-per-nat", "50M", "--json").json["result"]
    assert worth["budgets"][0]["flops"] > 1e23


def test_limits_demand_and_data_are_said(cli: Cli, saved: Path) -> None:
    ran = cli(
        "allocate", saved, "--gpu-hours", "8k", "--max-params", "1B", "--tokens-available", "1T",
        "--serve-tokens", "100B..1T", "--mfu", "0.3..0.45", "--overhead", "0.1",
    )  # fmt: skip
    assert ran.code == 0
    for words in ("the plan lies on the limit 'at most 1e+09 params'", "unique tokens", "served",
                  "37% [30%, 45%] utilisation", "10% lost to failures", "(90%)"):  # fmt: skip
        assert words in " ".join(ran.out.split()), words
    hours = cli("allocate", saved, "--hours", "10", "--devices", "800", "--json").json["result"]
    assert hours["budgets"][0]["gpu_hours"] == pytest.approx(8000)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--flops", "1e22", "--mfu", "1.4", "--usd-per-hour", "-3"),
         ("usd_per_gpu_hour = -3", "mfu = 1.4")),
        (("--flops", "1e22", "--mfu", "x", "--peak", "3..1"), ("mfu 'x'", "peak '3..1'")),
        (("--flops", "1e35"), ("above 1e+32",)),
        (("--flops", "inf"), ("not a finite number",)),
        (("--flops", "1e22", "--min-params", "1T", "--max-params", "1B"), ("nothing is left",)),
        (("--flops", "1e22", "--size", "1k"), ("none of the sizes",)),
        (("--hours", "3"), ("number of devices",)),
        (("--gpu-hours", "-3"), ("hours '-3'",)),
        ((), ("--loss 2.1",)),
        (("--flops", "1e22", "--usd-per-nat", "1M"), ("one of --loss",)),
        (("--loss", "2.1", "--for-params", "1B"), ("one of --loss",)),
        (("--for-tokens", "x"), ("tokens 'x'",)),
        (("--loss", "nan"), ("target loss nan",)),
        (("--flops", "1e22", "--max-latency", "0.01"), ("--latency-at-1b together",)),
        (("--flops", "1e22", "--cvar", "1"), ("cvar = 1",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    cli: Cli, saved: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    ran = cli("allocate", saved, *options)
    assert ran.code == 2 and not ran.out
    for each in words:
        assert each in ran.err


def test_a_budget_below_the_runs_is_answered_and_flagged(cli: Cli, saved: Path) -> None:
    ran = cli("allocate", saved, "--flops", "1e14")
    assert ran.code == 0 and "X002" in ran.err


def test_plan_judges_one_run(cli: Cli, saved: Path) -> None:
    words = ("plan", saved, "--params", "7B", "--tokens", "300B", "--loss", "2.12")
    ran = cli(*words)
    assert ran.code == 0
    flat = " ".join(ran.out.split())
    for part in ("evidence:", "reaches 2.12 nats/token", "regret:", "the plan to fund",
                 "doubling parameters buys", "the next .01 nats/token", "cost at 2.5"):  # fmt: skip
        assert part in flat, part
    found = cli(*words, "--json").json["result"]
    assert found["flops"] == pytest.approx(6 * 7e9 * 3e11)
    assert 0 < found["reaches"] < 1 and found["draws"]["regret"]["q50"] > 0
    far = cli("plan", saved, "--params", "7T", "--tokens", "300T")
    assert far.code == 1 and "X001" in far.err
    for bad in (("--params", "-3", "--tokens", "1T"), ("--params", "7B", "--tokens", "x")):
        assert cli("plan", saved, *bad).code == 2
    assert cli("plan", saved, "--params", "7B").code == 2


def test_pictures_of_answers(cli: Cli, saved: Path, tmp_path: Path) -> None:
    runs = {
        "one": ("allocate", saved, "--flops", "1e22"),
        "front": ("allocate", saved, "--flops", "1e22", "--flops", "1e23"),
        "plan": ("plan", saved, "--params", "7B", "--tokens", "300B"),
        "diagnose": ("diagnose", saved),
        "next": ("next", saved, "--flops", "1e22"),
    }
    for name, words in runs.items():
        target = tmp_path / f"{name}.png"
        ran = cli(*words, "--png", target, "--json")
        assert ran.code in (0, 1), ran.err
        assert ran.json["result"]["files"] == [str(target)]
        assert target.read_bytes().startswith(b"\x89PNG")
        assert cli(*words, "--png", target).code == 6
