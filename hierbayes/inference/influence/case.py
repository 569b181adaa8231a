"""Cross-products without a case, a group or a row, and the exact fit to what is left.

Of one grouping factor a case leaves by subtracting what it adds; of several the rows that stay
are summed anew.  The basis stays that of all rows, on which γ and the likelihood do not depend.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.crossproducts import CrossProducts, within_totals
from hierbayes.design.effect_refusals import variances_in_words
from hierbayes.design.identification import blind_directions
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.design.ranks import estimable_effects
from hierbayes.design.rows_left import products_left
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.optimum_of import optimum_of
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.of_products import AnyState, likelihood_of
from hierbayes.likelihood.reading import Reading

_OWN = 1e-11  # smallest eigenvalue of the scaled X'X that is not 0, as when a design is checked
_ABSORBED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """The maximum without a case.

    Parameters
    ----------
    state : State or SparseState
        The likelihood there, in the internal basis of all rows, where differences of γ lose no
        digits.
    singular : bool
        Whether that G is singular.
    """

    state: AnyState
    singular: bool


def without_groups(problem: Problem, k: int, groups: Integers) -> Iterator[Products]:
    """Cross-products without each of some groups of factor k in turn."""
    design, products = problem.design, problem.products
    if isinstance(products, SparseProducts):
        for j in groups:
            yield products_left(design, products.basis, design.rows.codes_of[k] != j)
        return
    totals = within_totals(design.rows, products)
    for j in groups:
        kept = np.arange(products.J) != j
        yield CrossProducts(products.R[kept], products.T[kept], products.W - totals[j],
                            products.rows[kept], products.groups[kept], products.basis)  # fmt: skip


def without_rows(problem: Problem, rows: Integers) -> Iterator[Products]:
    """Cross-products without each of some rows in turn; a group of that row alone leaves too."""
    design, cross = problem.design, problem.products
    if isinstance(cross, SparseProducts):
        for row in rows:
            yield products_left(design, cross.basis, np.arange(design.n) != row)
        return
    chosen = design.rows.chosen(rows, (design.rows.codes[rows],))
    W, Z = chosen.internal(cross.basis)
    for w, z, j in zip(W, Z, chosen.codes, strict=True):
        A, B, counts = cross.A.copy(), cross.B.copy(), cross.rows.copy()
        A[j] -= np.outer(z, z)
        B[j] -= np.outer(z, w)
        counts[j] -= 1.0
        kept = counts > 0.0
        yield CrossProducts.from_sums(A[kept], B[kept], cross.C - np.outer(w, w), counts[kept],
                                      cross.groups[kept], cross.basis)  # fmt: skip


def refit(left: Products, problem: Problem, reading: Reading, root: Floats) -> Refit:
    """The maximum for other cross-products in the same basis, from a root λ that is near."""
    optimum = optimum_of(problem.design, left, reading, root)
    return Refit(likelihood_of(left, reading).at(optimum.theta), optimum.singular)


def why_not(left: Products, problem: Problem, effects_by_group: Booleans | None = None) -> str:
    """Why the model cannot be fitted to what is left; empty where it can.

    Parameters
    ----------
    left : CrossProducts or SparseProducts
        Of what is left.
    problem : Problem
        Of all rows.
    effects_by_group : (J left, q) bool, optional
        Of one grouping factor: which random effects each group that is left can estimate beside
        the others, where that is known.
    """
    design, n, p = problem.design, left.n, len(problem.design.terms)
    grouped, sigma_is_told = bool(design.effects), bool(design.specification.known_sd)
    if n <= p or (
        grouped
        and any(level.J < 2 or (n <= level.J and not sigma_is_told) for level in left.levels)
    ):
        return "too few rows or groups are left"
    XtX = left.C[:-1, :-1]
    own = np.linalg.eigvalsh(_scaled(XtX, np.diag(problem.products.C)[:-1]))
    if p and own[0] < _OWN:
        return f"the fixed term '{design.terms[_lost(XtX, problem)]}' cannot be estimated without"
    if isinstance(left, SparseProducts):
        return _not_told_apart(left, problem)
    known = estimable_effects(left.A) if effects_by_group is None else effects_by_group
    absent = ~known.any(axis=0)
    if absent.any():
        effect = design.effects[int(absent.argmax())]
        return f"no group that is left can estimate the random effect '{effect}'"
    B = left.B[:, :, :-1]
    rest = (left.A - B @ np.linalg.solve(XtX, np.swapaxes(B, 1, 2))).sum(axis=0)
    rest = _scaled(rest, np.diag(problem.cross.A.sum(axis=0)))
    for at in block_slices(design.blocks):
        if np.linalg.eigvalsh(rest[at, at])[0] <= _ABSORBED:
            return "the fixed part takes up the random effects in what is left"
    return ""


def _not_told_apart(left: SparseProducts, problem: Problem) -> str:
    """Which variances no data of what is left tell apart, of several grouping factors."""
    design = problem.design
    blind = blind_directions(left, design.blocks)
    if len(blind) <= len(blind_directions(problem.products, design.blocks)):
        return ""
    names = variances_in_words(design, blind)
    if len(names) == 1:
        return f"the data that are left tell nothing of {names[0]}"
    return f"the data that are left cannot tell apart {', '.join(names[:-1])} and {names[-1]}"


def _scaled(matrix: Floats, size: Floats) -> Floats:
    scale = np.sqrt(np.maximum(size, 1e-300))
    scaled: Floats = matrix / np.outer(scale, scale)
    return scaled


def _lost(XtX: Floats, problem: Problem) -> int:
    """The first fixed column that is a combination of those before it in what is left."""
    T = np.linalg.inv(problem.products.basis.x.matrix)
    user = T.T @ XtX @ T
    for k in range(1, len(user) + 1):
        block = _scaled(user[:k, :k], np.diag(user)[:k])
        if np.linalg.eigvalsh(block)[0] < _OWN or user[k - 1, k - 1] <= 0.0:
            return k - 1
    return len(user) - 1
