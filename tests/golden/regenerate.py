"""Golden values of the shelf: what each model's file and formula must keep giving.

Run `python -m tests.golden.regenerate` in the checkout after adding a model file, or after raising
the `version` of one whose density changed on purpose. A density that changed under the same
version is refused: that is what the golden values are there to see.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.specs.digest import GOLDEN_SCALES, golden_point
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model

FILE = Path(__file__).with_name("shelf.json")


def record(name: str) -> dict[str, Any]:
    """Version, digest and three losses [nats/token] of a model at its priors' medians."""
    spec = load_model(name)
    at = (spec if spec.inputs else spec.at_resource("params")).at_reference()
    middle = {k: float(p.quantile(0.5)) for k, p in at.priors.items()}
    points = [golden_point(at.inputs, scale) for scale in GOLDEN_SCALES]
    losses = [float(f"{float(at.curve(np, point, middle)):.10g}") for point in points]
    return {"version": spec.version, "digest": spec.digest, "losses": losses}


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Names of models whose density changed under the same version."""
    return [
        name
        for name in sorted(set(old) & set(new))
        if old[name]["version"] == new[name]["version"]
        and old[name]["digest"] != new[name]["digest"]
    ]


def main() -> int:
    """Write the file; return 1, and write nothing, where a density changed under its version."""
    old = json.loads(FILE.read_text())
    new = {name: record(name) for name in model_names()}
    if refused := changed(old, new):
        print(f"{', '.join(refused)}: the density changed; raise `version` in the model file first")
        return 1
    FILE.write_text(json.dumps(new, indent=1) + "\n")
    print(f"{len(new)} models; new: {', '.join(sorted(set(new) - set(old))) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
