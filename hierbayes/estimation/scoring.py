"""One step of scoring from a first Γ: where a search begins."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import AnyCurvature

_LEAST_LEFT = 0.02  # of σ² after the step
# Of the squared noise of effects, with its error: what is left of a variance by itself, and of one
# in any direction of effects that have covariances.
_LEAST, _LEAST_OF_SEVERAL = 0.01, 0.1


def scored(
    Gamma: Floats, curvature: AnyCurvature, blocks: tuple[int, ...], noise: Floats, J: int
) -> Floats:
    """Γ (q, q) after one step of scoring of G and σ² together, kept inside the cone.

    Where σ² may move on its own the step is one to the moments of balanced groups, however far they
    are: with g the entries of Γ, B = ½ tr P V_i P V_k, t = ½ tr P V_i and the scores s, all beside
    σ², those of σ² follow from I = V/σ² − Σ g_i V_i,

        [B, c; c', b] [δ; δ₀] = [s; −g's],   c = t − B g,   b = ½ N − g't − g'c,
        g ← (g + δ)/(1 + δ₀)

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
    """
    rows, columns = free_entries(blocks)
    size, k = noise[rows] * noise[columns], len(rows)
    both, traces = curvature.mean_traces(entry_directions(blocks))
    B, t, g = 0.5 * size[:, None] * both * size, 0.5 * traces * size, Gamma[rows, columns] / size
    s = np.where(rows == columns, 1.0, 2.0) * curvature.score[rows, columns] * size
    H, c = np.empty((k + 1, k + 1)), t - B @ g
    H[:k, :k], H[:k, k], H[k, :k], H[k, k] = B, c, c, 0.5 * curvature.freedom - g @ t - g @ c
    told, vectors = np.linalg.eigh(H)
    along = np.where(told > 1e-10 * told[-1], np.append(s, -g @ s) @ vectors, 0.0)
    step = vectors @ (along / np.where(along != 0.0, told, 1.0))
    g = (g + step[:k]) / max(1.0 + step[k], _LEAST_LEFT)
    error = math.sqrt(2.0 / J)
    if k == len(noise):  # each effect has a block of its own
        return np.diag(np.maximum(g, _LEAST * error) * size)
    moved = np.zeros(Gamma.shape)
    moved[rows, columns] = moved[columns, rows] = g
    inside, W = np.linalg.eigh(moved)
    W *= noise[:, None]
    found: Floats = (W * np.maximum(inside, _LEAST_OF_SEVERAL * error)) @ W.T
    return found
