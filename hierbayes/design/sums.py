r"""The cross-products of rows in a basis in which they keep their digits.

Where the columns of X and the groups' own columns explain nearly all of y, what is left of it
would be a difference of large numbers.  There X°γ̂ is taken out of y° first, with the γ̂ of a
very large G: coefficients of what varies within groups from W alone, the others from the
groups.  X° is turned so that these two kinds of columns are apart.  Of several grouping factors
X°γ̂ of least squares is taken out where X alone explains nearly all of y, or X and Z do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import zeros_of
from hierbayes.design.basis import Basis, choose_basis
from hierbayes.design.crossproducts import CrossProducts, cross_products, products_of, whole_rows
from hierbayes.design.group_cholesky import DEPENDENT
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.level_labels import Labels
from hierbayes.design.products import Products
from hierbayes.design.remembered import remembered
from hierbayes.design.rows import Rows
from hierbayes.design.rows_root import LITTLE_LEFT as LITTLE_LEFT_BY_ALL
from hierbayes.design.rows_root import has_root, swept
from hierbayes.design.share_left import share_left
from hierbayes.design.sparse_products import SparseProducts, sparse_products
from hierbayes.frames.arrays import Booleans, Floats

LITTLE_LEFT = 1e-6  # of y'y within groups, once X is taken out
_VERY_SMALL = 1e-5  # of y'y without X
_LITTLE_LEFT_BY_X = 1e-2  # of y'y, once X is taken out, of several grouping factors
_NO_VARIATION = 1e-18  # of the square of a fixed column: what is left of it within groups
_DEPENDENT = 1e-14  # of an eigenvalue of columns of unit length within groups


def sum_up(rows: Rows, groups: Labels, blocks: Sequence[int]) -> CrossProducts:
    """Cross-products of rows in a basis chosen for them.

    Parameters
    ----------
    rows : Rows
        In the user's units.
    groups : Index or LevelLabels
        Labels of the J groups.
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    """
    return _summed(rows, blocks, partial(cross_products, rows, groups))


def sum_up_with_rows(
    rows: Rows, groups: Labels, blocks: Sequence[int]
) -> tuple[CrossProducts, Floats]:
    """The same, and the rows [Z° X° y°] (n, d) in that basis."""
    made: list[Floats] = []

    def products(basis: Basis) -> CrossProducts:
        columns, Z = rows.internal(basis)
        made[:] = [whole_rows(columns, Z)]  # as they are: columns are written over
        return products_of(columns, Z, rows.codes, groups, basis)

    return _summed(rows, blocks, products), made[0]


def _summed(
    rows: Rows, blocks: Sequence[int], products: Callable[[Basis], CrossProducts]
) -> CrossProducts:
    """Cross-products in a basis in which they keep their digits."""
    cross = products(choose_basis(rows.X, rows.Z, rows.response, tuple(blocks), rows.predictors))
    if little_is_left(cross):
        for _ in range(2):  # the second time from sums that have their digits
            cross = products(without_fixed(cross))
    return cross


def sum_up_factors(
    rows: Rows, factors: Sequence[GroupingFactor], spans: Sequence[slice], blocks: Sequence[int]
) -> SparseProducts:
    """Cross-products of several grouping factors in a basis chosen for them.

    Parameters
    ----------
    rows : Rows
        In the user's units.
    factors : sequence of GroupingFactor
    spans : sequence of slice
        The columns of Z that vary over each factor.
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    """
    basis = choose_basis(rows.X, rows.Z, rows.response, tuple(blocks), rows.predictors)
    products = sparse_products(rows, factors, spans, basis)
    if surely_left(products) > 0.0:  # a hundredth by X°, and with Z° more than products lose
        return products
    if little_is_left(products):
        for _ in range(2):  # the second time from sums that have their digits
            basis = without_fixed(products)
            products = sparse_products(rows, factors, spans, basis)
    if has_root(products):
        share, gamma = swept(products)
        if share < LITTLE_LEFT_BY_ALL:
            basis = basis.turned(np.eye(len(gamma)), basis.taken + gamma)
            products = sparse_products(rows, factors, spans, basis)
    return products


def little_is_left(cross: Products) -> bool:
    """Whether X°, of one factor with the groups' columns, leaves too little of y° for digits."""
    if isinstance(cross, SparseProducts):
        little = _LITTLE_LEFT_BY_X * float(cross.C[-1, -1])
        return surely_left(cross) < little and left_by_fixed(cross)[0] < little
    left, freedom = left_within(cross)
    return freedom > 0.0 and left < LITTLE_LEFT * float(cross.C[-1, -1])


@remembered
def surely_left(cross: SparseProducts) -> float:
    """Of y°'y° what X° surely leaves where Z° beside it leaves much; else 0.

    Half of that, which is known but for a small share of the squares of coefficients.
    """
    share = share_left(cross) if has_root(cross) else 0.0
    return 0.5 * share * float(cross.C[-1, -1]) if share > 2.0 * _LITTLE_LEFT_BY_X else 0.0


def without_fixed(cross: Products) -> Basis:
    """The basis in which what X° explains is taken out of y°."""
    if isinstance(cross, SparseProducts):
        taken = cross.basis.taken + left_by_fixed(cross)[1]
        return cross.basis.turned(np.eye(len(taken)), taken)
    return cross.basis.turned(*taken_out(cross))


@remembered
def left_by_fixed(cross: SparseProducts) -> tuple[float, Floats]:
    """Sum of squares of y° that X° leaves, and the least-squares coefficients (p,) of X°."""
    XtX, Xty = cross.C[:-1, :-1], cross.C[:-1, -1]
    gamma = np.linalg.lstsq(XtX, Xty)[0]
    return float(cross.C[-1, -1] - Xty @ gamma), gamma


def least_freedom(cross: Products) -> float:
    """The fewest degrees of freedom within groups, as if no columns depended on each other."""
    sizes = cross.sizes if isinstance(cross, SparseProducts) else (cross.J * cross.R.shape[2],)
    return cross.n - cross.p - float(sum(sizes))


@remembered
def left_within(cross: Products) -> tuple[float, float]:
    """Sum of squares of y° that X° leaves within groups, and its degrees of freedom.

    Of several factors only the least that the degrees of freedom can be is known, and the sum of
    squares only where it is very small: elsewhere it is nan.
    """
    if isinstance(cross, SparseProducts):
        share = swept(cross)[0] if has_root(cross) else np.nan
        left = share * cross.C[-1, -1] if share < _VERY_SMALL else np.nan
        return left, least_freedom(cross)
    left, rank = _left_and_rank(cross.W, cross.C, cross.R)
    return left, cross.n - rank


@compiled(short_loops=True)
def _left_and_rank(W: Floats, C: Floats, R: Floats) -> tuple[float, int]:
    """What is left of y°'y° within groups, and how many columns explain the rest, and groups.

    The root of W is made row by row; its last pivot is what is left.  A column that depends on
    those before it explains nothing more.
    """
    (J, q, _), p, rank, left = R.shape, len(W) - 1, 0, 0.0
    root = zeros_of((p + 1, p + 1))
    for a in range(p + 1):
        if a < p and not W[a, a] > _NO_VARIATION * C[a, a]:
            continue
        left = W[a, a]
        for h in range(a):
            left -= root[h, a] * root[h, a]
        if a < p and left > DEPENDENT * W[a, a]:
            rank += 1
            root[a, a] = np.sqrt(left)
            for c in range(a + 1, p + 1):
                rest = W[a, c]
                for h in range(a):
                    rest -= root[h, a] * root[h, c]
                root[a, c] = rest / root[a, a]
    for j in range(J):
        for k in range(q):
            for h in range(q):
                if R[j, k, h] != 0.0:
                    rank += 1
                    break
    return left, rank


def taken_out(cross: CrossProducts) -> tuple[Floats, Floats]:
    """E (p, p) that sets what varies within groups apart, and what of X°E leaves y° (p,)."""
    E, varies = _apart(cross)
    turned = cross.turned(_with_response(E))
    W, C, taken = turned.W, turned.C, np.zeros(len(E))
    taken[varies] = np.linalg.lstsq(W[:-1, :-1][varies][:, varies], W[:-1, -1][varies])[0]
    rest = (C[:-1, -1] - C[:-1, :-1] @ taken)[~varies]
    taken[~varies] = np.linalg.lstsq(C[:-1, :-1][~varies][:, ~varies], rest)[0]
    return E, np.linalg.solve(E, cross.basis.taken) + taken


def _apart(cross: CrossProducts) -> tuple[Floats, Booleans]:
    """Directions E (p, p) of X° that are uncorrelated within groups, and which vary there."""
    within, whole = cross.W.diagonal()[:-1], cross.C.diagonal()[:-1]
    scale = np.sqrt(np.maximum(np.where(within > _NO_VARIATION * whole, within, whole), 1e-300))
    size, V = np.linalg.eigh(cross.W[:-1, :-1] / (scale[:, None] * scale))
    E: Floats = V / scale[:, None] * np.sqrt(cross.n)
    return E, size > _DEPENDENT


def _with_response(E: Floats) -> Floats:
    """The matrix of [X° y°] → [X°E y°]."""
    M = np.eye(len(E) + 1)
    M[:-1, :-1] = E
    return M
