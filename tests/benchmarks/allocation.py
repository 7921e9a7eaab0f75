"""How fast budgets are split: closed form, search, and a scipy loop draw by draw.

    python -m tests.benchmarks.allocation > tests/benchmarks/allocation.txt

4,000 draws and 200 budgets, after one warm-up call, best of five; the loop is timed on 400 of the
splits, best of five, and scaled. CPU time of one process, which others on the machine disturb less
than the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import optimize

from bayes_scaling.decisions.optimum import per_draw_optimum
from bayes_scaling.inference.fit import Fit
from tests.conftest import REPLICATION, make_fit, posterior_around
from tests.decisions.test_allocation import without_closed_form

BUDGETS = np.geomspace(1e20, 1e26, 200)
DRAWS = 4000
LOOPED = 400
REPEATS = 5
SHIFTS = {"N_0": 1e6, "D_0": 1e8}
CLOSED, SEARCHED = "closed form", "search, same law"


def fit_of(model: str, values: dict[str, float]) -> Fit:
    noise = {"sigma": 0.004, "nu": 5.0}
    wide = posterior_around({**values, **noise}, spread=0.05, draws=DRAWS // 4)
    return replace(make_fit(model, values), posterior=wide)


def seconds(work: Callable[[], object]) -> float:
    work()
    took = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return min(took)


def loop(fit: Fit) -> float:
    """Seconds that a bounded scalar search per draw and budget would take for all of them."""
    law = fit.model.law.curve
    draws = {k: fit.posterior[k].values.ravel() for k in fit.model.law.unknowns}
    ends = (np.log(1e6), np.log(1e14))
    rng = np.random.default_rng(0)
    places = list(zip(rng.integers(0, DRAWS, LOOPED), rng.integers(0, 200, LOOPED), strict=True))

    def some() -> None:
        for i, c in places:
            u = {k: float(v[i]) for k, v in draws.items()}
            half = float(BUDGETS[c]) / 6

            def loss(x: float, u: dict[str, float] = u, half: float = half) -> float:
                return float(law(np, np.exp(x), half / np.exp(x), **u))

            optimize.minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-7})

    return seconds(some) * DRAWS * BUDGETS.size / LOOPED


def main() -> None:
    plain = fit_of("chinchilla-plain", REPLICATION)
    fits = {
        CLOSED: plain,
        SEARCHED: without_closed_form(plain),
        "search, chinchilla-shifted": fit_of("chinchilla-shifted", {**REPLICATION, **SHIFTS}),
    }
    each = loop(plain)
    print(f"{DRAWS} draws x {BUDGETS.size} budgets; scipy loop {each:.0f} s, scaled from {LOOPED}")
    exact = per_draw_optimum(plain, BUDGETS)[0]
    gap = np.abs(per_draw_optimum(fits[SEARCHED], BUDGETS)[0] / exact - 1).max()
    for name, fit in fits.items():
        took = seconds(lambda fit=fit: per_draw_optimum(fit, BUDGETS))  # type: ignore[misc]
        print(f"{name}: {1000 * took:.0f} ms, {each / took:.0f} times faster than the loop")
    print(f"search against closed form: relative {gap:.1e} at most")


if __name__ == "__main__":
    main()
