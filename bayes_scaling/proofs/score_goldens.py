"""Score goldens: scores of forecasts against closed forms and reference values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from bayes_scaling.evaluation.quantile_scores import crps_of_quantiles
from bayes_scaling.evaluation.scores import crps, interval_score, weighted_interval_score
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.specs.noise import Noise

LIMIT: Final = 1e-6
DRAWS: Final = 2_000_000
"""Draws at the quantiles of a distribution: their own score is off by about 1/draws."""
LADDER: Final = 10_001
LEVEL: Final = 0.9
Z95: Final = 1.6448536269514722


class Golden(NamedTuple):
    """A score as the package gives it, and as it must be."""

    name: str
    found: float
    right: float


def scores(full: bool, say: Say) -> Proof:
    """CRPS, interval scores and log scores against closed forms (A8)."""
    goldens = [*_crps_of_draws(), *_crps_of_quantiles(), *_intervals(), *_log_scores()]
    worst = max(goldens, key=_gap)
    bad = [each.name for each in goldens if not _gap(each) <= LIMIT]
    failed = f"; failed: {', '.join(bad)}" if bad else ""
    return Proof(
        "A8",
        "CRPS, interval scores and log scores equal their closed forms",
        len(goldens),
        f"largest difference {_gap(worst):.1e} ({worst.name}){failed}",
        f"{LIMIT:g}, of values above 1 relative",
        not bad,
    )


def _gap(each: Golden) -> float:
    return abs(each.found - each.right) / max(1.0, abs(each.right))


def _phi(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _crps_normal(z: float) -> float:
    """Gneiting and Raftery 2007, J. Am. Stat. Assoc. 102, 359, eq. 21, of a standard normal."""
    below = math.erfc(-z / math.sqrt(2)) / 2
    return z * (2 * below - 1) + 2 * _phi(z) - 1 / math.sqrt(math.pi)


def _crps_exponential(y: float) -> float:
    """Of the unit exponential: y + 2 exp(-y) - 3/2 (Jordan et al. 2019, J. Stat. Softw. 90)."""
    return y + 2 * math.exp(-y) - 1.5


def _crps_of_draws() -> Iterator[Golden]:
    """Few draws by hand, many at the quantiles of known distributions."""
    by_hand: tuple[tuple[tuple[float, ...], float, float], ...] = (
        ((1.0, 2.0), 1.25, 0.0),
        ((1.0, 2.0), 4.0, 2.0),
        ((1.0, 2.0, 6.0), 3.0, 2.0 - 10.0 / 6.0),
    )
    for draws, y, right in by_hand:
        found = crps(np.array(draws)[:, None], np.array([y]))
        yield Golden(f"CRPS of draws {draws} at {y}", float(found[0]), right)
    levels = (np.arange(DRAWS) + 0.5) / DRAWS
    for y in (0.25, 1.5):
        found = crps(levels[:, None], np.array([y]))
        right = y * y - y + 1 / 3 if y <= 1 else y - 0.5 - 1 / 6
        yield Golden(f"CRPS of uniform draws at {y}", float(found[0]), right)
    from scipy.special import ndtri

    for y in (0.5, -2.0):
        found = crps(ndtri(levels)[:, None], np.array([y]))
        yield Golden(f"CRPS of normal draws at {y}", float(found[0]), _crps_normal(y))


def _crps_of_quantiles() -> Iterator[Golden]:
    from scipy.special import ndtr

    grid = np.linspace(-6, 6, 40_001)
    for y in (0.0, 1.5, -3.0):
        found = crps_of_quantiles(grid, ndtr(grid), y)
        yield Golden(f"CRPS of normal quantiles at {y}", found, _crps_normal(y))
    zero = (math.sqrt(2) - 1) / math.sqrt(math.pi)
    yield Golden("CRPS of normal quantiles at 0", crps_of_quantiles(grid, ndtr(grid), 0.0), zero)
    grid = np.geomspace(1e-9, 20, 40_001)
    for y in (0.3, 4.0):
        found = crps_of_quantiles(grid, -np.expm1(-grid), y)
        yield Golden(f"CRPS of exponential quantiles at {y}", found, _crps_exponential(y))


def _intervals() -> Iterator[Golden]:
    """Width, plus 20 times a miss, of draws whose quantile at each level is known."""
    ladder = np.linspace(0.0, 1.0, LADDER)[:, None]
    for y, miss in ((0.4, 0.0), (1.15, 0.2), (0.01, 0.04)):
        right = LEVEL + 2 / (1 - LEVEL) * miss
        found = float(interval_score(ladder, np.array([y]), level=LEVEL)[0])
        yield Golden(f"interval score of a uniform at {y}", found, right)
    from scipy.special import ndtri

    inside = ndtri(np.linspace(1e-9, 1 - 1e-9, LADDER))[:, None]
    right = 2 * Z95 + 20 * (3 - Z95)
    found = float(interval_score(inside, np.array([3.0]), level=LEVEL)[0])
    yield Golden("interval score of a normal at 3", found, right)
    total = 0.5 * 0.1 + sum((1 - w) / 2 * w for w in (0.5, 0.8, 0.9, 0.95))
    found = float(weighted_interval_score(ladder, np.array([0.4]))[0])
    yield Golden("weighted interval score of a uniform at 0.4", found, total / 4.5)


def _log_scores() -> Iterator[Golden]:
    """Log density of one loss under each kind of noise, written out in 30 digits."""
    import mpmath as m

    kinds: dict[str, dict[str, float]] = {
        "normal": {},
        "student_t": {"nu": 4.5},
        "laplace": {},
        "one_sided": {"p_bad": 0.1, "excess": 0.05},
    }
    sigma, loss, mean = 0.02, 2.6, 2.5
    with m.workdps(30):
        for kind, more in kinds.items():
            for scale in ("log", "additive"):
                gap = m.log(m.mpf(loss) / mean) if scale == "log" else m.mpf(loss) - mean
                right = _exact_log_density(m, kind, gap, m.mpf(sigma), more)
                right -= m.log(loss) if scale == "log" else 0
                noise = Noise(kind, scale, {})  # type: ignore[arg-type]
                found = noise.log_density(loss, mean, 0.0, {"sigma": sigma, **more})
                yield Golden(f"log score, {kind} on {scale} scale", float(found), float(right))


def _exact_log_density(m: Any, kind: str, gap: Any, sigma: Any, more: dict[str, float]) -> Any:
    def normal(x: Any) -> Any:
        return m.exp(-((x / sigma) ** 2) / 2) / (sigma * m.sqrt(2 * m.pi))

    if kind == "normal":
        return m.log(normal(gap))
    if kind == "laplace":
        return -m.log(2 * sigma) - abs(gap) / sigma
    if kind == "student_t":
        nu = m.mpf(more["nu"])
        front = m.gamma((nu + 1) / 2) / (m.gamma(nu / 2) * m.sqrt(nu * m.pi) * sigma)
        return m.log(front) - (nu + 1) / 2 * m.log(1 + (gap / sigma) ** 2 / nu)
    share, excess = m.mpf(more["p_bad"]), m.mpf(more["excess"])

    def shifted(e: Any) -> Any:
        return normal(gap - e) * m.exp(-e / excess) / excess

    bad = m.quad(shifted, [0, max(gap, 0) + sigma, max(gap, 0) + 8 * sigma, 2])
    return m.log((1 - share) * normal(gap) + share * bad)
