"""The density of our own graph, sampled by NumPyro's NUTS with a dense metric.

    python -m tests.benchmarks.numpyro_rival RUNS.csv MODEL

Needs `uv run --group benchmarks`. Prints JSON: effective draws of the worst unknown, and the
seconds of sampling, compilation excluded.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import bayes_scaling as bs
from bayes_scaling.inference import graph
from bayes_scaling.inference.backend import import_pymc
from bayes_scaling.inference.fit import stated_against

DRAWS, TUNE, CHAINS = 1000, 1000, 4


def main(path: str, name: str) -> None:
    pm = import_pymc()
    import arviz as az
    import jax
    import numpyro
    from pymc.sampling.jax import get_jaxified_graph, get_jaxified_logp

    jax.config.update("jax_enable_x64", True)
    numpyro.set_host_device_count(CHAINS)
    runs = bs.read_runs(path)
    spec = stated_against(bs.load_model(name), runs)
    model = graph.build(spec)
    with model:
        used = graph.data_for(spec, runs)
        pm.set_data({k: v for k, v in used.items() if k in model.named_vars})
    log_density = get_jaxified_logp(model)
    sampler = numpyro.infer.MCMC(
        numpyro.infer.NUTS(potential_fn=lambda z: -log_density(z), dense_mass=True),
        num_warmup=TUNE, num_samples=DRAWS, num_chains=CHAINS, progress_bar=False,
        chain_method="parallel",
    )  # fmt: skip
    starts = [np.random.default_rng(0).uniform(-1, 1, CHAINS) for _ in model.value_vars]

    def sample(seed: int) -> tuple[float, list[np.ndarray]]:
        started = time.perf_counter()
        sampler.run(jax.random.PRNGKey(seed), init_params=[jax.numpy.array(s) for s in starts])
        draws = [np.asarray(each) for each in sampler.get_samples(group_by_chain=True)]
        return time.perf_counter() - started, draws

    sample(0)  # compiles
    seconds, draws = sample(1)
    wanted = [v for v in model.deterministics if v.name in spec.law.unknowns]
    value = get_jaxified_graph(inputs=model.value_vars, outputs=model.replace_rvs_by_values(wanted))
    unknowns = jax.vmap(jax.vmap(value))(*draws)
    posterior = {v.name: np.asarray(each) for v, each in zip(wanted, unknowns, strict=True)}
    ess = az.ess(az.from_dict({"posterior": posterior}))
    worst = min(float(ess[name]) for name in posterior)
    print(json.dumps({"ess": worst, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
