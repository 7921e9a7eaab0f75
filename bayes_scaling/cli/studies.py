"""Studies: a study file as the options it stands for; options given on the line come first."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from bayes_scaling.cli.options import Output, Reading
from bayes_scaling.cli.pricing import FIELDS, Plans, Price

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
    """Return what surrounds a plan in the study; each limit, demand and data given come first."""
    found = study.setting(cost_of(study, price), seed)
    own: dict[str, Any] = {
        name: given
        for name in ("serving", "repetition")
        if (given := getattr(plans, name)()) is not None
    }
    return replace(found, limits=replace(found.limits, **_given(plans.limits())), **own)


@dataclass(frozen=True)
class Opened:
    """What a verb starts from: a source, how it is read and sampled, what surrounds a plan."""

    source: str
    reading: Reading
    output: Output
    model: list[str] | None
    setting: Setting
    study: Study | None = None

    @property
    def sampling(self) -> dict[str, int]:
        """Draws and chains that the study states."""
        stated = self.study.sampling if self.study else None
        names = () if stated is None else stated.model_fields_set - {"seed"}
        return {name: getattr(stated, name) for name in names}


def opened(
    source: str,
    reading: Reading,
    output: Output,
    price: Price,
    plans: Plans | None = None,
    *,
    model: list[str] | None,
) -> Opened:
    """Return the one table of a study with its settings, or the source as the line gives it."""
    plans = plans or Plans()
    if is_study(source):
        from bayes_scaling.batch.study import read_study, the_only_table

        study = read_study(source)
        output = replace(output, seed=output.seed or study.sampling.seed)
        return Opened(
            the_only_table(study),
            reading_of(study, reading),
            output,
            model or list(study.models),
            setting_of(study, price, plans, output.seed),
            study,
        )
    from bayes_scaling.decisions.setting import Setting

    parts = (plans.limits(), plans.serving(), plans.repetition())
    return Opened(source, reading, output, model, Setting.of(price.cost(), *parts, output.seed))


def _given(options: Any) -> dict[str, Any]:
    """Options that differ from their defaults."""
    values = {each.name: (getattr(options, each.name), each.default) for each in fields(options)}
    return {
        name: value for name, (value, default) in values.items() if value not in (default, [], ())
    }
