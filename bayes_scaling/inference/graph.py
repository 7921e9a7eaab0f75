"""The PyTensor graph of a model: the only place where one is made.

Everything that a table or a prior can change is data, so that one compiled graph serves every
table and every prior of the same structure.

Sampling coordinates are not prior coordinates. A law that is a sum of terms is sampled in the log
of its value at the table's own middle (mean log N, mean log D) and the log ratios of its terms
there; amplitudes at a fixed anchor would form narrow curved ridges with their exponents. Given the
exponents, log amplitudes are a linear map of these coordinates with determinant one, so each
amplitude adds its prior density and its own log, and no further Jacobian. Every other unknown is
sampled as its free coordinate, standardised by its prior.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.inference.backend import import_pymc
from bayes_scaling.names import ANY_RESOURCE, LOSS, LOSS_SD
from bayes_scaling.specs.coordinate import Coordinate, coordinate_of, standardise
from bayes_scaling.specs.prior import POSITIVE, Prior
from bayes_scaling.specs.spec import ModelSpec

if TYPE_CHECKING:
    from bayes_scaling.runs.table import Runs

Z = "z_"
"""Prefix of a free sampling coordinate."""
OBSERVED = "observed_loss"
LOSS_SCALE_OF_Z = 0.1
"""Log loss at the table's middle that one unit of its coordinate stands for."""
RATIO_SCALE_OF_Z = 0.5
"""Log ratio of two terms that one unit of its coordinate stands for."""


def terms_of(spec: ModelSpec) -> tuple[str, ...]:
    """Unknowns sampled through the law's terms: all of them or, if one is bounded, none."""
    supports = [spec.priors[name].support for name in spec.law.terms]
    return spec.law.terms if all(s == POSITIVE for s in supports) else ()


def structure(spec: ModelSpec) -> tuple[Any, ...]:
    """Key of a graph: two models with equal keys differ only in data."""
    priors = tuple((name, p.family.pymc, p.support) for name, p in spec.all_priors.items())
    law = spec.law
    return law.curve, law.inputs, law.terms, law.share, priors, spec.noise.kind, spec.noise.scale


def build(spec: ModelSpec) -> Any:
    """Return the `pm.Model` of a model, over placeholder data; see `data_for`."""
    pm = import_pymc()
    names = _symbols(spec)
    with pm.Model() as model:
        inputs = [pm.Data(name, np.ones(2)) for name in names]
        middle = [pm.Data(f"{name}_middle", 1.0) for name in names]
        observed, known_sd = pm.Data(LOSS, np.ones(2)), pm.Data("known_sd", np.zeros(2))
        graph = _Graph(pm, spec, middle)
        values = graph.unknowns()
        curve = graph.curve(inputs, values)
        center = spec.noise.to_scale(pm.math, curve)
        spec.noise.observe(pm, OBSERVED, center, known_sd, values, observed)
    return model


class _Graph:
    """Adds the unknowns of one model to the PyMC model in context."""

    def __init__(self, pm: Any, spec: ModelSpec, middle: list[Any]) -> None:
        import pytensor.tensor as pt

        self.pm, self.pt, self.spec, self.middle = pm, pt, spec, middle
        self.constants = {name: pm.Data(name, 1.0) for name in spec.law.constants}

    def curve(self, inputs: list[Any], values: Mapping[str, Any]) -> Any:
        unknowns = {name: values[name] for name in self.spec.law.unknowns}
        return self.spec.law.curve(self.pt, *inputs, **unknowns, **self.constants)

    def coordinate(self, name: str) -> Any:
        """A free coordinate: flat, moved and stretched by data."""
        center, scale = self.pm.Data(f"{name}_center", 0.0), self.pm.Data(f"{name}_scale", 1.0)
        return center + scale * self.pm.Flat(Z + name)

    def weigh(self, name: str, prior: Prior, value: Any, log_slope: Any) -> Any:
        """Add prior density and Jacobian of an unknown, and record its value."""
        hyper = {k: self.pm.Data(f"{name}_prior_{k}", v) for k, v in prior.hyper.items()}
        density = prior.log_density_graph(self.pm, value, hyper)
        self.pm.Potential(f"{name}_density", density + log_slope)
        return self.pm.Deterministic(name, value)

    def unknowns(self) -> dict[str, Any]:
        terms, share = terms_of(self.spec), self.spec.law.share
        priors = self.spec.all_priors
        plain = [name for name in priors if name not in terms and name not in (share or ())[:1]]
        values = {name: self._plain(name, priors[name], 0.0) for name in plain}
        if share:
            shift = self._share_shift(share, values)
            values[share[0]] = self._plain(share[0], priors[share[0]], shift)
        return {**values, **self._terms(terms, values)}

    def _plain(self, name: str, prior: Prior, shift: Any) -> Any:
        coordinate: Coordinate = coordinate_of(prior)
        value = coordinate.to_value(self.pt, self.coordinate(name) + shift)
        return self.weigh(name, prior, value, coordinate.log_slope(self.pt, value))

    def _share_shift(self, share: tuple[str, str], values: Mapping[str, Any]) -> Any:
        """Log odds of the anchor's share minus those of the middle's share."""
        weight, outer = share
        ends = [self._unit_term(None, {**values, weight: end}) for end in (1.0, 0.0)]
        return -(self.pt.log(ends[0]) - self.pt.log(ends[1])) / values[outer]

    def _unit_term(self, term: str | None, values: Mapping[str, Any]) -> Any:
        """Value at the middle of one term with amplitude one; of the last term for None."""
        law = self.spec.law
        last = law.terms[-1] if term is None else term
        only = {name: 1.0 if name == last else 0.0 for name in law.terms}
        return self.curve(self.middle, {**values, **only})

    def _terms(self, terms: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
        if not terms:
            return {}
        pt = self.pt
        log_loss = self.coordinate(terms[0])
        ratios = [pt.zeros(()), *(self.coordinate(name) for name in terms[1:])]
        log_sum = pt.logsumexp(pt.stack(ratios))
        found = {}
        for name, ratio in zip(terms, ratios, strict=True):
            log_amplitude = log_loss + ratio - log_sum - pt.log(self._unit_term(name, values))
            prior = self.spec.priors[name]
            found[name] = self.weigh(name, prior, pt.exp(log_amplitude), log_amplitude)
        return found


def _symbols(spec: ModelSpec) -> tuple[str, ...]:
    return tuple("resource" if s == ANY_RESOURCE else s for s in spec.law.inputs)


def known_sd(spec: ModelSpec, runs: Runs) -> np.ndarray:
    """Known standard deviation of each fitted run on the scale of the noise; zero if unstated."""
    loss = runs.fitted[LOSS].to_numpy(dtype=float)
    if LOSS_SD not in runs.fitted:
        return np.zeros_like(loss)
    stated = runs.fitted[LOSS_SD].fillna(0.0).to_numpy(dtype=float)
    return np.asarray(spec.noise.known_sd(loss, stated))


def data_for(spec: ModelSpec, runs: Runs) -> dict[str, np.ndarray]:
    """Return the data of a graph for one table; `spec` is already stated against the table."""
    inputs = [runs.resource(column) for column in spec.inputs]
    loss = runs.fitted[LOSS].to_numpy(dtype=float)
    middle = [float(np.exp(np.mean(np.log(column)))) for column in inputs]
    data: dict[str, Any] = {LOSS: spec.noise.to_scale(np, loss)}
    data["known_sd"] = known_sd(spec, runs)
    for name, column, center in zip(_symbols(spec), inputs, middle, strict=True):
        data[name], data[f"{name}_middle"] = column, center
    data |= spec.numbers
    for name, prior in spec.all_priors.items():
        data |= {f"{name}_prior_{k}": v for k, v in prior.hyper.items()}
    for name, (center, scale) in _centers(spec, middle, loss).items():
        data[f"{name}_center"], data[f"{name}_scale"] = center, scale
    return {k: np.asarray(v, dtype=float) for k, v in data.items()}


def _centers(
    spec: ModelSpec, middle: list[float], loss: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Where each coordinate starts and how far one unit of it goes."""
    terms = terms_of(spec)
    found = {k: standardise(np, p) for k, p in spec.all_priors.items() if k not in terms}
    medians = {k: float(p.quantile(0.5)) for k, p in spec.priors.items()}
    sizes = []
    for name in terms:
        only = {k: v if k not in terms or k == name else 0.0 for k, v in medians.items()}
        sizes.append(math.log(float(spec.curve(np, tuple(middle), only))))
    for name, size in zip(terms, sizes, strict=True):
        found[name] = (size - sizes[0], RATIO_SCALE_OF_Z)
    if terms:
        found[terms[0]] = (float(np.median(np.log(loss))), LOSS_SCALE_OF_Z)
    return found
