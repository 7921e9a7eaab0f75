"""A budget review: 150,000 USD for training and serving one model. Run: python study.py"""

# %% The runs, and what the reviewers said: price, demand, target, how sure they want to be
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import bayes_scaling as bs

plt.switch_backend("agg")
FOLDER = Path(__file__).parent
BUDGET_USD, TARGET, SURE = 150e3, 2.2, 0.9  # dollars, nats per token, probability

runs = bs.read_runs(bs.example_path()).select(train_dataset="c4_original")
cost = bs.Cost(
    usd_per_gpu_hour=bs.Prior("LogNormal", {"q05": 2.0, "q95": 3.2}),
    mfu=bs.Prior("LogNormal", {"q05": 0.33, "q95": 0.45}),
    overhead=0.08,
)
serving = bs.Serving(tokens=bs.Prior("LogNormal", {"q05": 1e12, "q95": 1e13}))
setting = bs.Setting(cost, serving=serving)
budget = cost.middle.flops_of(usd=BUDGET_USD)

# %% How such forecasts fared on this very table, and the default laws on all of it
models = ("chinchilla", "skaling")
past = bs.backtest(models, runs)
record = past.by_model.set_index("model").loc["average"]
print(record.drop("wis").to_string())
fits = {name: bs.fit(bs.load_model(name), runs) for name in models}
print({name: str(bs.check(fit).verdict) for name, fit in fits.items()})

# %% The split: for training alone, and for training and serving
plans = {
    "training alone": bs.allocate(fits, [budget], cost=cost),
    "training and serving": bs.allocate(fits, [budget], cost=cost, serving=serving),
}
for name, found in plans.items():
    row = found.robust.iloc[0]
    low, high = found.quantiles([0.05, 0.95])[[0.05, 0.95]].iloc[0]
    print(f"{name}: {row['params']:.3g} parameters on {row['tokens']:.3g} tokens, loss "
          f"{row['loss']:.3f}; the optimum from {low:.3g} to {high:.3g} parameters")  # fmt: skip
funded = plans["training and serving"].robust.iloc[0]

# %% What the money buys, and what the target costs
budgets = budget * np.geomspace(0.1, 10, 21)
outlook = bs.prospects(fits, budgets, setting=setting)
chance = float(outlook.probability(TARGET)[10])
low, middle, high = outlook.quantiles([0.05, 0.5, 0.95]).iloc[10]
enough = bs.budget_for(fits, TARGET, SURE, setting=setting).plans.iloc[0]
print(f"{BUDGET_USD:,.0f} USD: loss {middle:.3f} ({low:.3f} to {high:.3f}), P(loss <= {TARGET}) "
      f"{chance:.0%}; {SURE:.0%} sure from {enough['usd']:,.0f} USD")  # fmt: skip

# %% The run to be funded, and whether a smaller one comes first (at the median demand)
plan = bs.plan(fits, funded["params"], funded["tokens"], setting=setting)
print(f"next 0.01 nats: {plan.quantiles([0.5], of='usd_per_hundredth').iloc[0, 0]:,.0f} USD; "
      f"within 0.005 nats of the best split with probability {plan.near_optimal:.0%}")  # fmt: skip
first = bs.next_run(fits, budget, cost=cost, serve_tokens=3.16e12, budget=budget / 20)
print(first.verdict)
print("registered:", bs.register(plan.forecast, date="2026-11-27").sha256[:12])

# %% Pictures
(FOLDER / "figures").mkdir(exist_ok=True)
for name, ax in (
    ("backtest", bs.plot_backtest(past)),
    ("split", bs.plot_allocation(plans["training and serving"])),
    ("chance", bs.plot_probability(outlook, TARGET)),
    ("next_run", bs.plot_next_run(first)),
):
    ax.figure.savefig(FOLDER / "figures" / f"{name}.png", dpi=130, bbox_inches="tight")

# %% The numbers this study stands for
found = {
    "inside_90": record["coverage90"] * record["n"], "plan_params": funded["params"],
    "loss": middle, "loss_low": low, "loss_high": high, "chance": chance, "usd_sure": enough["usd"],
}  # fmt: skip
expected = tomllib.loads((FOLDER / "expected.toml").read_text())
for name, (value, within) in expected.items():
    assert abs(found[name] - value) <= within, f"{name}: {found[name]}, expected {value}"
