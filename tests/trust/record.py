"""Record: a proof as it was measured in full, with its command, its date and the code's digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import bayes_scaling
from bayes_scaling.proofs.proof import Proof

FOLDER = Path(__file__).parent / "records"
PACKAGE = Path(bayes_scaling.__file__).parent
SHORT = 12


@dataclass(frozen=True, kw_only=True)
class Record(Proof):
    """A proof and how it was measured; `digest` is that of the package's source and models."""

    command: str
    seconds: int
    date: str
    digest: str
    full: bool = True

    @classmethod
    def of(cls, proof: Proof, command: str, seconds: float) -> Record:
        today = datetime.now(UTC).date().isoformat()
        own = {"seconds": round(seconds), "date": today, "digest": digest()}
        return cls(**asdict(proof), command=command, **own)


@cache
def digest() -> str:
    """The first digits of the SHA-256 of the package's source and model files."""
    known = hashlib.sha256()
    paths = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "models").glob("*.toml")]
    for path in sorted(paths, key=lambda p: p.relative_to(PACKAGE.parent).as_posix()):
        known.update(path.relative_to(PACKAGE.parent).as_posix().encode() + path.read_bytes())
    return known.hexdigest()[:SHORT]


def read_record(name: str) -> Record | None:
    path = FOLDER / f"{name}.json"
    return Record(**json.loads(path.read_text())) if path.is_file() else None


def records() -> list[Record]:
    """All records, in the order of their names; tables beside them (`B4_worlds.json`) left out."""
    names = sorted(path.stem for path in FOLDER.glob("*.json") if "_" not in path.stem)
    return [record for name in names if (record := read_record(name)) is not None]


def write_record(record: Record) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{record.id}.json").write_text(json.dumps(asdict(record), indent=1) + "\n")


def write_table(name: str, rows: list[dict[str, object]]) -> None:
    """Keep a table beside the records, under a name with an underscore."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"digest": digest(), "rows": rows}, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n")
