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
    """Our column name to the table's, where they differ."""
    loss_unit: Literal["nats", "bits", "ppl", "bpb"] = "nats"
    """Unit of every loss in the tables; ppl is perplexity, bpb bits per byte."""
    bytes_per_token: Positive | None = None
    """Bytes per token of the evaluation set; bpb needs it."""
    decimal: Literal[".", ","] = "."
    """Decimal sign of numbers."""
    delimiter: str | None = None
    """Sign between fields; left out, found from the file."""
    encoding: str = "utf-8"
    """Encoding of the text."""
    checkpoints: Literal["last", "all"] = "last"
    """Rows kept of each run: the one of most tokens, or all."""
    where: dict[str, str] = Field(default_factory=dict)
    """Column to value: only these rows are used."""
    hold_out: tuple[str, ...] = ()
    """Names of runs that are scored and never fitted."""
    train_below: str | None = None
    """Runs from here on are scored, never fitted: "1e21" [FLOP], or "params=500M"."""
    losses: tuple[str, ...] = ()
    """Columns that each hold a loss: one table for each."""
    split_by: str | None = None
    """One table for each value of this column."""
    cuts: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Also fit the runs below these quantiles of compute, and score the rest."""


class SamplingSection(Strict):
    """The `[sampling]` table."""

    chains: int = Field(default=4, ge=2)
    """Chains of the sampler."""
    draws: int = Field(default=1000, ge=50)
    """Draws kept of each chain."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of all that is drawn."""


class ForecastSection(Strict):
    """The `[forecast]` table: budgets, and the shares of the central intervals shown."""

    flops: tuple[Flops, ...] = ()
    """Budgets of compute [FLOP], each read at its best split."""
    amounts: tuple[Positive | str, ...] = ()
    """Amounts of the resource that a law of one resource reads, in its unit."""
    intervals: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.8, 0.9)
    """Shares of the central intervals that are shown."""


class Study(Strict):
    """Study file: tables, models, how to read them, what to ask."""

    tables: tuple[str, ...] = Field(min_length=1)
    """Paths or patterns of run tables, relative to this file."""
    models: tuple[str, ...] = Field(min_length=1)
    """Names of the shelf, or paths relative to this file; a page is about the first."""
    resource: Literal["params", "tokens", "flops"] | None = None
    """Column that a law of one resource reads; left out, the model file or the table decides."""
    data: DataSection = DataSection()
    """How tables are read, and which runs are held out."""
    sampling: SamplingSection = SamplingSection()
    """How posteriors are drawn."""
    forecast: ForecastSection = ForecastSection()
    """Points at which the loss is forecast."""
    cost: CostSection = CostSection()
    """What compute costs."""
    allocate: AllocateSection = AllocateSection()
    """Budgets to split, or what they follow from."""
    plan: PlanSection | None = None
    """One planned run to judge."""
    limits: LimitsSection = LimitsSection()
    """What plans must respect."""
    serving: ServingSection | None = None
    """Demand for the finished model, paid from the same budget."""
    repetition: RepetitionSection | None = None
    """Data that plans may see more than once."""
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
