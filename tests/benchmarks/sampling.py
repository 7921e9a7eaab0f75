"""How every drifting model samples on every public table that it can read.

    python -m tests.benchmarks.sampling ../shared/data > tests/benchmarks/sampling.txt

Fitted to the smaller runs of each table, as for the record. One line for each model: tables fitted,
those it refuses (what it reads is not in them), worst R-hat, least effective draws, largest share
of divergences, most attempts. Names given after the folder are the models to try.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pandas as pd

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.evaluation.public_tables import PublicTable, public_tables
from bayes_scaling.inference.checks import DIVERGENT, WORST_ESS, WORST_RHAT
from bayes_scaling.names import FLOPS
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model

SEED = 0
ATTEMPTS = "attempts"


def tried(name: str, tables: Sequence[PublicTable]) -> pd.DataFrame:
    """Health of the fit to each table, one row each; none where the model cannot read it."""
    spec = load_model(name)
    spec = spec if spec.inputs else spec.at_resource(FLOPS)
    rows = []
    for table in tables:
        try:
            known = bs.fit(spec, table.trained, seed=SEED).provenance
        except BayesScalingError:
            continue
        health = {key: known[key] for key in (WORST_RHAT, WORST_ESS, DIVERGENT, ATTEMPTS)}
        rows.append({"family": table.family, "table": table.name, **health})
    return pd.DataFrame(rows)


def main(folder: str, names: Sequence[str]) -> None:
    tables = list(public_tables(folder))
    for name in names or [n for n in model_names() if load_model(n).drift]:
        found = tried(name, tables)
        if found.empty:
            print(f"{name}: reads no public table", flush=True)
            continue
        worst = found.loc[found[WORST_RHAT].idxmax()]
        print(
            f"{name}: {len(found)} of {len(tables)} tables, R-hat {found[WORST_RHAT].max():.4f} "
            f"({worst['family']} {worst['table']}), least effective draws "
            f"{found[WORST_ESS].min():.0f}, divergences {found[DIVERGENT].max():.2%}, attempts "
            f"{found[ATTEMPTS].max()}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
