"""Formula: a law's text as SymPy sees it, for LaTeX, MathML and high precision."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bayes_scaling.laws.law import Law

INFINITY = "_∞"


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
    """Return the law as a SymPy expression in positive symbols named as in its signature."""
    import sympy as sp

    names = (*law.inputs, *law.unknowns, *law.constants)
    symbols = {name: sp.Symbol(name.replace("_inf", INFINITY), positive=True) for name in names}
    inputs = [symbols.pop(name) for name in law.inputs]
    return law.curve(sympy_functions(), *inputs, **symbols)


def latex(law: Law) -> str:
    """Return the formula in LaTeX, without delimiters."""
    import sympy as sp

    return str(sp.latex(expression(law))).replace(INFINITY[1:], r"\infty")


def mathml(law: Law) -> str:
    """Return the formula as presentation MathML, wrapped in <math>."""
    import sympy as sp

    body = sp.mathml(expression(law), printer="presentation")
    return f'<math display="block">{body}</math>'


def precise(law: Law, digits: int = 30) -> Any:
    """Return f(inputs, values) that evaluates the law with `digits` digits, one point at a time.

    `inputs` is a tuple in the order of `law.inputs`, `values` maps unknowns and constants.
    """
    import mpmath
    import sympy as sp

    names = (*law.inputs, *law.unknowns, *law.constants)
    symbols = {name: sp.Symbol(name, positive=True) for name in names}
    keywords = {k: v for k, v in symbols.items() if k not in law.inputs}
    body = law.curve(sympy_functions(), *(symbols[n] for n in law.inputs), **keywords)
    function = sp.lambdify([symbols[n] for n in names], body, modules="mpmath")

    def evaluate(inputs: tuple[float, ...], values: dict[str, float]) -> float:
        with mpmath.workdps(digits):
            numbers = [mpmath.mpf(v) for v in (*inputs, *(values[n] for n in names[len(inputs) :]))]
            return float(function(*numbers))

    return evaluate
