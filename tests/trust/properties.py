"""Properties of what is read, on generated tables, quantities, model files and study files."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from bayes_scaling.batch.study import Study
from bayes_scaling.errors import BayesScalingError
from bayes_scaling.names import PARAMS
from bayes_scaling.quantities import NUMBER_COLUMNS
from bayes_scaling.runs.reader import read_runs
from bayes_scaling.runs.units import format_quantity, parse_quantity
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model, model_from_text
from bayes_scaling.specs.strict import parse_toml
from tests.trust.fuzz import STUDY

SEED = 20261128
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.floats(1e-3, 1e15).map(lambda x: f"{x:.4g}"),
    st.tuples(st.integers(1, 999), st.sampled_from("kKMBbTPEmg")).map(lambda x: f"{x[0]}{x[1]}"),
)
TEXTS = st.text(max_size=12)
CELLS = st.one_of(NUMBERS, st.floats(1.0, 6.0).map(lambda x: f"{x:.3f}"), TEXTS)
NAMES = st.one_of(st.sampled_from(["run", "params", "tokens", "flops", "loss", "group", "seed",
                                   "held_out", "accuracy", "weight_a", "loss_sd", "epochs"]),
                  TEXTS)  # fmt: skip
VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(
        lambda x: str(x) if math.isfinite(x) else str(x).removeprefix("+")
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.text("abz019 .-_<>=[]{}é\U0001f600", max_size=10).map(lambda x: f'"{x}"'),
    st.sampled_from(["true", "[]", "[1, 2]", "{}", '["1e22"]', "1979-05-27", "{ a = 1 }", "'x'"]),
)
KEY = re.compile(r"^(?P<key>\s*[\w.]+ = )(?P<value>.+)$", re.MULTILINE)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """CSV text: most columns are ours, most rows have sizes and a loss, some cells anything."""
    names = draw(st.one_of(st.just(["run", "params", "tokens", "loss"]),
                           st.lists(NAMES, min_size=1, max_size=6)))  # fmt: skip
    rows = draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=6))
    sound = draw(st.integers(0, 12))
    lines = [[f"s{i}", f"{10 ** (7 + i % 4)}", f"{2 * 10 ** (9 + i % 3)}", f"{3 - i / 20}"]
             for i in range(sound)]  # fmt: skip
    whole = [names, *([*x, *[""] * len(names)][: len(names)] for x in lines), *rows]
    quote = draw(st.booleans())
    return "\n".join(
        ",".join('"' + c.replace('"', '""') + '"' if quote else c for c in row) for row in whole
    )


def settled(examples: int, *given_by: Any) -> Callable[[Any], None]:
    """Run a property on so many examples, always the same."""

    def run(check: Any) -> None:
        own = settings(max_examples=examples, deadline=None, database=None,
                       suppress_health_check=list(HealthCheck))  # fmt: skip
        seed(SEED)(own(given(*given_by)(check)))()

    return run


def of_tables(examples: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"

        def check(text: str) -> None:
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            try:
                runs = read_runs(path)
            except BayesScalingError:
                return
            needed = [n for n in (*runs.resources, "loss", "accuracy") if n in runs.frame]
            values = runs.frame[needed].to_numpy(dtype=np.float64)
            assert np.isfinite(values).all() and (values >= 0).all() and len(values) >= 5

        settled(examples, tables())(check)


def of_quantities(examples: int) -> None:
    columns = st.sampled_from([*NUMBER_COLUMNS, None])

    def check(value: float, column: str | None, digits: int, text: str) -> None:
        back = parse_quantity(format_quantity(value, column, digits), column or PARAMS)
        assert math.isclose(back, float(f"{value:.{digits - 1}e}"), rel_tol=1e-12)
        try:
            found = parse_quantity(text, column or PARAMS)
        except BayesScalingError:
            return
        assert math.isfinite(found)

    settled(examples, st.floats(1e-12, 1e40), columns, st.integers(1, 8), CELLS)(check)


def _replaced(text: str, which: int, value: str) -> str:
    found = list(KEY.finditer(text))
    match = found[which % len(found)]
    return text[: match.start("value")] + value + text[match.end("value") :]


CHANGES = st.lists(st.tuples(st.integers(0, 500), VALUES), min_size=1, max_size=2)


def of_models(examples: int) -> None:
    texts = [load_model(name).text for name in model_names()]

    def check(which: int, changes: list[tuple[int, str]]) -> None:
        text = texts[which % len(texts)]
        for place, value in changes:
            text = _replaced(text, place, value)
        try:
            spec = model_from_text(text, "a test")
            quantiles = [float(p.quantile(0.5)) for p in spec.priors.values() if not p.of]
        except BayesScalingError:
            return
        assert all(map(math.isfinite, quantiles)), quantiles

    settled(examples, st.integers(0, 10**6), CHANGES)(check)


def of_studies(examples: int) -> None:
    from tests.trust.inputs import finite

    def check(changes: list[tuple[int, str]]) -> None:
        text = STUDY
        for place, value in changes:
            text = _replaced(text, place, value)
        try:
            study = parse_toml(Study, text, "a test")
            study.setting(study.cost.cost(), 0)
        except BayesScalingError:
            return
        assert not list(finite(study.model_dump())), text

    settled(examples, CHANGES)(check)


PROPERTIES: dict[str, Callable[[int], None]] = {
    "tables": of_tables,
    "quantities": of_quantities,
    "model files": of_models,
    "study files": of_studies,
}
