"""The run effect: integrated out it is a dense normal density; its draws are the conditional."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bayes_scaling.errors import UsageError
from bayes_scaling.inference.backend import import_pymc
from bayes_scaling.specs.run_effect import log_density_graph, sample_given
from bayes_scaling.specs.spec import load_model

RUN = np.array([2, 0, 0, 1, 2, 2, 0])
VARIANCE = np.linspace(0.5, 2.0, 7) * 1e-4
SD = 0.02
RESIDUAL = np.random.default_rng(7).normal(0, 0.02, 7)


def dense() -> np.ndarray:
    return np.diag(VARIANCE) + SD**2 * (RUN[:, None] == RUN[None, :])


def test_density_is_that_of_a_dense_covariance() -> None:
    import_pymc()
    import pytensor
    import pytensor.tensor as pt

    residual, run = pt.dvector(), pt.lvector()
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    graph = pytensor.function([residual, run], log_density_graph(residual, VARIANCE, SD, run),
                              mode=mode)  # fmt: skip
    slow = stats.multivariate_normal(np.zeros(7), dense()).logpdf(RESIDUAL)
    assert float(graph(RESIDUAL, RUN)) == pytest.approx(slow, rel=1e-10)


def test_draws_are_the_conditional_of_the_dense_normal() -> None:
    """Mean and covariance of the effects given the residuals, by linear algebra."""
    share = SD**2 * (RUN[:, None] == RUN[None, :])
    mean = share @ np.linalg.solve(dense(), RESIDUAL)
    covariance = share - share @ np.linalg.solve(dense(), share)
    many = np.broadcast_to(RESIDUAL, (40_000, 7))
    drawn = sample_given(np.random.default_rng(1), many, VARIANCE, SD, RUN)
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * sd / 200).all()
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.05 * sd.max() ** 2)
    assert (drawn[:, RUN == 2] == drawn[:, [0]]).all()


def test_new_runs_have_an_effect_of_their_own() -> None:
    noise = load_model("chinchilla-checkpoints").noise
    unknowns = {"sigma": 0.003, "run_effect": 0.04}
    rng, mean = np.random.default_rng(2), np.full(50_000, 2.0)
    assert np.log(noise.sample(rng, mean, unknowns)).std() == pytest.approx(0.0401, rel=0.02)
    again = noise.sample(rng, mean, unknowns, same_runs=True)
    assert np.log(again).std() == pytest.approx(0.003, rel=0.02)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "normal"', 'kind = "laplace"', "needs normal noise"),
        ('dist = "HalfNormal"\nq95 = 0.03', 'dist = "Normal"\nq05 = 0.0\nq95 = 0.03', "above 0"),
    ],
)
def test_what_has_no_run_effect_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    head, mark, tail = load_model("chinchilla-checkpoints").text.partition("[noise]")
    path = tmp_path / "chinchilla-checkpoints.toml"
    path.write_text(head + mark + tail.replace(old, new))
    with pytest.raises(UsageError, match=words):
        load_model(path)
