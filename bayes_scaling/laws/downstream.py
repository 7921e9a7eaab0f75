"""Links: from the loss to what a benchmark measures, and from one loss to another."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law

TINY = 1e-12
"""Stands for nothing where a power of a negative number would have to be taken."""


def falling_step(xp: Any, z: Any) -> Any:
    """Logistic step 1/(1 + e^z) from 1 to 0, without overflow."""
    return 0.5 * (1 - xp.tanh(z / 2))


def _amplitude_at_zero(
    xp: Any, *, e_max: Any, drop: Any, gamma: Any, L_ref: Any, **_: Any
) -> dict[str, Any]:
    return {"K": e_max * drop * xp.exp(gamma * L_ref)}


@law(
    reference="Gadre et al. 2024, eq. 5, arXiv:2403.08540",
    target="error",
    may_rise=("L",),
    derived=_amplitude_at_zero,
)
def error_exp(xp: Any, L: Any, *, e_max: Any, drop: Any, gamma: Any, L_ref: Any = 1.5) -> Any:
    """Expected error [share of items] of a model of loss L: e_max - K exp(-gamma L).

    Of the error e_max of a model that knows nothing, the share drop is gone at the loss L_ref, so
    that K = e_max drop exp(gamma L_ref) and no model of a loss above L_ref has a negative error.
    Holds inside the range of losses it was fitted on.
    """
    return e_max * (1 - drop * xp.exp(gamma * (L_ref - L)))


def _ceiling(xp: Any, *, reach: Any, floor: Any, **_: Any) -> dict[str, Any]:
    return {"top": floor + (1 - floor) * reach}


@law(
    reference="Bhagia et al. 2024, arXiv:2412.04403",
    target="accuracy",
    derived=_ceiling,
    step=("L_mid", "s"),
)
def accuracy_sigmoid(xp: Any, L: Any, *, reach: Any, L_mid: Any, s: Any, floor: Any = 0.25) -> Any:
    """Expected accuracy [share of items]: floor + (top - floor)/(1 + exp((L - L_mid)/s)).

    The floor is chance, 0.25 for four choices: set it in the model file. reach is the share of the
    way from floor to 1 at which the accuracy stops, top = floor + (1 - floor) reach; accuracies
    below about 0.6 say little about it. Half of the way is gone at the loss L_mid, and s is the
    width of the step in units of loss.
    """
    return floor + (1 - floor) * reach * falling_step(xp, (L - L_mid) / s)


@law(reference="Schaeffer et al. 2023, arXiv:2304.15004", target="accuracy", step=("L_t", "s"))
def threshold(xp: Any, L: Any, *, L_t: Any, s: Any) -> Any:
    """Expected score [share of items] of an all-or-nothing metric: 1/(1 + exp((L - L_t)/s)).

    The same smooth loss pushed through a threshold at L_t, of width s in units of loss: the metric
    jumps where the loss does not.
    """
    return falling_step(xp, (L - L_t) / s)


@law(reference="Schaeffer et al. 2023, arXiv:2304.15004", target="accuracy")
def exact_match(xp: Any, L: Any, m: Any, *, k: Any) -> Any:
    """Expected accuracy [share of items] where all m tokens of an answer must be right.

    exp(-k m L): a token is right with probability exp(-L). k is the number of tokens that each
    token of the answer counts for: 1 where they err independently and the loss is that of the
    answers, less where they err together or are easier than the text of the loss.
    """
    return xp.exp(-k * m * L)


@law(
    reference="Brandfonbrener et al. 2024, arXiv:2411.12925",
    terms={"E1": (), "K": ("kappa",)},
    may_rise=("L_0",),
)
def loss_transfer(xp: Any, L_0: Any, *, E0: Any, E1: Any, K: Any, kappa: Any) -> Any:
    """Expected loss [nats/token] on one data set from the loss L_0 on another.

    K (L_0 - E0)^kappa + E1: E0 and E1 are the floors of the two, and K is the loss above E1 of a
    model one nat above E0. E0, K and kappa ride a ridge: read them together.
    """
    return E1 + K * xp.power(xp.maximum(L_0 - E0, TINY), kappa)


@law(reference="Krajewski et al. 2025, arXiv:2512.08894", target="accuracy", may_rise=("x",))
def direct_accuracy(xp: Any, x: Any, *, A: Any, alpha: Any, x_ref: Any = 1.0) -> Any:
    """Expected accuracy [share of items] of a run that spends x: exp(-A (x/x_ref)^-alpha).

    A is minus the log accuracy at the reference x_ref. At a fixed ratio of tokens to parameters.
    """
    return xp.exp(-A * (x / x_ref) ** -alpha)
