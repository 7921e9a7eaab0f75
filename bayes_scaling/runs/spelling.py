"""Spelling: the names of tracked values, and which of them may be meant by ours.

A name that values of one kind have stands alone; one that several kinds have is told apart by kind:
config.tokens, summary.tokens.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from bayes_scaling.quantities import RESOURCES
from bayes_scaling.runs.canonical import measured
from bayes_scaling.runs.columns import OTHER_NAMES, target_of
from bayes_scaling.runs.finding import ERROR, WARN, Finding
from bayes_scaling.runs.labels import display_name, listed

Values = Mapping[str, Mapping[str, Any]]
"""Values of one run: kind to name to value."""
SEPARATOR: Final = re.compile(r"[./]")
LETTER: Final = 1
"""Length of other names that are offered but never held against one of ours: n, d, c, l."""


@dataclass(frozen=True)
class Spelling:
    """Names of values and the kinds that have them."""

    kinds: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, runs: Iterable[Values]) -> Spelling:
        """Return the names that these runs use."""
        kinds: dict[str, dict[str, None]] = {}
        for run in runs:
            for kind, values in run.items():
                for name in values:
                    kinds.setdefault(name, {})[kind] = None
        return cls({name: tuple(kinds[name]) for name in sorted(kinds)})

    @property
    def names(self) -> list[str]:
        """Every name by which exactly one value of a run is meant."""
        return [
            spelled
            for name, kinds in self.kinds.items()
            for spelled in ([name] if len(kinds) == 1 else [f"{kind}.{name}" for kind in kinds])
        ]

    @property
    def several(self) -> list[str]:
        """The names that values of several kinds have."""
        return [name for name, kinds in self.kinds.items() if len(kinds) > 1]

    def known(self, asked: Iterable[str]) -> list[str]:
        """Return all names, with those asked for that name a kind without need."""
        names = self.names
        return [*names, *(each for each in asked if each not in names and self._place(each))]

    def value(self, run: Values, name: str) -> Any:
        """Return what a run has under a name; None if nothing."""
        kind, own = self._place(name) or ("", "")
        return run.get(kind, {}).get(own)

    def faults(self, asked: Iterable[str]) -> Iterator[str]:
        """Say which names asked for mean no value, or two."""
        for name in asked:
            if self._place(name) is None:
                several = [f"{kind}.{name}" for kind in self.kinds.get(name, ())]
                near = several or get_close_matches(name, self.names, n=3)
                hint = f"did you mean {listed(near)}?" if near else f"found: {listed(self.names)}"
                what = "is of several kinds" if several else "no run has it"
                yield f"{display_name(name, 40)}: {what}; {hint}"

    def _place(self, name: str) -> tuple[str, str] | None:
        kinds = self.kinds.get(name, ())
        if len(kinds) == 1:
            return kinds[0], name
        kind, dot, own = name.partition(".")
        return (kind, own) if dot and kind in self.kinds.get(own, ()) else None


def in_two_kinds(spelling: Spelling, stated: Collection[str]) -> Iterator[Finding]:
    """H005 for our names that values of several kinds have."""
    for name in (each for each in measured(spelling.several) if each not in stated):
        yield _two(name, [f"{kind}.{name}" for kind in spelling.kinds[name]])


def two_columns(
    found: Sequence[str], mapping: Mapping[str, str], stated: Collection[str]
) -> Iterator[Finding]:
    """H005 where one of our names is there, and beside it another that may be meant."""
    for ours in (*RESOURCES, target_of(mapping)):
        if ours in mapping and ours not in stated:
            rivals = [n for n in _alike(ours, found) if n not in mapping.values()]
            if rivals:
                yield _two(ours, [mapping[ours], *rivals])


def choices(
    found: Sequence[str], mapping: Mapping[str, str], stated: Collection[str]
) -> list[Finding]:
    """H004 for each resource, or target, that is not there: what may be meant by it."""
    hints = []
    for ours in (*RESOURCES, target_of(mapping)):
        near = [n for n in _alike(ours, found, letters=True) if n not in mapping.values()]
        if ours not in mapping and ours not in stated and near:
            message = f"no {ours}, but {listed(near)} may be it: not used"
            hints.append(Finding("H004", WARN, (), message, f"if so: {_options(ours, near)}"))
    return hints


def _two(ours: str, names: Sequence[str]) -> Finding:
    message = f"{listed(names)} may be {ours}"
    return Finding("H005", ERROR, (), message, f"say which: {_options(ours, names)}")


def _options(ours: str, names: Sequence[str]) -> str:
    return " or ".join(f"--col {ours}={display_name(name, 40)}" for name in names[:3])


def _alike(ours: str, found: Sequence[str], *, letters: bool = False) -> Iterator[str]:
    """Give the names that are one of ours in other words, alone or as the last part of a path."""
    known = {ours, *OTHER_NAMES.get(ours, ())}
    for name in found:
        last = SEPARATOR.split(name.lower())[-1]
        if last in known and (letters or len(last) > LETTER):
            yield name
