"""Means and moments of columns of rows that come a few at a time, whatever their precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats

_FAR = 30.0  # spreads that a column may be off the basis it is computed in


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Means and mean products of internal columns, whatever rows weigh.

    Parameters
    ----------
    mean : (m,) float
        Of the columns of [X° y°].
    fixed : (m, m) float
        Of [x° y°]'[x° y°].
    random : (q, q) float
        Of z°z°'.
    """

    mean: Floats
    fixed: Floats
    random: Floats

    def are_centred_and_scaled(self, constant: Floats) -> bool:
        """Whether the basis that they are in fits all rows, though some of them chose it.

        Columns other than those that are constant together, ``constant`` (p,) being nonzero.
        """
        free = np.append(constant == 0.0, True)
        sizes = np.sqrt(np.concatenate([np.diag(self.fixed)[free], np.diag(self.random)]))
        is_centred = not constant.any() or bool((np.abs(self.mean[free]) < _FAR).all())
        return is_centred and bool((sizes < _FAR).all() and (sizes > 1.0 / _FAR).all())

    def turned(self, M: Floats) -> Moments:
        """Those of the columns [X° y°] M, M (m, m)."""
        return Moments(self.mean @ M, M.T @ self.fixed @ M, self.random)


class ColumnMoments:
    """Sums over rows, each as often as it was counted.

    Parameters
    ----------
    q, m : int
        Random columns, and fixed columns with the response.
    """

    def __init__(self, q: int, m: int) -> None:
        self._n = 0.0
        self._sums, self._X, self._Z = np.zeros(m), np.zeros((m, m)), np.zeros((q, q))

    def add(self, columns: Floats, Z: Floats, times: Floats | None) -> None:
        """Add rows [X° y°] (n, m) and Z° (n, q); ``times`` (n,) None where all count once."""
        counted = columns if times is None else times[:, None] * columns
        of_Z = Z if times is None else times[:, None] * Z
        self._n += float(len(columns)) if times is None else float(times.sum())
        self._sums += np.ones(len(counted)) @ counted
        self._X += counted.T @ columns
        self._Z += of_Z.T @ Z

    @property
    def any(self) -> bool:
        """Whether there have been rows."""
        return self._n > 0.0

    @property
    def found(self) -> Moments:
        """Over all rows so far."""
        n = max(self._n, 1.0)
        return Moments(self._sums / n, self._X / n, self._Z / n)


def moments_of(cross: Products, own: Sequence[CrossProducts], one: Floats) -> Moments:
    """Those of rows that all weigh the same, of their cross-products.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    own : sequence of CrossProducts
        Of each factor as if it were the only one.
    one : (p,) float
        What makes 1 of the columns of X°; of zeros the means are not told.
    """
    n, fixed = cross.n, cross.C / cross.n
    spans = cross.spans
    random = np.zeros((spans[-1].stop,) * 2)
    for part, at in zip(own, spans, strict=True):
        random[at, at] = np.einsum("jrk,jrl->kl", part.R, part.R)
    for pair in cross.pairs if isinstance(cross, SparseProducts) else ():
        first, second = spans[pair.first], spans[pair.second]
        random[first, second] = pair.values.sum(axis=0)
        random[second, first] = random[first, second].T
    mean: Floats = one @ fixed[:-1]
    return Moments(mean, fixed, random / n)
