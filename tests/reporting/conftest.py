"""A hand-made posterior: exact draws around a known law, no sampling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting.report import Report, report
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model

CHAINS, DRAWS = 4, 250
TRUTH = {
    "L_inf": 1.8, "A": 0.37, "alpha": 0.34, "B": 0.36, "beta": 0.36, "sigma": 0.004, "nu": 4.0,
}  # fmt: skip
SPREAD = {
    "L_inf": 0.01, "A": 0.03, "alpha": 0.03, "B": 0.03, "beta": 0.03, "sigma": 0.06, "nu": 0.2,
}  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>",
    "[/]",
    r"$\frac$",
    "_x",
    "=cmd|' /C calc'!A0",
    "[red]x:smile:",
)
BUDGETS = (1e22, 1e23)


def chinchilla_loss(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    t = TRUTH
    return (
        t["L_inf"] + t["A"] * (params / 1e9) ** -t["alpha"] + t["B"] * (tokens / 2e10) ** -t["beta"]
    )


def make_runs(names: tuple[str, ...] = (), *, held_out: bool = True) -> Runs:
    """Make 5 sizes x 5 ratios with .3% noise: one run 10% too high, one too low, 3 held out."""
    rng = np.random.default_rng(20261124)
    params = np.repeat(np.geomspace(1e8, 1e10, 5), 5)
    tokens = params * np.tile([5.0, 10.0, 20.0, 40.0, 80.0], 5)
    loss = chinchilla_loss(params, tokens) * np.exp(0.003 * rng.standard_normal(25))
    loss[[3, 12]] *= 1.1, 0.9
    run = [*names, *(f"run-{i}" for i in range(len(names), 25))]
    run[3], run[12] = (*names, "far-a", "far-b")[:2]
    frame = pd.DataFrame(
        {"run": run, "params": params, "tokens": tokens, "loss": loss, "held_out": False}
    )
    if held_out:
        frame.loc[[22, 23, 24], "held_out"] = True
    if held_out and names:
        frame.loc[24, "run"] = f"{names[0]} two"
    return Runs.from_frame(frame, source="runs.csv")


def make_fit(runs: Runs, model: str = "chinchilla-plain", resource: str | None = None) -> Fit:
    spec = load_model(model, resource=resource)
    rng = np.random.default_rng(1)
    names = [*spec.law.unknowns, *spec.noise.priors]
    shape = (CHAINS, DRAWS)
    draws = {
        k: (("chain", "draw"), TRUTH[k] * np.exp(SPREAD[k] * rng.standard_normal(shape)))
        for k in names
    }
    coords = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
    stats = {
        "diverging": (("chain", "draw"), np.zeros(shape, dtype=bool)),
        "energy": (("chain", "draw"), rng.standard_normal(shape)),
    }
    return Fit(
        spec=spec,
        runs=runs,
        posterior=xr.Dataset(draws, coords=coords),
        sampling=xr.Dataset(stats, coords=coords),
        provenance={
            "model": spec.name,
            "model_digest": spec.digest,
            "data_digest": runs.digest,
            "seed": 0,
        },
    )


@pytest.fixture(scope="session")
def fit() -> Fit:
    return make_fit(make_runs())


@pytest.fixture(scope="session")
def hostile_fit() -> Fit:
    return make_fit(make_runs(HOSTILE))


@pytest.fixture(scope="session")
def one_resource_fit() -> Fit:
    frame = make_runs().to_frame().drop(columns=["params"])
    return make_fit(Runs.from_frame(frame, source="tokens.csv"), "power-floor-plain", "tokens")


@pytest.fixture(scope="session")
def ray_fit() -> Fit:
    """All runs at 20 tokens per parameter: no split between N and D can be told."""
    frame = make_runs(held_out=False).to_frame()
    frame["tokens"] = 20 * frame["params"]
    frame["params"] *= np.geomspace(1.0, 1.01, len(frame))
    return make_fit(Runs.from_frame(frame, source="ray.csv"))


@pytest.fixture(scope="session")
def large_fit() -> Fit:
    frame = pd.concat([make_runs().to_frame()] * 100, ignore_index=True)
    frame["run"] = [f"run-{i}" for i in range(len(frame))]
    frame["params"] *= 1 + 1e-4 * np.arange(len(frame))
    return make_fit(Runs.from_frame(frame, source="large.csv"))


@pytest.fixture(scope="session")
def page(fit: Fit) -> Report:
    return report(fit, BUDGETS, command="bayes-scaling report runs.csv --flops 1e22")


@pytest.fixture(scope="session")
def hostile_page(hostile_fit: Fit) -> Report:
    return report(hostile_fit, BUDGETS, command="<b>--flops</b>")
