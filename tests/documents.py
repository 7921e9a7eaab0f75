"""The pages that people read, taken apart: code blocks, the commands in them, what they printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MADE = {"_build", "generated"}
PAGES = [
    ROOT / "README.md",
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if not MADE & set(page.relative_to(ROOT).parts)
    ),
]
PROGRAM = "bayes-scaling"
PLACEHOLDERS = {"NAME": "chinchilla", "${SLURM_ARRAY_TASK_ID}": "1"}
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", flags=re.S | re.M)


@dataclass(frozen=True)
class Block:
    """One fenced block and its language."""

    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """One command line of a block and the lines that are shown to follow."""

    line: str
    shown: tuple[str, ...]

    @property
    def ours(self) -> bool:
        """Whether it is a command of this package and of nothing else."""
        return self.line.split()[0] == PROGRAM

    @property
    def words(self) -> list[str]:
        """Arguments after the program's name, placeholders filled in."""
        line = self.line
        for name, value in PLACEHOLDERS.items():
            line = line.replace(name, value)
        words = shlex.split(line, comments=True)[1:]
        return words[: words.index(">")] if ">" in words else words

    @property
    def target(self) -> str | None:
        """File into which standard output goes."""
        words = shlex.split(self.line, comments=True)
        return words[words.index(">") + 1] if ">" in words else None

    @property
    def samples(self) -> bool:
        """Whether a posterior is sampled, or something else takes long."""
        verb, *rest = self.words
        reads_table = any(word.endswith((".csv", "study.toml")) for word in rest[:1])
        quick = verb == "check" or "--dry-run" in rest
        return not quick and (reads_table or verb in ("fit", "batch", "import"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(m[1].strip(), m[2]) for m in FENCE.finditer(text)]


def commands(block: Block) -> Iterator[Command]:
    """Each command of a console block (after $) or of a script (every line but comments)."""
    lines = block.text.splitlines()
    if block.language == "bash":
        lines = [f"$ {line}" for line in lines if line and not line.startswith("#")]
    starts = [i for i, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Command(lines[start].removeprefix("$ "), tuple(lines[start + 1 : end]))


def spoken(page: Path) -> Iterator[str]:
    """Each command of ours that stands in a sentence, as `bayes-scaling check runs.csv`."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for found in re.findall(rf"`({PROGRAM} [^`]+)`", prose):
        yield " ".join(found.split())
