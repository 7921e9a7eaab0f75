"""NIST: least-squares fits of laws against certified values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bayes_scaling.laws.law import Law, law
from bayes_scaling.laws.library import load_law
from bayes_scaling.proofs.nist_data import CERTIFIED
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.specs.noise import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ERROR_DIGITS, RSS_DIGITS = 4.0, 6.0
MOST_DIGITS: Final = 11.0
"""Digits that NIST certifies."""
COMPLEX_STEP: Final = 1e-30
NOISE: Final = Noise("normal", "additive", {})


class PointFit(NamedTuple):
    """A least-squares fit: estimates, their standard errors, residual sum of squares."""

    estimates: Floats
    errors: Floats
    rss: float


@law(reference="NIST Statistical Reference Datasets, Misra1a", may_rise=("x",))
def exponential_approach(xp: Any, x: Any, *, b1: Any, b2: Any) -> Any:
    """Expected volume [any unit]: exponential approach to b1, the limit of large alpha."""
    return b1 * -xp.expm1(-b2 * x)


def _approach(alpha: float, scale: float) -> Callable[[Any, Any], dict[str, Any]]:
    """b1 (1 - (1 + scale b2 x)^-alpha) as a shifted power law."""
    return lambda b1, b2: {
        "L_inf": b1,
        "A": -b1,
        "alpha": alpha,
        "x_0": 1 / (scale * b2),
        "x_ref": 1 / (scale * b2),
    }


def curves() -> dict[str, tuple[Law, Callable[..., dict[str, Any]]]]:
    """Return the law of each set, and its unknowns as functions of NIST's parameters.

    All but Misra1a are laws of the shelf in other letters.
    """
    shifted = load_law("power-shifted")
    return {
        "DanWood": (load_law("power"), lambda b1, b2: {"A": b1, "alpha": -b2}),
        "Bennett5": (
            shifted,
            lambda b1, b2, b3: {"L_inf": 0.0, "A": b1, "alpha": 1 / b3, "x_0": b2},
        ),
        "Misra1a": (exponential_approach, lambda b1, b2: {"b1": b1, "b2": b2}),
        "Misra1b": (shifted, _approach(2.0, 0.5)),
        "Misra1c": (shifted, _approach(0.5, 2.0)),
        "Misra1d": (shifted, _approach(1.0, 1.0)),
    }


def fit_least_squares(name: str, start: tuple[float, ...]) -> PointFit:
    """Fit one set from a start by Levenberg and Marquardt, with exact slopes of the law."""
    from scipy.optimize import least_squares

    y, x = (np.array(column) for column in CERTIFIED[name].columns)
    each, unknowns = curves()[name]

    def curve(b: Any) -> Any:
        return each.curve(np, x, **unknowns(*b))

    def slopes(b: Floats) -> Floats:
        moved = np.asarray(b, dtype=complex) + 1j * COMPLEX_STEP * np.diag(np.abs(b))
        return np.array([curve(row).imag / COMPLEX_STEP for row in moved]).T / np.abs(b)

    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 10_000}
    with np.errstate(invalid="ignore", over="ignore"):
        found = least_squares(
            lambda b: curve(b) - y, start, jac=slopes, method="lm", x_scale="jac", **tight
        )
    rss = float(np.sum((curve(found.x) - y) ** 2))
    orthogonal = np.linalg.inv(np.linalg.qr(slopes(found.x), mode="r"))
    errors = np.linalg.norm(orthogonal, axis=1) * np.sqrt(rss / (len(y) - len(start)))
    return PointFit(np.asarray(found.x), np.asarray(errors), rss)


def log_likelihood(name: str, fitted: PointFit) -> float:
    """Largest normal log likelihood of a set, by the package's own noise."""
    y, x = (np.array(column) for column in CERTIFIED[name].columns)
    each, unknowns = curves()[name]
    mean = each.curve(np, x, **unknowns(*fitted.estimates))
    sigma = {"sigma": np.sqrt(fitted.rss / len(y))}
    return float(NOISE.log_density(y, mean, 0.0, sigma).sum())


def direct_fits(full: bool, say: Say) -> Proof:
    """Twelve least-squares fits against NIST's certified values (A2)."""
    least: dict[str, tuple[float, float, float]] = {}
    bad = []
    for name, certified in CERTIFIED.items():
        for number, start in enumerate(certified.starts, start=1):
            found = fit_least_squares(name, start)
            digits = (
                _digits(found.estimates, certified.estimates),
                _digits(found.errors, certified.errors),
                _digits(found.rss, certified.rss),
            )
            limits = (certified.digits, ERROR_DIGITS, RSS_DIGITS)
            if not all(d >= limit for d, limit in zip(digits, limits, strict=True)):
                bad.append(f"{name} from start {number}")
            before = least.get(name, digits)
            least[name] = (
                min(before[0], digits[0]),
                min(before[1], digits[1]),
                min(before[2], digits[2]),
            )
    words = [f"{name} {a:.1f}/{b:.1f}/{c:.1f}" for name, (a, b, c) in least.items()]
    failed = f"; failed: {', '.join(bad)}" if bad else ""
    return Proof(
        "A2",
        "least-squares fits of laws end at NIST's certified values, from both starts",
        2 * len(CERTIFIED),
        f"digits of estimates/standard errors/residual sum of squares: {', '.join(words)}{failed}",
        "6 digits of estimates (Bennett5: 5), 4 of standard errors, 6 of the residual sum",
        not bad,
        "The laws are those of the shelf (power, power-shifted) save Misra1a's; the package fits "
        "no points, so SciPy's Levenberg-Marquardt minimises their residuals.",
    )


def _digits(found: Any, certified: Any) -> float:
    """Fewest matching digits, the log relative error of NIST; at most as many as are certified."""
    right = np.asarray(certified)
    gap = np.max(np.abs(np.asarray(found) - right) / np.abs(right))
    if not np.isfinite(gap):
        return 0.0
    return min(MOST_DIGITS, -float(np.log10(max(gap, 1e-300))))
