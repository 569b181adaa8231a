r"""In which order the random effects of several factors are eliminated, and where entries stand.

With W = [X y] and λ_k a relative root for each factor, the matrix to factor is

    Ω = [[I + Λ'Z'ZΛ, Λ'Z'W], [W'ZΛ, W'W]]

1. The *leading chain*: the factor with most levels, then each factor that it is nested in
   (class, school, district).  A level is a panel of columns whose rows are itself, its
   ancestors, the levels of the core that it meets, and W.  An ancestor has the rows of its
   descendants, so nothing fills in.
2. The *core*: the levels of all other factors, split into what is connected by levels at the top
   of the chain.  Each component is a dense matrix with the rows of W below it.
3. W.

References
----------
Bates & DebRoy (2004), doi:10.1016/j.jmva.2004.04.013; Davis (2006), *Direct Methods for Sparse
Linear Systems*, chapter 4.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hierbayes.design.elimination import Elimination, Layout
from hierbayes.design.elimination_builder import Builder, Entries
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers

_FEW = 2000  # pairs of levels whose order is remembered for other numbers

type _Pair = tuple[int, int, bytes, bytes]


@remembered
def elimination_of(cross: SparseProducts) -> Layout:
    """The order of elimination of these cross-products, and the place of every entry."""
    levels, pairs = cross.levels, cross.pairs
    J, q = cross.group_counts, cross.widths
    if sum(len(pair.i) for pair in pairs) > _FEW:
        A, B = tuple(one.A for one in levels), tuple(one.B for one in levels)
        by_pair = {(pair.first, pair.second): (pair.i, pair.j, pair.values) for pair in pairs}
        return Builder(Entries(cross.p, J, q, A, B, by_pair, cross.C)).layout()
    shape = tuple((pair.first, pair.second, _key(pair.i), _key(pair.j)) for pair in pairs)
    known, order = _order(cross.p, J, q, shape)
    every = [one.A for one in levels] + [one.B for one in levels] + [one.values for one in pairs]
    products: Floats = np.concatenate([one.ravel() for one in every])[order]
    elimination = Elimination(*known.elimination[:-2], products, np.ascontiguousarray(cross.C))
    return Layout(known.chain, elimination, known.places, known.core_size)


@remembered
def elimination_of_effects(cross: SparseProducts) -> Layout:
    """The same of the random effects alone, without W."""
    return elimination_of(cross.turned(np.empty((cross.p + 1, 0))))


def _key(levels: Integers) -> bytes:
    return levels.astype(np.int64, copy=False).tobytes()


@lru_cache(maxsize=32)
def _order(
    p: int, J: tuple[int, ...], q: tuple[int, ...], shape: tuple[_Pair, ...]
) -> tuple[Layout, Integers]:
    """A layout without its numbers, and their places among all of those of the cross-products.

    These are A of each factor, B of each, and then those of pairs of levels.
    """
    end = 0

    def places(*size: int) -> Integers:
        nonlocal end
        count = int(np.prod(size))
        end += count
        return np.arange(end - count, end).reshape(size)

    A = tuple(places(j, k, k) for j, k in zip(J, q, strict=True))
    B = tuple(places(j, k, p + 1) for j, k in zip(J, q, strict=True))
    pairs = {}
    for first, second, *keys in shape:
        i, j = (np.frombuffer(key, dtype=np.int64) for key in keys)
        pairs[first, second] = i, j, places(len(i), q[first], q[second])
    known = Builder(Entries(p, J, q, A, B, pairs, np.zeros((0, 0)))).layout()
    order = known.elimination.products.astype(np.intp)
    return known, order
