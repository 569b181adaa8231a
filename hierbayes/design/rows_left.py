"""The cross-products of several grouping factors without some of the rows."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from hierbayes.design.basis import Basis
from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.sparse_products import SparseProducts, sparse_products
from hierbayes.frames.arrays import Booleans, Integers


def products_left(design: Design, basis: Basis, kept: Booleans) -> SparseProducts:
    """Cross-products of the rows that are kept, in the basis of all.

    A level without any row that is left is not among theirs, of whatever factor it is: with a
    school its classes leave.

    Parameters
    ----------
    design : Design
    basis : Basis
    kept : (n,) bool
    """
    rows, factors, codes = design.rows, [], []
    for factor, of in zip(design.factors, rows.codes_of, strict=True):
        seen, mine = np.unique(of[kept], return_inverse=True)
        factors.append(GroupingFactor(factor.name, factor.labels[seen]))
        codes.append(mine)
    left = rows.chosen(kept, tuple(codes))
    return sparse_products(left, factors, design.spans, basis)


def connected_rows(design: Design) -> Integers:
    """A number (n,) that rows share just if a chain of common levels, of any factor, joins them.

    The likelihood given γ is a product over these sets of rows.
    """
    factors, codes_of = design.factors, design.rows.codes_of
    first = np.cumsum([0, *(factor.J for factor in factors)])
    anchor = first[0] + codes_of[0]
    ends = [start + codes for start, codes in zip(first, codes_of, strict=False)]
    i, j = np.concatenate([anchor] * len(ends)), np.concatenate(ends)
    joined = coo_matrix((np.ones(len(i)), (i, j)), shape=(first[-1],) * 2)
    of_level: Integers = connected_components(joined, directed=False)[1]
    return of_level[anchor]
