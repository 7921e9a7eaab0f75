"""Formula: a law's text as SymPy sees it, for LaTeX, MathML and high precision."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np

from bayes_scaling.laws.law import Law

INFINITY = "_∞"
SPLIT = ("N", "D", "C", "M")
"""Inputs that follow from a split of a budget."""
NEARBY = 1e-10
"""Relative distance of the two points from which the root of an implicit law is sought."""


def sympy_functions() -> Any:
    """Return the twelve functions of laws over SymPy expressions, as an `xp`."""
    import sympy as sp

    return SimpleNamespace(
        exp=sp.exp,
        log=sp.log,
        log1p=lambda x: sp.log(1 + x),
        expm1=lambda x: sp.exp(x) - 1,
        sqrt=sp.sqrt,
        power=sp.Pow,
        abs=sp.Abs,
        tanh=sp.tanh,
        logaddexp=lambda a, b: sp.log(sp.exp(a) + sp.exp(b)),
        maximum=sp.Max,
        minimum=sp.Min,
        where=lambda test, a, b: sp.Piecewise((a, test), (b, True)),
    )


def expression(law: Law) -> Any:
    """Return the law as a SymPy expression in positive symbols named as in its signature.

    For an implicit law: the equation that it solves.
    """
    import sympy as sp

    names = (*law.inputs, *law.unknowns, *law.constants)
    symbols = {name: sp.Symbol(name.replace("_inf", INFINITY), positive=True) for name in names}
    inputs = [symbols.pop(name) for name in law.inputs]
    if law.implicit is None:
        return law.curve(sympy_functions(), *inputs, **symbols)
    target = sp.Symbol(tuple(inspect.signature(law.implicit).parameters)[1], positive=True)
    return sp.Eq(*law.implicit(sympy_functions(), target, *inputs, **symbols))


def latex(law: Law) -> str:
    """Return the formula in LaTeX, without delimiters."""
    import sympy as sp

    return str(sp.latex(expression(law))).replace(INFINITY[1:], r"\infty")


def mathml(law: Law) -> str:
    """Return the formula as presentation MathML, wrapped in <math>."""
    import sympy as sp

    body = sp.mathml(expression(law), printer="presentation")
    return f'<math display="block">{body}</math>'


def javascript(law: Law) -> str | None:
    """Return the law as a JavaScript expression, or None where it is no formula.

    Inputs stand in it by their symbols (N, D, C, M, and given ones as g[i] in the order of inputs),
    the unknowns as u[i] and the constants as c[i], in the order of the signature: no name that a
    user has chosen becomes code.
    """
    import sympy as sp

    if law.implicit is not None:
        return None
    inputs = [
        sp.Symbol(name if name in SPLIT else f"g[{i}]", positive=True)
        for i, name in enumerate(law.inputs)
    ]
    each = {
        **{name: sp.Symbol(f"u[{i}]", positive=True) for i, name in enumerate(law.unknowns)},
        **{name: sp.Symbol(f"c[{i}]", positive=True) for i, name in enumerate(law.constants)},
    }
    try:
        body = law.curve(sympy_functions(), *inputs, **each)
        code = str(sp.jscode(body))
        return None if "Not supported" in code else code
    except Exception:  # a curve that iterates, or asks for numbers, is no formula
        return None


def precise(law: Law, digits: int = 30) -> Any:
    """Return f(inputs, values) that evaluates the law with `digits` digits, one point at a time.

    `inputs` is a tuple in the order of `law.inputs`, `values` maps unknowns and constants. The
    equation of an implicit law is solved from the curve on.
    """
    import mpmath
    import sympy as sp

    names = (*law.inputs, *law.unknowns, *law.constants)
    symbols = {name: sp.Symbol(name, positive=True) for name in names}
    arguments = list(symbols.values())
    inputs = [symbols.pop(name) for name in law.inputs]
    target = sp.Symbol("target")
    if law.implicit is None:
        body = law.curve(sympy_functions(), *inputs, **symbols)
    else:
        left, right = law.implicit(sympy_functions(), target, *inputs, **symbols)
        body = left - right
    function = sp.lambdify([target, *arguments], body, modules="mpmath")

    def evaluate(inputs: tuple[float, ...], values: dict[str, float]) -> float:
        with mpmath.workdps(digits):
            numbers = [mpmath.mpf(v) for v in (*inputs, *(values[n] for n in names[len(inputs) :]))]
            if law.implicit is None:
                return float(function(None, *numbers))
            near = mpmath.mpf(float(law.curve(np, *inputs, **values)))
            ends = (near, near * (1 - mpmath.mpf(NEARBY)))
            return float(mpmath.findroot(lambda value: function(value, *numbers), ends))

    return evaluate
