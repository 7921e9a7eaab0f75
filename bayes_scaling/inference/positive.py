"""Positive: an array that is known by its logarithm, so that a power of it is one exponential.

Laws raise resources to unknown powers. A power takes a logarithm and an exponential for each row at
each evaluation; the logarithm of a resource never changes, and is taken once for a table.
"""

from __future__ import annotations

import math
from typing import Any


class Positive:
    """Positive numbers in a graph: `log`, and `value` for whatever is no product and no power."""

    __slots__ = ("log", "value")

    def __init__(self, log: Any, value: Any = None) -> None:
        self.log = log
        self.value = _tensors().exp(log) if value is None else value

    def __mul__(self, other: Any) -> Positive:
        """Product; of its logarithm nothing is made unless a power is taken."""
        return Positive(self.log + _log(other), self.value * _value(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Positive:
        """Quotient, as `__mul__`."""
        return Positive(self.log - _log(other), self.value / _value(other))

    def __rtruediv__(self, other: Any) -> Positive:
        """Quotient, as `__mul__`."""
        return Positive(_log(other) - self.log, _value(other) / self.value)

    def __pow__(self, power: Any) -> Positive:
        """Power: one exponential."""
        return Positive(_value(power) * self.log)

    def __rpow__(self, base: Any) -> Any:
        """Power of another number to this one."""
        return base**self.value

    def __add__(self, other: Any) -> Any:
        """Sum: an array like any other, as the results below."""
        return self.value + _value(other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        """Difference."""
        return self.value - _value(other)

    def __rsub__(self, other: Any) -> Any:
        """Difference."""
        return _value(other) - self.value

    def __neg__(self) -> Any:
        """Negative."""
        return -self.value

    def __lt__(self, other: Any) -> Any:
        """Comparison, row by row."""
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        """Comparison, row by row."""
        return self.value <= _value(other)

    def __gt__(self, other: Any) -> Any:
        """Comparison, row by row."""
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        """Comparison, row by row."""
        return self.value >= _value(other)


def register() -> None:
    """Let functions of PyTensor take such numbers by their value."""
    from pytensor.tensor import _as_tensor_variable

    @_as_tensor_variable.register(Positive)  # type: ignore[untyped-decorator]
    def by_value(found: Positive, name: Any = None, ndim: Any = None, **_more: Any) -> Any:
        return _tensors().as_tensor_variable(found.value, name=name, ndim=ndim)


def _log(other: Any) -> Any:
    if isinstance(other, int | float):  # as a tensor it would be rounded to single precision
        return math.log(other)
    return other.log if isinstance(other, Positive) else _tensors().log(other)


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Positive) else other


def _tensors() -> Any:
    import pytensor.tensor as pt

    return pt
