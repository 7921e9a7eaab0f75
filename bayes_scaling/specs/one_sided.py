"""One-sided scatter: a run can be worse than the curve by more than noise, never better.

With probability 1 - p a residual r is normal with standard deviation s; with probability p it is
that plus an exponential excess of mean m: the exponentially modified Gaussian of Grushka 1972,
doi:10.1021/ac60319a011. Everything is written in erfcx, so that no tail over- or underflows. The
density is written once, for NumPy and PyTensor: `xp` is the array module and `special` the home of
its erfc and erfcx.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF = math.sqrt(0.5)
LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


def log_normal_part(xp: Any, r: Any, s: Any) -> Any:
    """Log density of a residual that is only noise."""
    return -0.5 * (r / s) ** 2 - xp.log(s) - LOG_ROOT_2_PI


def log_shifted_part(xp: Any, special: Any, r: Any, s: Any, m: Any) -> Any:
    """Log density of a residual that is noise plus an exponential excess of mean `m`.

    Left of r = s^2/m the bell is factored out, right of it the exponential; each form is evaluated
    only where it is bounded.
    """
    z, q = r / s, s / m
    u = q - z
    bell = xp.log(special.erfcx(HALF * xp.maximum(u, 0.0))) - 0.5 * z**2
    q_right = xp.minimum(q, xp.maximum(z, 0.0))
    tail = xp.log(special.erfc(HALF * xp.minimum(u, 0.0))) + q_right * (0.5 * q_right - z)
    return xp.where(u > 0, bell, tail) - xp.log(2 * m)


def log_density(xp: Any, special: Any, r: Any, s: Any, p: Any, m: Any) -> Any:
    """Log density of a residual; all arguments broadcast."""
    good = xp.log1p(-p) + log_normal_part(xp, r, s)
    bad = xp.log(p) + log_shifted_part(xp, special, r, s, m)
    return xp.logaddexp(good, bad)


def bad_probability(r: Any, s: Any, p: Any, m: Any) -> NDArray[np.float64]:
    """Probability that a run with this residual carries an excess, by Bayes' rule."""
    from scipy import special

    good = np.log1p(-p) + log_normal_part(np, r, s)
    bad = np.log(p) + log_shifted_part(np, special, r, s, m)
    return np.asarray(special.expit(bad - good))


def normal_scores(r: Any, s: Any, p: Any, m: Any) -> NDArray[np.float64]:
    """Standard normal scores of residuals, from the logs of the smaller tail.

    The distribution function is Phi(z) - p m f with f the density of the shifted part, so the
    upper tail is a sum; the lower one is a difference with the bell factored out of both terms.
    """
    from scipy import special

    r, s, p, m = np.broadcast_arrays(r, s, p, m)
    z, u = r / s, s / m - r / s
    shifted = np.log(p) + np.log(m) + log_shifted_part(np, special, r, s, m)
    upper = np.logaddexp(special.log_ndtr(-z), shifted)
    below = np.minimum(z, 0.0)
    left = special.erfcx(-HALF * below) - p * special.erfcx(HALF * np.maximum(u, -below))
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.where(
            z < 0, np.log(left / 2) - z**2 / 2, np.log(-np.expm1(np.minimum(upper, 0)))
        )
    from_below = upper > math.log(0.5)
    score = special.ndtri_exp(np.where(from_below, lower, np.minimum(upper, 0.0)))
    return np.asarray(np.where(from_below, score, -score))


def sample(
    rng: np.random.Generator, shape: tuple[int, ...], s: Any, p: Any, m: Any
) -> NDArray[np.float64]:
    """Residuals of new runs, shape `shape`."""
    noise = s * rng.standard_normal(shape)
    return np.asarray(noise + (rng.random(shape) < p) * m * rng.standard_exponential(shape))
