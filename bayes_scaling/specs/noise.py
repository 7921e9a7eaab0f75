"""Noise: how a measured loss scatters around the curve.

`scale = "log"`: the log loss scatters (relative error); `"additive"`: the loss itself.
A known standard deviation of a run's loss is added in quadrature. `sigma` is the scale of the kind:
the standard deviation of normal noise, the scale of Student's t, the mean absolute deviation of
Laplace noise, the Bayesian twin of Huber's loss with a small threshold. `one_sided` noise is normal
for good runs, and a share `p_bad` of bad runs (diverged, undertuned) lies above the curve by an
exponential excess of mean `excess` more: a run can be worse than the curve by more than noise, not
better.

With `growth`, runs scatter more the smaller they are: sigma is that of the largest fitted run, and
grows by exp(growth) with every e-fold of the axis (compute, or the one resource) below it. Small
runs, where laws fail first, then say less about large ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bayes_scaling.specs import one_sided, run_effect
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["student_t", "normal", "laplace", "one_sided"]
Scale = Literal["log", "additive"]
UNKNOWNS_OF_KIND: dict[str, tuple[str, ...]] = {
    "student_t": ("sigma", "nu"),
    "normal": ("sigma",),
    "laplace": ("sigma",),
    "one_sided": ("sigma", "p_bad", "excess"),
}
RUN_EFFECT = "run_effect"
"""Unknown of any normal noise that has it: standard deviation between runs (see run_effect.py)."""
GROWTH = "growth"
"""Unknown of any noise that has it: log sigma gained per e-fold of the axis below the largest."""
P_BAD, EXCESS = UNKNOWNS_OF_KIND["one_sided"][1:]


@dataclass(frozen=True)
class Noise:
    """Distribution of one run's loss given the curve; `priors` has the unknowns of its kind."""

    kind: Kind
    scale: Scale
    priors: Mapping[str, Prior]

    @property
    def has_run_effect(self) -> bool:
        """True where rows of one run share an effect of their own."""
        return RUN_EFFECT in self.priors

    @property
    def grows(self) -> bool:
        """True where smaller runs scatter more."""
        return GROWTH in self.priors

    def at(self, xp: Any, unknowns: Mapping[str, Any], below: Any) -> dict[str, Any]:
        """Return the unknowns with the sigma of runs `below` e-folds under the largest fitted."""
        if not self.grows:
            return dict(unknowns)
        return {**unknowns, "sigma": unknowns["sigma"] * xp.exp(unknowns[GROWTH] * below)}

    def relative_scatter(self, unknowns: Mapping[str, Any], loss: Any) -> Any:
        """Scale of the scatter of runs around the curve, as a share of `loss`; broadcasts."""
        effect = unknowns[RUN_EFFECT] if self.has_run_effect else 0.0
        scatter = np.hypot(unknowns["sigma"], effect)
        return scatter if self.scale == "log" else scatter / loss

    def to_scale(self, xp: Any, loss: Any) -> Any:
        """Loss [nats/token] on the scale on which it scatters."""
        return xp.log(loss) if self.scale == "log" else loss

    def from_scale(self, value: Any) -> Any:
        """Inverse of `to_scale`, NumPy only; a tail beyond all floats is infinite."""
        if self.scale != "log":
            return value
        with np.errstate(over="ignore"):
            return np.exp(value)

    def known_sd(self, loss: Any, loss_sd: Any) -> Any:
        """Known standard deviation of a run [nats/token] on the scale of the noise."""
        return loss_sd / loss if self.scale == "log" else loss_sd

    def observe(
        self, pm: Any, name: str, center: Any, known_sd: Any, unknowns: Any, data: Any, run: Any = 0
    ) -> Any:
        """Add the observed variable to the PyMC model in context; `run` numbers each row's run."""
        if self.has_run_effect:
            variance, sd = unknowns["sigma"] ** 2 + known_sd**2, unknowns[RUN_EFFECT]
            density = run_effect.log_density_graph(data - center, variance, sd, run)
            return pm.Potential(name, density)
        alone = isinstance(known_sd, float) and known_sd == 0
        sigma = unknowns["sigma"]
        sigma = sigma if alone else pm.math.sqrt(sigma**2 + known_sd**2)
        if self.kind == "student_t":
            return pm.StudentT(name, nu=unknowns["nu"], mu=center, sigma=sigma, observed=data)
        if self.kind == "laplace":
            return pm.Laplace(name, mu=center, b=sigma, observed=data)
        if self.kind == "one_sided":
            import pytensor.tensor as pt

            shape = (unknowns[P_BAD], unknowns[EXCESS])
            return pm.Potential(name, one_sided.log_density(pt, pt, data - center, sigma, *shape))
        return pm.Normal(name, mu=center, sigma=sigma, observed=data)

    def _standard(self, unknowns: Mapping[str, Any]) -> Any:
        from scipy import stats

        if self.kind == "student_t":
            return stats.t(unknowns["nu"])
        return stats.laplace() if self.kind == "laplace" else stats.norm()

    def log_density(
        self, loss: Any, loss_mean: Any, known_sd: Any, unknowns: Mapping[str, Any]
    ) -> NDArray[np.float64]:
        """Log density [1/(nats/token)] of observed losses; shapes broadcast.

        `loss_mean` is the curve, moved by the run's own effect where there is one.
        """
        sigma = np.sqrt(np.asarray(unknowns["sigma"]) ** 2 + known_sd**2)
        gap = self.to_scale(np, loss) - self.to_scale(np, loss_mean)
        jacobian = np.log(loss) if self.scale == "log" else 0.0
        if self.kind == "one_sided":
            from scipy import special

            shape = (unknowns[P_BAD], unknowns[EXCESS])
            density = one_sided.log_density(np, special, gap, sigma, *shape)
            return np.asarray(density - jacobian)
        z = gap / sigma
        return np.asarray(self._standard(unknowns).logpdf(z) - np.log(sigma) - jacobian)

    def normal_scores(
        self, loss: Any, loss_mean: Any, known_sd: Any, unknowns: Mapping[str, Any]
    ) -> NDArray[np.float64]:
        """Residuals as standard normal scores: N(0, 1) wherever curve and noise are right.

        `loss_mean` as in `log_density`.
        """
        from scipy import special

        sigma = np.sqrt(np.asarray(unknowns["sigma"]) ** 2 + known_sd**2)
        z = (self.to_scale(np, loss) - self.to_scale(np, loss_mean)) / sigma
        if self.kind == "normal":
            return np.asarray(z)
        if self.kind == "one_sided":
            return one_sided.normal_scores(z * sigma, sigma, unknowns[P_BAD], unknowns[EXCESS])
        if self.kind == "laplace":
            tail = 0.5 * np.exp(-np.abs(z))
        else:
            tail = special.stdtr(np.broadcast_to(unknowns["nu"], z.shape), -np.abs(z))
        return np.asarray(np.sign(z) * -special.ndtri(np.maximum(tail, 1e-300)))

    def sample(
        self,
        rng: np.random.Generator,
        loss_mean: NDArray[np.float64],
        unknowns: Mapping[str, Any],
        known_sd: Any = 0.0,
        *,
        same_runs: bool = False,
    ) -> NDArray[np.float64]:
        """Losses [nats/token] of new runs, one for each entry of `loss_mean`.

        `same_runs`: of new rows of runs whose own effect `loss_mean` contains.
        """
        center = self.to_scale(np, loss_mean)
        drawn = self.sample_on_scale(rng, center, unknowns, known_sd, same_runs=same_runs)
        return np.asarray(self.from_scale(drawn))

    def sample_on_scale(
        self,
        rng: np.random.Generator,
        center: NDArray[np.float64],
        unknowns: Mapping[str, Any],
        known_sd: Any = 0.0,
        *,
        same_runs: bool = False,
    ) -> NDArray[np.float64]:
        """As `sample`, with `center` and the outcome on the scale on which losses scatter."""
        sigma = np.sqrt(np.asarray(unknowns["sigma"]) ** 2 + known_sd**2)
        if self.has_run_effect and not same_runs:
            center = center + unknowns[RUN_EFFECT] * rng.standard_normal(center.shape)
        if self.kind == "one_sided":
            shape = (unknowns[P_BAD], unknowns[EXCESS])
            return np.asarray(center + one_sided.sample(rng, center.shape, sigma, *shape))
        if self.kind == "student_t":
            z = rng.standard_t(np.broadcast_to(unknowns["nu"], center.shape))
        elif self.kind == "laplace":
            z = rng.laplace(size=center.shape)
        else:
            z = rng.standard_normal(center.shape)
        return np.asarray(center + sigma * z)

    def move(
        self,
        rng: np.random.Generator,
        loss: Any,
        loss_mean: NDArray[np.float64],
        known_sd: Any,
        unknowns: Mapping[str, Any],
        run: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Curve (..., row) moved by a draw of each run's own effect given its losses."""
        variance = np.asarray(unknowns["sigma"]) ** 2 + known_sd**2
        center = self.to_scale(np, loss_mean)
        gap = self.to_scale(np, loss) - center
        effect = run_effect.sample_given(rng, gap, variance, unknowns[RUN_EFFECT], run)
        return np.asarray(self.from_scale(center + effect))

    def bad_probability(
        self, loss: Any, loss_mean: Any, known_sd: Any, unknowns: Mapping[str, Any]
    ) -> NDArray[np.float64]:
        """Probability that a run is bad, given its loss; only `one_sided` noise has bad runs."""
        sigma = np.sqrt(np.asarray(unknowns["sigma"]) ** 2 + known_sd**2)
        gap = self.to_scale(np, loss) - self.to_scale(np, loss_mean)
        return one_sided.bad_probability(gap, sigma, unknowns[P_BAD], unknowns[EXCESS])
