"""Ranks of simulated truths: kept on disk so that a long run goes on, and judged for uniformity."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from scipy import special, stats

from tests.trust.sbc import KEPT, SEED, rank, source_of

FOLDER = Path(__file__).parent / "ranks"
ALPHA = 0.001
FRESH = 100_000
"""Added to the seed of a second try."""
SAVED_EVERY = 20

Ranks = dict[str, list[int]]


def path_of(name: str, seed: int) -> Path:
    return FOLDER / (f"{name}.json" if seed == SEED else f"{name}-again.json")


def kept_ranks(name: str, seed: int = SEED) -> Ranks:
    """What was ranked with this source; nothing where it has changed."""
    path = path_of(name, seed)
    known = json.loads(path.read_text()) if path.is_file() else {}
    if known.get("source") != source_of(name):
        return {}
    ranks: Ranks = known["ranks"]
    return ranks


def simulations_of(ranks: Ranks) -> int:
    return min((len(each) for each in ranks.values()), default=0)


def advance(
    name: str, goal: int, seed: int = SEED, going: Callable[[int], bool] = lambda _: True
) -> Ranks:
    """Rank until `goal` simulations are there, or `going` (told how many are) says no; kept."""
    ranks = kept_ranks(name, seed)
    for number in range(simulations_of(ranks), goal):
        if number % SAVED_EVERY == 0 and not going(number):
            break
        for key, value in rank(name, number, seed).items():
            ranks.setdefault(key, []).append(value)
        if (number + 1) % SAVED_EVERY == 0 or number + 1 == goal:
            _save(name, seed, ranks)
    return {key: each[:goal] for key, each in ranks.items()}


def fresh(name: str, simulations: int, seed: int = SEED) -> Ranks:
    """Ranks of so many simulations, nothing kept or taken from what was."""
    ranks: Ranks = {}
    for number in range(simulations):
        for key, value in rank(name, number, seed).items():
            ranks.setdefault(key, []).append(value)
    return ranks


def _save(name: str, seed: int, ranks: Ranks) -> None:
    path = path_of(name, seed)
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in ranks.items())
    text = f'{{"source": "{source_of(name)}", "seed": {seed}, "ranks": {{\n{lines}\n}}}}\n'
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


@cache
def band(simulations: int) -> float:
    """Largest distance of the ranks' distribution from uniform, exceeded with probability ALPHA."""
    rng = np.random.default_rng(SEED)
    uniform = rng.integers(0, KEPT + 1, (20_000, simulations))
    return float(np.quantile([distance(row) for row in uniform], 1 - ALPHA))


def distance(found: np.ndarray) -> float:
    counts = np.bincount(found, minlength=KEPT + 1).cumsum() / len(found)
    return float(np.max(np.abs(counts - np.arange(1, KEPT + 2) / (KEPT + 1))))


def uneven(ranks: Ranks) -> list[str]:
    """The quantities whose ranks are not uniform, in words: too far off, or too wide or narrow."""
    bad = []
    for key, each in ranks.items():
        limit = band(len(each))
        low, high = stats.chi2(len(each)).ppf([ALPHA / 2, 1 - ALPHA / 2])
        found = np.array(each)
        spread = float(np.sum(special.ndtri((found + 0.5) / (KEPT + 1)) ** 2))
        if distance(found) > limit or not low < spread < high:
            bad.append(f"{key}: distance {distance(found):.3f} (limit {limit:.3f}), "
                       f"z^2 {spread:.1f} ({low:.1f} to {high:.1f})")  # fmt: skip
    return bad
