"""Reference: posteriors of six models by another road, to compare ours with.

Nothing of the package is used: the model file is read anew, priors, laws and noise are written out
here, and the sampler is a random walk in the logs of the unknowns (log odds of a share). It follows
the protocol of posteriordb: ten chains, thinned until draws are nearly independent, R-hat below
1.01. Half of the proposals are normal with the covariance of a pilot run, half are differences of
two states of the pilot, so that bent ridges are followed; both are symmetric and fixed.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize, special, stats

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "case_studies" / "overtraining_c4" / "runs.csv"
SEED = 20261128
CHAINS, KEPT = 10, 1000
PILOT = 20_000
THIN, MOST_THIN = 200, 1600
MAX_RHAT, MAX_LAG = 1.01, 0.05
Values = dict[str, Any]
Z95, Z975 = stats.norm.ppf(0.95), stats.norm.ppf(0.975)


def chinchilla(x: Values, v: Values) -> Any:
    beta = v.get("beta", v["alpha"])
    return (
        v["L_inf"]
        + v["A"] * (x["params"] / 1e9) ** -v["alpha"]
        + v["B"] * (x["tokens"] / 2e10) ** -beta
    )


def skaling(x: Values, v: Values) -> Any:
    n, d = x["params"] / 1e9, x["tokens"] / 2e10
    inner = v["S"] ** (1 / v["k"])
    A, B = v["w"] * inner, (1 - v["w"]) * inner
    return v["L_inf"] + (A * n ** -v["alpha"] + B * d ** -v["beta"]) ** v["k"]


def kaplan(x: Values, v: Values) -> Any:
    return skaling(x, {**v, "L_inf": 0.0, "alpha": v["p"], "beta": 1.0})


def power_floor(x: Values, v: Values) -> Any:
    return v["L_inf"] + v["A"] * (x["tokens"] / 2e10) ** -v["alpha"]


def repeated(x: Values, v: Values) -> Any:
    U = np.minimum(x["unique_tokens"], x["tokens"])
    D = U + U * v["R_D"] * (1 - np.exp(-(x["tokens"] / U - 1) / v["R_D"]))
    best = (v["alpha"] * v["A"] / (v["beta"] * v["B"]) * (U / 2e10) ** v["beta"]) ** (
        1 / v["alpha"]
    )
    base = np.minimum(x["params"], 1e9 * best)
    N = base + base * v["R_N"] * (1 - np.exp(-(x["params"] / base - 1) / v["R_N"]))
    return chinchilla({"params": N, "tokens": D}, v)


@dataclass(frozen=True)
class Case:
    """A model, its curve, and the values at which its table is simulated; None: the example."""

    curve: Callable[[Values, Values], Any]
    truth: Values | None = None


BASE = {"L_inf": 1.82, "A": 0.36, "alpha": 0.35, "B": 0.35}
CASES = {
    "chinchilla-plain": Case(chinchilla),
    "skaling-plain": Case(skaling),
    "kaplan-plain": Case(kaplan, {"S": 2.4, "w": 0.6, "p": 0.74, "k": 0.1}),
    "power-floor-plain": Case(power_floor, {"L_inf": 1.8, "A": 0.4, "alpha": 0.35}),
    "chinchilla-tied": Case(chinchilla, BASE),
    "data-constrained": Case(repeated, {**BASE, "beta": 0.37, "R_D": 15.0, "R_N": 5.3}),
}


def table_of(name: str) -> dict[str, list[float]]:
    """The runs of a case: the example's, or simulated with Student's t noise of .5%."""
    case = CASES[name]
    if case.truth is None:
        import pandas as pd

        frame = pd.read_csv(EXAMPLE)
        return {k: frame[k].tolist() for k in ("params", "tokens", "loss")}
    rng = np.random.default_rng([SEED, list(CASES).index(name)])
    N, D = (g.ravel() for g in np.meshgrid(np.geomspace(5e7, 5e9, 6), np.geomspace(1e9, 1e11, 6)))
    x: Values = {"params": N, "tokens": D}
    if case.curve is repeated:
        x["unique_tokens"] = D / rng.choice([1.0, 4.0, 16.0, 64.0], len(D))
    if case.curve is power_floor:
        x = {"tokens": np.geomspace(1e8, 1e11, 24)}
    rows = len(x["tokens"])
    loss = case.curve(x, case.truth) * np.exp(0.005 * rng.standard_t(5, rows))
    columns = {**x, "loss": loss}
    return {k: [float(f"{value:.6g}") for value in v] for k, v in columns.items()}


def tenfold(table: dict[str, list[float]]) -> dict[str, float]:
    """The run of most compute, ten times as large, at its own ratios."""
    columns = {k: np.array(v) for k, v in table.items() if k != "loss"}
    largest = int(np.argmax(np.prod([columns[k] for k in columns if k != "unique_tokens"], axis=0)))
    factor = 10.0 if len(columns) == 1 else math.sqrt(10.0)
    return {k: float(v[largest]) * factor for k, v in columns.items()}


class Density:
    """Log density of a model over a table, in the logs (log odds) of its unknowns."""

    def __init__(self, name: str) -> None:
        text = tomllib.loads((ROOT / "models" / f"{name}.toml").read_text())
        noise = text["noise"]
        assert noise["kind"] == "student_t" and noise["scale"] == "log" and "growth" not in noise
        self.priors = {**text["priors"], "sigma": noise["sigma"], "nu": noise["nu"]}
        self.names = tuple(self.priors)
        table = {k: np.array(v) for k, v in table_of(name).items()}
        self.log_loss = np.log(table.pop("loss"))
        self.rows, self.curve = table, CASES[name].curve
        self.smallest = float(np.exp(self.log_loss.min()))
        self.frozen = {k: self._frozen(prior) for k, prior in self.priors.items()}

    def _frozen(self, prior: dict[str, Any]) -> Callable[[Any], Any]:
        """Log density of one prior, up to a constant."""
        kind = prior["dist"]
        if kind == "LogNormal":
            low, high = math.log(prior["q05"]), math.log(prior["q95"])
            mu, sd = (low + high) / 2, (high - low) / (2 * Z95)
            return lambda x: -np.log(x) - ((np.log(x) - mu) / sd) ** 2 / 2
        if kind == "HalfNormal":
            sd = prior["q95"] / Z975
            return lambda x: -((x / sd) ** 2) / 2
        if kind == "FractionOfMin":
            low, high = prior["q05"] * self.smallest, prior["q95"] * self.smallest
            c = math.log(math.log(20) / math.log(1 / 0.95)) / math.log(high / low)
            scale = low / math.log(1 / 0.95) ** (1 / c)
            return lambda x: (c - 1) * np.log(x) - (x / scale) ** c
        a, b = prior["alpha"], prior["beta"]
        if kind == "Gamma":
            return lambda x: (a - 1) * np.log(x) - b * x
        assert kind == "Beta"
        return lambda x: (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)

    def values(self, z: Any) -> Values:
        """Unknowns (chain, 1) of free points (chain, unknown)."""
        return {
            name: (special.expit if self.priors[name]["dist"] == "Beta" else np.exp)(z[:, [i]])
            for i, name in enumerate(self.names)
        }

    def __call__(self, z: Any) -> Any:
        """Log density (chain,) at free points (chain, unknown)."""
        with np.errstate(all="ignore"):
            v = self.values(z)
            total = np.zeros((len(z), 1))
            for name, x in v.items():
                prior = self.priors[name]
                slope = np.log(x) + (np.log1p(-x) if prior["dist"] == "Beta" else 0.0)
                inside = (x > prior.get("lower", 0.0)) & (x < prior.get("upper", np.inf))
                total = total + np.where(inside, self.frozen[name](x) + slope, -np.inf)
            nu, sigma = v["nu"], v["sigma"]
            gap = (self.log_loss - np.log(self.curve(self.rows, v))) / sigma
            front = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2)
            front = front - np.log(nu) / 2 - np.log(sigma)
            fit = front * len(self.log_loss) - (nu + 1) / 2 * np.log1p(gap**2 / nu).sum(
                axis=1, keepdims=True
            )
            found = (total + fit)[:, 0]
        return np.where(np.isfinite(found), found, -np.inf)

    def start(self, rng: np.random.Generator) -> tuple[Any, Any]:
        """The mode, and the covariance of the normal that touches the density there."""
        middle = np.zeros(len(self.names))
        for i, name in enumerate(self.names):
            prior = self.priors[name]
            if prior["dist"] == "LogNormal":
                middle[i] = math.log(prior["q05"] * prior["q95"]) / 2
            elif prior["dist"] == "FractionOfMin":
                middle[i] = math.log(0.7 * self.smallest)
            elif prior["dist"] != "Beta":
                middle[i] = math.log(5.0 if name == "nu" else prior["q95"] / 3)

        def upward(z: Any) -> float:
            return float(np.minimum(-self(z[None]), 1e10)[0])

        tries = [middle, *(middle + 0.2 * rng.standard_normal((4, len(middle))))]
        found = min(
            (optimize.minimize(upward, z, method="Nelder-Mead",
                               options={"maxiter": 20_000, "maxfev": 20_000, "adaptive": True})
             for z in tries),
            key=lambda each: float(each.fun),
        ).x  # fmt: skip
        return found, np.diag(np.full(len(found), 1e-3))


def sample(name: str, say: Callable[[str], None]) -> tuple[Density, Any, dict[str, float]]:
    """Draws (chain, draw, unknown) in free coordinates, and what the protocol says of them."""
    from arviz_stats.base import array_stats

    density, rng = Density(name), np.random.default_rng([SEED, 7, list(CASES).index(name)])
    mode, covariance = density.start(rng)
    z = mode + 0.01 * rng.standard_normal((CHAINS, len(mode)))
    for _ in range(6):  # the pilot learns the shape
        path = _walk(density, z, PILOT // 2, 10, rng, covariance, None)
        z = path[-1]
        flat = path[len(path) // 2 :].reshape(-1, len(mode))
        covariance = np.cov(flat.T)
    archive = flat[rng.permutation(len(flat))[:4000]]
    starts = archive[rng.integers(len(archive), size=CHAINS)]
    z = starts + 2 * (starts - flat.mean(axis=0))  # overdispersed
    z = np.where(np.isfinite(density(z))[:, None], z, starts)
    z = _walk(density, z, PILOT, PILOT, rng, covariance, archive)[-1]
    thin = THIN
    while True:
        path = _walk(density, z, KEPT * thin, thin, rng, covariance, archive)
        z, draws = path[-1], np.moveaxis(path, 0, 1)
        rhat = max(float(array_stats.rhat(d, chain_axis=0, draw_axis=1)) for d in _each(draws))
        lag = max(_lag(d) for d in _each(draws))
        say(f"{name}: thinned by {thin}, R-hat {rhat:.4f}, lag-1 autocorrelation {lag:.3f}")
        if (rhat < MAX_RHAT and lag < MAX_LAG) or thin >= MOST_THIN:
            return density, draws, {"thin": thin, "rhat": rhat, "lag": lag}
        thin *= 2


def _each(draws: Any) -> list[Any]:
    return [draws[..., i] for i in range(draws.shape[-1])]


def _lag(x: Any) -> float:
    centred = x - x.mean()
    return float((centred[:, 1:] * centred[:, :-1]).mean() / (centred**2).mean())


def _walk(
    density: Density, z: Any, steps: int, thin: int, rng: Any, covariance: Any, archive: Any
) -> Any:
    """States (steps / thin, chain, unknown) of a Metropolis walk of all chains at once."""
    count, size = z.shape
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(size)) * 2.38 / math.sqrt(size)
    height, path = density(z), []
    for step in range(1, steps + 1):
        if archive is None or step % 2:
            scale = rng.choice([0.15, 0.5, 1.0], (count, 1))
            move = scale * (rng.standard_normal((count, size)) @ root.T)
        else:
            pairs = rng.integers(len(archive), size=(2, count))
            far = rng.uniform(size=(count, 1)) < 0.15
            scale = np.where(far, 1.0, 2.38 / math.sqrt(2 * size) * rng.choice([0.5, 1.0]))
            move = scale * (archive[pairs[0]] - archive[pairs[1]])
        there = density(z + move)
        taken = np.log(rng.uniform(size=count)) < there - height
        z = np.where(taken[:, None], z + move, z)
        height = np.where(taken, there, height)
        if step % thin == 0:
            path.append(z)
    return np.array(path)
