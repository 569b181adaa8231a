r"""Random columns in which default priors of sd and corr are stated: centred, each for itself.

A column is adjusted for the constant, for the columns that it is made of (x·w for x and w), and
for earlier ones of the same variables (x² for x), by least squares over the rows, within its
block of G:

    Z° = Z M,   b = M b°,   G = M G° M'

with ones on the diagonal of M.  Shifts of the variables change Z but not Z°; a change of unit
changes b° by that unit.  So a prior of sd° and corr° is one prior of the groups' lines, wherever
the variables have their zeros.  The intercept of b° is where the others have their means; a
column that no other is adjusted for has the same sd in both.
"""

from __future__ import annotations

import numpy as np
from formulaic import ModelSpec
from formulaic.parser.types import Factor, Term
from scipy.linalg import block_diag

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats
from hierbayes.specification.terms import names_in

_ROUNDING = 1e-9  # of the length of a column: it is centred already


def centring(design: Design, cross: Products) -> Floats:
    """M (q, q)."""
    gram, columns = second_moments(cross)
    terms = _terms(design)
    reads = [_reads(term) for term in terms]
    M = np.eye(len(terms))
    for at in block_slices(design.blocks):
        places = range(*at.indices(len(terms)))
        for k in places:
            before = [j for j in places if _adjusts(j, k, terms, reads)]
            if before:
                inner = gram[np.ix_(before, before)]
                found = _solve(columns[:, before], columns[:, k], inner, cross)
                part = np.abs(found) * np.sqrt(np.diagonal(inner) / gram[k, k])
                M[before, k] = -np.where(part > _ROUNDING, found, 0.0)
    return M


def not_centred(design: Design, cross: Products, *, fixed: bool) -> tuple[str, ...]:
    """Names of columns that another origin of a variable makes others of, with what they mix.

    Parameters
    ----------
    design : Design
    cross : Products
    fixed : bool
        Whether fixed columns count too: products and powers beside what they are made of.
    """
    M = centring(design, cross)
    off = (np.eye(len(M)) != 0.0) < (M != 0.0)
    found = [design.effect_labels[k] for k in np.flatnonzero(off.any(axis=0))]
    if fixed:
        columns = design.columns
        terms = columns.kept(
            part.term for part in columns.fixed_spec.structure for _ in part.columns
        )
        reads = [_reads(term) for term in terms]
        found += [
            design.terms[k]
            for k in range(len(terms))
            if any(reads[j] and _adjusts(j, k, terms, reads) for j in range(len(terms)))
        ]
    return tuple(dict.fromkeys(found))


def second_moments(cross: Products) -> tuple[Floats, Floats]:
    """Z'Z/n (q, q), and the columns of Z in the internal basis (q, q)."""
    columns = np.linalg.inv(cross.basis.z.matrix)
    gram: Floats = columns.T @ internal_moments(cross) @ columns
    return gram, columns


def column_sizes(cross: Products, M: Floats) -> Floats:
    """Root mean square over the rows of each column of Z M (q,)."""
    columns = np.linalg.inv(cross.basis.z.matrix) @ M
    size: Floats = np.sqrt(np.einsum("ik,ij,jk->k", columns, internal_moments(cross), columns))
    return size


def internal_moments(cross: Products) -> Floats:
    """Z°'Z°/n (q, q) of the internal columns of each grouping factor, on the diagonal."""
    return block_diag(*(level.A.sum(axis=0) for level in cross.levels)) / cross.n


def _solve(before: Floats, column: Floats, gram: Floats, cross: Products) -> Floats:
    """Coefficients of a column on those before it, by least squares."""
    inner = internal_moments(cross)
    size = np.sqrt(np.diagonal(gram))
    scaled = np.linalg.pinv(gram / np.outer(size, size), hermitian=True)
    first: Floats = scaled @ (before.T @ inner @ column / size) / size
    rest = column - before @ first  # once more, for what was lost to rounding
    return first + scaled @ (before.T @ inner @ rest / size) / size


def _terms(design: Design) -> list[Term]:
    """The term that each random column belongs to."""
    columns = design.columns
    fixed = columns.kept(part.term for part in columns.fixed_spec.structure for _ in part.columns)
    found: list[Term] = []
    for spec in (columns.random_specs[term] for _, term in columns.owners):
        if isinstance(spec, ModelSpec):
            found += [part.term for part in spec.structure for _ in part.columns]
        else:
            found += [fixed[place] for place in spec]
    return found


def _reads(term: Term) -> frozenset[str]:
    """The variables a term is made of; none for the constant."""
    found: set[str] = set()
    for factor in term.factors:
        looked_up = factor.eval_method is Factor.EvalMethod.LOOKUP
        found |= {factor.expr} if looked_up else names_in(factor.expr)
    return frozenset(found)


def _adjusts(j: int, k: int, terms: list[Term], reads: list[frozenset[str]]) -> bool:
    """Whether column k is adjusted for column j."""
    if j == k or terms[j] == terms[k]:
        return False
    return reads[j] < reads[k] or (reads[j] == reads[k] and j < k)
