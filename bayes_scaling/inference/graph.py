"""The PyTensor graph of a model: the only place where one is made.

Everything that a table or a prior can change is data, so that one compiled graph serves every
table and every prior of the same structure.

Sampling coordinates are not prior coordinates. A law that is a sum of terms is sampled in the log
of its value at the table's own middle (mean log N, mean log D), in the log ratios of its terms
there, and in the log of each term's slope there (exponent times share, times an outer exponent
where there is one): what a table fixes best. Amplitudes at a fixed anchor, and exponents beside a
floor, would form narrow curved ridges. Given the rest, log amplitudes and log exponents are linear
maps of these coordinates with determinant one, so each adds its prior density and its own log, and
no further Jacobian. Every other unknown is sampled as its free coordinate, standardised by its
prior.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.inference.backend import import_pymc
from bayes_scaling.inference.positive import Positive
from bayes_scaling.laws.law import Law
from bayes_scaling.names import ITEMS, LOSS
from bayes_scaling.quantities import ANY_RESOURCE, SD_OF, SHARES, quantity
from bayes_scaling.runs.identifiability import run_keys
from bayes_scaling.specs.coordinate import Coordinate, coordinate_of, standardise
from bayes_scaling.specs.groups import OF_GROUP
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.noise import GROWTH
from bayes_scaling.specs.prior import POSITIVE, Prior
from bayes_scaling.specs.spec import ModelSpec

if TYPE_CHECKING:
    from bayes_scaling.runs.table import Runs

Z = "z_"
"""Prefix of a free sampling coordinate."""
OBSERVED, KNOWN_SD = "observed_loss", "known_sd"
NUMBERS = "numbers"
"""All single numbers of a graph as one array: each array of data costs a tenth of a second of
compilation."""
BELOW, BELOW_MIDDLE = "below", "below_middle"
"""E-folds of the axis by which each row lies under the largest run, and their mean."""
LOSS_SCALE_OF_Z = 0.1
"""Log loss at the table's middle that one unit of its coordinate stands for."""
LEAST_VARIANCE = 1e-16
"""Keeps the slope of a square root finite where a curve is flat; far below any noise."""
RATIO_SCALE_OF_Z = 0.5
"""Log ratio of two terms that one unit of its coordinate stands for."""


def terms_of(spec: ModelSpec) -> tuple[str, ...]:
    """Amplitudes sampled through the law's terms: all or, if a prior is cut off, none."""
    names = [*spec.law.terms, *(e for exponents in spec.law.terms.values() for e in exponents)]
    free = all(spec.priors[name].support == POSITIVE for name in names)
    return tuple(spec.law.terms) if free else ()


def exponents_of(law: Law, terms: tuple[str, ...]) -> dict[str, list[str]]:
    """The terms that each exponent governs."""
    found: dict[str, list[str]] = {}
    for term in terms:
        for exponent in law.terms[term]:
            found.setdefault(exponent, []).append(term)
    return found


def states_errors(spec: ModelSpec, data: Mapping[str, Any]) -> bool:
    """Whether the data state errors of runs, or inputs have some: see structure.py."""
    return bool(spec.input_sds) or bool(np.any(data[KNOWN_SD]))


def build(spec: ModelSpec, *, stated: bool = True) -> Any:
    """Return the `pm.Model` of a model, over placeholder data; see `data_for` and structure.py."""
    pm = import_pymc()
    names = _symbols(spec)
    with pm.Model() as model:
        inputs = [
            Positive(pm.Data(name, np.zeros(2))) if positive else pm.Data(name, np.ones(2))
            for name, positive in zip(names, are_positive(spec), strict=True)
        ]
        observed = pm.Data(LOSS, np.ones(2))
        known_sd = pm.Data(KNOWN_SD, np.zeros(2)) if stated else 0.0
        graph = _Graph(pm, spec)
        values = graph.unknowns()
        at_rows = values | graph.in_groups(values)
        center = spec.noise.to_scale(pm.math, graph.curve(inputs, at_rows))
        if spec.input_sds:
            known_sd = graph.with_input_errors(known_sd, inputs, at_rows)
        run = pm.Data("run", np.zeros(2, dtype=np.int64)) if spec.noise.has_run_effect else 0
        below = pm.Data(BELOW, np.zeros(2)) if spec.noise.grows else 0.0
        scattered = spec.noise.at(pm.math, values, below)
        spec.noise.observe(pm, OBSERVED, center, known_sd, scattered, observed, run)
    return model


class _Graph:
    """Adds the unknowns of one model to the PyMC model in context."""

    def __init__(self, pm: Any, spec: ModelSpec) -> None:
        import pytensor.tensor as pt

        self.pm, self.pt, self.spec = pm, pt, spec
        names = number_names(spec)
        numbers = pm.Data(NUMBERS, np.ones(len(names)))
        self.numbers = {name: numbers[place] for place, name in enumerate(names)}
        self.middle = [self.numbers[f"{name}_middle"] for name in _symbols(spec)]
        self.constants = {name: self.numbers[name] for name in spec.law.constants}

    def curve(self, inputs: list[Any], values: Mapping[str, Any]) -> Any:
        unknowns = {name: values[name] for name in self.spec.law.unknowns}
        return self.spec.law.curve(self.pt, *inputs, **unknowns, **self.constants)

    def coordinate(self, name: str) -> Any:
        """A free coordinate: flat, moved and stretched by data."""
        center, scale = self.numbers[f"{name}_center"], self.numbers[f"{name}_scale"]
        return center + scale * self.pm.Flat(Z + name)

    def weigh(self, name: str, prior: Prior, value: Any, log_slope: Any) -> Any:
        """Add prior density and Jacobian of an unknown, and record its value."""
        hyper = {k: self.numbers[f"{name}_prior_{k}"] for k in prior.hyper}
        density = prior.log_density_graph(self.pm, value, hyper)
        self.pm.Potential(f"{name}_density", density + log_slope)
        return self.pm.Deterministic(name, value)

    def with_input_errors(self, known_sd: Any, inputs: list[Any], values: Mapping[str, Any]) -> Any:
        """Known standard deviation of each row with what errors in its inputs add to it."""
        spec = self.spec

        def outcome(moved: Mapping[str, Any]) -> Any:
            return spec.noise.to_scale(self.pt, self.curve([moved[c] for c in spec.inputs], values))

        named = dict(zip(spec.inputs, inputs, strict=True))
        sds = {name: self.numbers[f"{name}_error"] for name in spec.input_sds}
        added = variance_of_inputs(outcome, named, sds)
        return self.pt.sqrt(known_sd**2 + added + LEAST_VARIANCE)

    def in_groups(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values at each row of what varies by group; records those of the groups."""
        groups = self.spec.groups
        if groups is None:
            return {}
        row = self.pm.Data("group", np.zeros(2, dtype=np.int64))
        name_of_z = {name: f"{Z}{name}{OF_GROUP}" for name in groups.spread}
        z = {k: self.pm.Normal(v, 0.0, 1.0, shape=groups.size) for k, v in name_of_z.items()}
        found = groups.values(self.pt, self.spec.priors, values, z)
        for name, each in found.items():
            self.pm.Deterministic(name + OF_GROUP, each)
        return {name: each[row] for name, each in found.items()}

    def unknowns(self) -> dict[str, Any]:
        law, priors = self.spec.law, self.spec.all_priors
        terms = terms_of(self.spec)
        log_loss, log_shares = self._middle(terms)
        shift = {
            exponent: -self._log_sum([log_shares[term] for term in terms_with])
            for exponent, terms_with in exponents_of(law, terms).items()
        }
        values: dict[str, Any] = {}
        weight, outer = law.share or (None, None)
        if outer is not None:
            values[outer] = self._plain(outer, priors[outer], 0.0)
            shift = {e: moved - self.pt.log(values[outer]) for e, moved in shift.items()}
        if self.spec.noise.grows:  # sigma is sampled as that of the table's middle
            values[GROWTH] = self._plain(GROWTH, priors[GROWTH], 0.0)
            shift["sigma"] = -values[GROWTH] * self.numbers[BELOW_MIDDLE]
        for name in priors:
            if name not in (*terms, weight, outer, *values):
                values[name] = self._plain(name, priors[name], shift.get(name, 0.0))
        if weight is not None:
            values[weight] = self._plain(weight, priors[weight], self._share_shift(values))
        for term in terms:
            unit = self.pt.log(self._unit_term(term, values))
            log_amplitude = log_loss + log_shares[term] - unit
            amplitude = self.pt.exp(log_amplitude)
            values[term] = self.weigh(term, priors[term], amplitude, log_amplitude)
        return values

    def _middle(self, terms: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
        """Log loss at the table's middle and the log share of each term in it."""
        if not terms:
            return None, {}
        log_loss = self.coordinate(terms[0])
        ratios = [self.pt.zeros(()), *(self.coordinate(name) for name in terms[1:])]
        log_sum = self._log_sum(ratios)
        return log_loss, {n: r - log_sum for n, r in zip(terms, ratios, strict=True)}

    def _plain(self, name: str, prior: Prior, shift: Any) -> Any:
        coordinate: Coordinate = coordinate_of(prior)
        value = coordinate.to_value(self.pt, self.coordinate(name) + shift)
        return self.weigh(name, prior, value, coordinate.log_slope(self.pt, value))

    def _log_sum(self, logs: list[Any]) -> Any:
        return logs[0] if len(logs) == 1 else self.pt.logsumexp(self.pt.stack(logs))

    def _share_shift(self, values: Mapping[str, Any]) -> Any:
        """Log odds of the anchor's share minus those of the middle's share."""
        law = self.spec.law
        assert law.share is not None
        weight, outer = law.share
        last = tuple(law.terms)[-1]
        first, second = (self._unit_term(last, {**values, weight: end}) for end in (1.0, 0.0))
        return -(self.pt.log(first) - self.pt.log(second)) / values[outer]

    def _unit_term(self, term: str, values: Mapping[str, Any]) -> Any:
        """Value of one term at the middle with amplitude one."""
        only = {name: 1.0 if name == term else 0.0 for name in self.spec.law.terms}
        return self.curve(self.middle, {**values, **only})


def _symbols(spec: ModelSpec) -> tuple[str, ...]:
    return tuple("resource" if s == ANY_RESOURCE else s for s in spec.law.inputs)


def are_positive(spec: ModelSpec) -> tuple[bool, ...]:
    """Which inputs are never zero; their data are logarithms."""
    return tuple(
        quantity(column).low >= 0 and not quantity(column).closed for column in spec.inputs
    )


def number_names(spec: ModelSpec) -> tuple[str, ...]:
    """Names of the single numbers of a graph, in the order in which its array holds them."""
    names = {*spec.law.constants, *(f"{name}_middle" for name in _symbols(spec))}
    for name, prior in spec.all_priors.items():
        names |= {f"{name}_center", f"{name}_scale", *(f"{name}_prior_{k}" for k in prior.hyper)}
    names |= {f"{name}_error" for name in spec.input_sds}
    return tuple(sorted(names | ({BELOW_MIDDLE} if spec.noise.grows else set())))


def known_sd(spec: ModelSpec, runs: Runs) -> np.ndarray:
    """Known standard deviation of each fitted run on the scale of the noise; zero if unstated.

    Of a share of test items it is binomial where no standard deviation is stated.
    """
    rows = runs.fitted
    observed = rows[spec.target].to_numpy(dtype=float)
    known = np.zeros_like(observed)
    if spec.target in SHARES and ITEMS in rows:
        items = rows[ITEMS].fillna(np.inf).to_numpy(dtype=float)
        share = (observed + 0.5 / items) / (1 + 1 / items)  # never 0 or 1
        known = np.sqrt(share * (1 - share) / items)
    if SD_OF[spec.target] in rows:
        stated = rows[SD_OF[spec.target]].to_numpy(dtype=float)
        known = np.where(np.isnan(stated), known, stated)
    return np.asarray(spec.noise.known_sd(observed, known))


def run_numbers(runs: Runs) -> np.ndarray:
    """Number of each fitted row's run, (row,): rows of one run share name, params, group, seed."""
    fitted = runs.fitted
    numbers = fitted.groupby(run_keys(fitted), sort=False, dropna=False).ngroup()
    return np.asarray(numbers.to_numpy(dtype=np.int64))


def below_largest(spec: ModelSpec, runs: Runs) -> np.ndarray:
    """E-folds of the axis by which each fitted run lies under the largest, (row,)."""
    values = spec.along({name: runs.resource(name) for name in spec.inputs})
    return np.asarray(np.log(values.max() / values))


def data_for(spec: ModelSpec, runs: Runs) -> dict[str, np.ndarray]:
    """Return the data of a graph for one table; `spec` is already stated against the table."""
    inputs = [runs.resource(column) for column in spec.inputs]
    loss = runs.fitted[spec.target].to_numpy(dtype=float)
    middle = [middle_of(column) for column in inputs]
    data: dict[str, Any] = {LOSS: spec.noise.to_scale(np, loss)}
    data[KNOWN_SD] = known_sd(spec, runs)
    known = zip(_symbols(spec), inputs, middle, are_positive(spec), strict=True)
    for name, column, center, positive in known:
        data[name], data[f"{name}_middle"] = np.log(column) if positive else column, center
    data |= spec.numbers
    for name, prior in spec.all_priors.items():
        data |= {f"{name}_prior_{k}": v for k, v in prior.hyper.items()}
    for name, (center, scale) in _centers(spec, middle, loss).items():
        data[f"{name}_center"], data[f"{name}_scale"] = center, scale
    data |= {f"{name}_error": sd for name, sd in spec.input_sds.items()}
    if spec.noise.grows:
        data[BELOW] = below_largest(spec, runs)
        data[BELOW_MIDDLE] = data[BELOW].mean()
    numbers = [float(data.pop(name)) for name in number_names(spec)]
    arrays = {k: np.asarray(v, dtype=float) for k, v in data.items()} | {NUMBERS: np.array(numbers)}
    if spec.noise.has_run_effect:
        arrays["run"] = run_numbers(runs)
    if spec.groups is not None:
        arrays["group"] = spec.groups.numbers(runs.fitted[spec.groups.column])
    return arrays


def middle_of(values: np.ndarray) -> float:
    """Return the middle of an input: its geometric mean, or its mean where it may be zero."""
    return float(np.exp(np.mean(np.log(values))) if (values > 0).all() else np.mean(values))


def _centers(
    spec: ModelSpec, middle: list[float], loss: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Where each coordinate starts and how far one unit of it goes: at the prior's medians."""
    terms = terms_of(spec)
    found = {k: standardise(np, p) for k, p in spec.all_priors.items() if k not in terms}
    medians = {k: float(p.quantile(0.5)) for k, p in spec.priors.items()}
    sizes = {}
    for name in terms:
        only = {k: v if k not in terms or k == name else 0.0 for k, v in medians.items()}
        sizes[name] = math.log(float(spec.curve(np, tuple(middle), only)))
    total = math.log(sum(math.exp(size) for size in sizes.values())) if sizes else 0.0
    for name, size in sizes.items():
        found[name] = (size - sizes[terms[0]], RATIO_SCALE_OF_Z)
    outer = math.log(medians[spec.law.share[1]]) if spec.law.share else 0.0
    for exponent, with_it in exponents_of(spec.law, terms).items():
        center, scale = found[exponent]
        share = math.log(sum(math.exp(sizes[term]) for term in with_it)) - total
        found[exponent] = (center + share + outer, scale)
    if terms:
        found[terms[0]] = (float(np.median(np.log(loss[loss > 0]))), LOSS_SCALE_OF_Z)
    return found
