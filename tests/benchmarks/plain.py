"""A plain PyMC script of the Chinchilla law, as people write it by hand, in published units.

    python tests/benchmarks/plain.py TABLE.csv [pymc|nutpie]

A and B are those at one parameter and one token. Prints the seconds spent sampling, the effective
draws of the worst unknown and the largest R-hat, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm


def main(path: str, sampler: str | None) -> None:
    warnings.simplefilter("ignore")
    runs = pd.read_csv(path)
    N, D, loss = (runs[name].to_numpy(float) for name in ("params", "tokens", "loss"))
    with pm.Model():
        E = pm.HalfNormal("E", 3)
        A = pm.LogNormal("A", 6, 1.5)
        alpha = pm.Beta("alpha", 3, 5)
        B = pm.LogNormal("B", 6, 1.5)
        beta = pm.Beta("beta", 3, 5)
        sigma = pm.HalfNormal("sigma", 0.05)
        mean = pm.math.log(E + A / N**alpha + B / D**beta)
        pm.StudentT("loss", nu=4, mu=mean, sigma=sigma, observed=np.log(loss))
        started = time.perf_counter()
        options = {} if sampler is None else {"nuts_sampler": sampler}
        found = pm.sample(random_seed=0, progressbar=False, **options)
        took = time.perf_counter() - started
    own = found["posterior"].attrs.get("sampling_time", took)
    names = ["E", "A", "alpha", "B", "beta"]
    ess = az.ess(found, var_names=names)
    rhat = az.rhat(found, var_names=names)
    worst = min(float(ess[name]) for name in names)
    largest = max(float(rhat[name]) for name in names)
    print(json.dumps({"seconds": float(own), "wall": took, "ess": worst, "rhat": largest}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
