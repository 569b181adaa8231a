"""Distribution functions of counts: sums of the probabilities that a family states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierbayes.frames.arrays import Floats

if TYPE_CHECKING:
    from hierbayes.families.family import ResponseFamily

_AT_A_TIME = 1_000_000  # probabilities


def summed_below(
    family: ResponseFamily, y: Floats, m: Floats, eta: Floats, phi: Floats
) -> tuple[Floats, Floats]:
    """P(Y < y) and P(Y ≤ y) (n,) of counts, Σ_k exp ℓ(k).

    Parameters
    ----------
    family : Family
        Of counts 0, 1, ….
    y, m, eta : (n,) float
    phi : (d,) float
    """
    terms = y.astype(np.int64) + 1
    ends = np.cumsum(terms)
    below, upto = np.empty(len(y)), np.empty(len(y))
    start = 0
    while start < len(y):
        done = ends[start] - terms[start]
        stop = max(int(np.searchsorted(ends, done + _AT_A_TIME, side="right")), start + 1)
        at = slice(start, stop)
        below[at], upto[at] = _sums(family, terms[at], m[at], eta[at], phi)
        start = stop
    return below, upto


def _sums(
    family: ResponseFamily, terms: np.ndarray, m: Floats, eta: Floats, phi: Floats
) -> tuple[Floats, Floats]:
    """The same of rows with so many terms each."""
    rows = np.repeat(np.arange(len(terms)), terms)
    first = np.cumsum(terms) - terms
    k = (np.arange(len(rows)) - first[rows]).astype(np.float64)
    log_each = family.derivatives(k, m[rows], eta[rows], phi)[0]
    each = np.exp(log_each + family.log_constants(k, m[rows]))
    upto = np.minimum(np.bincount(rows, each, len(terms)), 1.0)
    last = each[np.cumsum(terms) - 1]
    return np.maximum(upto - last, 0.0), upto
