"""Items 1 to 21 of the catalogue: values of a run table."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tests.catalogue.case import ANY, HEAD, SIZES, Case, exact_loss, sound_rows, table

PARAMS, TOKENS, LOSS = 1, 2, 3
LAST = 17
"""Last line of the sound table."""


def row(item: int, title: str, cell: str, code: str, column: int = LOSS, line: int = 5) -> Case:
    """One bad cell: its row is rejected, the others are kept."""
    return Case(item, title, table({(line, column): cell}), 1, {code: (line,)})


def with_column(name: str, cells: list[str]) -> str:
    return table(head=f"{HEAD},{name}", each=lambda i, cells_: [*cells_, cells[i]])


def scaled(factor: float, rows: Iterable[int]) -> dict[tuple[int, int], str]:
    """The losses of some lines times a factor."""
    return {(line, LOSS): f"{factor * exact_loss(*SIZES[line - 2]):.6f}" for line in rows}


def sized(params: list[float], tokens: list[float], more: str = "") -> str:
    lines = [f"r{i},{n:.0f},{d:.0f},{exact_loss(n, d):.6f}{more}"
             for i, (n, d) in enumerate(zip(params, tokens, strict=True))]  # fmt: skip
    return "\n".join([HEAD, *lines]) + "\n"


def grid(params: list[float], tokens: list[float]) -> tuple[list[float], list[float]]:
    cells = [(n, d) for n in params for d in tokens]
    return [n for n, _ in cells], [d for _, d in cells]


def many(count: int) -> str:
    """Rows of distinct sizes, as short as they can be."""
    ends = np.geomspace(1e7, 1e10, count), 10.0 ** (9 + 3 * np.random.default_rng(1).random(count))
    lines = [f"{n:.0f},{d:.0f},{exact_loss(n, d):.7f}" for n, d in zip(*ends, strict=True)]
    return "\n".join(["params,tokens,loss", *lines]) + "\n"


FLOPS = [f"{6 * n * d:.6g}" for n, d in SIZES]
ALL_RAY = [(n, 20 * n) for n in np.geomspace(1e8, 1e10, 16)]
FAR = [*np.geomspace(1e8, 1e10, 16)]

VALUES = [
    row(1, "nan loss", "nan", "C001"),
    row(1, "empty loss", "", "C001"),
    row(1, "NA params", "NA", "C001", PARAMS),
    row(1, "null tokens", "null", "C001", TOKENS, 17),
    Case(1, "nan in most rows", table({(i, LOSS): "nan" for i in range(2, 14)}), 3,
         {"C001": tuple(range(2, 14)), "R001": (), "I001": ()}),
    row(2, "inf loss", "inf", "C002"),
    row(2, "minus infinity", "-Infinity", "C002"),
    row(2, "1e999 tokens", "1e999", "C002", TOKENS),
    row(2, "1e61 params", "1e61", "C002", PARAMS),
    row(3, "zero params", "0", "C003", PARAMS),
    row(3, "zero loss", "0.0", "C003"),
    row(3, "negative tokens", "-1e9", "C003", TOKENS, 2),
    row(3, "negative loss", "-2.5", "C003"),
    Case(4, "accuracy given as loss",
         table(each=lambda i, c: [*c[:3], f"{0.2 + 0.04 * i:.2f}"]), 3,
         {"L002": (), "I007": ()}, says=("accuracy",)),
    Case(4, "a score above 1 that rises", table(each=lambda i, c: [*c[:3], f"{20 + i}"]), 0,
         {"L003": (), "U001": tuple(range(2, 18)), "I007": ()}, says=("a score, not a loss",)),
    Case(4, "all losses zero", table(each=lambda _, c: [*c[:3], "0"]), 3,
         {"C003": tuple(range(2, 18)), "R001": ()}),
    Case(5, "suffixes are read", table({(2, PARAMS): "10M", (17, PARAMS): "10B"}), 0,
         {"C005": (2, 17)}),
    Case(5, "words behind numbers are read", table({(17, TOKENS): "1T tokens"}), 0,
         {"C005": (17,)}),
    Case(5, "1.5T tokens as params", table({(5, PARAMS): "1.5T tokens"}), 1, {"C004": (5,)}),
    row(5, "milli or million", "125m", "C004", PARAMS),
    Case(6, "two sizes in billions", table({(16, PARAMS): "1.5", (17, PARAMS): "1.5"}), 3,
         {"U004": (16, 17), "S003": (16, 17), "S002": (16, 17)}, says=("billions",)),
    Case(6, "one token count in trillions", table({(9, TOKENS): "1"}), 3,
         {"U004": (9,)}, says=("plain",)),
    Case(7, "two losses in bits", table(scaled(1 / math.log(2), (5, 8))), 0,
         {"U002": (5, 8), "R008": (5, 8)}, says=("bits",)),
    Case(7, "perplexities", table(each=lambda i, c: [*c[:3], f"{math.exp(float(c[3])):.4f}"]), 0,
         {"U001": ANY}, says=("--loss-unit ppl",)),
    Case(7, "bits per byte", table(each=lambda i, c: [*c[:3], f"{float(c[3]) / 4.3:.6f}"]), 0,
         {"U003": ()}, says=("--loss-unit bpb",)),
    Case(7, "an unknown unit", table(), 2, options=("--loss-unit", "nat"), says=("bpb",)),
    Case(8, "FLOP off in three rows",
         with_column("flops", ["1e24" if i < 3 else FLOPS[i] for i in range(16)]), 0,
         {"S004": (2, 3, 4)}, says=("are trusted",)),
    Case(8, "FLOP ten times 6ND",
         with_column("flops", [f"{10 * float(each):.6g}" for each in FLOPS]), 0,
         {"S004": tuple(range(2, 18))}),
    Case(9, "sizes with and without embeddings",
         with_column("params_non_embedding", [f"{0.8 * n:.0f}" for n, _ in SIZES]), 0,
         {"S006": ()}, says=("params_non_embedding",)),
    Case(9, "sizes without embeddings, asked for",
         with_column("params_non_embedding", [f"{0.8 * n:.0f}" for n, _ in SIZES]), 0,
         {"S002": (5,)}, options=("--col", "params=params_non_embedding")),
    Case(10, "one row twice", table(more=[",".join(sound_rows()[0])]), 0, {"R003": (18,)}),
    Case(10, "the whole table twice", table(more=[",".join(each) for each in sound_rows()]), 0,
         {"R003": tuple(range(18, 34))}),
    Case(11, "two seeds of each size",
         table(more=[f"s{i},{n:.0f},{d:.0f},{1.002 * exact_loss(n, d):.6f}"
                     for i, (n, d) in enumerate(SIZES)]), 0,
         {"R005": tuple(range(2, 34))}, says=("seed noise",)),
    Case(11, "one size whose losses differ by far",
         table(more=[f"s,{SIZES[5][0]:.0f},{SIZES[5][1]:.0f},9"]), 0,
         {"R005": (7, 18), "R008": (18,)}),
    Case(12, "an earlier checkpoint of a run", table(more=["r0,1e7,5e8,5.2"]), 0, {"R004": (18,)}),
    Case(12, "all checkpoints kept", table(more=[f"r0,1e7,5e8,{exact_loss(1e7, 5e8):.5f}"]), 0,
         {"I008": ANY}, options=("--checkpoints", "all")),
    Case(13, "a run that diverged", table({(9, LOSS): "7.5"}), 0, {"R008": (9,)}),
    Case(13, "two spikes", table({(9, LOSS): "5.5", (13, LOSS): "6"}), 0, {"R008": (9, 13)}),
    Case(14, "a single N", sized(*grid([1e9], FAR)), 0, {"I001": ()}),
    Case(14, "a single D", sized(*grid(FAR, [1e11])), 0, {"I001": ()}),
    Case(14, "no D at all", "run,params,loss\n" + "".join(
         f"r{i},{n:.0f},{1.8 + (n / 1e7) ** -0.3:.6f}\n" for i, n in enumerate(FAR)), 0,
         {"I014": ()}),
    Case(15, "a fixed ratio", sized([n for n, _ in ALL_RAY], [d for _, d in ALL_RAY]), 0,
         {"I001": ()}, says=("along this line",)),
    Case(15, "a ratio that hardly varies",
         sized([n for n, _ in ALL_RAY], [d * (1 + i % 3 / 10) for i, (_, d) in enumerate(ALL_RAY)]),
         0, {"I001": ()}),
    Case(16, "a third of a decade of compute",
         sized(*grid([1e9, 1.1e9, 1.2e9, 1.3e9], [2e10, 2.2e10, 2.5e10, 3e10])), 0,
         {"I013": (), "I001": ()}),
    Case(16, "compute constant",
         sized([*np.geomspace(1e8, 1e10, 16)], [*(1e20 / np.geomspace(1e8, 1e10, 16))]), 0,
         {"I013": ()}),
    Case(17, "four rows", "\n".join(table().splitlines()[:5]) + "\n", 3, {"R001": (), "I001": ()}),
    Case(17, "one row", "\n".join(table().splitlines()[:2]) + "\n", 3, {"R001": (), "I001": ()}),
    Case(17, "six rows", sized(*grid([1e8, 1e9, 1e10], [1e10, 1e12])), 0, {"R002": ()},
         says=("unknowns and 6 rows",)),
    Case(18, "columns swapped", sized(*grid([1e11, 2e11, 1e12, 2e12], [1e8, 1e9, 1e10, 9e10])), 0,
         {"S001": ()}, says=("swapped",)),
    Case(18, "a million tokens per parameter",
         table({(i, TOKENS): "5e13" for i in (5,)}), 0, {"S002": (5,)}),
    Case(18, "params of a thousand", sized(*grid([1e3, 1e4, 1e5, 1e6], [1e6, 1e7, 1e8, 1e9])), 0,
         {"S003": (2, 3, 4, 5), "S002": (5,), "U001": ANY}),
    Case(18, "params of 1e15", table({(17, PARAMS): "1e15", (16, PARAMS): "1e15"}), 0,
         {"S003": (16, 17)}),
    Case(19, "two groups pooled", with_column("group", [f"g{i % 2}" for i in range(16)]), 0,
         {"R007": ()}),
    Case(19, "sixteen tokenizers pooled", with_column("group", [f"t{i}" for i in range(16)]), 0,
         {"R007": ()}),
    Case(20, "constant loss", table(each=lambda _, c: [*c[:3], "2.5"]), 3,
         {"L001": (), "I007": ()}),
    Case(20, "all rows equal", HEAD + "\n" + "a,1e9,1e10,2.5\n" * 16, 3,
         {"R003": tuple(range(3, 18)), "R001": (), "I001": ()}),
    Case(21, "six thousand rows", many(6_000), 0, {"R006": ()}),
    Case(21, "a million rows and one", "params,tokens,loss\n" + "1,1,1\n" * 1_000_001, 3,
         {"F007": ()}, says=("--allow-large",)),
]  # fmt: skip
