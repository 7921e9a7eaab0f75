"""Studies: a study file as the options it stands for; options given on the line come first."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from bayes_scaling.cli.options import Reading
from bayes_scaling.cli.pricing import FIELDS, PLAN_OPTIONS, Plans, Price
from bayes_scaling.cli.promises import Asked

if TYPE_CHECKING:
    from bayes_scaling.batch.study import Study
    from bayes_scaling.decisions.cost import Cost
    from bayes_scaling.decisions.setting import Setting

STUDY_SUFFIX = ".toml"


def is_study(path: str) -> bool:
    """Return whether a path names a study file."""
    return path.lower().endswith(STUDY_SUFFIX)


def reading_of(study: Study, given: Reading) -> Reading:
    """Return how the study's table is read."""
    data = study.data
    stated = Reading(
        col=[f"{ours}={theirs}" for ours, theirs in data.columns.items()] or None,
        loss_unit=data.loss_unit,
        bytes_per_token=data.bytes_per_token,
        decimal=data.decimal,
        delimiter=data.delimiter,
        encoding=data.encoding,
        checkpoints=data.checkpoints,
        train_below=data.train_below,
        hold_out=list(data.hold_out) or None,
        where=[f"{column}={value}" for column, value in data.where.items()] or None,
    )
    return replace(stated, **_given(given))


def cost_of(study: Study, given: Price) -> Cost:
    """Return what compute costs in the study, or as given on the line."""
    stated, said = study.cost.cost(), given.cost()
    own = {FIELDS.get(name.replace("_", "-"), name) for name in _given(given)}
    return replace(stated, **{name: getattr(said, name) for name in own})


def setting_of(study: Study, price: Price, plans: Plans, seed: int) -> Setting:
    """Return what surrounds a plan in the study; limits, demand and data given come first."""
    own = {
        name: getattr(plans, name)()
        for name, options in PLAN_OPTIONS.items()
        if any(getattr(plans, each) not in (None, []) for each in options)
    }
    return replace(study.setting(cost_of(study, price), seed), **own)


def asked_of(study: Study) -> Asked:
    """Return the budgets of the study, or what one is to follow from."""
    section = study.allocate
    lists: dict[str, Any] = {
        name: [str(each) for each in getattr(section, name)] or None
        for name in ("flops", "usd", "gpu_hours", "hours")
    }
    texts: dict[str, Any] = {
        name: None if (value := getattr(section, name)) is None else str(value)
        for name in ("usd_per_nat", "for_params", "for_tokens")
    }
    return Asked(
        **lists, **texts, loss=section.loss, probability=section.probability, cvar=section.cvar
    )


def _given(options: Any) -> dict[str, Any]:
    """Options that differ from their defaults."""
    values = {each.name: (getattr(options, each.name), each.default) for each in fields(options)}
    return {name: value for name, (value, default) in values.items() if value not in (default, [])}
