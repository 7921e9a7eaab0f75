"""Columns: which column of a source is which of ours, stated or of the same name."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from bayes_scaling.errors import UsageError
from bayes_scaling.names import FLOPS, LOSS, PARAMS, RUN, TOKENS
from bayes_scaling.quantities import COLUMN_OF_SYMBOL, ONE_RESOURCES, RESOURCES, TARGETS, is_weight
from bayes_scaling.runs.canonical import MEASURED, measured
from bayes_scaling.runs.finding import ERROR, INFO, WARN, Finding
from bayes_scaling.runs.labels import display_name, listed

RUN_ID = "run_id"
"""The one other name that is accepted without being asked for."""
OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    RUN: ("name", "model", "run_name", "id"),
    PARAMS: ("n", "n_params", "num_params", "parameters", "params_b", "model_size"),
    TOKENS: ("d", "n_tokens", "num_tokens", "train_tokens", "tokens_b", "dataset_size"),
    FLOPS: ("c", "flop", "compute", "train_flops", "total_flops"),
    LOSS: ("l", "val_loss", "eval_loss", "test_loss", "valid_loss", "final_loss", "ppl"),
}
"""What others call our columns: offered as suggestions, never taken silently."""


def resolve(
    found: Sequence[str], stated: Mapping[str, str] | None
) -> tuple[dict[str, str], list[Finding]]:
    """Return {our name: their name} and the findings; errors among them forbid going on.

    Parameters
    ----------
    found
        Column names of the source.
    stated
        What the user said: our name to their name.

    Raises
    ------
    UsageError
        A stated key is none of our names.
    """
    stated = dict(stated or {})
    for ours in stated:
        if ours not in MEASURED and not is_weight(ours):
            near = get_close_matches(ours, MEASURED, n=1) or list(MEASURED)
            shown = display_name(ours, 40)
            raise UsageError(f"columns: '{shown}' is none of our columns; nearest: {listed(near)}")
    findings = list(_missing_stated(found, stated))
    taken = set(stated.values())
    same = {name: name for name in measured(found) if name not in taken}
    mapping = {**same, **{ours: theirs for ours, theirs in stated.items() if theirs in found}}
    if RUN not in mapping and RUN_ID in found and RUN_ID not in taken:
        mapping[RUN] = RUN_ID
        findings.append(Finding("H001", INFO, (), f"column {RUN_ID} is taken as {RUN}"))
    if not any(finding.severity == ERROR for finding in findings):
        findings += _missing_needed(found, mapping)
    return mapping, findings


def suggestions(ours: str, found: Sequence[str]) -> list[str]:
    """Return columns of the source that may be meant by one of our names, best first."""
    lower = {name.lower(): name for name in reversed(found)}
    known = [lower[other] for other in (ours, *OTHER_NAMES.get(ours, ())) if other in lower]
    near = [lower[match] for match in get_close_matches(ours, list(lower), n=2)]
    return list(dict.fromkeys([*known, *near]))


def _asked(ours: str, found: Sequence[str]) -> str:
    near = suggestions(ours, found)
    return f"did you mean --col {ours}={display_name(near[0], 40)}?" if near else ""


def _missing_stated(found: Sequence[str], stated: Mapping[str, str]) -> Iterator[Finding]:
    for ours, theirs in stated.items():
        if theirs not in found:
            near = get_close_matches(theirs, found, n=1) or suggestions(ours, found)[:1]
            hint = f"nearest: {listed(near)}" if near else ""
            message = f"no column '{display_name(theirs, 40)}' (for {ours}); found: {listed(found)}"
            yield Finding("H002", ERROR, (1,), message, hint, theirs)


def _missing_needed(found: Sequence[str], mapping: Mapping[str, str]) -> Iterator[Finding]:
    used = set(mapping.values())
    free = [name for name in found if name not in used]
    if not any(name in mapping for name in TARGETS):
        message = f"no column {LOSS}; found: {listed(found)}"
        yield Finding("H002", ERROR, (1,), message, _asked(LOSS, free), LOSS)
    read = set(COLUMN_OF_SYMBOL.values()) | set(ONE_RESOURCES)
    if not any(name in mapping for name in TARGETS if name != LOSS):
        read.discard(LOSS)  # a law reads the loss only to explain something else
    if not any(name in read or is_weight(name) for name in mapping):
        message = f"none of the columns {', '.join(RESOURCES)}; found: {listed(found)}"
        hints = " ".join(filter(None, (_asked(name, free) for name in RESOURCES)))
        yield Finding("H002", ERROR, (1,), message, hints)
        return
    for name in (each for each in RESOURCES if each not in mapping):
        near = [c for c in free if c.lower() in (name, *OTHER_NAMES[name])]
        if near:
            message = f"no column {name}, but '{display_name(near[0], 40)}' looks like it: not used"
            yield Finding("H004", WARN, (1,), message, f"if it is: --col {name}={near[0]}", near[0])


def target_of(there: Container[str]) -> str:
    """Return what a table measures: the loss, or where it has none its accuracy or error."""
    return next((name for name in TARGETS if name in there), LOSS)
