"""Over-training on C4: do small runs foretell the 1.4B and 6.9B runs? Run: python study.py"""

# %% One table, three training sets; runs above 411M parameters are held out
import tomllib
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

import bayes_scaling as bs

matplotlib.use("agg")
FOLDER = Path(__file__).parent
LARGEST_FITTED = 4.12e8  # parameters

runs = bs.read_runs(FOLDER / "runs.csv")
spec = bs.load_model("skaling")
sets = {
    name: each.train_below(LARGEST_FITTED, "params")
    for name, each in runs.split("train_dataset").items()
}

# %% Fit each set (one compilation), check it, and forecast its held-out runs
fits = {name: bs.fit(spec, each) for name, each in sets.items()}
rows = []
for name, fit in fits.items():
    held = fit.runs.held_out.reset_index(drop=True)
    table = bs.forecast(fit, held[["params", "tokens"]]).quantiles([0.05, 0.5, 0.95])
    table = table.rename(columns={0.05: "low", 0.5: "median", 0.95: "high"})
    rows.append(held[["run", "params", "tokens", "loss"]].join(table).assign(train_dataset=name))
outcome = pd.concat(rows, ignore_index=True)
outcome["inside_90"] = outcome["loss"].between(outcome["low"], outcome["high"])
outcome["median_error_%"] = 100 * (outcome["median"] / outcome["loss"] - 1)
print(outcome.drop(columns="run").to_string(index=False))
print(f"{outcome['inside_90'].sum()} of {len(outcome)} held-out runs inside their 90% interval")

# %% What the fits say, and whether they may be believed
for name, fit in fits.items():
    checks = bs.check(fit)
    summary = fit.summary()
    print(f"{name}: {checks.verdict}; alpha {summary.loc['alpha', 'q50']:.3f}, "
          f"beta {summary.loc['beta', 'q50']:.3f}, L_inf {summary.loc['L_inf', 'q50']:.3f}, "
          f"worst ESS {summary[['ess_bulk', 'ess_tail']].min().min():.0f}")  # fmt: skip

# %% Pictures: the forecast fan with the held-out runs in it, one per training set
(FOLDER / "figures").mkdir(exist_ok=True)
budgets = np.geomspace(1e16, 1e22, 81)
for name, fit in fits.items():
    ax = bs.plot_forecast(fit, bs.forecast(fit, budgets))
    ax.set_title(f"Trained on {name}: fitted up to 411M parameters")
    ax.figure.savefig(FOLDER / "figures" / f"{name}.png", dpi=150, bbox_inches="tight")

# %% The numbers this study stands for
expected = tomllib.loads((FOLDER / "expected.toml").read_text())
assert outcome["inside_90"].sum() >= expected["inside_90_at_least"]
worst_ess = min(f.summary()[["ess_bulk", "ess_tail"]].min().min() for f in fits.values())
assert worst_ess >= expected["worst_ess_at_least"]
assert max(f.summary()["rhat"].max() for f in fits.values()) <= expected["worst_rhat_at_most"]
for name, medians in expected["median_forecast"].items():
    found = outcome.loc[outcome["train_dataset"] == name, "median"].to_list()
    assert all(
        abs(a - b) <= expected["tolerance_nats"] for a, b in zip(found, medians, strict=True)
    )
