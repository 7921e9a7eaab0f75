"""Law: one formula whose signature is its schema."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from bayes_scaling.errors import UsageError
from bayes_scaling.names import ANY_RESOURCE, COLUMN_OF_SYMBOL

SYMBOLS = (*COLUMN_OF_SYMBOL, ANY_RESOURCE)
Curve = Callable[..., Any]


@dataclass(frozen=True)
class Law:
    """A scaling law: `curve(xp, *inputs, **unknowns)` returns the expected loss [nats/token].

    `inputs` are the measured resources (N, D, C, or x for any one of them), `unknowns` the
    quantities that need a prior, `constants` the fixed anchors with their defaults.

    The rest is optional knowledge about the formula; `check_law` tries `terms` and `optimum`:
    `terms` maps the unknowns in which the curve is linear without a remainder, so that the loss is
    a sum of terms, to the exponents by which each term falls; `share` names a weight in (0, 1)
    between two powers of the resources and the outer exponent around them; `optimum(xp, ND, **all)`
    gives the (N, D) of least loss on N*D = ND; `may_rise` names inputs with which the loss need not
    fall; `no_split` says why a budget has no best split; `derived(xp, **all)` gives further
    quantities that papers report.
    """

    name: str
    curve: Curve
    inputs: tuple[str, ...]
    unknowns: tuple[str, ...]
    constants: Mapping[str, float]
    reference: str
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    share: tuple[str, str] | None = None
    optimum: Curve | None = None
    derived: Curve | None = None
    may_rise: tuple[str, ...] = ()
    no_split: str = ""
    origin: str = field(default="shelf", compare=False)
    source_digest: str = field(default="", compare=False)

    def __call__(self, xp: Any, *inputs: Any, **values: Any) -> Any:
        """Evaluate the formula; see `curve`."""
        return self.curve(xp, *inputs, **values)

    @property
    def summary(self) -> str:
        """First sentence of the docstring: what the law gives, and its unit."""
        return (inspect.getdoc(self.curve) or "").split("\n\n")[0].replace("\n", " ")

    @property
    def allocates(self) -> bool:
        """True where a budget can be split between parameters and tokens."""
        return len(self.inputs) > 1 and not self.no_split


def law(
    *,
    reference: str,
    terms: Mapping[str, tuple[str, ...]] | None = None,
    share: tuple[str, str] | None = None,
    optimum: Curve | None = None,
    derived: Curve | None = None,
    may_rise: tuple[str, ...] = (),
    no_split: str = "",
) -> Callable[[Curve], Law]:
    """Turn a function `f(xp, N, D, *, unknown, ..., constant=1.0)` into a `Law`.

    Raises UsageError where the signature does not follow that form.
    """

    def decorate(curve: Curve) -> Law:
        inputs, unknowns, constants = _read_signature(curve)
        summed = dict(terms or {})
        for name in (*summed, *(e for each in summed.values() for e in each), *(share or ())):
            if name not in unknowns:
                raise UsageError(f"law {curve.__name__!r}: {name!r} is not among its unknowns")
        return Law(
            name=curve.__name__.replace("_", "-"),
            curve=curve,
            inputs=inputs,
            unknowns=unknowns,
            constants=constants,
            reference=reference,
            terms=summed,
            share=share,
            optimum=optimum,
            derived=derived,
            may_rise=may_rise,
            no_split=no_split,
        )

    return decorate


def _read_signature(
    curve: Curve,
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, float]]:
    where = f"law {curve.__name__!r}"
    first, *rest = inspect.signature(curve).parameters.values()
    if first.name != "xp":
        raise UsageError(f"{where}: its first argument must be xp, the array module")
    inputs = [p.name for p in rest if p.kind is p.POSITIONAL_OR_KEYWORD]
    strange = [name for name in inputs if name not in SYMBOLS]
    if strange or not inputs:
        raise UsageError(
            f"{where}: its positional arguments are {inputs or 'missing'}; "
            f"allowed are the resources {', '.join(SYMBOLS)}. "
            "Unknowns and constants go behind a bare * in the signature."
        )
    keywords = [p for p in rest if p.kind is p.KEYWORD_ONLY]
    if len(inputs) + len(keywords) != len(rest):
        raise UsageError(f"{where}: *args and **kwargs hide what the law needs; spell them out")
    unknowns = tuple(p.name for p in keywords if p.default is p.empty)
    if not unknowns:
        raise UsageError(f"{where}: it has no unknowns; nothing could be fitted")
    constants = {p.name: float(p.default) for p in keywords if p.default is not p.empty}
    return tuple(inputs), unknowns, constants


def pages() -> tuple[ModuleType, ...]:
    """Return the modules that hold the built-in formulas, in the order of the documentation."""
    from bayes_scaling.laws import constrained, joint, single, variants

    return single, joint, variants, constrained


def built_in() -> dict[str, Law]:
    """Return the built-in laws by name."""
    found = [v for page in pages() for v in vars(page).values() if isinstance(v, Law)]
    return {each.name: each for each in found}


def is_user_law(name: str) -> bool:
    """Return whether a law's name has the form `FILE.py:NAME`."""
    return name.rpartition(":")[0].endswith(".py")


def load_law(name: str, *, folder: Path | None = None) -> Law:
    """Return a built-in law by name, or the law `NAME` of a user's file from `FILE.py:NAME`.

    A relative path is read from `folder` (default: the working directory). The file is executed.
    Raises UsageError where there is no such law.
    """
    if is_user_law(name):
        path, _, attribute = name.rpartition(":")
        return _load_user_law((folder or Path()) / path, attribute, name)
    shelf = built_in()
    if name not in shelf:
        raise UsageError(
            f"no law named {name!r}; the built-in laws are {', '.join(shelf)}. "
            "A law of your own is written FILE.py:NAME."
        )
    return shelf[name]


def _load_user_law(path: Path, attribute: str, origin: str) -> Law:
    if not path.is_file():
        raise UsageError(f"law {origin!r}: there is no file {path}")
    module_spec = importlib.util.spec_from_file_location(f"user_law_{path.stem}", path)
    if module_spec is None or module_spec.loader is None:
        raise UsageError(f"law {origin!r}: {path} is not a Python file")
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except Exception as fault:
        raise UsageError(f"law {origin!r}: {path.name} stops with {fault!r}") from fault
    found = getattr(module, attribute, None)
    if not isinstance(found, Law):
        laws = [k for k, v in vars(module).items() if isinstance(v, Law)]
        raise UsageError(
            f"law {origin!r}: {path.name} has no law {attribute!r} (a function under @law); "
            f"it has {', '.join(laws) or 'none'}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(found, origin=origin, source_digest=digest)
