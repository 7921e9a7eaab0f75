"""How the time of a fit grows with rows, and what memory it takes."""

from __future__ import annotations

import resource

import numpy as np
import pandas as pd

import bayes_scaling as bs
from tests.benchmarks.line import Line
from tests.benchmarks.sampler import MODEL

ROWS = (50, 500, 2000, 10_000, 50_000)
BEYOND = 2000


def table(rows: int) -> bs.Runs:
    """Runs of the Chinchilla law with half a percent of noise."""
    rng = np.random.default_rng(0)
    params, tokens = 10 ** rng.uniform(7.5, 10, rows), 10 ** rng.uniform(9, 11.5, rows)
    loss = 1.82 + 482 / params**0.348 + 2085 / tokens**0.366
    loss *= np.exp(0.005 * rng.standard_normal(rows))
    return bs.Runs.from_frame(pd.DataFrame({"params": params, "tokens": tokens, "loss": loss}))


def lines() -> list[Line]:
    """Figures of long tables."""
    spec = bs.load_model(MODEL)
    bs.fit(spec, table(ROWS[0]))
    took = {rows: bs.fit(spec, table(rows)).seconds["sample"] for rows in ROWS}
    long = [rows for rows in ROWS if rows >= BEYOND]
    slope = float(np.polyfit(np.log(long), np.log([took[rows] for rows in long]), 1)[0])
    said = ", ".join(f"{rows} rows {seconds:.1f} s" for rows, seconds in took.items())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        Line(f"log-log slope of time over rows beyond {BEYOND}", slope, "", 1.05, "at most", said),
        Line("memory of the process", memory, "GB", 1.2, "at most", f"up to {ROWS[-1]} rows"),
    ]
