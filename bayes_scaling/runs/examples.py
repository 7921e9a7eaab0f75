"""Examples: run tables that ship with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from bayes_scaling.errors import UsageError

PACKAGE = "bayes_scaling"
CHECKOUT = Path(__file__).resolve().parents[2]
"""Root of the checkout when the package is used from one."""
EXAMPLES_INSTALLED = "_examples"
EXAMPLES: Final = {"overtraining_c4": "case_studies/overtraining_c4"}
"""Folder of each example in the checkout; a wheel holds it as `_examples`."""


def shipped(folder_installed: str, folder_checkout: str) -> Path:
    """Return a folder of shipped files: inside the installed package, else in the checkout.

    Parameters
    ----------
    folder_installed
        Name inside the package, such as "_models".
    folder_checkout
        Path below the root of the checkout, such as "models".
    """
    installed = Path(str(files(PACKAGE))) / folder_installed
    return installed if installed.is_dir() else CHECKOUT / folder_checkout


def example_names() -> tuple[str, ...]:
    """Return the names of the shipped run tables."""
    return tuple(EXAMPLES)


def example_path(name: str = "overtraining_c4") -> Path:
    """Return the path of a shipped run table, a CSV file.

    Raises
    ------
    UsageError
        No example has this name.

    Examples
    --------
    >>> bs.example_path().name
    'runs.csv'
    """
    if name not in EXAMPLES:
        raise UsageError(f"no example '{name}'; there are: {', '.join(EXAMPLES)}")
    return shipped(EXAMPLES_INSTALLED, EXAMPLES[name]) / "runs.csv"
