"""Laws: every formula of the shelf against 50 digits, and against its paper's own form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bayes_scaling.laws.law import Law
from bayes_scaling.names import PARAMS, TOKENS
from bayes_scaling.proofs.papers import PAPERS
from bayes_scaling.proofs.proof import Proof, Say
from bayes_scaling.quantities import is_weight, quantity
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import ModelSpec, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DIGITS: Final = 50
POINTS, FEW_POINTS = 1000, 40
SEED: Final = 20261128
SIZES: Final = (1e4, 1e14)
"""Parameters and tokens at which laws are tried; other resources as `Quantity.trial` says."""
STEP: Final = 1e-15
"""Relative step of the 50-digit differences: they are right to some 30 digits."""
LIMITS: Final = {"value": 1e-10, "paper": 1e-10, "optimum": 1e-10, "gradient": 1e-8}
LARGEST: Final = 1e290
"""Loss beyond which the floats end, of a law that is an exponential of an exponential."""
SMALLEST_LOSS, SMALLEST_SHARE = 2.0, 0.1
"""Smallest observed value that relative priors refer to."""


def laws(full: bool, say: Say) -> Proof:
    """Values, gradients and optima of all laws against 50 digits (A1)."""
    count = POINTS if full else FEW_POINTS
    found, beyond = {}, 0
    for name, spec in one_model_of_each_law().items():
        trial = _Trial(spec, count)
        found[name] = trial.errors()
        beyond += int(count - trial.seen.sum())
        if full:
            say(f"{name}: " + ", ".join(f"{k} {v:.1e}" for k, v in found[name].items()))
    worst = {
        kind: max((errors.get(kind, 0.0), name) for name, errors in found.items())
        for kind in (*LIMITS, "own size")
    }
    bad = [
        name
        for name, errors in found.items()
        if not all(errors.get(kind, 0.0) <= limit for kind, limit in LIMITS.items())
    ]
    observed = ", ".join(f"{kind} {worst[kind][0]:.1e} ({worst[kind][1]})" for kind in LIMITS)
    broken = f"; not kept by {', '.join(bad)}" if bad else ""
    return Proof(
        "A1",
        f"the {len(found)} laws of the shelf are right: their values against 50 digits and against "
        "the form that the paper prints, the gradients that are sampled, the best splits",
        count * len(found),
        f"largest errors: {observed}{broken}",
        "relative error <= 1e-10 of values, printed forms and optima, 1e-8 of gradients, no NaN",
        not bad,
        "Errors of shares are compared to 1, those of the normalised loss, which passes through 0, "
        "to its floor; those of a slope to the slope plus the value over the unknown, as check_law "
        f"does, since a slope may pass through 0 (to the slope alone: {worst['own size'][0]:.1e}, "
        f"{worst['own size'][1]}). {beyond} losses are in truth beyond all floats "
        "(1e290), and found to be.",
    )


def one_model_of_each_law() -> dict[str, ModelSpec]:
    """Return a model of each law, with its priors in numbers."""
    found: dict[str, ModelSpec] = {}
    for name in model_names():
        spec = load_model(name)
        spec = spec if spec.inputs else spec.at_resource(TOKENS)
        smallest = SMALLEST_SHARE if quantity(spec.target).closed else SMALLEST_LOSS
        found.setdefault(spec.law.name, spec.at_reference(smallest=smallest))
    return found


def exact_functions() -> Any:
    """Return the twelve functions of laws over mpmath numbers, as an `xp`."""
    import mpmath as m

    return SimpleNamespace(
        exp=m.exp, log=m.log, log1p=m.log1p, expm1=m.expm1, sqrt=m.sqrt, power=m.power,
        abs=abs, tanh=m.tanh, maximum=max, minimum=min,
        logaddexp=lambda a, b: max(a, b) + m.log1p(m.exp(-abs(a - b))),
        where=lambda test, a, b: a if test else b,
    )  # fmt: skip


def tried_inputs(columns: tuple[str, ...], count: int, rng: np.random.Generator) -> list[Floats]:
    """Values of the columns a law reads, each (count,); weights of sources sum to one."""
    found = []
    for column in columns:
        each = quantity(column)
        if column in (PARAMS, TOKENS):
            each = each._replace(trial=SIZES)
        found.append(np.asarray(each.tried(rng.uniform(size=count))))
    weights = [i for i, column in enumerate(columns) if is_weight(column)]
    whole = sum((found[i] for i in weights), start=np.zeros(count))
    return [x / whole if i in weights else x for i, x in enumerate(found)]


class _Trial:
    """One law at random points of its resources and draws of its priors."""

    def __init__(self, spec: ModelSpec, count: int) -> None:
        rng = np.random.default_rng(SEED)
        self.spec, self.law, self.count = spec, spec.law, count
        self.inputs = tried_inputs(spec.inputs, count, rng)
        self.unknowns = {k: p.sample(rng, count) for k, p in spec.priors.items()}
        with np.errstate(over="ignore"):
            value = self.law.curve(np, *self.inputs, **self.unknowns, **spec.numbers)
        self.value = np.asarray(value)
        self.seen = np.ones(count, dtype=bool)

    def errors(self) -> dict[str, float]:
        """Largest relative error of each kind; infinite for what is no number."""
        import mpmath as m

        with m.workdps(DIGITS):
            exact = self._exact_points(m)
            self.seen = np.array([abs(row[0]) < LARGEST for row in exact])
            found = {
                "value": self._against([row[0] for row in exact]),
                "paper": self._against([self._paper(m, i) for i in range(self.count)]),
                **self._gradient_errors(exact),
            }
            if self.law.optimum is not None:
                found["optimum"] = self._optimum_error(m)
        return found

    def _numbers(self, m: Any, i: int) -> tuple[list[Any], dict[str, Any]]:
        """Inputs, and unknowns with constants, of one point in 50 digits."""
        values = {k: m.mpf(float(v[i])) for k, v in self.unknowns.items()}
        values |= {k: m.mpf(v) for k, v in self.spec.numbers.items()}
        return [m.mpf(float(x[i])) for x in self.inputs], values

    def _exact_points(self, m: Any) -> list[list[Any]]:
        """Value of the formula at each point, then its slope in each unknown."""
        xp, rows = exact_functions(), []
        for i in range(self.count):
            inputs, values = self._numbers(m, i)
            row = [self.law.curve(xp, *inputs, **values)]
            for name in self.unknowns:
                step = m.mpf(STEP) * max(abs(values[name]), m.mpf(STEP))
                ends = (
                    self.law.curve(xp, *inputs, **{**values, name: values[name] + sign * step})
                    for sign in (1, -1)
                )
                up, down = ends
                row.append((up - down) / (2 * step))
            rows.append(row)
        return rows

    def _paper(self, m: Any, i: int) -> Any:
        inputs, values = self._numbers(m, i)
        named = dict(zip(self.law.inputs, inputs, strict=True))
        return PAPERS[self.law.name](m, SimpleNamespace(**named, **values))

    def _size(self) -> Floats:
        """What errors of the value are relative to."""
        target = quantity(self.spec.target)
        if target.closed:
            return np.ones(self.count)
        floor = self.unknowns["E"] if target.low < 0 else 0.0
        return np.maximum(np.abs(self.value), floor)

    def _against(self, exact: list[Any]) -> float:
        """Largest error; where the loss is beyond all floats it must be so, and no NaN."""
        size, worst = self._size(), 0.0
        for i in range(self.count):
            if self.seen[i]:
                gap = float(abs(exact[i] - self.value[i])) / size[i]
                worst = max(worst, gap) if np.isfinite(self.value[i]) else np.inf
            elif not self.value[i] >= LARGEST:
                worst = np.inf
        return worst

    def _gradient_errors(self, exact: list[list[Any]]) -> dict[str, float]:
        with np.errstate(all="ignore"):  # of losses beyond all floats
            found = sampled_gradient(self.law, self.spec, self.inputs, self.unknowns)
        worst = {"gradient": 0.0, "own size": 0.0}
        for j, (name, slope) in enumerate(zip(self.unknowns, found, strict=True), start=1):
            right = np.array([float(row[j]) for row in exact])
            gap = np.abs(slope[self.seen] - right[self.seen])
            if not np.isfinite(gap).all():
                return dict.fromkeys(worst, np.inf)
            own = np.abs(right)[self.seen]
            whole = own + (self._size() / np.abs(self.unknowns[name]))[self.seen]
            alone = np.divide(gap, own, out=np.zeros_like(gap), where=own > 0)
            worst["gradient"] = max(worst["gradient"], float(np.max(gap / whole)))
            worst["own size"] = max(worst["own size"], float(np.max(alone)))
        return worst

    def _optimum_error(self, m: Any) -> float:
        """Distance in log N to the 50-digit closed form, and of that to the point of no slope."""
        assert self.law.optimum is not None
        rng = np.random.default_rng(SEED + 1)
        ND = 10 ** rng.uniform(16, 26, self.count)
        found = self.law.optimum(np, ND, **self.unknowns, **self.spec.numbers)
        xp, worst = exact_functions(), 0.0
        for i in range(self.count):
            _, values = self._numbers(m, i)
            best = self.law.optimum(xp, m.mpf(float(ND[i])), **values)
            gaps = [abs(float(x[i]) / e - 1) for x, e in zip(found, best, strict=True)]
            worst = max([worst, *(float(gap) for gap in gaps), self._slope(m, best, values)])
        return worst if np.isfinite(found).all() else np.inf

    def _slope(self, m: Any, best: tuple[Any, Any], values: dict[str, Any]) -> float:
        """Newton step in log N along N D = const from a split to the least loss."""

        def loss(log_step: Any) -> Any:
            N, D = best[0] * m.exp(log_step), best[1] / m.exp(log_step)
            named = {"N": N, "D": D, "C": 6 * N * D, "M": D / N}
            return PAPERS[self.law.name](m, SimpleNamespace(**named, **values))

        h = m.mpf(10) ** -12
        low, middle, high = loss(-h), loss(m.mpf(0)), loss(h)
        return float(abs((high - low) / (2 * h) / ((high + low - 2 * middle) / h**2)))


def sampled_gradient(
    law: Law, spec: ModelSpec, inputs: list[Floats], unknowns: dict[str, Floats]
) -> list[Floats]:
    """Slopes of a law in its unknowns as its graph gives them, each (point,).

    The graph is the sampler's, with its inputs known by their logarithms and its rewrites, save
    that no machine code is made of it.
    """
    from bayes_scaling.inference.backend import import_pymc
    from bayes_scaling.inference.graph import are_positive
    from bayes_scaling.inference.positive import Positive

    import_pymc()
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode, predefined_modes

    mode = predefined_modes["NUMBA"].excluding("local_mul_exp_to_exp_add")
    # run by Python itself, fused loops round constants to single precision; machine code does not
    rewrites = mode.excluding("fusion").provided_optimizer
    positive = are_positive(spec)
    rows = [pt.dvector(name) for name in law.inputs]
    known = [Positive(x) if p else x for x, p in zip(rows, positive, strict=True)]
    free = {name: pt.dvector(name) for name in unknowns}
    fixed = {name: pt.dscalar(name) for name in spec.numbers}
    value = law.curve(pt, *known, **free, **fixed)
    slopes = pt.grad(value.sum(), list(free.values()), disconnected_inputs="ignore")
    function = pytensor.function(
        [*rows, *free.values(), *fixed.values()],
        slopes,
        mode=Mode(linker="py", optimizer=rewrites),
        on_unused_input="ignore",
    )
    given = [np.log(x) if p else x for x, p in zip(inputs, positive, strict=True)]
    found = function(*given, *unknowns.values(), *spec.numbers.values())
    return [np.asarray(slope) for slope in found]
