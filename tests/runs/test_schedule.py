"""Learning-rate schedules as columns: sums, compression of a decay, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import UsageError
from bayes_scaling.names import LR_DROPS, LR_RATES, LR_SINCE
from bayes_scaling.runs.schedule import TYPICAL, schedule_columns

STEPS, PEAK = 24_000, 3e-4
NUMBER = np.arange(1, STEPS + 1)
LAST_FIFTH = np.maximum(NUMBER / STEPS - 0.8, 0) / 0.2
SHAPES = {  # rates of each step, and the largest error in nats that the docstring states
    "cosine": (PEAK * (0.1 + 0.45 * (1 + np.cos(np.pi * NUMBER / STEPS))), 3e-4),
    "exponential": (PEAK * 0.1**LAST_FIFTH, 3e-4),
    "linear to zero": (PEAK * (1 - 0.9999 * LAST_FIFTH), 6e-4),
}
SETS = ((363.8, 2.066, 0.583, 0.641), (437.9, 2.132, 0.598, 0.655), (523.4, 2.025, 0.594, 0.635))
"""B, K, beta, gamma of Luo et al. 2025, arXiv:2503.12811."""


def gain(B: float, K: float, beta: float, gamma: float, drop, rate, since) -> float:
    return float(B * np.sum(drop * (1 - (K * rate**-gamma * since + 1) ** -beta)))


@pytest.mark.parametrize("shape", SHAPES)
def test_four_pieces_stand_for_a_decay(shape: str) -> None:
    rates, limit = SHAPES[shape]
    drops = np.append(0.0, rates[:-1] - rates[1:])
    for t in (12_000, 20_000, 22_000, STEPS):
        row = schedule_columns(NUMBER, rates, [t]).iloc[0]
        pieces = tuple(row[list(names)].to_numpy() for names in (LR_DROPS, LR_RATES, LR_SINCE))
        assert pieces[0].sum() == pytest.approx(rates[0] - rates[t - 1], rel=1e-9, abs=1e-15)
        since = np.cumsum(rates[:t][::-1])[::-1]
        for B, K, beta, gamma in SETS:
            for half in (0.5, 1, 2):
                for bend in (0.6, 1, 1.5):
                    values = (B, K * half, beta * bend, gamma)
                    exact = gain(*values, drops[:t], rates[:t], since)
                    assert gain(*values, *pieces) == pytest.approx(exact, abs=limit)
        exact = gain(400.0, *TYPICAL, drops[:t], rates[:t], since)
        assert gain(400.0, *TYPICAL, *pieces) == pytest.approx(exact, abs=1e-9)


def test_few_drops_are_kept_as_they_are() -> None:
    rates = np.repeat([4e-4, 2e-4, 1e-4], 100)
    row = schedule_columns(np.arange(1, 301), rates, [150, 300])
    assert row["lr_sum"].tolist() == pytest.approx([0.05, 0.07])
    assert row["lr_drop_1"].tolist() == pytest.approx([2e-4, 2e-4])
    assert row["lr_drop_2"].tolist() == pytest.approx([0, 1e-4])
    assert row["lr_since_1"].tolist() == pytest.approx([0.01, 0.03])
    assert row["lr_rate_2"][1] == pytest.approx(1e-4)
    assert (row[["lr_drop_3", "lr_drop_4"]] == 0).all(axis=None)


def test_rates_between_stated_steps_and_in_the_warm_up() -> None:
    found = schedule_columns([1, 11, 21], [1e-5, 2e-5, 2e-5], [11, 21], warmup=10)
    assert found["lr_sum"][0] == pytest.approx(np.linspace(1e-5, 2e-5, 11).sum())
    assert (found["lr_annealing"] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([1, 2, 3], [1e-4, 2e-4, 1e-4], [3]), "rises at step 2"),
        (([1, 2, 2], [1e-4] * 3, [2]), "without repeats"),
        (([1, 2, 3], [1e-4, 1e-4, 0.0], [3]), "above 0"),
        (([1, 2, 3], [1e-4, 1e-4], [2]), "3 steps and 2"),
        (([1, 9], [1e-4, 1e-4], [10]), "step 10 is asked"),
        (([1, 9], [1e-4, 1e-4], []), "no step"),
        (([1, 1e8], [1e-4, 1e-4], [10]), "count in tens"),
    ],
)
def test_refusals(arguments: tuple[list[float], ...], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        schedule_columns(*arguments)
    with pytest.raises(UsageError, match="lambda"):
        schedule_columns([1, 9], [1e-4, 1e-4], [5], decay=1.0)
