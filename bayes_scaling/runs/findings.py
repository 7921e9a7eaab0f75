"""Findings: what is worth knowing about a table of runs before anything is fitted.

| code | severity | what was found |
|---|---|---|
| F001 | error | no file, no rows, or a kind of file that is not read |
| F002 | error | bytes that are not text in the stated encoding |
| F003 | error | two columns of one name, or data where the header should be |
| F004 | error | rows with more or fewer fields than the header, broken quotes |
| F005 | error | another delimiter or decimal sign than stated |
| F006 | info | byte order mark removed |
| F007 | error | too large: bytes, compression ratio or rows |
| H001 | info | `run_id` taken as `run` |
| H002 | error | a column that is needed or asked for is missing |
| H003 | info | a column of the vocabulary without any value left out |
| H004 | warn | a column that looks like a resource is not used |
| H005 | error | an import finds two columns that may be one of ours |
| C001 | error | empty or NaN cell: row left out |
| C002 | error | infinite number: row left out |
| C003 | error | number not above zero (perplexity: one): row left out |
| C004 | error | text that is no number, or can be read in two ways: row left out |
| C005 | info | text numbers such as 1.3B were read |
| C006 | warn | unreadable cell of an optional column left empty |
| C007 | warn | empty FLOP cells computed as 6ND |
| C008 | info | integers above 2^63 are held as floats |
| L001 | error | all losses are equal |
| L002 | error | losses up to 1 that rise with scale: an accuracy? |
| L003 | warn | losses above 1 that rise with scale |
| U001 | warn | losses above 12 nats: perplexities? |
| U002 | warn | losses in another unit than the other rows |
| U003 | warn | most losses below 1: bits per byte? |
| U004 | error | billions and plain numbers in one column |
| S001 | warn | fewer tokens than parameters everywhere: swapped? |
| S002 | warn | more than 1e5 tokens per parameter |
| S003 | warn | parameters below 1e4 or above 1e14 |
| S004 | warn | stated FLOP and 6ND differ by more than a factor of 2 |
| S005 | info | FLOP is not stated and is computed as 6ND |
| S006 | info | parameters are stated with and without embeddings: which are used |
| S007 | error | weights of data sources do not sum to 1 |
| R001, R002 | error, warn | fewer than 5, fewer than 15 usable rows |
| R003 | warn | exact duplicates |
| R004 | warn | earlier checkpoints of a run left out |
| R005 | info, warn | runs of the same sizes; warn where their losses differ by over 5% |
| R006 | warn | more than 5,000 rows |
| R007 | warn | several groups pooled |
| R008 | warn | single losses far from what the others imply |
| I001 | warn | one N, one D, or a fixed ratio D/N: no split between N and D |
| I006 | info | stated FLOP equals 6ND to 5%: no information of its own |
| I007 | warn | tokens computed from FLOP, or losses rounded to .01 |
| I008 | warn | checkpoints of one run used as if they were runs |
| I013 | warn | compute spans less than a decade |
| I014 | info | one resource only: no split between N and D |

Errors C001 to C004 cost their row, all other errors the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import pandas as pd

from bayes_scaling.names import HELD_OUT
from bayes_scaling.runs.finding import Finding, RejectedTable, rejected, worst_first
from bayes_scaling.runs.identifiability import DESIGN_CHECKS, split_refusal, splits_allowed
from bayes_scaling.runs.plausibility import VALUE_CHECKS

__all__ = [
    "Finding",
    "RejectedTable",
    "rejected",
    "split_refusal",
    "splits_allowed",
    "table_findings",
    "worst_first",
]

CHECKS: Final[tuple[Callable[[pd.DataFrame], Iterable[Finding]], ...]] = (
    *DESIGN_CHECKS,
    *VALUE_CHECKS,
)


def table_findings(frame: pd.DataFrame) -> tuple[Finding, ...]:
    """Return what a table of usable rows as a whole gives away, errors first.

    Parameters
    ----------
    frame
        Columns of `names`, positive numbers in SI units, loss in nats per token. Rows marked as
        held out are left aside; columns outside the vocabulary only help to explain replicates.
    """
    fitted = frame[~frame[HELD_OUT].astype(bool)] if HELD_OUT in frame else frame
    return worst_first(finding for check in CHECKS for finding in check(fitted))
