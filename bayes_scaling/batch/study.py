"""Study: what to fit and what to ask, as a text file; paths in it are relative to that file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from bayes_scaling.decisions.cost import QUANTITIES, Cost
from bayes_scaling.decisions.prices import FLOPS_PER_GPU_SECOND, MFU, USD_PER_GPU_HOUR
from bayes_scaling.errors import UsageError
from bayes_scaling.specs.model_file import PriorFile
from bayes_scaling.specs.strict import Strict, parse_toml

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Positive | str
"""A number, or a quantity as people write it, such as "1e24" or "70B"."""


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


class SamplingSection(Strict):
    """The `[sampling]` table."""

    chains: int = Field(default=4, ge=2)
    draws: int = Field(default=1000, ge=50)
    seed: int = Field(default=0, ge=0, lt=2**32)


class ForecastSection(Strict):
    """The `[forecast]` table: budgets, and the shares of the central intervals shown."""

    flops: tuple[Amount, ...] = ()
    amounts: tuple[Amount, ...] = ()
    intervals: tuple[float, ...] = (0.8, 0.9)


class CostSection(Strict):
    """The `[cost]` table: see `Cost`; each but devices a number or a prior as in model files."""

    usd_per_gpu_hour: Positive | PriorFile = USD_PER_GPU_HOUR
    flops_per_gpu_second: Positive | PriorFile = FLOPS_PER_GPU_SECOND
    mfu: Positive | PriorFile = MFU
    overhead: Annotated[float, Field(ge=0, allow_inf_nan=False)] | PriorFile = 0.0
    devices: Annotated[int, Field(gt=0)] | None = None

    def cost(self) -> Cost:
        """Return the `Cost`; raises UsageError for values that cannot be."""
        given: dict[str, Any] = {
            name: value.prior() if isinstance(value, PriorFile) else value
            for name in QUANTITIES
            for value in [getattr(self, name)]
        }
        return Cost(**given, devices=self.devices)


class Study(Strict):
    """Study file: tables, models, how to read them, what to ask."""

    tables: tuple[str, ...] = Field(min_length=1)
    models: tuple[str, ...] = Field(min_length=1)
    resource: Literal["params", "tokens", "flops"] | None = None
    data: DataSection = DataSection()
    sampling: SamplingSection = SamplingSection()
    forecast: ForecastSection = ForecastSection()
    cost: CostSection = CostSection()


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
    return study.model_copy(update={"tables": tables, "models": models})


def _beside(study: Path, model: str) -> str:
    is_path = "/" in model or model.endswith(".toml")
    return str(study.parent / model) if is_path else model


def the_only(study: Study) -> tuple[str, str]:
    """Return table and model of a study of one fit; raises UsageError for more."""
    if len(study.tables) != 1 or len(study.models) != 1:
        raise UsageError(
            f"a report shows one table and one model; the study has {len(study.tables)} and "
            f"{len(study.models)}: write one study for each"
        )
    return study.tables[0], study.models[0]
