"""Errors of inputs: the variance they add is that of simulated errors, and files say them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.inference.predict import log_likelihood, normal_scores, posterior_predictive
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.spec import load_model
from tests.conftest import REPLICATION, make_fit

MINE = load_model("chinchilla-imputed").text


def test_added_variance_is_the_spread_of_simulated_errors() -> None:
    at = {"params": np.array([1e8, 1e10]), "tokens": np.array([2e9, 1e12])}
    law = bs.load_law("chinchilla")
    outcome = lambda x: np.log(law.curve(np, x["params"], x["tokens"], **REPLICATION))  # noqa: E731
    found = variance_of_inputs(outcome, at, {"tokens": 0.05, "params": 0.02})
    rng = np.random.default_rng(4)
    draws = {
        "tokens": at["tokens"] * np.exp(0.05 * rng.standard_normal((200_000, 2))),
        "params": at["params"] * np.exp(0.02 * rng.standard_normal((200_000, 2))),
    }
    np.testing.assert_allclose(found, outcome(draws).var(axis=0), rtol=0.02)


def test_closed_slope_of_a_power_law() -> None:
    """d log L / d log x = -alpha (1 - L_inf / L)."""
    loss = lambda x: 1.5 + 0.4 * (x["x"] / 1e9) ** -0.3  # noqa: E731
    at = {"x": np.geomspace(1e7, 1e12, 5)}
    slope = -0.3 * (1 - 1.5 / loss(at))
    found = variance_of_inputs(lambda x: np.log(loss(x)), at, {"x": 0.1})
    np.testing.assert_allclose(found, (0.1 * slope) ** 2, rtol=1e-6)


def test_fitted_rows_carry_the_errors_and_new_runs_do_not() -> None:
    fit, plain = (
        make_fit("chinchilla-imputed", REPLICATION),
        make_fit("chinchilla-plain", REPLICATION),
    )
    assert (np.abs(normal_scores(fit)) < np.abs(normal_scores(plain)) + 1e-12).all()
    assert not np.allclose(log_likelihood(fit), log_likelihood(plain))
    wide, narrow = (np.log(posterior_predictive(f)).std(("chain", "draw")) for f in (fit, plain))
    assert (wide > narrow).mean() > 0.9
    for one in (fit, plain):
        ahead = bs.forecast(one, one.runs.frame[["params", "tokens"]].iloc[:3], seed=1)
        np.testing.assert_array_equal(
            ahead.draws["loss_new"],
            bs.forecast(plain, plain.runs.frame[["params", "tokens"]].iloc[:3], seed=1)
            .draws["loss_new"],
        )  # fmt: skip


FAULTS = {
    ("[errors.tokens]", "[errors.flops]"): "the law reads params, tokens",
    ("[errors.tokens]", "[errors.loss]"): "errors",
    ("sd = 0.03", "sd = 0.0"): "errors.tokens.sd",
    ("sd = 0.03", "sd = 0.03\nq95 = 1.0"): "unknown key",
}


@pytest.mark.parametrize("change", list(FAULTS))
def test_faulty_errors_are_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "chinchilla-imputed.toml"
    assert change[0] in MINE
    path.write_text(MINE.replace(*change))
    with pytest.raises(UsageError, match=FAULTS[change]):
        load_model(path)


def test_digest_knows_every_part(tmp_path: Path) -> None:
    for name, old, new in (
        ("chinchilla-imputed", "sd = 0.03", "sd = 0.04"),
        ("chinchilla-by-family", "q95 = 0.15", "q95 = 0.16"),
        ("chinchilla-checkpoints", "[noise.run_effect]\ndist = \"HalfNormal\"\nq95 = 0.03",
         "[noise.run_effect]\ndist = \"HalfNormal\"\nq95 = 0.04"),
        ("chinchilla-one-sided", "beta = 6", "beta = 7"),
    ):  # fmt: skip
        spec = load_model(name)
        path = tmp_path / f"{name}.toml"
        path.write_text(spec.text.replace(old, new))
        assert load_model(path).digest != spec.digest
