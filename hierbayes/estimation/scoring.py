"""One step of scoring from a first Γ: where a search begins.

With G and σ² free to move together the step is one to the moments of balanced groups, however far
they are.  With g the entries of Γ, B = ½ tr P V_i P V_k, t = ½ tr P V_i and the scores s, all
beside σ², those of σ² follow from I = V/σ² − Σ g_i V_i:

    [B, c; c', b] [δ; δ₀] = [s; −g's],   c = t − B g,   b = ½ N − g't − g'c,
    g ← (g + δ)/(1 + δ₀)

A variance of an effect by itself that would be negative becomes 0, and the others are solved for
beside that.

In the place of B may stand ½ f_i'P f_k/σ̂² of average information, f_i = Z S_i v.  Far from the
truth its squares Σ_j v_j²/σ̂² are far from what is expected of them, which t has, and so it is
brought to their size: exactly, of one effect of each factor in balanced groups.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, lent
from hierbayes.compiled_arrays import room_for
from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.estimation.trust_region import solve_told
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import eigenvalue_limits
from hierbayes.likelihood.of_products import AnyCurvature, is_average

_LEAST_LEFT = 1e-4  # of σ² after the step
# Of the squared noise of effects, with its error: what is left of a variance by itself where σ is
# held, and of one in any direction of effects that have covariances.
_LEAST, _LEAST_OF_SEVERAL = 0.01, 0.1
_TOLD = 1e-10  # of a pivot beside its entry, or nothing is told
_FARTHEST = 1e3  # squares from what is expected of them


def scored(
    Gamma: Floats,
    curvature: AnyCurvature,
    blocks: tuple[int, ...],
    noise: Floats,
    J: int,
    *,
    holds_sigma: bool = False,
) -> Floats:
    """Γ (q, q) after one step of scoring, kept inside the cone.

    Parameters
    ----------
    Gamma : (q, q) float
    curvature : Curvature or SparseCurvature
        There.
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    noise : (q,) float
        Error of an effect that one group estimates by itself, against σ.
    J : int
        Groups, of the factor that has fewest.
    holds_sigma : bool
        Whether σ² stays where it is: N of infinity leaves it no room.  The step is no more than
        one towards a maximum then, and nothing vanishes.
    """
    freedom = math.inf if holds_sigma else curvature.freedom
    at, averaged = free_entries(blocks), is_average(curvature)
    pull = np.array(curvature.pull)  # no view: compiled once for all
    if is_average(curvature):
        mean, traces = curvature.by_entry(at), pull
    else:
        mean, traces = curvature.expected(entry_directions(blocks))
    moved = np.zeros(Gamma.shape)
    score_step(
        Gamma, mean, traces, curvature.score, pull, freedom, averaged, *at,
        noise, _LEAST * math.sqrt(2.0 / J) if holds_sigma else 0.0, moved,
    )  # fmt: skip
    if len(at[0]) == len(noise):  # each effect has a block of its own
        return moved
    least, scaled = least_of_several(J), moved / noise / noise[:, None]
    if eigenvalue_limits(scaled)[0] >= least:
        return moved
    inside, W = np.linalg.eigh(scaled)
    W *= noise[:, None]
    found: Floats = (W * np.maximum(inside, least)) @ W.T
    return found


def least_of_several(J: int) -> float:
    """What is left of the variance in a direction of effects that have covariances, in J groups."""
    return _LEAST_OF_SEVERAL * math.sqrt(2.0 / J)


@compiled(error_model="numpy", short_loops=True)
def score_step(
    Gamma: Floats, information: Floats, traces: Floats, M: Floats, pull: Floats, freedom: float,
    averaged: bool, rows: Integers, columns: Integers, noise: Floats, least: float, moved: Floats,
) -> None:  # fmt: skip
    """Write the Γ (q, q) that a step leads to, its free entries at ``rows`` and ``columns`` (k,).

    Parameters
    ----------
    Gamma : (q, q) float
    information : (k, k) float
        Average information, or the mean one.
    traces : (k,) float
        tr P V_i; not read of average information: there it is what pulls a variance down, and 0
        stands for that of a covariance, which is small.
    M : (q, q) float
        ∂ℓ/∂Γ.
    pull : (q,) float
        What of it pulls down, beside average information.
    freedom : float
        N.
    averaged : bool
        Whether the information is the average one.
    least : float
        What is left of a variance, of squared noise, where each effect is by itself.
    """
    k = len(rows)
    H, right, g, t = room_for((k + 1, k + 1)), room_for(k + 1), room_for(k), room_for(k)
    a, size, unit = room_for(k), room_for(k), room_for(k)
    for i in range(k):
        r, c = rows[i], columns[i]
        unit[i] = noise[r] * noise[c]
        trace = (pull[r] if r == c else 0.0) if averaged else traces[i]
        g[i], t[i] = Gamma[r, c] / unit[i], 0.5 * trace * unit[i]
        right[i] = M[r, c] * unit[i] * (1.0 if r == c else 2.0)
        a[i] = 2.0 * (t[i] + right[i]) if averaged else 2.0 * t[i]
        size[i] = math.sqrt(_share(M, pull, r) * _share(M, pull, c)) if averaged else 1.0
    left, told = 0.5 * freedom, 0.0
    for i in range(k):
        total = t[i]
        for j in range(k):
            both = information[i, j] * unit[i] * unit[j] + 0.5 * a[i] * a[j] / freedom
            H[i, j] = math.sqrt(size[i] * size[j]) * both
            total -= H[i, j] * g[j]
        H[k, i] = H[i, k] = total
        left -= g[i] * (t[i] + total)
        told -= g[i] * right[i]
    H[k, k], right[k] = left, told
    alone, again = k == len(noise), True  # a variance alone that would be negative becomes 0
    A, step = room_for((k + 1, k + 1)), room_for(k + 1)
    while again:
        for i in range(k + 1):
            step[i] = right[i]
            for j in range(k + 1):
                A[i, j] = H[i, j]
        solve_told(A, step, _TOLD)
        again = False
        for j in range(k):
            if alone and g[j] + step[j] < 0.0:  # with its pivot its step is 0
                for i in range(k + 1):
                    right[i] += H[i, j] * g[j]
                H[j, j] = g[j] = 0.0
                again = True
    share = 1.0 + step[k] if 1.0 + step[k] > _LEAST_LEFT else _LEAST_LEFT
    for i in range(k):
        there = (g[i] + step[i]) / share
        if alone and there < least:
            there = least
        moved[rows[i], columns[i]] = moved[columns[i], rows[i]] = there * unit[i]


@lent
def lift(Gamma: Floats, ends: Integers, noise: Floats, least: float) -> None:
    """Lift to the least, of squared noise, what variances Γ (Q, Q) has in blocks of one or two.

    With S a block in units of noise and ν₁ ≤ ν₂ its eigenvalues, that is ν̄′I + (S − ν̄I)(ν₂′ − ν₁′)
    /(ν₂ − ν₁), ν̄ the mean of both.
    """
    i = 0
    for block in range(len(ends)):
        j = ends[block] - 1
        a, d = Gamma[i, i] / (noise[i] * noise[i]), Gamma[j, j] / (noise[j] * noise[j])
        b = 0.0 if i == j else Gamma[i, j] / (noise[i] * noise[j])
        middle, apart = 0.5 * (a + d), math.hypot(0.5 * (a - d), b)
        if middle - apart < least:
            largest = middle + apart if middle + apart > least else least
            share = 0.5 * (largest - least) / apart if apart > 0.0 else 0.0
            center = 0.5 * (largest + least)
            Gamma[i, j] = Gamma[j, i] = share * b * noise[i] * noise[j]
            Gamma[i, i] = (center + share * (a - middle)) * noise[i] * noise[i]
            Gamma[j, j] = (center + share * (d - middle)) * noise[j] * noise[j]
        i = j + 1


@lent
def _share(M: Floats, pull: Floats, r: int) -> float:
    """What is expected of the squares of an effect beside them, within bounds."""
    squares = pull[r] + 2.0 * M[r, r]
    if squares * _FARTHEST <= pull[r]:
        return _FARTHEST
    share = pull[r] / squares
    return share if share > 1.0 / _FARTHEST else 1.0 / _FARTHEST
