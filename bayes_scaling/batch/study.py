"""Study: what to fit and what to ask, as a text file; paths in it are relative to that file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bayes_scaling.batch.sections import (
    AllocateSection,
    CostSection,
    Flops,
    LimitsSection,
    PlanSection,
    Positive,
    RepetitionSection,
    ServingSection,
)
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.setting import Setting
from bayes_scaling.errors import UsageError
from bayes_scaling.specs.strict import Strict, parse_toml


class DataSection(Strict):
    """The `[data]` table: how a run table is read, and which rows are drawn but never fitted."""

    columns: dict[str, str] = Field(default_factory=dict)
    loss_unit: Literal["nats", "bits", "ppl", "bpb"] = "nats"
    bytes_per_token: Positive | None = None
    decimal: Literal[".", ","] = "."
    delimiter: str | None = None
    encoding: str = "utf-8"
    checkpoints: Literal["last", "all"] = "last"
    where: dict[str, str] = Field(default_factory=dict)
    hold_out: tuple[str, ...] = ()
    train_below: str | None = None
    losses: tuple[str, ...] = ()
    """Columns that each hold a loss: one table for each."""
    split_by: str | None = None
    """One table for each value of this column."""
    cuts: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Also fit the runs below these quantiles of compute, and score the rest."""


class SamplingSection(Strict):
    """The `[sampling]` table."""

    chains: int = Field(default=4, ge=2)
    draws: int = Field(default=1000, ge=50)
    seed: int = Field(default=0, ge=0, lt=2**32)


class ForecastSection(Strict):
    """The `[forecast]` table: budgets, and the shares of the central intervals shown."""

    flops: tuple[Flops, ...] = ()
    amounts: tuple[Positive | str, ...] = ()
    """Of the resource that a law of one resource reads."""
    intervals: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.8, 0.9)


class Study(Strict):
    """Study file: tables, models, how to read them, what to ask."""

    tables: tuple[str, ...] = Field(min_length=1)
    models: tuple[str, ...] = Field(min_length=1)
    resource: Literal["params", "tokens", "flops"] | None = None
    data: DataSection = DataSection()
    sampling: SamplingSection = SamplingSection()
    forecast: ForecastSection = ForecastSection()
    cost: CostSection = CostSection()
    allocate: AllocateSection = AllocateSection()
    plan: PlanSection | None = None
    limits: LimitsSection = LimitsSection()
    serving: ServingSection | None = None
    repetition: RepetitionSection | None = None
    claims: tuple[str, ...] = ()
    """Registered forecasts (files of `register`) that the report shows beside its own."""

    def setting(self, cost: Cost, seed: int) -> Setting:
        """Return what surrounds a plan; raises UsageError for values that cannot be."""
        return Setting(
            cost,
            self.limits.limits(),
            self.serving.serving() if self.serving else None,
            self.repetition.repetition() if self.repetition else None,
            seed,
        )


def read_study(path: str | Path) -> Study:
    """Read a study file; table and model paths come back relative to the working directory.

    Raises UsageError where there is no such file, or with every fault of it at once.
    """
    where = Path(path)
    try:
        text = where.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"cannot read the study {where}: {fault}") from None
    study = parse_toml(Study, text, str(where))
    tables = tuple(str(where.parent / table) for table in study.tables)
    models = tuple(_beside(where, model) for model in study.models)
    claims = tuple(str(where.parent / claim) for claim in study.claims)
    return study.model_copy(update={"tables": tables, "models": models, "claims": claims})


def _beside(study: Path, model: str) -> str:
    is_path = "/" in model or model.endswith(".toml")
    return str(study.parent / model) if is_path else model


def the_only_table(study: Study) -> str:
    """Return the table of a study of one; raises UsageError for more."""
    if len(study.tables) != 1:
        raise UsageError(
            f"a page or a plan is of one table; the study has {len(study.tables)}: write one study "
            "for each"
        )
    if study.data.split_by is not None:
        raise UsageError(
            f"a page or a plan is of one table; the study splits its table by "
            f"{study.data.split_by}: choose one with [data] where"
        )
    if study.data.losses:
        raise UsageError(
            f"a page or a plan is of one loss; the study has {', '.join(study.data.losses)}: "
            'choose one with [data] columns = { loss = "..." }'
        )
    return study.tables[0]


def the_only(study: Study) -> tuple[str, tuple[str, ...]]:
    """Return the table of a study of one, and its models; raises UsageError for more tables.

    The first model is the one that a report is about, the others are compared with it.
    """
    return the_only_table(study), study.models
