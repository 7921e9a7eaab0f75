"""Mixed: what an answer is made from on the command line, and how that is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bayes_scaling.names import GROUP
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.cli.options import Output, Reading
    from bayes_scaling.decisions.forecast import Forecast
    from bayes_scaling.evaluation.averaging import Average
    from bayes_scaling.evaluation.evidence import Evidence
    from bayes_scaling.inference.fit import Fit

NO_SAMPLING: Mapping[str, int] = MappingProxyType({})


def mixed_of(
    source: str,
    reading: Reading,
    models: Sequence[str] | None,
    law: str | None,
    group: str | None,
    output: Output,
    *,
    backtest: bool = True,
    weights: str = "equal",
    sampling: Mapping[str, int] = NO_SAMPLING,
) -> Average:
    """Return the average of models that a source stands for; of a saved fit, that fit alone.

    A table is fitted, with the chains and draws of `sampling`, and backtested unless that is not
    wanted. Raises UsageError for options that
    do not go with the source.
    """
    from bayes_scaling.cli.sources import is_fit, read_fit, read_table
    from bayes_scaling.errors import UsageError
    from bayes_scaling.evaluation.averaging import average
    from bayes_scaling.evaluation.weights import WAYS

    if is_fit(source):
        if models:
            raise UsageError("--model goes with a run table; a saved fit has its model")
        if weights != "equal":
            raise UsageError("--weights goes with a run table; a saved fit is one model")
        if given := [name for name in reading.given() if name != "--col"]:
            raise UsageError(f"{', '.join(given)}: for tables only; {source} is a fit")
        fit = read_fit(source, law, group=group)
        return average({fit.spec.name: fit})
    if weights not in WAYS:
        raise UsageError(f"--weights {weights}: one of {', '.join(WAYS)}")
    table = read_table(source, reading)
    from bayes_scaling.cli.posterior import load_spec, openly
    from bayes_scaling.cli.progress import Stages
    from bayes_scaling.evaluation.averaging import default_models

    specs = [load_spec(name, None) for name in models or default_models(table)]
    with Stages(output) as say:
        say("loading the sampler")
        from bayes_scaling.decisions.source import weighted
        from bayes_scaling.inference.sampling import fit as sample

        def tell(stage: str, share: float | None) -> None:
            say(openly(stage), share)

        fits = {
            s.name: sample(s, table, seed=output.seed, progress=tell, **sampling) for s in specs
        }
        fits = {name: f.at_group(group) if group else f for name, f in fits.items()}
        return weighted(fits, weights, backtest=backtest, seed=output.seed, progress=tell)


def with_given(mixed: Average, given: Mapping[str, float]) -> Average:
    """Return the average whose answers take these columns as given; see `Fit.at`."""
    return replace(mixed, fits={name: fit.at(**given) for name, fit in mixed.fits.items()})


def in_words(mixed: Average) -> str:
    """Return the models, the group asked and the size of the table."""
    fit = next(iter(mixed.fits.values()))
    group = f", group {display_name(fit.provenance[GROUP])}" if GROUP in fit.provenance else ""
    names = [fit.spec.name for fit in mixed.fits.values()]
    shares = [f"{mixed.weights[key]:.0%} {n}" for key, n in zip(mixed.fits, names, strict=True)]
    said = names[0] if len(names) == 1 else f"average of {' and '.join(shares)}"
    return f"{said}{group}, {len(fit.runs.fitted)} runs"


def given_words(fit: Fit) -> str:
    """Say what the answer takes as given, ready to be put before other words."""
    return "".join(f"{name} = {value:g}; " for name, value in fit.given.items())


def group_of(fit: Fit) -> dict[str, str]:
    """Return the group that an answer is of, where it is of one."""
    return {GROUP: fit.provenance[GROUP]} if GROUP in fit.provenance else {}


def evidence_lines(found: Forecast) -> Iterator[str]:
    """Say for each verdict, worst first, which points it is of and what stands behind it."""
    sentences = dict.fromkeys(each.sentence for each in found.evidence)
    for sentence in sorted(sentences):
        count = sum(each.sentence == sentence for each in found.evidence)
        whose = "" if len(sentences) == 1 else f" ({count} of {len(found.evidence)} points)"
        yield f"evidence{whose}: {sentence}"


def evidence_record(evidence: Evidence) -> dict[str, Any]:
    """Return an evidence as plain values that JSON can hold."""
    return {**asdict(evidence), "failed": evidence.failed}
