"""NIST: the certified comparison of Misra's four laws (A3), and posteriors against a grid (A4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.evaluation.comparison import Comparison
from bayes_scaling.evaluation.stacking import stacking_weights
from bayes_scaling.inference.fit import Fit
from bayes_scaling.proofs.nist import curves, fit_least_squares, log_likelihood
from bayes_scaling.proofs.nist_data import CERTIFIED
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.specs.spec import ModelSpec, model_from_text

MISRA = Path(__file__).parents[1] / "evaluation" / "misra"
FLAT_LAWS = Path(__file__).parent / "flat" / "laws.py"
ORDER = ["c", "d", "b", "a"]
LIKELIHOODS = {"c": 20.9732, "d": 18.7329, "b": 16.6969, "a": 13.1895}
"""Largest normal log likelihoods, from the certified residual sums of squares."""
ELPD = {"c": 17.62, "d": 15.35, "b": 13.27, "a": 9.65}
"""Leave-one-out log scores by refits of least squares, each left-out point under its t."""
GRID = {
    "DanWood": ((0.769895, 3.858578), (0.025677, 0.072288)),
    "Misra1b": ((338.063, 3.90358e-04), (3.47296, 4.66570e-06)),
    "Misra1c": ((636.4959, 2.081282e-04), (5.11614, 1.943899e-06)),
    "Misra1d": ((437.4339, 3.022557e-04), (4.00382, 3.216737e-06)),
}
"""Posterior means and sds of b1 and b2 under flat priors and 1/sigma, by quadrature."""
SHAPES = {"Misra1b": (2.0, 0.5), "Misra1c": (0.5, 2.0), "Misra1d": (1.0, 1.0)}
"""Exponent of each law and the factor of b2 in it."""
REACH = 30.0
"""Certified standard errors to each side at which grid and flat priors end."""
SD_LIMITS = {"DanWood": 0.08}
DRAWS = 4000
SEED = 20261128


def misra_runs() -> bs.Runs:
    """The 14 points that all four laws explain."""
    return _runs("Misra1a")


def _runs(name: str) -> bs.Runs:
    y, x = CERTIFIED[name].columns
    return bs.read_runs(pd.DataFrame({"steps": x, "loss": y}))


def misra_fits() -> dict[str, Fit]:
    """Fits of the four rival laws."""
    runs = misra_runs()
    return {name: bs.fit(bs.load_model(MISRA / f"{name}.toml"), runs) for name in "abcd"}


def ranking(full: bool, say: Say) -> Proof:
    found: Comparison = bs.compare(misra_fits())
    order = [str(name) for name in found.table.index]
    elpd = {name: float(found.table["elpd"][name]) for name in ORDER}
    likely = {
        name: log_likelihood(f"Misra1{name}", fit_least_squares(f"Misra1{name}", start))
        for name in ORDER
        for start in CERTIFIED[f"Misra1{name}"].starts[:1]
    }
    gaps = (
        max(abs(likely[name] - LIKELIHOODS[name]) for name in ORDER),
        max(abs(elpd[name] - ELPD[name]) for name in ORDER),
    )
    flags = found.table["flags"]
    flagged = all("n < 100" in flags[name] for name in ORDER[1:])
    unproven = "cannot be told apart" in flags["d"]
    outlier = _weights_beside_an_outlier()
    kept = order == ORDER and gaps[0] <= 1e-3 and gaps[1] <= 0.5
    return Proof(
        "A3",
        "compare ranks Misra's four laws as certified and calls the best not proven; one run that "
        "is an outlier under every law does not flatten the weights",
        len(ORDER) + 1,
        f"order {', '.join(order)}; log likelihoods off by {gaps[0]:.1e}, elpd by {gaps[1]:.2f}; "
        f"flag n < 100 {'shown' if flagged else 'missing'}, c and d "
        f"{'not told apart' if unproven else 'told apart'}; weight beside the outlier "
        f"{outlier:.6f}",
        "order c, d, b, a; 1e-3 and .5; flag shown; weight of the better law > .999",
        kept and flagged and unproven and outlier > 0.999,
    )


def _weights_beside_an_outlier() -> float:
    """Weight of a clearly better law where one row has a log score of -800 under both."""
    pointwise = np.column_stack([np.full(30, 3.0), np.full(30, 0.0)])
    pointwise[7] = (-800.0, -805.0)
    return float(stacking_weights(pointwise)[0])


def flat_model(name: str) -> ModelSpec:
    """The model of a set whose two parameters are flat between the ends of the grid."""
    certified = CERTIFIED[name]
    kind = "danwood" if name == "DanWood" else "misra"
    constants = {}
    for i, (b, sd) in enumerate(zip(certified.estimates, certified.errors, strict=True), start=1):
        constants |= {f"low_{i}": b - REACH * sd, f"high_{i}": b + REACH * sd}
    if name in SHAPES:
        constants |= dict(zip(("alpha", "stretch"), SHAPES[name], strict=True))
    flat = 'dist = "Beta"\nalpha = 1\nbeta = 1\nunit = "1"\nwhy = "flat"\n'
    text = (
        f'format = 1\nname = "{name.lower()}"\nversion = 1\nlaw = "laws.py:{kind}"\n'
        'answers = "A NIST set under flat priors."\nreferences = ["NIST StRD"]\n'
        "[constants]\n"
        + "".join(f"{key} = {value!r}\n" for key, value in constants.items())
        + f"[priors.u_1]\n{flat}[priors.u_2]\n{flat}"
        '[noise]\nkind = "normal"\nscale = "additive"\n'
        '[noise.sigma]\ndist = "LogNormal"\nq05 = 1e-6\nq95 = 1e2\nunit = "y"\nwhy = "1/sigma"\n'
    )
    return model_from_text(text, name, law=bs.load_law(f"{FLAT_LAWS}:{kind}"))


def grid_moments(name: str, nodes: int = 1201) -> tuple[np.ndarray, np.ndarray]:
    """Means and sds of b1 and b2 by quadrature, in the standardised axes of the certified fit."""
    y, x = (np.array(column) for column in CERTIFIED[name].columns)
    law, unknowns = curves()[name]
    best, errors = np.array(CERTIFIED[name].estimates), np.array(CERTIFIED[name].errors)
    step = 1e-4 * errors
    slopes = [
        (law.curve(np, x, **unknowns(*(best + d))) - law.curve(np, x, **unknowns(*(best - d))))
        / (2 * step[i])
        for i, d in enumerate(np.diag(step))
    ]
    inverse = np.linalg.inv(np.array(slopes) @ np.array(slopes).T)
    root = np.linalg.cholesky(inverse / inverse[0, 0] * errors[0] ** 2)
    axis = REACH * np.linspace(-1, 1, nodes) ** 3  # dense in the middle
    weight = np.gradient(axis)
    z_1, z_2 = (each.ravel() for each in np.meshgrid(axis, axis, indexing="ij"))
    b = best[:, None] + root @ np.array([z_1, z_2])
    mean = law.curve(np, x[:, None], **unknowns(*b))
    log_density = -len(y) / 2 * np.log(np.sum((mean - y[:, None]) ** 2, axis=0))
    mass = np.exp(log_density - log_density.max()) * np.outer(weight, weight).ravel()
    mass /= mass.sum()
    means = b @ mass
    return means, np.sqrt(((b - means[:, None]) ** 2) @ mass)


def posteriors(full: bool, say: Say) -> Proof:
    seen: list[_Moments] = []
    notes, grid_gap = [], 0.0
    for name, (means, sds) in GRID.items():
        again = grid_moments(name)
        for a, b in zip(again, (means, sds), strict=True):
            grid_gap = max(grid_gap, float(np.max(np.abs(a - b) / np.array(sds))))
        found = _moments(name, SEED, DRAWS)
        if not all(each.kept for each in found):
            first = "; ".join(each.words for each in found)
            found = _moments(name, SEED + 1, 2 * DRAWS)
            again_words = "; ".join(each.words for each in found)
            notes.append(f"Failed once ({first}), then with a fresh seed, twice the draws: "
                         f"{again_words}.")  # fmt: skip
        seen += found
    failed = "; ".join(each.words for each in seen if not each.kept)
    return Proof(
        "A4",
        "posteriors of NIST's sets under flat priors are those of a dense grid",
        len(seen),
        f"means within {max(each.mcses for each in seen):.1f} MCSE and "
        f"{max(each.sds for each in seen):.3f} sd, sds within "
        f"{max(abs(each.wide) for each in seen):.1%}" + (f"; failed: {failed}" if failed else ""),
        "means within 4 MCSE and .1 sd, sds within 5% (DanWood 8%)",
        not failed,
        " ".join(
            [f"The grid is done again here and agrees with the recorded one to {grid_gap:.1e} sd.",
             "DanWood's posterior is a t of 4 degrees of freedom, whose sd draws tell poorly.",
             *notes]
        ),
    )  # fmt: skip


class _Moments(NamedTuple):
    """How far one parameter's posterior is from the grid: mean in MCSE and sd, and its sd."""

    name: str
    mcses: float
    sds: float
    wide: float

    @property
    def kept(self) -> bool:
        limit = SD_LIMITS.get(self.name.split()[0], 0.05)
        return self.mcses <= 4 and self.sds <= 0.1 and abs(self.wide) <= limit

    @property
    def words(self) -> str:
        return f"{self.name} {self.mcses:.1f} MCSE, sd {self.wide:+.1%}"


def _moments(name: str, seed: int, draws: int) -> list[_Moments]:
    fit = bs.fit(flat_model(name), _runs(name), draws=draws, seed=seed)
    found = []
    for unknown, mean, sd in zip(("b1", "b2"), *GRID[name], strict=True):
        values = fit.derived[unknown].values
        off = abs(float(values.mean()) - mean)
        wide = float(values.std()) / sd - 1
        found.append(_Moments(f"{name} {unknown}", off / _mcse(values), off / sd, wide))
    return found


def _mcse(values: Any) -> float:
    from arviz_stats.base import array_stats

    return float(array_stats.mcse(values, chain_axis=0, draw_axis=1, method="mean"))
