"""Calibration as Markdown: the table of coverage and sharpness on public tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.evaluation.calibration import FAMILY, OURS, PLAIN
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION, RATIO
from bayes_scaling.names import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes_scaling.evaluation.calibration import Calibration


def calibration_markdown(found: Calibration) -> str:
    """Return the record as Markdown tables: overall, by family, far beyond, and the sampling."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Calibration) -> Iterator[str]:
    tables = found.rows[[FAMILY, "table"]].drop_duplicates()
    yield (
        f"{len(tables)} tables of {tables[FAMILY].nunique()} families, families weighted equally; "
        f"runs at 3 times the largest fitted run and beyond. Scores are relative to {PLAIN}: the "
        "geometric mean over families of the ratio, lower is better."
    )
    yield ""
    heads = (
        "forecast", "50%", "80%", "90%", "95%", "least family 90%", "interval score", "WIS",
        "CRPS", "width",
    )  # fmt: skip
    yield from _head(heads)
    for name, row in found.overall.iterrows():
        shares = [row[f"coverage{v}"] for v in (50, 80, 90, 95)] + [row["least_family90"]]
        ratios = [row[f"{v}_ratio"] for v in ("interval_score90", "wis", "crps", "width90")]
        yield _row([str(name), *(f"{v:.0%}" for v in shares), *(f"{v:.2f}" for v in ratios)])
    yield ""
    yield f"The {OURS} by family:"
    yield ""
    yield from _head(
        ("family", "runs", "50%", "90%", "width", "bias", "interval score / plain", "WIS / plain")
    )
    each = found.by_family.set_index([MODEL, FAMILY])
    plain_law = each.loc[PLAIN]
    for family, row in each.loc[OURS].iterrows():
        plain = plain_law.loc[str(family)]
        cells = [
            str(family),
            f"{row['n']:.0f}",
            f"{row['coverage50']:.0%}",
            f"{row['coverage90']:.0%}",
            f"{row['width90']:.1%}",
            f"{row['bias']:+.1%}",
            f"{row['interval_score90'] / plain['interval_score90']:.2f}",
            f"{row['wis'] / plain['wis']:.2f}",
        ]
        yield _row(cells)
    yield ""
    yield f"Beyond {MAX_EXTRAPOLATION:g} times the largest fitted run:"
    yield ""
    yield from _head(("forecast", "families", "50%", "90%", "bias"))
    for name, row in found.far.iterrows():
        beyond = found.rows[(found.rows[MODEL] == name) & (found.rows[RATIO] > MAX_EXTRAPOLATION)]
        cells = [str(name), str(beyond[FAMILY].nunique()), f"{row['coverage50']:.0%}"]
        yield _row([*cells, f"{row['coverage90']:.0%}", f"{row['bias']:+.1%}"])
    yield ""
    fits = found.fits
    yield (
        f"{len(fits)} fits: worst R-hat {fits['worst_rhat'].max():.4f}, least effective draws "
        f"{fits['worst_ess'].min():.0f}, {(fits['attempts'] > 1).sum()} sampled more than once; "
        f"seed {found.provenance['seed']}."
    )


def _head(cells: Sequence[str]) -> Iterator[str]:
    yield _row(cells)
    yield "|---" + "|---:" * (len(cells) - 1) + "|"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
