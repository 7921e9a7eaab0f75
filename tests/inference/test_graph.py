"""The graph's density is prior times likelihood times Jacobian, computed by another road."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.inference import graph
from bayes_scaling.inference.backend import import_pymc
from bayes_scaling.inference.fit import stated_against
from bayes_scaling.inference.positive import Positive
from bayes_scaling.inference.structure import structure
from bayes_scaling.names import LOSS
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.groups import OF_GROUP
from bayes_scaling.specs.input_error import variance_of_inputs
from bayes_scaling.specs.spec import load_model
from tests.conftest import ladder

MODELS = (
    "chinchilla-plain", "skaling-plain", "kaplan-plain", "power-floor-plain",
    "chinchilla-one-sided", "chinchilla-imputed", "chinchilla", "power-floor",
)  # fmt: skip


def noisy_ladder() -> Runs:
    table = ladder().iloc[::4].reset_index(drop=True)
    rng = np.random.default_rng(3)
    table[LOSS] *= np.exp(0.01 * rng.standard_t(4, len(table)))
    return Runs.from_frame(table.assign(loss_sd=np.linspace(0.0, 0.02, len(table))))


def compiled(name: str):
    """Model, free coordinates -> log density, free coordinates -> unknowns; no compiling to C."""
    import pytensor

    runs = noisy_ladder()
    resource = "tokens" if name.startswith("power") else None
    spec = stated_against(load_model(name, resource=resource), runs)
    pm = import_pymc()
    model = graph.build(spec)
    with model:
        pm.set_data(graph.data_for(spec, runs))
    free = model.free_RVs
    symbols = [model.rvs_to_values[rv] for rv in free]
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    outputs = model.replace_rvs_by_values(list(model.deterministics))
    density = pytensor.function(symbols, model.logp(), mode=mode)
    unknowns = pytensor.function(symbols, outputs, mode=mode)
    names = [v.name for v in model.deterministics]

    def values(z: np.ndarray) -> dict[str, float]:
        return dict(zip(names, (float(v) for v in unknowns(*z)), strict=True))

    return spec, runs, [rv.name for rv in free], lambda z: float(density(*z)), values


def input_variance(spec, inputs, at) -> np.ndarray | float:
    """What errors in the inputs add on the scale of the noise, at unknowns `at`."""
    named = dict(zip(spec.inputs, inputs, strict=True))
    outcome = lambda x: spec.noise.to_scale(np, spec.curve(np, tuple(x.values()), at))  # noqa: E731
    return variance_of_inputs(outcome, named, spec.input_sds)


@pytest.mark.parametrize("name", MODELS)
def test_density_by_another_road(name: str) -> None:
    """log p(z) = log prior + log likelihood + log |d unknowns / d z|, up to one constant."""
    spec, runs, free, density, values = compiled(name)
    order = list(spec.all_priors)
    assert len(free) == len(order)
    loss = runs.fitted[LOSS].to_numpy()
    inputs = tuple(runs.resource(c) for c in spec.inputs)
    known = graph.known_sd(spec, runs)

    def by_hand(z: np.ndarray) -> float:
        at = values(z)
        sd = np.sqrt(known**2 + input_variance(spec, inputs, at))
        prior = sum(float(p.log_density(at[k])) for k, p in spec.all_priors.items())
        scatter = spec.noise.at(np, at, graph.below_largest(spec, runs))
        fit = spec.noise.log_density(loss, spec.curve(np, inputs, at), sd, scatter).sum()
        step = 1e-5
        columns = []
        for i in range(len(z)):
            move = np.eye(len(z))[i] * step
            up, down = values(z + move), values(z - move)
            columns.append([(up[k] - down[k]) / (2 * step) for k in order])
        return prior + fit + float(np.linalg.slogdet(np.array(columns))[1])

    rng = np.random.default_rng(11)
    points = rng.uniform(-0.8, 0.8, (6, len(free)))
    gaps = np.array([density(z) - by_hand(z) for z in points])
    np.testing.assert_allclose(gaps, gaps[0], atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_coordinates_start_at_the_tables_own_loss(name: str) -> None:
    spec, runs, free, _, values = compiled(name)
    at = values(np.zeros(len(free)))
    middle = tuple(float(np.exp(np.mean(np.log(runs.resource(c))))) for c in spec.inputs)
    assert float(spec.curve(np, middle, at)) == pytest.approx(runs.fitted[LOSS].median(), rel=1e-6)
    moved = graph.below_largest(spec, runs).mean() * at["growth"] if spec.noise.grows else 0.0
    at = {**at, "sigma": at["sigma"] * np.exp(moved)}  # sampled as that of the table's middle
    for noise_unknown, prior in spec.noise.priors.items():
        assert at[noise_unknown] == pytest.approx(float(prior.quantile(0.5)), rel=1e-9)


def test_structure_ignores_numbers_and_sees_forms() -> None:
    plain = load_model("chinchilla-plain")
    other_numbers = plain.against({"target": (3.0, 9.0)})
    assert structure(plain) == structure(other_numbers)
    assert len({structure(load_model(name)) for name in MODELS}) == len(MODELS)


def test_row_lengths_may_differ_and_anchors_are_data() -> None:
    spec = load_model("chinchilla-plain")
    short, long = noisy_ladder(), Runs.from_frame(pd.concat([ladder()] * 2, ignore_index=True))
    for runs in (short, long):
        data = graph.data_for(stated_against(spec, runs), runs)
        assert data["loss"].shape == data["N"].shape == (len(runs.fitted),)
        numbers = dict(zip(graph.number_names(spec), data[graph.NUMBERS], strict=True))
        assert numbers["N_ref"] == 1e9


def test_a_users_file_read_twice_is_one_structure(tmp_path) -> None:
    """The same text compiles once; an edited one is another law."""
    text = (
        "from bayes_scaling import law\n\n"
        '@law(reference="mine")\n'
        "def mine(xp, N, D, *, L_inf, A, alpha, B, beta, N_ref=1e9, D_ref=2e10):\n"
        '    """Loss [nats/token]."""\n'
        "    return L_inf + A * (N / N_ref) ** -alpha + B * (D / D_ref) ** -beta\n"
    )
    model = load_model("chinchilla-plain").text.replace('"chinchilla-plain"', '"mine"')
    (tmp_path / "mine.toml").write_text(model.replace('"chinchilla"', '"mine.py:mine"'))
    (tmp_path / "mine.py").write_text(text)
    first, again = (structure(load_model(tmp_path / "mine.toml")) for _ in range(2))
    assert first == again
    (tmp_path / "mine.py").write_text(text.replace("** -beta", "** -beta * 1.0"))
    assert structure(load_model(tmp_path / "mine.toml")) != first


def test_groups_add_their_standard_normals_and_their_own_curves() -> None:
    """Two points that differ in the groups alone: log p differs by normals and likelihood."""
    import pytensor

    table = noisy_ladder().frame.assign(group=list("abcab" * 2)[:9])
    runs = Runs.from_frame(table)
    spec = stated_against(load_model("chinchilla-by-family"), runs)
    assert spec.groups is not None and spec.groups.size == 4
    pm = import_pymc()
    model = graph.build(spec)
    with model:
        pm.set_data(graph.data_for(spec, runs))
    symbols = [model.rvs_to_values[rv] for rv in model.free_RVs]
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    outputs = model.replace_rvs_by_values(list(model.deterministics))
    terms = model.logp(sum=False)
    run = pytensor.function(symbols, [*terms, *outputs], mode=mode)
    names = [v.name for v in model.deterministics]
    rng = np.random.default_rng(8)
    fixed = {rv.name: rng.uniform(-0.5, 0.5) for rv in model.free_RVs if rv.ndim == 0}
    inputs = tuple(runs.resource(c) for c in spec.inputs)
    row = spec.groups.numbers(table["group"])
    parts = []
    for _ in range(3):
        own = {rv.name: rng.standard_normal(4) for rv in model.free_RVs if rv.ndim == 1}
        found = run(*({**fixed, **own}[rv.name] for rv in model.free_RVs))
        density = sum(float(np.sum(term)) for term in found[: len(terms)])
        at = dict(zip(names, found[len(terms) :], strict=True))
        at |= {name: at[name + OF_GROUP][row] for name in spec.groups.spread}
        curve = spec.curve(np, inputs, at)
        loss = runs.fitted[LOSS].to_numpy()
        fit = spec.noise.log_density(loss, curve, graph.known_sd(spec, runs), at).sum()
        parts.append(density - fit + 0.5 * sum((z**2).sum() for z in own.values()))
    np.testing.assert_allclose(parts, parts[0], atol=1e-7)


def test_a_number_in_a_formula_keeps_its_precision() -> None:
    """A law may say N / 1e9: as a tensor alone that number would be rounded to single precision."""
    import_pymc()
    import pytensor.tensor as pt

    params = Positive(pt.log(pt.dscalar("N")))
    found = ((params / 1e9) ** -0.5 + (2e10 / params) ** 2).eval({"N": 3e8})
    assert found == pytest.approx(0.3**-0.5 + (2e10 / 3e8) ** 2, rel=1e-14)
