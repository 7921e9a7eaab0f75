"""Formulas against the numbers of their papers, optima against a search."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import UsageError
from bayes_scaling.laws.formula import latex, mathml
from bayes_scaling.laws.law import Law, law
from bayes_scaling.laws.library import built_in
from bayes_scaling.specs.shelf import model_names

FRONTIER = 5.76e23 / 6
CHINCHILLA_SETS = {
    # set: (unknowns), L(7e10, 1.4e12), L(1e9, 2e10), (N*, D*, D/N) at 5.76e23 and 1e25, a, gamma_C
    "H": ((1.69, 0.353960, 0.34, 0.536088, 0.28), 1.93665, 2.58005,
          (3.219e10, 2.982e12, 92.6), (1.168e11, 1.427e13, 122.1), 0.4516, 0.1535),
    "T": ((1.693374, 0.360095, 0.33917084, 0.477199, 0.2849083), 1.92085, 2.53067,
          (4.036e10, 2.379e12, 58.9), (1.485e11, 1.122e13, 75.5), 0.4565, 0.1548),
    "R": ((1.816864, 0.357055, 0.34781303, 0.355240, 0.36585412), 1.97341, 2.52916,
          (7.236e10, 1.327e12, 18.3), (3.126e11, 5.332e12, 17.1), 0.5126, 0.1783),
    "Q": ((1.817236, 0.357660, 0.34731266, 0.353865, 0.36718262), 1.97338, 2.52876,
          (7.319e10, 1.312e12, 17.9), (3.173e11, 5.252e12, 16.6), 0.5139, 0.1785),
    "W": ((1.869144, 0.348944, 0.3526596, 0.346548, 0.3526596), 2.02460, 2.56464,
          (6.996e10, 1.372e12, 19.6), (2.915e11, 5.717e12, 19.6), 0.5, 0.1763),
}  # fmt: skip


def printed(value: float, expected: float, digits: int) -> bool:
    """Whether `value` rounds to `expected` printed with so many significant digits."""
    half_unit = 0.5 * 10.0 ** (np.floor(np.log10(abs(expected))) - digits + 1)
    return abs(value - expected) <= half_unit * 1.0001


@pytest.mark.parametrize("name", CHINCHILLA_SETS)
def test_chinchilla_fixtures(name: str) -> None:
    values, large, reference, *optima, a, gamma = CHINCHILLA_SETS[name]
    each = bs.load_law("chinchilla")
    u = dict(zip(each.unknowns, values, strict=True))
    assert printed(each(np, 7e10, 1.4e12, **u), large, 6)
    assert printed(each(np, 1e9, 2e10, **u), reference, 6)
    for budget, (N, D, ratio) in zip((5.76e23, 1e25), optima, strict=True):
        found = each.optimum(np, budget / 6, **u, **each.constants)
        assert printed(found[0], N, 4)
        assert printed(found[1], D, 4)
        assert printed(found[1] / found[0], ratio, 3 if ratio < 100 else 4)
    derived = each.derived(np, **u, **each.constants)
    assert printed(derived["a"], a, 4) and printed(derived["gamma_C"], gamma, 4)


def test_amplitudes_at_one_are_the_papers() -> None:
    each = bs.load_law("chinchilla")
    u = dict(zip(each.unknowns, CHINCHILLA_SETS["H"][0], strict=True))
    derived = each.derived(np, **u, **each.constants)
    assert printed(derived["A_at_1"], 406.4, 4) and printed(derived["B_at_1"], 410.7, 4)
    u = dict(zip(each.unknowns, CHINCHILLA_SETS["R"][0], strict=True))
    derived = each.derived(np, **u, **each.constants)
    assert printed(derived["A_at_1"], np.exp(6.17795598), 5)
    assert printed(derived["B_at_1"], np.exp(7.64273236), 5)


def test_skaling_fixtures() -> None:
    each = bs.load_law("skaling")
    A, B, k = 0.4, 0.35, 0.8
    u = {"L_inf": 1.6, "S": (A + B) ** k, "w": A / (A + B), "alpha": 0.34, "beta": 0.36, "k": k}
    assert printed(each(np, 1e9, 2e10, **u), 2.39442, 6)
    assert printed(each(np, 7e10, 1.4e12, **u), 1.84250, 6)
    N, D = each.optimum(np, FRONTIER, **u, **each.constants)
    assert printed(N, 8.7215e10, 5) and printed(D, 1.1007e12, 5)
    assert printed(each(np, N, D, **u), 1.84257, 6)
    derived = each.derived(np, **u, **each.constants)
    assert derived["A"] == pytest.approx(A) and derived["B"] == pytest.approx(B)


def test_kaplan_fixtures() -> None:
    each = bs.load_law("kaplan")
    k, p = 0.103, 0.076 / 0.103
    A, B = (6.4e13 / 1e9) ** p, 1.8e13 / 2e10
    assert printed(A, 3518.09, 6) and printed(B, 900, 3)
    u = {"S": (A + B) ** k, "w": A / (A + B), "p": p, "k": k}
    assert printed(each(np, 1e9, 2e10, **u), 2.37388, 6)
    assert printed(each(np, 7e10, 1.4e12, **u), 1.69297, 6)
    N, D = each.optimum(np, FRONTIER, **u, **each.constants)
    assert printed(N, 2.415e11, 4) and printed(D, 3.975e11, 4)
    derived = each.derived(np, **u, **each.constants)
    assert derived["N_c"] == pytest.approx(6.4e13) and derived["D_c"] == pytest.approx(1.8e13)
    assert derived["alpha_N"] == pytest.approx(0.076) and printed(derived["a"], 0.5754, 4)


def test_laws_contain_one_another() -> None:
    chinchilla, skaling, kaplan = (bs.load_law(n) for n in ("chinchilla", "skaling", "kaplan"))
    N, D = np.geomspace(1e7, 1e11, 9), np.geomspace(1e9, 1e13, 9)
    u = {"L_inf": 1.7, "S": 0.8, "w": 0.45, "alpha": 0.3, "beta": 0.4, "k": 1.0}
    c = {"L_inf": 1.7, "A": 0.36, "B": 0.44, "alpha": 0.3, "beta": 0.4}
    np.testing.assert_allclose(skaling(np, N, D, **u), chinchilla(np, N, D, **c), rtol=1e-14)
    s = {"L_inf": 0.0, "S": 2.4, "w": 0.8, "alpha": 0.74, "beta": 1.0, "k": 0.1}
    k = {"S": 2.4, "w": 0.8, "p": 0.74, "k": 0.1}
    np.testing.assert_allclose(skaling(np, N, D, **s), kaplan(np, N, D, **k), rtol=1e-14)


def test_power_floor_frontier_of_the_replication() -> None:
    """The compute frontier of set R, written as a one-resource law: laws' published fixture."""
    u = {"L_inf": 1.816864, "A": 0.71211, "alpha": 0.17830}
    each = bs.load_law("power-floor")
    for flops, expected in ((5.76e23, 1.97396), (1e25, 1.91130)):
        # F and gamma_C are themselves printed with five digits
        assert each(np, flops, **u, x_ref=1.2e20) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("name", model_names())
def test_every_law_conforms_around_the_medians_of_its_priors(name: str) -> None:
    spec = bs.load_model(name)
    spec = spec if spec.inputs else spec.at_resource("tokens")
    spec = spec.at_reference(smallest=2.0 if spec.target == "loss" else 0.1)
    middle = {unknown: float(prior.quantile(0.5)) for unknown, prior in spec.priors.items()}
    checks = bs.check_law(spec.law, at=middle)
    assert checks.verdict == "ok", [str(row) for row in checks.rows if row.verdict != "ok"]
    agreements = {r.name: r.value for r in checks.rows if r.name.endswith("= NumPy")}
    assert len(agreements) == 2 and max(agreements.values()) <= 1e-12


@pytest.mark.parametrize("name", built_in())
def test_formula_is_printed(name: str) -> None:
    each = bs.load_law(name)
    assert r"\infty" in latex(each) or "L_inf" not in each.unknowns
    assert mathml(each).startswith("<math") and "&lt;script" not in mathml(each)


def broken(curve: object, **knowledge: object) -> set[str]:
    checks = bs.check_law(law(reference="none", **knowledge)(curve))  # type: ignore[arg-type]
    return {row.name for row in checks.rows if row.verdict == "fail"}


def test_check_law_catches_planted_faults() -> None:
    def no_unit(xp, x, *, A, alpha, x_ref=1.0):
        """Loss."""
        return A * (x / x_ref) ** -alpha

    def rising(xp, x, *, A, alpha, x_ref=1.0):
        """Loss [nats/token]."""
        return A * (x / x_ref) ** alpha

    def numpy_only(xp, x, *, A, alpha, x_ref=1.0):
        """Loss [nats/token]."""
        return np.logaddexp(A, -alpha * np.log(x))

    counter = iter(range(10**6))

    def stateful(xp, x, *, A, alpha, x_ref=1.0):
        """Loss [nats/token]."""
        return A * (x / x_ref) ** -alpha + next(counter)

    def floored(xp, x, *, L_inf, A, alpha, x_ref=1.0):
        """Loss [nats/token]."""
        return L_inf + A * (x / x_ref) ** -alpha

    def joint(xp, N, D, *, A, B, alpha):
        """Loss [nats/token]."""
        return A * (N / 1e9) ** -alpha + B * (D / 2e10) ** -alpha

    assert broken(no_unit) == {"docstring"}
    assert broken(rising) == {"falls with x"}
    assert broken(numpy_only)
    assert "no hidden state" in broken(stateful)
    assert broken(floored, terms={"A": ("alpha",)}) == {"sum of terms"}
    assert broken(joint, optimum=lambda xp, ND, **_: (xp.sqrt(ND), xp.sqrt(ND))) == {"optimum"}
    assert broken(joint, terms={"A": ("alpha",), "B": ("alpha",)}) == set()


def test_signatures_are_checked() -> None:
    for bad, word in (
        (lambda x, *, A: A, "xp"),
        (lambda xp, n, *, A: A, "positional"),
        (lambda xp, N, D: N, "no unknowns"),
        (lambda xp, N, *args, A: A, "args"),
    ):
        with pytest.raises(UsageError, match=word):
            law(reference="none")(bad)
    with pytest.raises(UsageError, match="built-in laws are"):
        bs.load_law("chinchila")
    with pytest.raises(UsageError, match="no unknown"):
        bs.check_law(bs.load_law("chinchilla"), at={"gamma": 1.0})


def test_users_law_is_loaded_from_its_file(tmp_path) -> None:
    text = '''
from bayes_scaling import law

@law(reference="mine")
def two_phase(xp, N, D, *, A, alpha):
    """Loss [nats/token]."""
    return 1.5 + A * (N / 1e9) ** -alpha
'''
    (tmp_path / "mine.py").write_text(text)
    found = bs.load_law("mine.py:two_phase", folder=tmp_path)
    assert isinstance(found, Law) and found.unknowns == ("A", "alpha")
    assert bs.check_law(found).verdict == "ok"
    with pytest.raises(UsageError, match="it has two_phase"):
        bs.load_law("mine.py:other", folder=tmp_path)
    with pytest.raises(UsageError, match="no file"):
        bs.load_law("absent.py:two_phase", folder=tmp_path)
    (tmp_path / "mine.py").write_text("1 / 0")
    with pytest.raises(UsageError, match="division by zero"):
        bs.load_law("mine.py:two_phase", folder=tmp_path)
