"""Shared fixtures: public tables, and a posterior made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model

SHARED = Path(__file__).resolve().parents[2] / "shared"
REPLICATION = {
    "L_inf": 1.816864,
    "A": 0.357055,
    "alpha": 0.34781303,
    "B": 0.355240,
    "beta": 0.36585412,
}
"""Set R: Besiroglu et al. 2024, arXiv:2404.10102, with amplitudes at (1e9, 2e10)."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public tables beside the checkout; the test is skipped where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return folder


def ladder() -> pd.DataFrame:
    """A grid of runs exactly on the replication curve, 36 rows."""
    params, tokens = (
        m.ravel() for m in np.meshgrid(np.geomspace(5e7, 5e9, 6), np.geomspace(1e9, 1e11, 6))
    )
    curve = load_model("chinchilla-plain").law.curve
    loss = curve(np, params, tokens, **REPLICATION)
    return pd.DataFrame(
        {"run": [f"run {i}" for i in range(36)], "params": params, "tokens": tokens, "loss": loss}
    )


def posterior_around(
    values: dict[str, float], *, spread: float = 0.02, draws: int = 250
) -> xr.Dataset:
    """Four chains of log-normal scatter around given values."""
    rng = np.random.default_rng(20261124)
    scatter = {
        name: (("chain", "draw"), value * np.exp(spread * rng.standard_normal((4, draws))))
        for name, value in values.items()
    }
    return xr.Dataset(scatter, coords={"chain": np.arange(4), "draw": np.arange(draws)})


def make_fit(model: str, values: dict[str, float], runs: Runs | None = None) -> Fit:
    """A fit of `model` whose posterior scatters around `values`; no sampling."""
    posterior = posterior_around({**values, "sigma": 0.004, "nu": 5.0})
    shape = (4, posterior.sizes["draw"])
    energy = np.random.default_rng(1).standard_normal(shape)
    sampling = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros(shape, bool)),
            "energy": (("chain", "draw"), energy),
        },
        coords=posterior.coords,
    )
    spec = load_model(model)
    runs = runs or Runs.from_frame(ladder())
    provenance = {
        "model": model,
        "model_digest": spec.digest,
        "data_digest": runs.digest,
        "seed": 0,
    }
    return Fit(spec, runs, posterior, sampling, provenance)


@pytest.fixture(scope="session")
def chinchilla_fit() -> Fit:
    """A hand-made posterior of chinchilla-plain around the replication's values."""
    return make_fit("chinchilla-plain", REPLICATION)
