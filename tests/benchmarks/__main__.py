"""Every figure of speed, each beside the other side in the same run.

    python -m tests.benchmarks [sampler|tables|workers|rows|startup ...] [--json FILE]

On an idle machine of two cores, with the public tables in ../shared/data. Exit code 1: a figure
misses its bound.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

NAMES = ("startup", "sampler", "rows", "tables", "workers")


def main(arguments: list[str]) -> int:
    target = None
    if "--json" in arguments:
        place = arguments.index("--json")
        target = Path(arguments[place + 1])
        arguments = arguments[:place] + arguments[place + 2 :]
    if unknown := set(arguments) - set(NAMES):
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
        return 2
    found = []
    for name in arguments or NAMES:
        for line in import_module(f"tests.benchmarks.{name}").lines():
            print(line, flush=True)
            found.append({**asdict(line), "kept": line.kept})
    if target is not None:
        target.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(each["kept"] for each in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
