"""Items 22 to 34 and 43 to 49 of the catalogue: how a file is written, and kinds of files."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tests.catalogue.case import ANY, HEAD, Case, table

GOOD = table()
EUROPEAN = GOOD.replace(",", ";").replace(".", ",")
PARAMS, TOKENS, LOSS = 1, 2, 3
EVERY = tuple(range(2, 18))
ROWS = GOOD.splitlines()
MODEL = ("models", "show", "{file}", "--json")
STUDY = ("batch", "{file}", "-o", "{folder}/out", "--dry-run", "--json")
STUDY_TEXT = 'tables = ["runs.csv"]\nmodels = ["chinchilla-plain"]\n'


def names(given: list[str]) -> str:
    """The sound table with other names of its first runs."""
    return table({(2 + i, 0): name for i, name in enumerate(given)})


def parquet_of(frame: pd.DataFrame) -> bytes:
    held = io.BytesIO()
    frame.to_parquet(held)
    return held.getvalue()


def frame() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(GOOD))


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("runs.csv", GOOD)
    return held.getvalue()


def array_of_objects() -> bytes:
    held = io.BytesIO()
    np.save(held, np.array([{"params": 1}], dtype=object), allow_pickle=True)
    return held.getvalue()


def with_study(text: str) -> Callable[[Path], None]:
    """Make a study of the sound table."""

    def made(folder: Path) -> None:
        (folder / "runs.csv").write_text(GOOD)
        (folder / "study.toml").write_text(text)

    return made


def like(item: int, title: str, text: str | bytes, name: str, *says: str) -> Case:
    """A kind of file that is refused as a whole."""
    return Case(item, title, text, 3, {"F001": ()}, name=name, says=says)


def toml(item: int, title: str, text: str, *says: str, command: tuple[str, ...] = MODEL) -> Case:
    """A model or study file that is refused."""
    return Case(item, title, text, 2, name="file.toml", says=says, command=command)


SHELF = Path(__file__).parents[2] / "models" / "chinchilla-plain.toml"
SOUND_MODEL = SHELF.read_text()
DEEP = "x = " + "[" * 5000 + "]" * 5000
BOMB = "a: &a ['x','x','x']\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n"

WRITING = [
    Case(22, "byte order mark", ("\ufeff" + GOOD).encode(), 0, {"F006": ()}),
    Case(22, "byte order mark alone", b"\xef\xbb\xbf", 3, {"F001": (), "F006": ()}),
    Case(22, "byte order mark before a quoted name", "\ufeff" + GOOD.replace("run,", '"run",'), 0,
         {"F006": ()}),
    Case(23, "utf-16", GOOD.encode("utf-16"), 3, {"F002": ()}, says=("--encoding utf-16", "byte")),
    Case(23, "utf-16, stated", GOOD.encode("utf-16"), 0, {}, options=("--encoding", "utf-16")),
    Case(23, "latin-1", GOOD.replace("r0", "ré").encode("latin-1"), 3, {"F002": ()},
         says=("byte 24", "latin-1")),
    Case(23, "latin-1, stated", GOOD.replace("r0", "ré").encode("latin-1"), 0, {},
         options=("--encoding", "latin-1")),
    Case(24, "CRLF", GOOD.replace("\n", "\r\n"), 0, {}),
    Case(24, "CR only", GOOD.replace("\n", "\r"), 0, {}),
    Case(24, "both, and a bad cell", table({(9, LOSS): "x"}).replace("\n", "\r\n", 4), 1,
         {"C004": (9,)}),
    Case(25, "semicolons and decimal commas", EUROPEAN, 3, {"F005": (1,)}, says=("--decimal ,",)),
    Case(25, "semicolons and points", GOOD.replace(",", ";"), 3, {"F005": (1,)},
         says=("--delimiter ';'",)),
    Case(25, "decimal commas, stated", EUROPEAN, 0, {}, options=("--decimal", ",")),
    Case(25, "quoted decimal commas", table({(i, LOSS): '"2,35"' for i in EVERY}), 3,
         {"C004": EVERY, "R001": ()}, says=("--decimal ,",)),
    Case(26, "1_000", table({(2, PARAMS): "10_000_000"}), 0, {"C005": (2,)}),
    Case(26, "groups of three", table({(2, PARAMS): '"10,000,000"'}), 0, {"C005": (2,)}),
    Case(26, "points for groups", table({(2, PARAMS): "10.000.000"}), 1, {"C004": (2,)}),
    Case(26, "a minus of typesetters", table({(3, LOSS): "\u22123.9"}), 1, {"C003": (3,)}),
    Case(26, "a space that does not break", table({(2, PARAMS): "10\u00a0M"}), 0, {"C005": (2,)}),
    Case(26, "Arabic digits", table({(2, PARAMS): "\u0661\u0660"}), 1, {"C004": (2,)}),
    Case(26, "full-width digits", table({(2, PARAMS): "\uff11\uff10M"}), 1, {"C004": (2,)}),
    Case(27, "one field more", "params,tokens\n1,2,3\n4,5,6\n", 3, {"F004": (2, 3)},
         says=("index",)),
    Case(27, "an index column of its own",
         "\n".join([HEAD, *(f"{i},{line}" for i, line in enumerate(ROWS[1:]))]) + "\n", 3,
         {"F004": EVERY}, says=("index",)),
    Case(27, "a delimiter at the line ends", "\n".join([HEAD, *(f"{x}," for x in ROWS[1:])]), 3,
         {"F004": EVERY}),
    Case(28, "a short row", table(more=["x,1e8,1e9"]), 3, {"F004": (18,)}),
    Case(28, "a long row after blank lines", table(more=["", "", "x,1e8,1e9,3,4"]), 3,
         {"F004": (20,)}),
    Case(28, "a quote that is not closed", table({(9, 0): '"r7'}), 3, {"F004": (9,), "R002": ()}),
    Case(29, "tokens twice", GOOD.replace(HEAD, "run,tokens,tokens,loss"), 3, {"F003": (1,)}),
    Case(29, "loss twice", table(head=f"{HEAD},loss", each=lambda _, c: [*c, c[3]]), 3,
         {"F003": (1,)}),
    Case(29, "no header", "\n".join(x.partition(",")[2] for x in ROWS[1:]), 3, {"F003": (1,)},
         says=("column names",)),
    Case(30, "names that look like nothing", names(["NA", "None", "null", "nan", "N/A"]), 0, {}),
    Case(30, "an empty name", names([""]), 0, {}),
    Case(30, "a run called nan is held out by its name", names(["nan"]), 0, {},
         options=("--hold-out", "nan"), says=('"rows_held_out": 1',)),
    like(31, "empty", "", "runs.csv", "empty"),
    like(31, "blank lines", "\n \n\n", "runs.csv", "empty"),
    like(31, "header only", HEAD + "\n", "runs.csv", "no row"),
    like(31, "an empty file of another kind", "", "runs.parquet", "Parquet"),
    Case(32, "NUL in a number", table({(2, PARAMS): "1\x000000000"}), 1, {"C004": (2,)},
         never=("\x00",)),
    Case(32, "control and direction signs in names", names(["\x1b[31m", "\u202eevil", "\x00x"]), 0,
         {}, command=("check", "{file}"), never=("\x1b[31m", "\u202e", "\x00")),
    Case(32, "a direction sign in a value", table({(2, LOSS): "\u202e3.9"}), 1, None,
         command=("check", "{file}"), never=("\u202e",), says=("C004",)),
    Case(32, "a name of 10 kB", names(["x" * 10_240]), 0, {}, never=("x" * 3000,)),
    Case(32, "a value of 10 kB", table({(2, LOSS): "9" * 10_240}), 1, {"C002": (2,)},
         never=("9" * 3000,)),
    Case(33, "FLOP as whole numbers, some above 2^63",
         table(head=f"{HEAD},flops", each=lambda _, c: [*c, str(6 * int(c[1]) * int(c[2]))]), 0,
         {"C008": (5, 8, 9, 11, 12, 13, 14, 15, 16, 17), "I006": ()}),
    Case(33, "2^64 FLOP in every row",
         table(head=f"{HEAD},flops", each=lambda i, c: [*c, str(2**64 * 10**i)]), 0,
         {"C008": EVERY, "S004": ANY}),
    Case(34, "a date", table({(4, PARAMS): "2024-01-01"}), 1, {"C004": (4,)}),
    Case(34, "hexadecimal", table({(4, PARAMS): "0x1F"}), 1, {"C004": (4,)}),
    Case(34, "leading zeros", table({(4, TOKENS): "007"}), 1, {"C004": (4,)}),
    Case(34, "true and false", table({(4, PARAMS): "True", (5, TOKENS): "FALSE"}), 1,
         {"C004": (4, 5), "R002": ()}),
]  # fmt: skip

KINDS = [
    Case(43, "a gzip bomb", gzip.compress(GOOD.encode() + b"\n" * 20_000_000), 3, {"F007": ()},
         name="runs.csv.gz"),
    Case(43, "gzip that is cut off", gzip.compress(GOOD.encode())[:-9], 3, {"F001": ()},
         name="runs.csv.gz", says=("damaged",)),
    Case(43, "gzip called csv", gzip.compress(GOOD.encode()), 3, {"F001": ()}, says=("gzip",)),
    like(43, "a zip file", zipped(), "runs.zip", "only .gz"),
    like(43, "a zip file called csv", zipped(), "runs.csv", "zip"),
    like(43, "xz", b"\xfd7zXZ\x00", "runs.csv.xz", "only .gz"),
    Case(44, "sound Parquet", parquet_of(frame()), 0, {}, name="runs.parquet"),
    Case(44, "Parquet that is cut off", parquet_of(frame())[:-20], 3, {"F001": ()},
         name="runs.parquet", says=("unreadable Parquet",)),
    Case(44, "text called Parquet", GOOD, 3, {"F001": ()}, name="runs.parquet"),
    Case(44, "Parquet with a bad row",
         parquet_of(frame().assign(loss=[*frame()["loss"][:15], float("nan")])), 1,
         {"C001": (17,)}, name="runs.parquet"),
    Case(44, "Parquet called csv", parquet_of(frame()), 3, {"F001": ()},
         says=("name it .parquet",)),
    like(45, "pickle", pickle.dumps({"params": [1]}), "runs.pkl", "run code"),
    like(45, "joblib", pickle.dumps([1]), "runs.joblib", "run code"),
    like(45, "an array of objects", array_of_objects(), "runs.npy", "run code"),
    like(45, "PyTorch", b"PK\x03\x04", "runs.pt", "run code"),
    Case(45, "pickle called csv", pickle.dumps({"params": [1]}), 3, {"F002": ()}),
    Case(45, "pickle as a saved fit", pickle.dumps({"a": 1}), 2, name="fit.nc",
         says=("not a saved fit",)),
    like(46, "YAML", "params: 1e21\n", "runs.yaml", "YAML"),
    like(46, "a YAML bomb", BOMB, "runs.yml", "YAML"),
    toml(46, "YAML as a study", "tables: [a]\nx: !!python/object/apply:os.system ['id']\n",
         "not valid TOML", command=STUDY),
    toml(46, "YAML as a model", BOMB, "not valid TOML"),
    toml(47, "a model nested 5,000 deep", DEEP, "nested too deep"),
    toml(47, "a study nested 5,000 deep", DEEP, "nested too deep", command=STUDY),
    toml(47, "a model of 2 MB", SOUND_MODEL + "#" * 2_000_000, "at most 1000000"),
    toml(47, "a dotted key 5,000 deep", ".".join("a" * 5000) + " = 1", "file.toml"),
    toml(48, "a misspelt key of a model", SOUND_MODEL.replace("version =", "versoin ="),
         "did you mean 'version'"),
    toml(48, "a misspelt key of a prior", SOUND_MODEL.replace("q05", "q5", 1),
         "priors.L_inf.q5", "'q05'"),
    toml(48, "a misspelt key of a study", STUDY_TEXT + "[sampling]\ndrawz = 5\n",
         "did you mean 'draws'", command=STUDY),
    toml(48, "an unknown section of a study", STUDY_TEXT + "[secrets]\nx = 1\n", "unknown key",
         command=STUDY),
    like(49, "a spreadsheet", zipped(), "runs.xlsx", "spreadsheets", "CSV"),
    like(49, "an old spreadsheet", b"\xd0\xcf\x11\xe0", "runs.xls", "spreadsheets"),
    like(49, "a spreadsheet called csv", zipped(), "runs.csv", "spreadsheet"),
]  # fmt: skip
