"""check_law: the conformance checks that every law passes, ours and users' alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.errors import UsageError
from bayes_scaling.laws.formula import precise
from bayes_scaling.laws.law import Law
from bayes_scaling.names import PARAMS, TOKENS
from bayes_scaling.quantities import ANY_RESOURCE, column_of, is_weight, quantity, reference_of
from bayes_scaling.runs.derived import derive
from bayes_scaling.verdicts import FAIL, OK, Check, Checks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

POINTS = 1000
AGREE = 1e-12
GRADIENT_AGREE = 1e-5
OPTIMUM_AGREE = 1e-6
MIDDLE = 0.4
"""Value around which unknowns are tried where none is given: right for amplitudes in nats at the
reference run, exponents and shares."""
SPREAD = 0.3
SEED = 20261124


def check_law(law: Law, *, at: Mapping[str, float] | None = None) -> Checks:
    """Examine a law at 1,000 points over eight decades of each resource (`Quantity.trial`).

    `at` gives typical values of the unknowns (default .4 each); they are varied by a third. Asks:
    does the docstring name the unit; do NumPy, PyTensor and SymPy agree to 1e-12; do scalars,
    vectors and draws broadcast; is the loss finite, positive and never rising with a resource; is
    the gradient finite and that of finite differences; are declared terms and optimum right; does
    it keep no state. Shares of items are compared to 1, other values to their own size. Returns
    `Checks`. Raises UsageError where `at` names no unknown of the law.

    Examples
    --------
    >>> bs.check_law(bs.load_law("chinchilla")).verdict
    'ok'
    """
    unknown = set(at or {}) - set(law.unknowns) - set(law.families)
    if unknown:
        raise UsageError(f"law {law.name!r} has no unknown {', '.join(sorted(unknown))}")
    trial = _Trial(law, at or {})
    rows: list[Check] = []
    for step in (trial.words, trial.values, trial.state, trial.shapes, trial.backends,
                 trial.slopes, trial.declared):  # fmt: skip
        try:
            rows.extend(step())
        except Exception as fault:  # a user's formula may raise anything
            rows.append(Check(step.__name__, FAIL, repr(fault), "runs", "the formula raised this"))
    return Checks(tuple(rows))


def _row(name: str, good: bool, value: float | str, limit: str, advice: str) -> Check:
    return Check(name, OK if good else FAIL, value, limit, "" if good else advice)


class _Trial:
    """One law at fixed random points."""

    def __init__(self, law: Law, at: Mapping[str, float]) -> None:
        rng = np.random.default_rng(SEED)
        self.law = law
        self.inputs = _trial_inputs(law, rng)
        self.unknowns = {
            name: _around(at.get(name, at.get(law.family_of(name), MIDDLE)), rng)
            for name in law.unknowns
        }
        self.constants = {
            k: _reference(law.inputs[0]) if k == "x_ref" and v == 1 else v
            for k, v in law.constants.items()
        }

    def curve(self, *inputs: Any, **changed: Any) -> Floats:
        values = {**self.unknowns, **self.constants, **changed}
        return np.asarray(self.law.curve(np, *inputs, **values))

    def size(self, value: Floats) -> Floats | float:
        """What differences are relative to: the value, or 1 where it is a share."""
        return 1.0 if quantity(self.law.target).closed else np.abs(value)

    def words(self) -> Iterator[Check]:
        good = "[" in self.law.summary and "]" in self.law.summary
        advice = "say in the first sentence what is returned and its unit, as in [nats/token]"
        yield _row("docstring", good, self.law.summary or "missing", "names the unit", advice)

    def values(self) -> Iterator[Check]:
        loss = self.curve(*self.inputs)
        finite = float(np.isfinite(loss).mean())
        yield _row("finite", finite == 1, finite, "all", "some losses are not finite")
        whole = quantity(self.law.target)
        possible = float(np.mean([whole.holds(float(value)) for value in loss]))
        advice = f"some values are no {self.law.target}"
        yield _row("possible", possible == 1, possible, "all", advice)
        for i, symbol in enumerate(self.law.inputs):
            if symbol in self.law.may_rise or is_weight(_column(symbol)):
                continue
            more = [_more(symbol, x) if j == i else x for j, x in enumerate(self.inputs)]
            rise = float(np.max((self.curve(*more) - loss) / self.size(loss)))
            advice = f"the {self.law.target} rises with {symbol} at some point"
            yield _row(f"falls with {symbol}", rise <= AGREE, rise, f"<= {AGREE}", advice)

    def state(self) -> Iterator[Check]:
        before = [x.copy() for x in (*self.inputs, *self.unknowns.values())]
        first, second = self.curve(*self.inputs), self.curve(*self.inputs)
        after = [*self.inputs, *self.unknowns.values()]
        same = np.array_equal(first, second, equal_nan=True) and all(
            np.array_equal(a, b) for a, b in zip(before, after, strict=True)
        )
        advice = "the same arguments gave another answer, or an argument was changed in place"
        yield _row("no hidden state", same, "same" if same else "differs", "same", advice)

    def shapes(self) -> Iterator[Check]:
        scalars = {k: float(v[0]) for k, v in self.unknowns.items()}
        shape = np.shape(self.curve(*(float(x[0]) for x in self.inputs), **scalars))
        yield _row("scalar", shape == (), str(shape), "()", "scalars in, a scalar out")
        draws = {k: v[:8].reshape(2, 4, 1) for k, v in self.unknowns.items()}
        shape = np.shape(self.curve(*(x[:5] for x in self.inputs), **draws))
        advice = "draws (chain, draw, 1) against points (point,) must broadcast"
        yield _row("broadcast", shape == (2, 4, 5), str(shape), "(2, 4, 5)", advice)

    def backends(self) -> Iterator[Check]:
        loss = self.curve(*self.inputs)
        gap = float(np.max(np.abs(self._pytensor()[0] - loss) / self.size(loss)))
        advice = "use only xp.exp, log, log1p, expm1, sqrt, power, abs, tanh, logaddexp, maximum, "
        advice += "minimum, where"
        yield _row("PyTensor = NumPy", gap <= AGREE, gap, f"<= {AGREE}", advice)
        function = precise(self.law)
        exact = [function(*self._point(i)) for i in range(POINTS)]
        gap = float(np.max(np.abs(loss - np.array(exact)) / self.size(loss)))
        yield _row("SymPy = NumPy", gap <= AGREE, gap, f"<= {AGREE}", advice)

    def _point(self, i: int) -> tuple[tuple[float, ...], dict[str, float]]:
        values = {k: float(v[i]) for k, v in self.unknowns.items()} | self.constants
        return tuple(float(x[i]) for x in self.inputs), values

    def _pytensor(self) -> tuple[Floats, list[Floats]]:
        """Loss and its gradients in the unknowns, through PyTensor without compiling to C."""
        import pytensor
        import pytensor.tensor as pt

        inputs = [pt.dvector(name) for name in self.law.inputs]
        unknowns = {name: pt.dvector(name) for name in self.law.unknowns}
        loss = self.law.curve(pt, *inputs, **unknowns, **self.constants)
        gradients = pt.grad(loss.sum(), list(unknowns.values()), disconnected_inputs="ignore")
        mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
        mode = mode.excluding("local_greedy_distributor")  # multiplies long fractions out
        function = pytensor.function(
            [*inputs, *unknowns.values()], [loss, *gradients], mode=mode, on_unused_input="ignore"
        )
        found = function(*self.inputs, *self.unknowns.values())
        return found[0], list(found[1:])

    def slopes(self) -> Iterator[Check]:
        gradients = self._pytensor()[1]
        finite = all(np.isfinite(g).all() for g in gradients)
        yield _row("gradient finite", finite, str(finite), "True", "a gradient is not finite")
        worst, where = 0.0, ""
        scale = self.size(self.curve(*self.inputs))
        for (name, value), gradient in zip(self.unknowns.items(), gradients, strict=True):
            unit = np.maximum(np.abs(value), 1e-3)
            step = 1e-5 * unit
            up = self.curve(*self.inputs, **{name: value + step})
            down = self.curve(*self.inputs, **{name: value - step})
            gap = np.abs((up - down) / (2 * step) - gradient) * unit
            size = scale + np.abs(gradient) * unit
            worst, where = max((worst, where), (float(np.max(gap / size)), name))
        advice = f"the gradient in {where} is not that of finite differences"
        good = worst <= GRADIENT_AGREE
        yield _row("gradient right", good, worst, f"<= {GRADIENT_AGREE}", advice)

    def declared(self) -> Iterator[Check]:
        loss = self.curve(*self.inputs)
        if self.law.terms:
            zero = dict.fromkeys(self.law.terms, 0.0)
            parts = [
                self.curve(*self.inputs, **{**zero, name: self.unknowns[name]})
                for name in self.law.terms
            ]
            whole = np.sum(np.broadcast_arrays(*parts), axis=0)
            double = {name: 2 * self.unknowns[name] for name in self.law.terms}
            doubled = self.curve(*self.inputs, **double) / 2
            gap = float(
                max(np.max(np.abs(each - loss) / self.size(loss)) for each in (whole, doubled))
            )
            advice = f"the loss is not the sum of its terms {', '.join(self.law.terms)}"
            yield _row("sum of terms", gap <= AGREE, gap, f"<= {AGREE}", advice)
        if self.law.optimum is not None:
            gap = self._optimum_gap()
            advice = "declared optimum: moving along N*D = const finds a lower loss"
            yield _row("optimum", gap <= OPTIMUM_AGREE, gap, f"<= {OPTIMUM_AGREE}", advice)

    def _optimum_gap(self) -> float:
        """Newton distance in log N from the declared optimum to the point of zero slope."""
        assert self.law.optimum is not None
        rng = np.random.default_rng(SEED)
        ND = reference_of(PARAMS) * reference_of(TOKENS) * 10 ** rng.uniform(-4, 4, POINTS)
        N, D = self.law.optimum(np, ND, **self.unknowns, **self.constants)
        step = 1e-2
        at = {k: self._at_split(N * np.exp(k * step), D * np.exp(-k * step)) for k in range(-2, 3)}
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
        bend = (16 * (at[1] + at[-1]) - (at[2] + at[-2]) - 30 * at[0]) / (12 * step**2)
        seen = np.abs(bend) > 1e-9 * at[0]
        product = np.max(np.abs(N * D / ND - 1))
        return float(max(np.max(np.abs(slope[seen] / bend[seen]), initial=0.0), product))

    def _at_split(self, N: Floats, D: Floats) -> Floats:
        split = {PARAMS: N, TOKENS: D}
        columns = [column_of(symbol) for symbol in self.law.inputs]
        return self.curve(*(split[c] if c in split else derive(c, split) for c in columns))


def _column(symbol: str) -> str:
    return TOKENS if symbol == ANY_RESOURCE else column_of(symbol)


def _more(symbol: str, value: Floats) -> Floats:
    """A tenth more of an input, or a tenth of the way to the end of its range if that is closed."""
    each = quantity(_column(symbol))
    return value + 0.1 * (each.high - value) if each.closed else value * 1.1


def _reference(symbol: str) -> float:
    return reference_of(_column(symbol))


def _around(middle: float, rng: np.random.Generator) -> Floats:
    """Values around a typical one, moved in its log, or in its logit where it may be a share."""
    moved = np.exp(rng.uniform(-SPREAD, SPREAD, POINTS))
    return middle * moved / (1 - middle + middle * moved) if 0 < middle < 1 else middle * moved


def _trial_inputs(law: Law, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Values of each input over its range: log-uniform if that is above zero, else uniform."""
    found = [quantity(_column(symbol)).tried(rng.uniform(0, 1, POINTS)) for symbol in law.inputs]
    weights = [i for i, symbol in enumerate(law.inputs) if is_weight(_column(symbol))]
    whole = sum((found[i] for i in weights), start=np.zeros(POINTS))
    return tuple(x / whole if i in weights else x for i, x in enumerate(found))
