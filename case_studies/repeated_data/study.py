"""What is a token worth that is seen again, and how little do 294 runs say? Run: python study.py"""

# %% Two choices of runs: many distinct tokens and at most 15 epochs, or up to 400 epochs
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_scaling as bs

plt.switch_backend("agg")
FOLDER = Path(__file__).parent
SIZE, DISTINCT = 2.8e9, 4e9  # the model and its distinct tokens, of which more epochs are asked

table = pd.read_csv(FOLDER / "runs.csv")
few = bs.read_runs(table[table["unique_tokens"] >= 4e9])
many = bs.read_runs(table[table["unique_tokens"] >= 1e9])
print(f"{len(few)} runs of at most {(few.frame['tokens'] / few.frame['unique_tokens']).max():.0f} "
      f"epochs, {len(many)} of at most "
      f"{(many.frame['tokens'] / many.frame['unique_tokens']).max():.0f}")  # fmt: skip

# %% One law on both choices, and a second law, in which repeats can hurt, on the larger one
decay, penalty = bs.load_model("data-constrained"), bs.load_model("repetition-penalty")
fits = {"few epochs": bs.fit(decay, few), "many epochs": bs.fit(decay, many)}
hurt = bs.fit(penalty, many, draws=500)
for name, fit in {**fits, "many epochs, penalty": hurt}.items():
    print(name, bs.check(fit).verdict, f"worst ESS {fit.summary()['ess_bulk'].min():.0f}")
moved = bs.check(fits["few epochs"], others={"many epochs": fits["many epochs"]}).to_frame()
print(moved[moved["name"].str.startswith("I009")][["name", "verdict", "value"]].to_string())

# %% What the k-th time is worth of the first: exp(-(k - 1) / R_D)
rows = {}
for name, fit in fits.items():
    draws = fit.posterior["R_D"].values
    rows[name, "R_D"] = np.quantile(draws, [0.05, 0.5, 0.95])
    for k in (4, 16, 40):
        rows[name, f"worth of time {k}"] = np.quantile(np.exp(-(k - 1) / draws), [0.05, 0.5, 0.95])
    rows[name, "R_N"] = np.quantile(fit.posterior["R_N"], [0.05, 0.5, 0.95])
worth = pd.DataFrame(rows, index=["q05", "q50", "q95"]).T
print(worth.round(3).to_string())

# %% Two laws, two pieces of advice: the number of epochs at which the loss is least
epochs = np.geomspace(1, 400, 40)
plan = pd.DataFrame({"params": SIZE, "tokens": DISTINCT * epochs, "unique_tokens": DISTINCT})
laws = {"decaying worth": fits["many epochs"], "penalty": hurt}
ahead = {name: bs.forecast(fit, plan) for name, fit in laws.items()}
least = {name: epochs[a.draws["loss_mean"].argmin("point").values] for name, a in ahead.items()}
print({name: np.quantile(e, [0.05, 0.5, 0.95]).round(1) for name, e in least.items()})
print(bs.compare(laws, exact=False).sentence)

# %% Runs of fewer than 1B distinct tokens were never fitted: does either law foresee them?
rest = table[table["unique_tokens"] < 1e9]
inside = {}
for name, fit in laws.items():
    ends = bs.forecast(fit, rest).quantiles([0.05, 0.95])
    inside[name] = int(rest["loss"].reset_index(drop=True).between(ends[0.05], ends[0.95]).sum())
print(f"inside their 90% interval, of {len(rest)}: {inside}")

# %% Pictures
(FOLDER / "figures").mkdir(exist_ok=True)
figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharex=True, layout="constrained")
for ax, (name, fit) in zip(axes, fits.items(), strict=True):
    bs.plot_posterior(fit, "R_D", ax=ax)
    ax.set_title(f"R_D, runs of {name}", pad=10)
figure.savefig(FOLDER / "figures" / "worth.png", dpi=130)
for name, fit in laws.items():
    ax = bs.plot_forecast(fit, ahead[name])
    ax.figure.savefig(FOLDER / "figures" / f"{name.split()[0]}.png", dpi=130, bbox_inches="tight")

# %% The numbers this study stands for
found = {f"{choice}: {what}": value for (choice, what), value in worth["q50"].items()} | inside
expected = tomllib.loads((FOLDER / "expected.toml").read_text())
for name, (value, within) in expected.items():
    assert abs(found[name] - value) <= within, f"{name}: {found[name]}, expected {value}"
