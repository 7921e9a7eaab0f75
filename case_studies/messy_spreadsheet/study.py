"""A spreadsheet by hand made usable. Run: python study.py misfitting_spreadsheet_RAW.csv"""

# %% As the reader downloaded it (see README.md): refused, with every fault by its line
import sys
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import bayes_scaling as bs

plt.switch_backend("agg")
FOLDER = Path(__file__).parent
COLUMNS = {"params": "N", "tokens": "D", "loss": "C4 Eval Loss"}  # what only a person can say
LARGEST_FITTED = 2e8  # parameters

if len(sys.argv) != 2:
    sys.exit("usage: python study.py misfitting_spreadsheet_RAW.csv (README.md: where it is)")
try:
    runs = bs.read_runs(sys.argv[1], columns=COLUMNS)
    stated = bs.read_runs(sys.argv[1], columns={**COLUMNS, "flops": "C"})
    sizes = runs.frame.groupby(["params", "tokens"])["lr"]  # several learning rates of each
except (bs.BayesScalingError, KeyError) as fault:
    sys.exit(f"{fault}\nThis is not the spreadsheet that README.md names.")
for finding in runs.findings:
    print(finding)
print(*[f"with C as flops: {f}" for f in stated.findings if f.code == "S004"])

# %% Three ways to treat the learning rates; runs above 200M parameters are held out
best = runs.frame.loc[runs.frame.groupby(["params", "tokens"])["loss"].idxmin()]
names = ["run", "params", "tokens", "loss"]
tables = {
    "every row": bs.read_runs(runs.frame[names]).train_below(LARGEST_FITTED, "params"),
    "best of each size": bs.read_runs(best[names]).train_below(LARGEST_FITTED, "params"),
}
ways = {
    "every row, Student's t": ("chinchilla", "every row"),
    "every row, one-sided": ("chinchilla-one-sided", "every row"),
    "best of each size": ("chinchilla", "best of each size"),
}
fits = {name: bs.fit(bs.load_model(model), tables[rows]) for name, (model, rows) in ways.items()}

# %% What each foresees of the best run of the two larger sizes, and how it would split a budget
held = tables["best of each size"].held_out
parts = []
for name, fit in fits.items():
    foreseen = bs.forecast(fit, held[["params", "tokens"]]).quantiles([0.05, 0.5, 0.95])
    foreseen = foreseen.set_axis(["low", "median", "high"], axis=1).assign(way=name)
    parts.append(held[["run", "params", "loss"]].join(foreseen))
    print(f"{name}: {len(fit.runs.fitted)} rows,", fit.summary().loc["a", ["q05", "q50", "q95"]])
outcome = pd.concat(parts, ignore_index=True)
outcome["inside_90"] = outcome["loss"].between(outcome["low"], outcome["high"])
print(outcome.round(3).to_string(index=False))
suspects = bs.check(fits["best of each size"]).to_frame().set_index("name").loc["suspicious runs"]
print("suspicious:", suspects["advice"])

# %% Pictures
(FOLDER / "figures").mkdir(exist_ok=True)
residuals = bs.plot_residuals(fits["best of each size"], against="D")
residuals.figure.savefig(FOLDER / "figures" / "residuals.png", dpi=130, bbox_inches="tight")
figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharex=True, layout="constrained")
for ax, (name, fit) in zip(axes, fits.items(), strict=True):
    bs.plot_posterior(fit, "a", ax=ax)
    ax.set_title(name, pad=10)
    ax.set_xlabel("split exponent a: the best N grows as C^a")
figure.savefig(FOLDER / "figures" / "split.png", dpi=130)

# %% The numbers this study stands for
medians = {f"{r.way}: {r.run}": r.median for r in outcome.itertuples()}
exponents = {f"{name}: a": fit.summary().loc["a", "q50"] for name, fit in fits.items()}
found = {"usable": len(runs), "sizes": sizes.ngroups, **medians, **exponents}
expected = tomllib.loads((FOLDER / "expected.toml").read_text())
for name, (value, within) in expected.items():
    assert abs(found[name] - value) <= within, f"{name}: {found[name]}, expected {value}"
