"""Papers: each law once more, as its paper prints it, for numbers of any precision.

Written apart from `bayes_scaling.laws` and mostly in other terms (amplitudes at one parameter and
one token, critical scales, coefficients of base 10), so that a slip in one is seen by the other.
`m` is mpmath, `v` holds inputs, unknowns and constants by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Formula = Callable[[Any, Any], Any]


def _at_one(amplitude: Any, reference: Any, exponent: Any, value: Any) -> Any:
    """Amplitude at one unit over a power of the value."""
    return amplitude * reference**exponent / value**exponent


def _additive(v: Any, N: Any, D: Any, alpha: Any, beta: Any) -> Any:
    return v.L_inf + _at_one(v.A, v.N_ref, alpha, N) + _at_one(v.B, v.D_ref, beta, D)


def _hoffmann(v: Any) -> Any:
    return _additive(v, v.N, v.D, v.alpha, v.beta)


def _floored(v: Any, x: Any) -> Any:
    return v.L_inf + _at_one(v.A, v.x_ref, v.alpha, x)


def _broken(m: Any, v: Any) -> Any:
    bend = (1 + (v.x / v.x_b) ** (1 / v.f)) ** (-v.c * v.f)
    return v.L_inf + _at_one(v.A, v.x_ref, v.alpha, v.x) * bend


def _kaplan(m: Any, v: Any) -> Any:
    A, B = (share * v.S ** (1 / v.k) for share in (v.w, 1 - v.w))
    alpha_N, alpha_D = v.k * v.p, v.k
    N_c, D_c = v.N_ref * A ** (1 / v.p), v.D_ref * B
    return ((N_c / v.N) ** (alpha_N / alpha_D) + D_c / v.D) ** alpha_D


def _outer(v: Any, floor: Any, S: Any, w: Any, alpha: Any, beta: Any, k: Any) -> Any:
    """Videau et al., with the inverse outer exponent."""
    p = 1 / k
    A, B = w * S**p, (1 - w) * S**p
    terms = _at_one(A, v.N_ref, alpha, v.N) + _at_one(B, v.D_ref, beta, v.D)
    return floor + terms ** (1 / p)


def _gadre(m: Any, v: Any) -> Any:
    """The tied law at the N and D of C = C_ref n d and M = M_ref d/n."""
    c, ratio = v.C / v.C_ref, v.M / v.M_ref
    n, d = m.sqrt(c / ratio), m.sqrt(c * ratio)
    return v.L_inf + v.A / n**v.alpha + v.B / d**v.alpha


def _muennighoff(m: Any, v: Any) -> Any:
    U_D = min(v.U, v.D)
    G = (v.alpha * v.A / (v.beta * v.B)) ** (1 / v.alpha)
    U_N = min(v.N, v.N_ref * G * (U_D / v.D_ref) ** (v.beta / v.alpha))
    R_D, R_N = v.D / U_D - 1, v.N / U_N - 1
    D = U_D + U_D * v.R_D * (1 - m.exp(-R_D / v.R_D))
    N = U_N + U_N * v.R_N * (1 - m.exp(-R_N / v.R_N))
    return _additive(v, N, D, v.alpha, v.beta)


def _lovelace(m: Any, v: Any) -> Any:
    R = v.D / min(v.U, v.D) - 1
    penalty = v.P * R**v.delta * (v.N / v.U) ** v.kappa if R > 0 else 0
    return _hoffmann(v) + penalty


def _mixture(m: Any, v: Any) -> Any:
    D = v.D * (v.w_1 + v.q_2 * v.w_2 + v.q_3 * v.w_3)
    return _additive(v, v.N, D, v.alpha, v.beta)


def _shukor(m: Any, v: Any) -> Any:
    match = v.w_1**v.g_1 / v.M + v.c_2 / v.M * v.w_2**v.g_2 + v.c_3 / v.M * v.w_3**v.g_3
    return _hoffmann(v) + 1 / match


def _que(m: Any, v: Any) -> Any:
    data = _at_one(v.B, v.D_ref, v.beta, v.D) * v.h**v.eta
    domain = v.K / (v.h + v.eps) ** v.gamma
    return v.L_inf + _at_one(v.A, v.N_ref, v.alpha, v.N) + data + domain


def _luo(m: Any, v: Any) -> Any:
    B, K = v.B / v.d_ref, v.K * v.e_ref**v.gamma
    pieces = ((v.d1, v.e1, v.s1), (v.d2, v.e2, v.s2), (v.d3, v.e3, v.s3), (v.d4, v.e4, v.s4))
    gain = sum(d * (1 - (K * e**-v.gamma * s + 1) ** -v.beta) for d, e, s in pieces)
    return v.L_inf + _at_one(v.A, v.S_ref, v.alpha, v.S1) - B * gain


def _bhagia(m: Any, v: Any) -> Any:
    top = v.floor + (1 - v.floor) * v.reach
    return v.floor + (top - v.floor) / (1 + m.exp((v.L - v.L_mid) / v.s))


def _lin(m: Any, v: Any) -> Any:
    learned = v.x_0**v.beta
    return v.L_inf + v.A * (learned + v.x_ref**v.beta) / (learned + v.x**v.beta)


def _clark(m: Any, v: Any) -> Any:
    """In logs of base 10, as printed."""
    ten = m.log(10)
    X_0 = 1 / (1 / v.X_s - 1 / v.X_m)
    X = m.log10(1 / (1 / (v.E - 1 + X_0) + 1 / v.X_m))
    p_N, p_NX = -v.alpha - v.zeta * m.log(v.X_s), v.zeta * ten
    p_X = -v.gamma - v.zeta * m.log(v.N_ref)
    p_0 = m.log10(v.A) + v.alpha * m.log10(v.N_ref) + v.gamma * m.log10(v.X_s)
    p_0 += v.zeta * m.log(v.N_ref) * m.log10(v.X_s)
    N = m.log10(v.N)
    return m.mpf(10) ** (p_N * N + p_X * X + p_NX * N * X + p_0)


def _krajewski(m: Any, v: Any) -> Any:
    g = v.g * v.G_ref**v.gamma
    first = (g / v.G**v.gamma + v.A) / (v.N / v.N_ref) ** v.alpha
    return v.L_inf + first + _at_one(v.B, v.D_ref, v.beta, v.D)


def _abnar(m: Any, v: Any) -> Any:
    active = 1 - v.S
    sparse = _at_one(v.H, v.N_ref, v.gamma, v.N) / active**v.delta
    return _hoffmann(v) + v.c_S * active**v.kappa + sparse


def _ludziejewski(m: Any, v: Any) -> Any:
    n, d, e = v.N / v.N_ref, v.D / v.D_ref, m.log(v.E)
    model = v.A * v.E**-v.delta * n ** (-v.alpha - v.gamma * e)
    return v.L_inf + model + v.B * v.E**-v.omega * d ** (-v.beta - v.zeta * e)


def _frantar(m: Any, v: Any) -> Any:
    size = v.a_S * (1 - v.S) ** v.b_S + v.c_S
    data = _at_one(v.B, v.D_ref, v.b_D, v.D)
    return v.L_inf + _at_one(size, v.N_ref, v.b_N, v.N) + data


def _kumar(m: Any, v: Any) -> Any:
    N = v.N * (1 - m.exp(-v.P_w / v.g_w))
    N *= (1 - m.exp(-v.P_a / v.g_a)) * (1 - m.exp(-v.P_kv / v.g_kv))
    return _additive(v, N, v.D, v.alpha, v.beta)


def _kumar_stored(m: Any, v: Any) -> Any:
    C_T = v.Q * m.exp(v.P_ref / v.g_post)
    harm = (v.D / v.D_ref) ** v.g_D / (v.N / v.N_ref) ** v.g_N
    return _kumar(m, v) + C_T * harm * m.exp(-v.P_post / v.g_post)


def _chen(m: Any, v: Any) -> Any:
    inner = v.A ** (1 / v.alpha) * v.N_ref
    return v.L_inf + (inner / (v.N * (v.k * m.log(v.P) + 1))) ** v.alpha


def _tao(m: Any, v: Any) -> Any:
    outside = _at_one(v.A_1, v.N_nv_ref, v.alpha_1, v.N_nv)
    inside = _at_one(v.A_2, v.N_v_ref, v.alpha_2, v.N_v)
    return -v.E + outside + inside + _at_one(v.B, v.H_ref, v.beta, v.H)


def _rosenfeld(m: Any, v: Any) -> Any:
    free = v.c_inf + _at_one(v.A, v.N_ref, v.alpha, v.N) + _at_one(v.B, v.D_ref, v.beta, v.D)
    return v.e_0 * abs(free / (free - m.mpc(0, 1) * v.e_0))


def _li(m: Any, v: Any) -> Any:
    """Li et al.: floor, amplitude and exponent each exp(a N^g + b), through three values."""

    def moving(middle: Any, before: Any, after: Any) -> Any:
        g = m.log10(after / before)
        a = before / (v.N_ref**g - (v.N_ref / 10) ** g)
        return m.exp(a * v.N**g + m.log(middle) - a * v.N_ref**g)

    floor = moving(v.L_inf, -v.L_before, -v.L_after)
    exponent = moving(v.beta, -v.beta_before, -v.beta_after)
    return floor + moving(v.B, v.B_before, v.B_after) * (v.D / v.D_ref) ** -exponent


def _busbridge(m: Any, v: Any) -> Any:
    alone = _outer(v, v.E_alone, v.S_alone, v.w_alone, v.alpha_alone, v.beta_alone, v.k_alone)
    d_1 = m.exp(v.u * v.f)
    c_1 = v.h / (v.f * m.log(1 + d_1 ** (-1 / v.f)))
    onset = (1 + (v.L_T / (alone * d_1)) ** (1 / v.f)) ** (-c_1 * v.f)
    gap = _outer(v, 0, v.S, v.w, v.alpha, v.beta, v.k)
    return v.L_T + gap * (v.L_T / v.L_ref) ** -v.c_0 * onset


def _alabdulmohsin(m: Any, v: Any) -> Any:
    """The root of the printed equation, sought in the log odds between floor and guess."""
    right = m.log(v.A) - v.alpha * m.log(v.x / v.x_ref)
    span = v.e_0 - v.e_inf

    def gap(odds: Any) -> Any:
        above, below = span / (1 + m.exp(-odds)), span / (1 + m.exp(odds))
        return m.log(above) - v.q * m.log(below) - right

    odds = m.findroot(gap, (-2000, 2000), solver="anderson", tol=m.mpf(10) ** -60, maxsteps=500)
    return v.e_inf + span / (1 + m.exp(-odds))


PAPERS: Final[dict[str, Formula]] = {
    "power-floor": lambda m, v: _floored(v, v.x),
    "power": lambda m, v: _at_one(v.A, v.x_ref, v.alpha, v.x),
    "power-scale": lambda m, v: v.L_inf + (v.x / (v.x_ref * v.A ** (1 / v.alpha))) ** -v.alpha,
    "power-shifted": lambda m, v: _floored(v, v.x + v.x_0),
    "frontier": lambda m, v: v.L_inf + _at_one(v.F, v.C_ref, v.gamma_C, v.C),
    "saturating": lambda m, v: v.L_inf + v.A * ((v.x / v.x_ref) ** -1 + v.g) ** v.alpha,
    "broken-power": _broken,
    "double-descent": lambda m, v: (
        _floored(v, v.x) + v.H * m.exp(-((m.log(v.x) - m.log(v.x_p)) ** 2) / (2 * v.w**2))
    ),
    "chinchilla": lambda m, v: _hoffmann(v),
    "skaling": lambda m, v: _outer(v, v.L_inf, v.S, v.w, v.alpha, v.beta, v.k),
    "kaplan": _kaplan,
    "chinchilla-tied": lambda m, v: _additive(v, v.N, v.D, v.alpha, v.alpha),
    "chinchilla-split": lambda m, v: _additive(v, v.N, v.D, v.s - v.a * v.s, v.a * v.s),
    "chinchilla-shifted": lambda m, v: _additive(v, v.N + v.N_0, v.D + v.D_0, v.alpha, v.beta),
    "overtraining": _gadre,
    "three-term": lambda m, v: _hoffmann(v) + _at_one(v.G, v.C_ref, v.gamma, v.C),
    "product": lambda m, v: (
        v.L_inf + _at_one(_at_one(v.A, v.N_ref, v.a_N, v.N), v.D_ref, v.a_D, v.D)
    ),
    "product-three": lambda m, v: (
        v.L_inf
        + v.A
        * m.exp(-v.a_N * m.log(v.N / v.N_ref) - v.a_D * m.log(v.D / v.D_ref))
        / (v.C / v.C_ref) ** v.a_C
    ),
    "data-constrained": _muennighoff,
    "repetition-penalty": _lovelace,
    "effective-tokens": _mixture,
    "mixture-exp": lambda m, v: v.c + v.k * m.exp(v.t_2 * v.w_2) * m.exp(v.t_3 * v.w_3),
    "mixture-additive": _shukor,
    "mixture-continued": _que,
    "data-quality": lambda m, v: (
        v.L_inf
        + _at_one(v.A, v.N_ref, v.alpha, v.N)
        + _at_one(v.B, v.D_ref, v.beta, v.D) / (v.Q / v.Q_ref) ** v.gamma
    ),
    "annealing": lambda m, v: v.L_inf + _at_one(v.A, v.S_ref, v.alpha, v.S1) - v.G * v.S2,
    "multi-power": _luo,
    "error-exp": lambda m, v: (
        v.e_max - v.e_max * v.drop * m.exp(v.gamma * v.L_ref) * m.exp(-v.gamma * v.L)
    ),
    "accuracy-sigmoid": _bhagia,
    "threshold": lambda m, v: 1 / (1 + m.exp((v.L - v.L_t) / v.s)),
    "exact-match": lambda m, v: m.exp(-v.L) ** (v.k * v.m),
    "loss-transfer": lambda m, v: v.K * max(v.L_0 - v.E0, m.mpf(1e-12)) ** v.kappa + v.E1,
    "direct-accuracy": lambda m, v: m.exp(-_at_one(v.A, v.x_ref, v.alpha, v.x)),
    "adapter-rank": lambda m, v: (
        v.L_inf
        + _at_one(v.A, v.N_ref, v.alpha_m, v.N)
        * _at_one(1, v.r_ref, v.alpha_r, v.r)
        * _at_one(1, v.D_f_ref, v.beta, v.D_f)
    ),
    "finetune": lambda m, v: (
        v.L_inf + _at_one(_at_one(v.A, v.N_ref, v.alpha, v.N), v.D_f_ref, v.beta, v.D_f)
    ),
    "finetune-rectified": _lin,
    "moe-routing": _clark,
    "moe-granular": _krajewski,
    "moe-sparsity": _abnar,
    "moe-joint": _ludziejewski,
    "weight-sparsity": _frantar,
    "precision-training": _kumar,
    "precision": _kumar_stored,
    "parallel": _chen,
    "vocabulary": _tao,
    "bounded-envelope": _rosenfeld,
    "farseer": _li,
    "distillation": _busbridge,
    "sigmoid-compute": lambda m, v: (
        v.R0 + (v.R0 + (1 - v.R0) * v.reach - v.R0) / (1 + (v.x_mid / v.x) ** v.q)
    ),
    "pass-at-k": lambda m, v: m.exp(-_at_one(v.A, v.x_ref, v.alpha, v.x)),
    "bounded-m4": _alabdulmohsin,
}
"""Every law of the shelf, by name."""
