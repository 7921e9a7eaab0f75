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
    spec = load_model(model)
    noise = {"sigma": 0.004, "nu": 5.0, **({"growth": 0.1} if spec.noise.grows else {})}
    posterior = posterior_around({**values, **noise})
    shape = (4, posterior.sizes["draw"])
    energy = np.random.default_rng(1).standard_normal(shape)
    sampling = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros(shape, bool)),
            "energy": (("chain", "draw"), energy),
        },
        coords=posterior.coords,
    )
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


FAMILIES = ("a", "b", "c")


def make_grouped_fit(*, floor_of_c: float = 1.0) -> Fit:
    """A hand-made posterior of chinchilla-by-family; b needs exactly twice the compute of a.

    N and D count 2^-1/2 as much in b. The floor of c is that of a times `floor_of_c`.
    """
    table = ladder().assign(group=[FAMILIES[i % 3] for i in range(36)])
    one = make_fit("chinchilla-plain", REPLICATION, Runs.from_frame(table))
    spec = load_model("chinchilla-by-family")
    assert spec.groups is not None
    draws = {str(k): v.values for k, v in one.posterior.items()}
    stretch = {"A": 2 ** (draws["alpha"] / 2), "B": 2 ** (draws["beta"] / 2)}
    spreads = posterior_around(dict.fromkeys(spec.groups.priors, 0.1))
    posterior = one.posterior.merge(spreads)
    for name in spec.groups.spread:
        a = draws[name]
        each = (a, a * stretch.get(name, 1.0), a * (floor_of_c if name == "L_inf" else 1.0))
        posterior[f"{name}_of_group"] = (("chain", "draw", "group"), np.stack(each, axis=-1))
    posterior = posterior.assign_coords(group=list(FAMILIES))
    provenance = {**one.provenance, "model": spec.name, "model_digest": spec.digest}
    return Fit(spec, one.runs, posterior, one.sampling, provenance)


@pytest.fixture(scope="session")
def grouped_fit() -> Fit:
    """A hand-made posterior of three groups."""
    return make_grouped_fit()
