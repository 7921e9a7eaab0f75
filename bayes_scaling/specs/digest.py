"""Digest: what makes two models the same density, as one number."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_scaling.names import TARGET
from bayes_scaling.quantities import RESOURCES, quantity, reference_of
from bayes_scaling.specs.prior import Prior

if TYPE_CHECKING:
    from bayes_scaling.specs.spec import ModelSpec

GOLDEN_SCALES = (0.01, 1.0, 300.0)
"""Multiples of the reference run at which a model's digest evaluates its law."""


def _density_keys(spec: ModelSpec) -> dict[str, Any]:
    def prior(p: Prior) -> dict[str, Any]:
        keys = {"dist": p.dist, "given": dict(p.given), "lower": p.lower, "upper": p.upper}
        return {**keys, "of": p.of} if p.of not in ("", TARGET) else keys

    found: dict[str, Any] = {}
    if spec.target != spec.law.target:
        found["target"] = spec.target
    if spec.drift is not None:
        drift = spec.drift
        found["drift"] = {
            "kind": drift.kind,
            "scale": prior(drift.scale),
            "follows": drift.follows,
        }
    if spec.groups is not None:
        spread = {k: prior(p) for k, p in spec.groups.spread.items()}
        found["groups"] = {"column": spec.groups.column, "spread": spread}
    if spec.input_errors:
        found["errors"] = {k: v.sd for k, v in spec.input_errors.items()}
    return {
        **found,
        "law": spec.law.name,
        "constants": spec.constants,
        "priors": {k: prior(p) for k, p in spec.priors.items()},
        "noise": {
            "kind": spec.noise.kind,
            "scale": spec.noise.scale,
            **{k: prior(p) for k, p in spec.noise.priors.items()},
        },
    }


def golden_point(columns: tuple[str, ...], scale: float) -> tuple[float, ...]:
    """Return a multiple of the reference run, kept within the range in which laws are tried."""
    found = []
    for column in columns:
        low, high = quantity(column).trial
        found.append(min(max(scale * reference_of(column), low), high))
    return tuple(found)


def _golden_values(spec: ModelSpec) -> list[str]:
    """The law at three runs and prior medians, to ten digits: a changed formula shows here."""
    at = spec if spec.inputs else spec.at_resource(RESOURCES[0])
    at = at.at_reference()
    middle = {name: float(p.quantile(0.5)) for name, p in at.priors.items()}
    points = [golden_point(at.inputs, scale) for scale in GOLDEN_SCALES]
    return [f"{float(at.curve(np, point, middle)):.10g}" for point in points]


def digest_of(spec: ModelSpec) -> str:
    """Return the digest of a model: it changes with the density and with nothing else."""
    body = {"density": _density_keys(spec), "golden": _golden_values(spec)}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Seal:
    """Digest of a model as its file states it, whatever it is stated against later.

    Computed when first asked for: it needs SciPy, and lists of models do not show it.
    """

    def __init__(self) -> None:
        self.spec: ModelSpec | None = None
        self._digest = ""

    @property
    def digest(self) -> str:
        """The digest, as `digest_of`."""
        if not self._digest and self.spec is not None:
            self._digest = digest_of(self.spec)
        return self._digest
