"""Chinchilla once more: 18 or 92 tokens per parameter? Run: python study.py chinchilla_epoch.csv"""

# %% The points read off the published figure, as the reader downloaded them (see README.md)
import sys
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_scaling as bs

plt.switch_backend("agg")
FOLDER = Path(__file__).parent
FIVE = [f"svg00{i}" for i in range(5)]  # the rows that the replication left out
BUDGET = 5.76e23  # FLOP, what Chinchilla was trained with

if len(sys.argv) != 2:
    sys.exit("usage: python study.py chinchilla_epoch.csv (README.md says where it is published)")
try:
    runs = bs.read_runs(sys.argv[1])
    tables = {"all rows": runs, "without the five": runs.hold_out(FIVE)}
except bs.BayesScalingError as fault:
    sys.exit(str(fault))

# %% Two laws of noise, with and without the five rows
models = {"Student's t": "chinchilla-plain", "normal": str(FOLDER / "normal.toml")}
fits = {
    (noise, rows): bs.fit(bs.load_model(model), table)
    for noise, model in models.items()
    for rows, table in tables.items()
}
found = {}
for key, fit in fits.items():
    table = fit.summary().loc[["alpha", "beta", "L_inf", "B_at_1"], ["q05", "q50", "q95"]]
    split = bs.allocate(fit, [BUDGET])
    table.loc["D/N"] = split.quantiles([0.05, 0.5, 0.95], of="tokens_per_param").to_numpy()[0]
    found[key] = table
outcome = pd.concat(found, names=["noise", "rows", "quantity"])
print(outcome.round(3).to_string())
print(bs.check(fits["Student's t", "all rows"]).to_frame().query("verdict == 'warn'")["name"])

# %% What the two papers' own numbers say at that budget
law = bs.load_law("chinchilla")
published = tomllib.loads((FOLDER / "published.toml").read_text())
ratios = {}
for paper, values in published.items():
    params, tokens = law.optimum(np, BUDGET / 6, **{**law.constants, **values})
    ratios[paper] = tokens / params
    print(f"{paper}: {tokens / params:.1f} tokens per parameter")

# %% Pictures
(FOLDER / "figures").mkdir(exist_ok=True)
residuals = bs.plot_residuals(fits["Student's t", "all rows"], against="D/N")
residuals.figure.savefig(FOLDER / "figures" / "residuals.png", dpi=130, bbox_inches="tight")
ax = bs.plot_allocation(bs.allocate(fits["Student's t", "all rows"], [BUDGET]))
ax.plot(7e10, 1.4e12, "ks", ms=5)
ax.annotate("Chinchilla, as trained", (7e10, 1.4e12), (8, 4), textcoords="offset points")
ax.figure.savefig(FOLDER / "figures" / "split.png", dpi=130, bbox_inches="tight")
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, noise in zip(axes, models, strict=True):
    bs.plot_posterior(fits[noise, "all rows"], "beta", ax=ax)
    ax.set_title(f"{noise} noise, all rows", pad=10)
figure.savefig(FOLDER / "figures" / "beta.png", dpi=130)

# %% The numbers this study stands for
found = {", ".join(key): value for key, value in outcome["q50"].items()} | ratios
expected = tomllib.loads((FOLDER / "expected.toml").read_text())
for name, (value, within) in expected.items():
    assert abs(found[name] - value) <= within, f"{name}: {found[name]}, expected {value}"
