"""Groups: unknowns of the law that vary by a group column, with partial pooling.

The law's own unknown is the value of the middle group. In its free coordinate (log of a positive
unknown, logit of a share) groups scatter normally around it with a standard deviation of its own,
`spread_NAME`: groups with many runs speak for themselves, a group with few is drawn to the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.names import NEW_GROUP
from bayes_scaling.specs.coordinate import coordinate_of
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREAD = "spread_"
"""Prefix of the unknown that is the standard deviation between groups of another unknown."""
OF_GROUP = "_of_group"
"""Suffix of an unknown's values in the groups."""
SMALLEST_SIZE = 4


@dataclass(frozen=True)
class Groups:
    """What varies between groups: for each unknown of the law, the prior of its spread.

    `labels` are the groups of the table that the model is stated against.
    """

    column: str
    spread: Mapping[str, Prior]
    labels: tuple[str, ...] = ()

    @property
    def priors(self) -> dict[str, Prior]:
        """Priors of the spreads, by the names of these unknowns."""
        return {SPREAD + name: prior for name, prior in self.spread.items()}

    @property
    def size(self) -> int:
        """Number of groups rounded up to a power of two: one graph serves many tables."""
        return max(SMALLEST_SIZE, 1 << max(len(self.labels) - 1, 0).bit_length())

    def against(self, labels: Sequence[str]) -> Groups:
        """Return the same groups with the labels of a table."""
        return replace(self, labels=tuple(labels))

    def values(
        self,
        xp: Any,
        priors: Mapping[str, Prior],
        unknowns: Mapping[str, Any],
        z: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Values in the groups of what varies: `z` are standard normal, one for each group."""
        found = {}
        for name in self.spread:
            coordinate = coordinate_of(priors[name])
            free = coordinate.to_free(xp, unknowns[name]) + unknowns[SPREAD + name] * z[name]
            found[name] = coordinate.to_value(xp, free)
        return found

    def numbers(self, names: Any) -> NDArray[np.int64]:
        """Position of each name among the labels; that of a new group is behind them.

        Raises UsageError for names the table does not have.
        """
        asked = [str(name) for name in np.atleast_1d(np.asarray(names, dtype=object))]
        known = {label: i for i, label in enumerate((*self.labels, NEW_GROUP))}
        if strange := sorted({name for name in asked if name not in known}):
            raise UsageError(
                f"no group {', '.join(map(repr, strange))}; the fit has {', '.join(self.labels)}, "
                f"and {NEW_GROUP!r} stands for one that is not among them"
            )
        return np.array([known[name] for name in asked], dtype=np.int64)
