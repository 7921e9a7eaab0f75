"""Options: groups of command line options, each a dataclass whose fields are the options.

A verb asks for a group by naming the class as the type of a parameter; see `verbs`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import typer

from bayes_scaling.errors import UsageError

READING = "Reading a table"
OUTPUT = "Output"
LARGEST_SEED = 2**32 - 1

Table = Annotated[
    str, typer.Argument(metavar="RUNS", help="A run table: .csv, .tsv, .csv.gz or .parquet.")
]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME|PATH", help="Of a table: models to average. Repeatable."
    ),
]
WeightsOption = Annotated[
    str,
    typer.Option("--weights", metavar="equal|loo|backtest", help="How the models are weighed."),
]
SavedFit = Annotated[
    str, typer.Argument(metavar="FIT.nc", help="A saved fit, written by: fit RUNS -o FIT.nc")
]
TableOrFit = Annotated[
    str, typer.Argument(metavar="RUNS|FIT.nc", help="A run table, or a saved fit (.nc).")
]
TableOrStudy = Annotated[
    str, typer.Argument(metavar="RUNS|STUDY.toml", help="A run table, or a study (.toml).")
]
TableFitOrStudy = Annotated[
    str,
    typer.Argument(
        metavar="RUNS|FIT.nc|STUDY.toml", help="A run table, a saved fit (.nc), or a study (.toml)."
    ),
]
LawOption = Annotated[
    str | None,
    typer.Option(
        "--law", metavar="FILE.py:NAME", help="Your own law with which the fit was made. Runs FILE."
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", metavar="NAME|PATH", help="A model of the shelf, or a model file (.toml)."
    ),
]
ResourceOption = Annotated[
    str | None,
    typer.Option(
        "--resource", metavar="COLUMN", help="What a one-resource law reads: params, steps, ..."
    ),
]
SourcesOption = Annotated[
    str | None,
    typer.Option(
        "--sources",
        metavar="A,B,...",
        help="Data sources of a mixture law, the reference first. Default: alphabetical.",
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="NAME",
        help="Group of a model that has groups; new: not in the table.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
PdfOption = Annotated[
    bool, typer.Option("--pdf", help="Also write PAGE.pdf, for print (extra: pdf).")
]
ReviewOption = Annotated[
    bool | None,
    typer.Option("--review/--no-review", help="Backtest the table and compare laws, or do not."),
]
ClaimOption = Annotated[
    list[str] | None,
    typer.Option(
        "--claim", metavar="CLAIM.json", help="A registered forecast to show beside. Repeatable."
    ),
]
BudgetOption = Annotated[
    list[str] | None,
    typer.Option("--flops", metavar="C", help="A compute budget, such as 1e24. Repeatable."),
]
MoneyOption = Annotated[
    list[str] | None,
    typer.Option("--usd", metavar="M", help="A budget in money, such as 5M. Repeatable."),
]
GpuHoursOption = Annotated[
    list[str] | None,
    typer.Option("--gpu-hours", metavar="H", help="A budget in GPU-hours. Repeatable."),
]
HoursOption = Annotated[
    list[str] | None,
    typer.Option("--hours", metavar="H", help="A budget in hours of all --devices. Repeatable."),
]
AmountOption = Annotated[
    list[str] | None,
    typer.Option("--amount", metavar="X", help="Of the resource a one-resource law reads."),
]
GivenOption = Annotated[
    list[str] | None,
    typer.Option(
        "--given",
        metavar="COLUMN=VALUE",
        help="What the law reads besides, such as experts=8. Repeatable.",
    ),
]
IntervalOption = Annotated[
    str, typer.Option("--interval", metavar="LEVELS", help="Levels of the intervals.")
]
DrawsOption = Annotated[int, typer.Option("--draws", min=50, help="Kept draws of each chain.")]
ChainsOption = Annotated[int, typer.Option("--chains", min=2, help="Independent chains.")]

ThenOption = Annotated[
    str | None,
    typer.Option(
        "--then", metavar="LINK.nc", help="A saved fit that reads the loss: accuracy, error, ..."
    ),
]
ItemsOption = Annotated[
    int | None,
    typer.Option("--items", metavar="K", help="With --then: a benchmark of K items, binomially."),
]
AtLeastOption = Annotated[
    float | None,
    typer.Option("--at-least", metavar="T", help="Also the probability of T or more."),
]
AtMostOption = Annotated[
    float | None,
    typer.Option("--at-most", metavar="T", help="Also the probability of T or less."),
]

DEFAULT_INTERVALS = "0.8,0.9"


@dataclass(frozen=True)
class Output:
    """How the answer is written."""

    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout.", rich_help_panel=OUTPUT)
    ] = False
    csv: Annotated[
        bool, typer.Option("--csv", help="The main table as CSV.", rich_help_panel=OUTPUT)
    ] = False
    md: Annotated[
        bool, typer.Option("--md", help="The main table as Markdown.", rich_help_panel=OUTPUT)
    ] = False
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="No progress and no hints.", rich_help_panel=OUTPUT),
    ] = False
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color", help="No colours (also: NO_COLOR is set).", rich_help_panel=OUTPUT
        ),
    ] = False
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Warnings set the exit code to 1.", rich_help_panel=OUTPUT),
    ] = False
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            max=LARGEST_SEED,
            help="Seed of all random draws: same seed, same numbers.",
            rich_help_panel=OUTPUT,
        ),
    ] = 0

    def __post_init__(self) -> None:
        """Refuse two forms at once."""
        if self.json + self.csv + self.md > 1:
            raise UsageError("choose one of --json, --csv and --md")


@dataclass(frozen=True)
class Reading:
    """How a run table is read, and which of its rows are fitted."""

    col: Annotated[
        list[str] | None,
        typer.Option(
            "--col",
            metavar="OURS=THEIRS",
            help="Column names: --col params=n_params,tokens=d",
            rich_help_panel=READING,
        ),
    ] = None
    loss_unit: Annotated[
        str,
        typer.Option(
            "--loss-unit", help="Unit of all losses: nats, bits, ppl, bpb.", rich_help_panel=READING
        ),
    ] = "nats"
    bytes_per_token: Annotated[
        float | None,
        typer.Option("--bytes-per-token", help="Needed for bpb.", rich_help_panel=READING),
    ] = None
    decimal: Annotated[
        str,
        typer.Option("--decimal", help="Decimal sign: . or ,", rich_help_panel=READING),
    ] = "."
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", help="Field separator.", rich_help_panel=READING),
    ] = None
    encoding: Annotated[
        str,
        typer.Option("--encoding", help="Encoding of the text.", rich_help_panel=READING),
    ] = "utf-8"
    checkpoints: Annotated[
        str,
        typer.Option(
            "--checkpoints",
            help="Rows kept of one run: last or all.",
            rich_help_panel=READING,
        ),
    ] = "last"
    train_below: Annotated[
        str | None,
        typer.Option(
            "--train-below",
            metavar="X",
            help="Hold out runs from X on: 1e21 (FLOP) or params=500M.",
            rich_help_panel=READING,
        ),
    ] = None
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out",
            metavar="NAME",
            help="A run that is scored, never fitted. Repeatable.",
            rich_help_panel=READING,
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COLUMN=VALUE",
            help="Keep only these rows. Repeatable.",
            rich_help_panel=READING,
        ),
    ] = None
    allow_large: Annotated[
        bool,
        typer.Option(
            "--allow-large", help="Read over 1,000,000 rows or 1 GiB.", rich_help_panel=READING
        ),
    ] = False

    def given(self) -> list[str]:
        """Names of the options that differ from their defaults, as they are typed."""
        return [
            f"--{each.name.replace('_', '-')}"
            for each in fields(self)
            if getattr(self, each.name) not in (each.default, [])
        ]


@dataclass(frozen=True)
class Question:
    """Which runs a forecast is asked for, in one of four ways."""

    flops: BudgetOption = None
    params: Annotated[
        list[str] | None,
        typer.Option("--params", metavar="N", help="Parameters of a run, such as 70B."),
    ] = None
    tokens: Annotated[
        list[str] | None,
        typer.Option("--tokens", metavar="D", help="Tokens of that run, such as 1.4T."),
    ] = None
    at: Annotated[
        str | None, typer.Option("--at", metavar="PLAN", help="A table of planned runs (.csv).")
    ] = None
    amount: AmountOption = None
    col: Annotated[
        list[str] | None,
        typer.Option("--col", metavar="OURS=THEIRS", help="Column names of the plan."),
    ] = None

    def require_one_way(self) -> None:
        """Refuse no question and several at once."""
        asked = {
            "--flops": self.flops,
            "--params": self.params or self.tokens,
            "--at": self.at,
            "--amount": self.amount,
        }
        ways = [name for name, value in asked.items() if value]
        if len(ways) != 1:
            raise UsageError(
                "say what to forecast in one way: --flops, --params with --tokens, --at, or "
                "--amount" + (f"; given are {', '.join(ways)}" if ways else "")
            )
