"""Seeds: independent random generators for independent purposes."""

from __future__ import annotations

import hashlib

import numpy as np


def rng_of(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator that depends on the seed and on what it is for."""
    words = np.frombuffer(hashlib.sha256(purpose.encode()).digest()[:8], dtype=np.uint32)
    return np.random.default_rng([seed, *words.tolist()])
