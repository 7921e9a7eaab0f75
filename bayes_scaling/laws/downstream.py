"""Links from the loss to what a benchmark measures."""

from __future__ import annotations

from typing import Any

from bayes_scaling.laws.law import law


@law(reference="Gadre et al. 2024, eq. 5, arXiv:2403.08540", target="error", may_rise=("L",))
def error_exp(xp: Any, L: Any, *, e_max: Any, K: Any, gamma: Any) -> Any:
    """Expected error [share of items] of a model of loss L: e_max - K exp(-gamma L).

    Holds inside the range of losses it was fitted on.
    """
    return e_max - K * xp.exp(-gamma * L)
