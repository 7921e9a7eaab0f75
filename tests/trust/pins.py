"""Pins: the lower bounds of the dependencies against versions that are known to be unsafe.

`python -m tests.trust.pins` prints what a bound still allows, and with `--audit` also what
`uvx pip-audit` says of the installed packages, which needs a network. Nothing in it is a test of
the network: the table below is kept by hand.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@dataclass(frozen=True)
class Unsafe:
    """Versions of a package below `fixed` have a flaw that is published under `cve`."""

    package: str
    fixed: str
    cve: str
    what: str


UNSAFE = (
    Unsafe("pyarrow", "14.0.1", "CVE-2023-47248", "runs code from IPC, Feather or Parquet data"),
    Unsafe("jinja2", "2.11.3", "CVE-2020-28493", "a slow pattern in the filter urlize"),
    Unsafe("jinja2", "3.1.3", "CVE-2024-22195", "xmlattr lets attributes be put in"),
    Unsafe("jinja2", "3.1.4", "CVE-2024-34064", "xmlattr takes keys with separators"),
    Unsafe("jinja2", "3.1.5", "CVE-2024-56201", "sandbox: code by a template's file name"),
    Unsafe("jinja2", "3.1.5", "CVE-2024-56326", "sandbox: an indirect call of str.format"),
    Unsafe("jinja2", "3.1.6", "CVE-2025-27516", "sandbox: str.format through the filter attr"),
    Unsafe("pydantic", "2.4.0", "CVE-2024-3772", "a slow pattern for e-mail addresses"),
    Unsafe("sqlalchemy", "1.3.0", "CVE-2019-7164", "SQL through order_by"),
    Unsafe("distributed", "2021.10.0", "CVE-2021-42343", "workers listen on all interfaces"),
)


def bounds() -> dict[str, str]:
    """Lower bound of each dependency, of the extras and of the groups too."""
    project = tomllib.loads(PROJECT.read_text())
    lists = [project["project"]["dependencies"],
             *project["project"]["optional-dependencies"].values(),
             *project["dependency-groups"].values()]  # fmt: skip
    found: dict[str, str] = {}
    for line in (line for each in lists for line in each):
        match = re.match(r"([A-Za-z0-9._-]+)>=([0-9.]+)", line)
        if match is None:
            raise ValueError(f"{line}: a dependency without a lower bound")
        name, version = match[1].lower(), match[2]
        found[name] = min(found.get(name, version), version, key=numbers)
    return found


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def allowed() -> list[str]:
    """What the bounds still allow, one line each."""
    known = bounds()
    return [
        f"{each.package}>={known[each.package]} allows versions before {each.fixed}: "
        f"{each.cve}, {each.what}"
        for each in UNSAFE
        if each.package in known and numbers(known[each.package]) < numbers(each.fixed)
    ]


def main(arguments: list[str]) -> int:
    found = allowed()
    print("\n".join(found) or f"{len(bounds())} bounds, {len(UNSAFE)} known flaws: none allowed")
    if "--audit" in arguments:
        if shutil.which("uvx") is None:
            print("pip-audit was not run: no uvx", file=sys.stderr)
        else:
            frozen = subprocess.run(["uv", "pip", "freeze", "--python", sys.executable],
                                    capture_output=True, text=True, check=True).stdout  # fmt: skip
            listed = "".join(f"{x}\n" for x in frozen.splitlines() if "==" in x)
            subprocess.run(["uvx", "pip-audit", "--no-deps", "--disable-pip", "-r", "/dev/stdin"],
                           input=listed, text=True, check=False)  # fmt: skip
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
