"""Pictures: the option --png of verbs whose answer can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.output import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from bayes_scaling.decisions.setting import Setting
    from bayes_scaling.evaluation.averaging import Average

PictureOption = Annotated[
    str | None, typer.Option("--png", metavar="FILE.png", help="Also draw it here.")
]
FRONT = 25
"""Budgets on a drawn front."""
REACH = 3.0
"""How far beyond the stated budgets a front is drawn, as a multiple."""


def picture_file(png: str | None, force: bool) -> Path | None:
    """Return the file to write, if one is wanted; raises what `new_file` raises."""
    from bayes_scaling.cli.sources import new_file

    return new_file(png, force, ".png") if png else None


def with_picture(outcome: Outcome, target: Path | None, draw: Callable[[], Axes]) -> Outcome:
    """Draw and write the picture, if one is wanted, and name it among the files."""
    if target is None:
        return outcome
    from bayes_scaling.files import write_bytes
    from bayes_scaling.reporting.style import to_png

    write_bytes(target, to_png(draw()))
    files: list[Any] = [*outcome.result.get("files", []), str(target)]
    return replace(
        outcome,
        result={**outcome.result, "files": files},
        hints=[*outcome.hints, f"wrote {target}"],
    )


def draw_budgets(mixed: Average, budgets: list[float], setting: Setting) -> Axes:
    """Draw the regret of sizes at one budget; of several, the front of loss against cost."""
    import numpy as np

    from bayes_scaling.decisions.prospects import prospects
    from bayes_scaling.decisions.regret import regret_curve
    from bayes_scaling.reporting.plots import plot_pareto, plot_regret

    if len(budgets) == 1:
        return plot_regret(regret_curve(mixed, budgets[0], setting=setting))
    ends = min(budgets) / REACH, max(budgets) * REACH
    return plot_pareto(prospects(mixed, np.geomspace(*ends, FRONT).tolist(), setting=setting))
