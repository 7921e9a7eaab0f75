"""Law: one formula whose signature is its schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bayes_scaling.errors import UsageError
from bayes_scaling.names import LOSS, WEIGHT
from bayes_scaling.quantities import ANY_RESOURCE, COLUMN_OF_SYMBOL, SOURCES, TARGETS

SYMBOLS = (*COLUMN_OF_SYMBOL, ANY_RESOURCE, SOURCES)
THREE_SOURCES = ("1", "2", "3")
"""Names of data sources where no table has named them yet."""
Curve = Callable[..., Any]


@dataclass(frozen=True)
class Law:
    """A scaling law: `curve(xp, *inputs, **unknowns)` returns the expected loss [nats/token].

    `inputs` are the measured quantities (N, D, C, ..., or x for any one resource), `unknowns` the
    quantities that need a prior, `constants` the fixed anchors with their defaults, in
    the units of what they anchor. `target` is the column that the law explains: the loss, or an
    accuracy or error.

    A law of a data mixture takes `w`, the weights of all sources, and unknowns with one value for
    each source. `families` maps such an unknown to the value of the first source, which is known
    (1 of a ratio, 0 of a log ratio), or None. `over(sources)` spells a law out for named sources:
    inputs `w_web`, `w_code`, unknowns `q_code`.

    The rest is optional knowledge about the formula; `check_law` tries `terms` and `optimum`:
    `terms` maps the unknowns in which the curve is linear without a remainder, so that the loss is
    a sum of terms, to the exponents by which each term falls; `share` names a weight in (0, 1)
    between two powers of the resources and the outer exponent around them; `optimum(xp, K, **all)`
    gives the (N, D) of least loss on N*D = K, or, where its signature names `N_power` and
    `D_power`, on N^N_power D^D_power = K; `may_rise` names inputs with which the loss need not
    fall; `no_split` says why a budget has no best split; `derived(xp, **all)` gives further
    quantities that papers report; `step` names the middle and the width of a step along the first
    input; `implicit(xp, target, *inputs, **all)` gives the two sides of the equation that a curve
    solves where no formula states it: it is shown instead, and `check_law` compares.

    Examples
    --------
    >>> law = bs.load_law("chinchilla")
    >>> float(law.curve(np, 1e9, 2e10, L_inf=1.8, A=0.4, alpha=0.3, B=0.4, beta=0.3))
    2.6
    >>> law.summary
    'Expected loss [nats/token] of N parameters trained once on D fresh tokens.'
    >>> law.allocates, law.knows_powers, law.best_split
    (True, True, 'closed form')
    >>> mixed = bs.load_law("mixture-exp").over(("web", "code"))
    >>> mixed.inputs, mixed.family_of("t_code")
    (('w_web', 'w_code'), 't')
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
    step: tuple[str, str] | None = None
    implicit: Curve | None = None
    target: str = LOSS
    families: Mapping[str, float | None] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    generic: Curve | None = None
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
        both = {"N", "D"} <= set(self.inputs) or {"C", "M"} <= set(self.inputs)
        return both and self.target == LOSS and not self.no_split

    @property
    def knows_powers(self) -> bool:
        """True where the closed form holds on N^N_power D^D_power = K too."""
        return self.optimum is not None and "N_power" in inspect.signature(self.optimum).parameters

    @property
    def best_split(self) -> str:
        """In words how a budget is split at best: in closed form, by search, or why not at all."""
        if self.allocates:
            return "closed form" if self.optimum is not None else "by search, draw by draw"
        if self.no_split or self.target != LOSS:
            return f"none: {self.no_split or f'it explains the {self.target}, not the loss'}"
        reads = "one resource" if len(self.inputs) == 1 else ", ".join(self.inputs)
        return f"none: it reads {reads}, not parameters and tokens"

    def family_of(self, unknown: str) -> str:
        """Return the name under which a prior is stated: `q` for `q_code`, else the unknown."""
        named = (f for f in self.families if unknown.removeprefix(f"{f}_") in self.sources)
        return next(named, unknown)

    def over(self, sources: tuple[str, ...]) -> Law:
        """Return the law of a mixture spelled out for these data sources, the first of reference.

        Raises UsageError for a law without mixtures and for fewer than two sources.
        """
        if self.generic is None:
            raise UsageError(f"law {self.name!r} reads no mixture of data sources")
        if len(sources) < 2:
            raise UsageError(
                f"law {self.name!r} compares data sources; the table names {len(sources)} "
                f"({WEIGHT}<source> columns)"
            )
        return _spelled_out(self, sources)


def law(
    *,
    reference: str,
    terms: Mapping[str, tuple[str, ...]] | None = None,
    share: tuple[str, str] | None = None,
    optimum: Curve | None = None,
    derived: Curve | None = None,
    may_rise: tuple[str, ...] = (),
    no_split: str = "",
    step: tuple[str, str] | None = None,
    implicit: Curve | None = None,
    target: str = LOSS,
    families: Mapping[str, float | None] | None = None,
) -> Callable[[Curve], Law]:
    """Turn a function `f(xp, N, D, *, unknown, ..., constant=1.0)` into a `Law`.

    Raises UsageError where the signature does not follow that form.

    Examples
    --------
    >>> @bs.law(reference="our notes, 2026")
    ... def floor_only(xp, N, *, L_inf, A, alpha, N_ref=1e9):
    ...     'Expected loss [nats/token] of N parameters.'
    ...     return L_inf + A * (N / N_ref) ** -alpha
    >>> floor_only.inputs, floor_only.unknowns, floor_only.constants["N_ref"]
    (('N',), ('L_inf', 'A', 'alpha'), 1000000000.0)
    """
    if target not in TARGETS:
        raise UsageError(f"target {target!r}: a law explains one of {', '.join(TARGETS)}")

    def decorate(curve: Curve) -> Law:
        inputs, unknowns, constants = _read_signature(curve)
        summed = dict(terms or {})
        if (SOURCES in inputs) != bool(families):
            raise UsageError(
                f"law {curve.__name__!r}: weights {SOURCES} of data sources and families of "
                "unknowns, one for each source, go together"
            )
        for name in (
            *summed,
            *(families or ()),
            *(e for each in summed.values() for e in each),
            *(share or ()),
            *(step or ()),
        ):
            if name not in unknowns:
                raise UsageError(f"law {curve.__name__!r}: {name!r} is not among its unknowns")
        found = Law(
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
            step=step,
            implicit=implicit,
            target=target,
            families=dict(families or {}),
            generic=curve if families else None,
        )
        return found.over(THREE_SOURCES) if families else found

    return decorate


def _spelled_out(mixture: Law, sources: tuple[str, ...]) -> Law:
    """The law with one input and one unknown of each family for each source."""
    generic, families = mixture.generic, mixture.families
    assert generic is not None
    inputs, unknowns, _ = _read_signature(generic)
    plain = [name for name in inputs if name != SOURCES]
    own = {
        family: [f"{family}_{source}" for source in (sources if first is None else sources[1:])]
        for family, first in families.items()
    }

    def curve(xp: Any, *measured: Any, **values: Any) -> Any:
        at = dict(zip(plain, measured, strict=False))
        weights = measured[len(plain) :]
        for family, first in families.items():
            each = [values.pop(name) for name in own[family]]
            values[family] = each if first is None else [first, *each]
        arguments = [weights if name == SOURCES else at[name] for name in inputs]
        return generic(xp, *arguments, **values)

    curve.__doc__ = generic.__doc__
    flat = [own.get(name, [name]) for name in unknowns]
    return replace(
        mixture,
        curve=curve,
        inputs=(*plain, *(f"{SOURCES}_{source}" for source in sources)),
        unknowns=tuple(name for each in flat for name in each),
        sources=sources,
    )


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
