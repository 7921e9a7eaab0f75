"""Twelve runs, all at 20 tokens per parameter: what can they tell? Run: python study.py"""

# %% A table drawn from a known law, so that the truth is at hand; seed 0
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_scaling as bs

plt.switch_backend("agg")
FOLDER = Path(__file__).parent
TRUTH = {"L_inf": 1.817, "A": 0.357, "alpha": 0.348, "B": 0.355, "beta": 0.366}
NOISE, BUDGET = 0.004, 1e22  # standard deviation of the log loss; FLOP

law = bs.load_law("chinchilla")
spent = {"params": np.geomspace(2e7, 2e9, 12), "tokens": 20 * np.geomspace(2e7, 2e9, 12)}
extra = {"params": [1e8, 1e8, 2e8, 2e8], "tokens": [4e8, 1.6e10, 8e8, 3.2e10]}
table = pd.concat([pd.DataFrame(spent), pd.DataFrame(extra)], ignore_index=True)
noise = np.exp(NOISE * np.random.default_rng(0).standard_normal(len(table)))
table["loss"] = (law(np, table["params"], table["tokens"], **TRUTH) * noise).round(5)
table[:12].to_csv(FOLDER / "runs.csv", index_label="run")
table.to_csv(FOLDER / "runs_and_four_more.csv", index_label="run")
best_params, best_tokens = law.optimum(np, BUDGET / 6, **{**law.constants, **TRUTH})

# %% The table says so itself, and so does every question about a split
line, four_more = (bs.read_runs(FOLDER / f"{name}.csv") for name in ("runs", "runs_and_four_more"))
for finding in line.findings:
    print(finding)
spec = bs.load_model("chinchilla-plain")
fits = {"on the line": bs.fit(spec, line), "and four more": bs.fit(spec, four_more)}
refused = []
for ask in (bs.allocate, bs.forecast):
    try:
        ask(fits["on the line"], [BUDGET])
    except bs.CheckError as refusal:
        refused.append(str(refusal))
        print(f"{ask.__name__} refuses: {refusal}")

# %% Along its own line it can forecast: a run of ten times the compute
ahead = pd.DataFrame({"params": [6.3e9], "tokens": [1.26e11]})
true_loss = law(np, 6.3e9, 1.26e11, **TRUTH)
foreseen = {name: bs.forecast(fit, ahead).quantiles([0.05, 0.5, 0.95]).iloc[0]
            for name, fit in fits.items()}  # fmt: skip
print(pd.DataFrame(foreseen).round(4).to_string(), f"\ntrue loss {true_loss:.4f}")

# %% What it lacks: beta before and after four small runs off the line, and the split they allow
summaries = {name: fit.summary() for name, fit in fits.items()}
widths = {name: s["q95"] - s["q05"] for name, s in summaries.items()}
print(pd.DataFrame(widths).round(3).to_string())
split = bs.allocate(fits["and four more"], [BUDGET])
ratio = split.quantiles([0.05, 0.5, 0.95], of="tokens_per_param").iloc[0]
true_ratio = best_tokens / best_params
share = 6 * (table["params"] * table["tokens"])[12:].sum() / (6 * 6.3e9 * 1.26e11)
print(f"D/N at {BUDGET:.0e}: {ratio[0.5]:.1f} ({ratio[0.05]:.1f} to {ratio[0.95]:.1f}), "
      f"truth {true_ratio:.1f}; the four cost {share:.2%} of the run ahead")  # fmt: skip

# %% Pictures
(FOLDER / "figures").mkdir(exist_ok=True)
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for ax, (name, fit) in zip(axes, fits.items(), strict=True):
    bs.plot_posterior(fit, "beta", ax=ax)
    ax.set_title(f"Twelve runs {name}", pad=10)
figure.savefig(FOLDER / "figures" / "beta.png", dpi=130)
ax = bs.plot_allocation(split)
ax.figure.savefig(FOLDER / "figures" / "split.png", dpi=130, bbox_inches="tight")

# %% The numbers this study stands for
found = {
    "refusals": len(refused), "true_ratio": true_ratio, "true_loss": true_loss,
    "loss_on_the_line": foreseen["on the line"][0.5], "ratio": ratio[0.5],
    "ratio_low": ratio[0.05], "ratio_high": ratio[0.95],
    "beta_width_on_the_line": widths["on the line"]["beta"],
    "beta_width_and_four_more": widths["and four more"]["beta"],
}  # fmt: skip
expected = tomllib.loads((FOLDER / "expected.toml").read_text())
for name, (value, within) in expected.items():
    assert abs(found[name] - value) <= within, f"{name}: {found[name]}, expected {value}"
