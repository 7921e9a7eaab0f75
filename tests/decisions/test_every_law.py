"""Every law of the shelf that splits a budget does so under limits, demand and scarce data."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.inference.fit import Fit
from bayes_scaling.names import FLOPS, PARAMS, TOKENS, TOKENS_PER_PARAM, UNIQUE_TOKENS
from bayes_scaling.quantities import is_weight
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model
from tests.designs import stated

SPLIT = (PARAMS, TOKENS, FLOPS, TOKENS_PER_PARAM, UNIQUE_TOKENS)
C = 3e21
WAYS = {
    "limits": {"limits": bs.Limits(max_params=2e9, min_tokens_per_param=5)},
    "sizes": {"limits": bs.Limits(sizes=(5e8, 1e9, 4e9))},
    "demand": {"serving": bs.Serving(bs.Prior("LogNormal", {"q05": 1e10, "q95": 1e12}))},
    "convention": {"cost": bs.Cost(convention=bs.attention_convention(24, 2048, 4096))},
    "data": {"repetition": bs.Repetition(2e10)},
    "worst": {"cvar": 0.9},
}


def allocating() -> list[str]:
    return [
        name
        for name in model_names()
        if load_model(name).law.allocates and load_model(name).groups is None
    ]


def fit_of(name: str) -> Fit:
    """A narrow posterior at the medians of the model's own priors; what else it reads is given."""
    spec, table, columns = stated(name, 40, 7)
    rng = np.random.default_rng(0)
    middle = {k: float(p.quantile(0.5)) for k, p in spec.all_priors.items()}
    posterior = xr.Dataset(
        {k: (("chain", "draw"), v + 0.02 * abs(v) * rng.standard_normal((2, 20)) * (v != 0))
         for k, v in middle.items()}
    )  # fmt: skip
    loss = np.asarray(spec.curve(np, tuple(columns.values()), middle))
    runs = Runs.from_frame(table.assign(loss=np.maximum(loss, 0.1)))
    fit = Fit(load_model(name), runs, posterior, xr.Dataset(), {"seed": 0, "model": name})
    others = {k: float(np.median(np.asarray(v, dtype=float)))
              for k, v in columns.items() if k not in SPLIT}  # fmt: skip
    total = sum(v for k, v in others.items() if is_weight(k))
    others = {k: v / total if is_weight(k) else v for k, v in others.items()}
    return fit.at(**others) if others else fit


@pytest.mark.parametrize("name", allocating())
def test_every_law_splits_in_every_setting(name: str) -> None:
    fit = fit_of(name)
    if UNIQUE_TOKENS in fit.model.inputs:
        fit = fit.at(unique_tokens=2e10)
    for way, setting in WAYS.items():
        found = bs.allocate(fit, [C, 10 * C], **setting)  # type: ignore[arg-type]
        N, D = (found.robust[k].to_numpy() for k in (PARAMS, TOKENS))
        line = found.setting.line
        np.testing.assert_allclose(line.total(N, D), [C, 10 * C], rtol=1e-6, err_msg=way)
        assert np.isfinite(found.draws["loss"]).all(), way
        assert (found.draws["regret"] >= -1e-6).all(), way
        for limit in found.setting.limits.each():
            assert (limit.excess(N, D) <= 1e-6).all(), (way, limit.words)
