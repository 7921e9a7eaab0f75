"""Make the reference posteriors: `python -m tests.trust.make_reference [MODEL ...]`.

Writes tests/trust/reference/MODEL.json: the table, and mean, sd, 5% and 95% quantile of every
unknown and of the curve at ten times the largest compute, each with its Monte Carlo error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.trust.reference import CASES, CHAINS, KEPT, sample, table_of, tenfold

FOLDER = Path(__file__).parent / "reference"
FORECAST = "loss at 10x"
LEVELS = {"q05": 0.05, "q95": 0.95}


def moments(draws: Any) -> dict[str, list[float]]:
    """Mean, sd and quantiles of draws (chain, draw), each with its Monte Carlo error."""
    from arviz_stats.base import array_stats

    def error(method: str, **more: Any) -> float:
        return float(array_stats.mcse(draws, chain_axis=0, draw_axis=1, method=method, **more))

    found = {
        "mean": [float(draws.mean()), error("mean")],
        "sd": [float(draws.std(ddof=1)), error("sd")],
    }
    for name, level in LEVELS.items():
        found[name] = [float(np.quantile(draws, level)), error("quantile", prob=level)]
    return found


def make(name: str) -> dict[str, Any]:
    density, draws, protocol = sample(name, lambda said: print(said, file=sys.stderr, flush=True))
    flat = density.values(draws.reshape(-1, draws.shape[-1]))
    at = tenfold(table_of(name))
    flat[FORECAST] = density.curve(at, flat)
    quantities = {k: moments(v.reshape(CHAINS, KEPT)) for k, v in flat.items()}
    return {
        "model": name,
        "protocol": {"chains": CHAINS, "draws": KEPT, **protocol},
        "table": table_of(name),
        "at": at,
        "quantities": quantities,
    }


def main(names: list[str]) -> int:
    FOLDER.mkdir(exist_ok=True)
    for name in names or CASES:
        (FOLDER / f"{name}.json").write_text(json.dumps(make(name)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
