"""Mixtures of data sources, continued pre-training, data quality, the split: against numbers."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from tests.laws.test_laws import CHINCHILLA_SETS, printed

BASE = {"L_inf": 1.7, "A": 0.36, "alpha": 0.34, "B": 0.36, "beta": 0.36}


def test_effective_tokens() -> None:
    """Weights (.5, .3, .2) of sources worth (1, .6, 1.8) on 1e11 tokens: D_eff = 1.04e11."""
    law = bs.load_law("effective-tokens")
    found = law(np, 2e9, 1e11, 0.5, 0.3, 0.2, **BASE, q_2=0.6, q_3=1.8)
    assert printed(float(found), 2.183272, 7)
    plain = bs.load_law("chinchilla")(np, 2e9, 1.04e11, **BASE)
    assert found == pytest.approx(plain, rel=1e-14)


def test_the_first_source_is_the_unit() -> None:
    """Another reference source rescales q and B and leaves the curve."""
    web = bs.load_law("effective-tokens").over(("web", "code"))
    code = bs.load_law("effective-tokens").over(("code", "web"))
    share = np.linspace(0, 1, 5)
    moved = {**BASE, "B": BASE["B"] * 1.8 ** -BASE["beta"], "q_web": 1 / 1.8}
    np.testing.assert_allclose(
        web(np, 2e9, 1e11, share, 1 - share, **BASE, q_code=1.8),
        code(np, 2e9, 1e11, 1 - share, share, **moved),
        rtol=1e-14,
    )


def test_mixture_exp_is_the_papers_up_to_its_redundant_constant() -> None:
    """Adding one number to every t_j of the paper multiplies k: the weights sum to one."""
    weights = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    t, c, k = np.array([-0.4, 0.7, -1.1]), 1.9, 0.8
    papers = c + k * np.exp(weights @ t)
    law = bs.load_law("mixture-exp")
    ours = law(np, *weights.T, c=c, k=k * np.exp(t[0]), t_2=t[1] - t[0], t_3=t[2] - t[0])
    np.testing.assert_allclose(ours, papers, rtol=1e-14)


def test_mixture_additive_is_the_papers() -> None:
    weights, C, g = np.array([0.2, 0.3, 0.5]), np.array([4.0, 8.0, 2.0]), np.array([0.5, 0.3, 0.9])
    papers = bs.load_law("chinchilla")(np, 2e9, 1e11, **BASE) + 1 / np.sum(C * weights**g)
    law = bs.load_law("mixture-additive")
    unknowns = {"M": 1 / C[0], "c_2": C[1] / C[0], "c_3": C[2] / C[0]}
    unknowns |= dict(zip(("g_1", "g_2", "g_3"), g, strict=True)) | BASE
    assert law(np, 2e9, 1e11, *weights, **unknowns) == pytest.approx(papers, rel=1e-13)
    derived = law.derived(np, **unknowns, **law.constants)
    assert [derived[name] for name in ("C_first", "C_2", "C_3")] == pytest.approx(list(C))
    alone = law(np, 2e9, 1e11, 0.0, 1.0, 0.0, **unknowns)  # an absent source is no fault
    assert np.isfinite(alone)


def test_mixture_continued() -> None:
    """n = 2, d = 5, h = .5."""
    values = {**BASE, "L_inf": 1.5, "eta": 0.2, "K": 0.05, "eps": 0.1, "gamma": 0.3}
    found = bs.load_law("mixture-continued")(np, 2e9, 1e11, 0.5, **values)
    assert printed(float(found), 2.018272, 7)


def test_data_quality_is_worth_tokens() -> None:
    """Quality Q for D tokens is as good as D Q^(gamma/beta) tokens of quality one."""
    law, plain = bs.load_law("data-quality"), bs.load_law("chinchilla")
    for quality in (0.25, 1.0, 3.0):
        worth = 1e11 * quality ** (0.2 / 0.36)
        found = law(np, 2e9, 1e11, quality, **BASE, gamma=0.2)
        assert found == pytest.approx(plain(np, 2e9, worth, **BASE), rel=1e-14)


@pytest.mark.parametrize("name", CHINCHILLA_SETS)
def test_the_split_law_is_chinchilla(name: str) -> None:
    L_inf, A, alpha, B, beta = CHINCHILLA_SETS[name][0]
    split, plain = bs.load_law("chinchilla-split"), bs.load_law("chinchilla")
    mine = {"L_inf": L_inf, "A": A, "B": B, "a": beta / (alpha + beta), "s": alpha + beta}
    theirs = {"L_inf": L_inf, "A": A, "alpha": alpha, "B": B, "beta": beta}
    N, D = np.geomspace(1e7, 1e12, 7), np.geomspace(1e9, 1e13, 7)
    np.testing.assert_allclose(split(np, N, D, **mine), plain(np, N, D, **theirs), rtol=1e-13)
    anchors = split.constants
    np.testing.assert_allclose(
        split.optimum(np, 1e23, **mine, **anchors),
        plain.optimum(np, 1e23, **theirs, **anchors),
        rtol=1e-12,
    )
    derived, papers = split.derived(np, **mine, **anchors), plain.derived(np, **theirs, **anchors)
    for quantity in ("A_at_1", "B_at_1", "gamma_C"):
        assert derived[quantity] == pytest.approx(papers[quantity], rel=1e-12)
