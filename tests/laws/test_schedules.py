"""Laws of whole loss curves: published sets, every step summed with 30 digits beside the law."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.quantities import column_of
from bayes_scaling.runs.schedule import schedule_columns

SETS = {
    "25M": (3.040, 0.525, 0.508, 363.8, 2.066, 0.583, 0.641),
    "100M": (2.651, 0.601, 0.453, 437.9, 2.132, 0.598, 0.655),
    "400M": (2.375, 0.654, 0.429, 523.4, 2.025, 0.594, 0.635),
}
"""L_inf, A, alpha, B, K, beta, gamma of Luo et al. 2025, arXiv:2503.12811."""
PEAK, STEPS, WARMUP = 3e-4, 1200, 60


def schedules() -> dict[str, np.ndarray]:
    """Rates of each step: a warm-up, then cosine, warm-up-stable-decay, or two drops."""
    share = np.clip((np.arange(1, STEPS + 1) - WARMUP) / (STEPS - WARMUP), 0, 1)
    falls = {
        "cosine": 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * share)),
        "stable": np.where(share <= 0.8, 1.0, 0.1 ** ((share - 0.8) / 0.2)),
        "drops": np.where(share < 0.5, 1.0, np.where(share < 0.8, 0.4, 0.1)),
    }
    rising = np.minimum(np.arange(1, STEPS + 1) / WARMUP, 1)
    return {name: PEAK * rising * fall for name, fall in falls.items()}


def every_step(values: tuple[float, ...], rates: np.ndarray, t: int) -> float:
    """The paper's sum over all steps up to t."""
    with mpmath.workdps(30):
        L_inf, A, alpha, B, K, beta, gamma = map(mpmath.mpf, values)
        eta = [mpmath.mpf(x) for x in rates[:t]]
        loss, since = L_inf + A * mpmath.fsum(eta) ** -alpha, mpmath.mpf(0)
        for k in range(t - 1, WARMUP, -1):
            since += eta[k]
            gain = 1 - (K * eta[k] ** -gamma * since + 1) ** -beta
            loss -= B * (eta[k - 1] - eta[k]) * gain
        return float(loss)


def ours(values: tuple[float, ...], rates: np.ndarray, t: int) -> float:
    law = bs.load_law("multi-power")
    L_inf, A, alpha, B, K, beta, gamma = values
    at = law.constants
    unknowns = {
        "L_inf": L_inf, "A": A * at["S_ref"] ** -alpha, "alpha": alpha, "B": B * at["d_ref"],
        "K": K * at["e_ref"] ** -gamma, "beta": beta, "gamma": gamma,
    }  # fmt: skip
    derived = law.derived(np, **unknowns, **at)
    assert [derived[n] for n in ("A_at_1", "B_at_1", "K_at_1")] == pytest.approx([A, B, K])
    row = schedule_columns(np.arange(1, STEPS + 1), rates, [t], warmup=WARMUP).iloc[0]
    return float(law(np, *(row[column_of(symbol)] for symbol in law.inputs), **unknowns))


@pytest.mark.parametrize("size", SETS)
@pytest.mark.parametrize("shape", schedules())
def test_multi_power_is_the_sum_over_all_steps(shape: str, size: str) -> None:
    rates = schedules()[shape]
    for t in (30, 600, 1000, STEPS):
        exact, found = every_step(SETS[size], rates, t), ours(SETS[size], rates, t)
        assert found == pytest.approx(exact, abs=1e-10 if shape == "drops" else 1e-4)


def test_annealing_is_the_sum_over_all_steps() -> None:
    law, decay = bs.load_law("annealing"), 0.99
    rates = schedules()["cosine"]
    row = schedule_columns(np.arange(1, STEPS + 1), rates, [900], warmup=WARMUP, decay=decay)
    area = sum(
        (rates[k - 1] - rates[k]) * decay ** (i - k)
        for i in range(WARMUP + 1, 900)
        for k in range(WARMUP + 1, i + 1)
    )
    values = {"L_inf": 2.6, "A": 0.2, "alpha": 0.5, "G": 0.4}
    exact = 2.6 + 0.2 * (rates[:900].sum() / 10) ** -0.5 - 0.4 * area
    found = law(np, row["lr_sum"][0], row["lr_annealing"][0], **values)
    assert found == pytest.approx(exact, rel=1e-12)
