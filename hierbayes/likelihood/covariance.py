"""The covariance of the random effects: roots, standard deviations, correlations."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats, Integers


@lru_cache(maxsize=64)
def block_mask(blocks: tuple[int, ...]) -> Booleans:
    """True where an entry of G (q, q) is not zero by design."""
    owner = np.repeat(np.arange(len(blocks)), blocks)
    mask: Booleans = owner[:, None] == owner[None, :]
    return mask


def correlated_pairs(blocks: tuple[int, ...]) -> tuple[Integers, Integers]:
    """Later and earlier effect of every two of one block: rows and columns below the diagonal.

    Examples
    --------
    >>> later, earlier = correlated_pairs((2, 1, 2))
    >>> list(zip(later.tolist(), earlier.tolist()))
    [(1, 0), (4, 3)]
    """
    rows, columns = np.nonzero(np.tril(block_mask(blocks), -1))
    return rows, columns


def lower_root(root: Floats) -> Floats:
    """The lower-triangular root of G = LL' (..., q, q) from any root L of it.

    Examples
    --------
    >>> upper = np.array([[1.0, 2.0], [0.0, 1.0]])
    >>> low = lower_root(upper)
    >>> bool(np.allclose(low @ low.T, upper @ upper.T)), float(low[0, 1])
    (True, 0.0)
    """
    right = np.linalg.qr(np.swapaxes(root, -1, -2), mode="r")
    lower: Floats = np.tril(np.swapaxes(right, -1, -2))
    return lower


def sd_corr(G: Floats) -> tuple[Floats, Floats]:
    """Standard deviations (..., q) and correlations (..., q, q) of G (..., q, q).

    A correlation with an effect of zero variance does not exist and is nan.
    """
    sd = np.sqrt(np.maximum(np.diagonal(G, axis1=-2, axis2=-1), 0.0))
    scale = sd[..., :, None] * sd[..., None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        corr = np.where(scale > 0.0, G / scale, np.nan)
    corr = np.clip(corr, -1.0, 1.0)
    diagonal = np.arange(G.shape[-1])
    corr[..., diagonal, diagonal] = 1.0
    return sd, corr


def eigenvalue_limits(S: Floats) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of a symmetric S (q, q), q > 0.

    Examples
    --------
    >>> eigenvalue_limits(np.array([[2.0, 1.0], [1.0, 2.0]]))
    (1.0, 3.0)
    """
    if len(S) == 2:  # plain numbers take less time than a call of LAPACK's
        (a, b), (_, c) = S.tolist()
        middle, half = 0.5 * (a + c), math.hypot(0.5 * (a - c), b)
        return middle - half, middle + half
    sizes = np.linalg.eigvalsh(S)
    return float(sizes[0]), float(sizes[-1])


def second_moment(Z: Floats) -> Floats:
    """M = Z'Z/n (q, q) of random columns Z (n, q): z'Gz is tr(GM) on average over the rows."""
    moment: Floats = Z.T @ Z / len(Z)
    return moment


def cholesky_psd(G: Floats) -> Floats:
    """Lower-triangular L with LL' = G for a symmetric G that may be singular.

    A column whose pivot is not positive is zero.
    """
    q = G.shape[0]
    L = np.zeros_like(G)
    left = G.copy()
    floor = 1e-14 * max(float(np.abs(np.diag(G)).max(initial=0.0)), 1e-300)
    for k in range(q):
        if left[k, k] <= floor:
            continue
        L[k:, k] = left[k:, k] / np.sqrt(left[k, k])
        left[k:, k:] -= np.outer(L[k:, k], L[k:, k])
    return L
