"""Each coded row fires where its trouble is planted, and not elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.inference import identifiability_rows
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.identifiability_rows import ROWS, identifiability
from bayes_scaling.runs.table import Runs
from bayes_scaling.verdicts import Check
from tests.conftest import REPLICATION, ladder, make_fit

SKALING = {"L_inf": 1.8, "S": 0.7, "w": 0.5, "alpha": 0.35, "beta": 0.36, "k": 0.9}
BROKEN = {"L_inf": 1.8, "A": 0.7, "alpha": 0.2, "x_b": 1e10, "c": 0.05, "f": 0.3}


def rows_of(fit: Fit) -> dict[str, Check]:
    return {re.sub(r" \(.*", "", row.name): row for row in identifiability(fit)}


def one_resource(model: str, values: dict[str, float], column: str = "tokens") -> Fit:
    frame = ladder()
    frame["flops"] = 6 * frame["params"] * frame["tokens"]
    runs = Runs.from_frame(frame[["run", column, "loss"]])
    fit = make_fit("chinchilla-plain", values, runs)
    spec = bs.load_model(model)
    return replace(fit, spec=spec if spec.inputs else spec.at_resource(column))


def with_draws(fit: Fit, **values: np.ndarray) -> Fit:
    new = {name: (("chain", "draw"), v.reshape(4, 250)) for name, v in values.items()}
    return replace(fit, posterior=fit.posterior.assign(new))


def from_prior(fit: Fit, name: str) -> Fit:
    return with_draws(fit, **{name: fit.model.priors[name].sample(np.random.default_rng(0), 1000)})


def test_a_clean_fit_warns_of_nothing(chinchilla_fit: Fit) -> None:
    found = rows_of(chinchilla_fit)
    assert {row.verdict for row in found.values()} == {"ok", "info"}
    assert {name.split()[0] for name in found} == {"I002", "I004", "I005", "I010", "I011"}


def test_every_code_is_described_and_has_rows() -> None:
    described = re.findall(r"^\| (I\d{3}) \|", identifiability_rows.__doc__ or "", flags=re.M)
    assert described == list(ROWS)


def test_ridge(chinchilla_fit: Fit) -> None:
    rng = np.random.default_rng(2)
    alpha = 0.35 * np.exp(0.1 * rng.standard_normal(1000))
    row = rows_of(with_draws(chinchilla_fit, alpha=alpha, A=0.36 * (alpha / 0.35) ** 3))
    assert row["I002 ridge"].verdict == "warn" and "A and alpha" in row["I002 ridge"].advice


def test_compute_alone_knows_no_split() -> None:
    fit = one_resource("frontier", {"L_inf": 1.8, "F": 0.7, "gamma_C": 0.17}, "flops")
    assert rows_of(fit)["I003 compute alone"].value == "no split"
    tokens = one_resource("power-floor-plain", {"L_inf": 1.8, "A": 0.7, "alpha": 0.17})
    assert "I003 compute alone" not in rows_of(tokens)


def test_a_floor_that_is_its_prior_is_shown_with_its_forecasts(chinchilla_fit: Fit) -> None:
    row = rows_of(from_prior(chinchilla_fit, "L_inf"))["I004 contraction of L_inf"]
    assert row.verdict == "warn" and "floor = prior" in row.advice
    low, high = map(float, re.findall(r"loss is ([\d.]+) where .* and ([\d.]+) in", row.advice)[0])
    assert high - low > 0.3  # nats: the halves of the prior of the floor


def test_floor_given_the_outer_exponent() -> None:
    fit = make_fit("skaling-plain", SKALING)
    assert rows_of(fit)["I004 L_inf given k"].verdict == "ok"
    k = fit.posterior["k"].values.ravel()
    row = rows_of(with_draws(fit, L_inf=1.8 * (k / 0.9) ** 2))["I004 L_inf given k"]
    assert row.verdict == "warn" and "quote the floor only with k" in row.advice


def test_a_floor_or_exponent_at_zero_is_named(chinchilla_fit: Fit) -> None:
    tiny = np.full(1000, 0.01) * np.exp(0.1 * np.random.default_rng(3).standard_normal(1000))
    found = rows_of(with_draws(chinchilla_fit, alpha=tiny))
    assert found["I005 boundary of alpha"].verdict == "warn"
    assert "do not present this as a fit" in found["I005 boundary of alpha"].advice
    assert found["I005 boundary of beta"].verdict == "ok"
    assert (
        rows_of(with_draws(chinchilla_fit, L_inf=tiny))["I005 boundary of L_inf"].verdict == "warn"
    )


def test_prior_and_posterior_alike_and_a_shift(chinchilla_fit: Fit) -> None:
    found = rows_of(from_prior(chinchilla_fit, "alpha"))
    assert found["I010 contraction of alpha"].verdict == "warn"
    assert found["I010 contraction of beta"].verdict == "ok"
    values = {"L_inf": 1.8, "A": 0.7, "alpha": 0.2, "x_0": 1e8}
    shifted = from_prior(one_resource("power-shifted", values), "x_0")
    row = rows_of(shifted)["I010 contraction of x_0"]
    assert row.verdict == "warn" and "Unless the smallest runs bend" in row.advice


@pytest.mark.parametrize(("x_b", "verdict"), [(1e10, "ok"), (5e11, "warn")])
def test_a_break_beyond_the_largest_run(x_b: float, verdict: str) -> None:
    fit = one_resource("broken-power", {**BROKEN, "x_b": x_b})  # runs end at 1e11 tokens
    row = rows_of(fit)["I010 x_b beyond the data"]
    assert row.verdict == verdict and "prior only" in row.advice


def test_a_best_ratio_that_is_not_known() -> None:
    values = {"L_inf": 1.8, "A": 0.36, "alpha": 0.35, "B": 0.36}
    fit = make_fit("overtraining", values)
    assert rows_of(fit)["I010 spread of M_opt"].verdict == "ok"
    wide = 0.36 * np.exp(0.5 * np.random.default_rng(4).standard_normal(1000))
    assert rows_of(with_draws(fit, A=wide))["I010 spread of M_opt"].verdict == "warn"
    assert "rival" in rows_of(fit)["I011 split exponent"].advice


def test_split_exponent_is_told_with_the_elasticity(chinchilla_fit: Fit) -> None:
    row = rows_of(chinchilla_fit)["I011 split exponent"]
    assert row.verdict == "info" and "a 0.51" in str(row.value)
    assert "elasticity 0.737" in str(row.value)  # 1 / (1 + (.3478 + .3659)/2)


def test_a_hard_ceiling_of_the_floor_is_named(chinchilla_fit: Fit) -> None:
    """The shelf's floors may pass the smallest loss; a file of one's own may forbid it."""
    shelf = [bs.load_model(name).priors.get("L_inf") for name in bs.model_names()]
    assert all(p is None or np.isinf(p.support[1]) for p in shelf)
    cut = replace(chinchilla_fit.spec.priors["L_inf"], upper=2.5)
    spec = replace(chinchilla_fit.spec, priors={**chinchilla_fit.spec.priors, "L_inf": cut})
    assert (
        rows_of(replace(chinchilla_fit, spec=spec))["I012 ceiling of the floor"].verdict == "warn"
    )
    assert "I012 ceiling of the floor" not in rows_of(chinchilla_fit)


def test_inputs_and_losses_that_were_computed_or_read_off() -> None:
    whole = ladder().round({"params": 0, "tokens": 0})
    whole["flops"] = 6 * whole["params"] * whole["tokens"]
    assert "I007" not in {f.code for f in Runs.from_frame(whole).findings}
    imputed = whole.assign(flops=whole["flops"] * 1.01)
    imputed["tokens"] = imputed["flops"] / (6 * imputed["params"])
    told = {f.code: f for f in Runs.from_frame(imputed).findings}
    assert told["I007"].column == "tokens" and "errors in variables" in told["I007"].hint
    rounded = pd.DataFrame(ladder()).assign(loss=lambda t: t["loss"].round(2))
    told = {f.code: f for f in Runs.from_frame(rounded).findings}
    assert told["I007"].column == "loss" and "rounded to 0.01" in told["I007"].message


def test_the_digitised_table_is_told(shared_data: object) -> None:
    from pathlib import Path

    runs = bs.read_runs(Path(str(shared_data)) / "chinchilla_epoch.csv", columns={"run": "run_id"})
    assert any(f.code == "I007" and f.column == "tokens" for f in runs.findings)


def test_elasticity_is_that_of_the_isoloss_line() -> None:
    """Numerically: slope of log(D/N) in the log of the ratio of marginal losses, at the optimum."""
    law = bs.load_law("chinchilla")
    N, D = law.optimum(np, 1e22 / 6, **REPLICATION, **law.constants)  # type: ignore[misc]

    def loss(n: float, d: float) -> float:
        return float(law(np, n, d, **REPLICATION))

    def rate(n: float, d: float) -> float:
        step = 1e-5
        by_n = (loss(n * (1 + step), d) - loss(n * (1 - step), d)) / (2 * step * n)
        by_d = (loss(n, d * (1 + step)) - loss(n, d * (1 - step))) / (2 * step * d)
        return float(np.log(by_n / by_d))

    def on_the_line(n: float) -> float:
        rest = (
            loss(N, D)
            - REPLICATION["L_inf"]
            - REPLICATION["A"] * (n / 1e9) ** -REPLICATION["alpha"]
        )
        return float(2e10 * (rest / REPLICATION["B"]) ** (-1 / REPLICATION["beta"]))

    ends = [(n, on_the_line(n)) for n in (N * 0.99, N * 1.01)]
    ratios, rates = ([f(n, d) for n, d in ends] for f in (lambda n, d: np.log(d / n), rate))
    found = (ratios[1] - ratios[0]) / (rates[1] - rates[0])
    derived = law.derived(np, **REPLICATION, **law.constants)  # type: ignore[misc]
    assert derived["elasticity"] == pytest.approx(found, rel=1e-3)


def test_a_law_without_a_floor_warns_far_out() -> None:
    from bayes_scaling.decisions.horizon import FLOORLESS_REACH, has_floor

    bare = one_resource("power", {"A": 2.4, "alpha": 0.08})
    floored = one_resource("power-floor-plain", {"L_inf": 1.8, "A": 0.7, "alpha": 0.2})
    assert (has_floor(bare), has_floor(floored)) == (False, True)
    largest = float(bare.runs.resource("tokens").max())
    for fit, reach, told in ((bare, 1.5, True), (bare, 0.9, False), (floored, 1.5, False)):
        codes = {f.code for f in bs.forecast(fit, [reach * FLOORLESS_REACH * largest]).findings}
        assert ("X004" in codes) == told
    kaplan = make_fit("kaplan-plain", {"S": 2.4, "w": 0.5, "p": 0.74, "k": 0.1})
    assert not has_floor(kaplan)
    assert isinstance(kaplan.posterior, xr.Dataset)
