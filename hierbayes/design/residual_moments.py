r"""The cross-products of rows weighted by R⁻¹, at any parameters of a residual structure.

R⁻¹ = Σ_k c_k(z) Σ_{links of class k} (e_ae_b' + e_be_a')/(1 + [a = b]) with coefficients that
depend on z and links that do not.  So for each set of rows that share their groups, an *atom*, and
each class

    M = Σ [Z X y]_a'[Z X y]_b + [Z X y]_b'[Z X y]_a

is made once, and at z the weighted cross-products are Σ_k c_k(z) M_k.  With the moments the rows
are not needed; they add up over chunks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.sparse import csr_array

from hierbayes.design.basis import Basis
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.design import Design
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.products import Products
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.sparse_products import SparseProducts, added_pairs
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.coordinates import derivative

_CHUNK = 100_000  # links whose outer products are held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Cross-products weighted by R⁻¹ at one z.

    Parameters
    ----------
    products : CrossProducts or SparseProducts
    half_log_det : float
        ½ log|R|, which the log-likelihood is less by.
    """

    products: Products
    half_log_det: float


@dataclass(frozen=True, eq=False)
class ResidualMoments:
    """What a fit keeps of its rows under a residual structure.

    Parameters
    ----------
    rows : ResidualRows
    cells : (cells, d²) float
        M of each atom and class, d = q + p + 1 columns [Z X y] in an internal basis.
    atoms : (cells,) int
        The atom of each cell, ascending.
    classes : (K, 3) int
        A kind of link, and the levels of variance of its ends.
    class_of : (cells,) int
    atom_codes : (factors, A) int
        The group of each atom, by factor.
    counts : tuple of (J_k,) float
        Rows of each group, by factor.
    design : Design
        For the names of groups and the places of effects.
    basis : Basis
    """

    rows: ResidualRows
    cells: Floats
    atoms: Integers
    classes: Integers
    class_of: Integers
    atom_codes: Integers
    counts: tuple[Floats, ...]
    design: Design
    basis: Basis

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.rows.n

    @cached_property
    def _pointer(self) -> Integers:
        return np.searchsorted(self.atoms, np.arange(self.atom_codes.shape[1] + 1))

    def at(self, z: Floats) -> Weighted:
        """The weighted cross-products at coordinates z (k,)."""
        found = self.rows.coefficients(z, self.classes)
        weights, log_det = found[:-1], float(found[-1])
        if not np.isfinite(found).all():
            weights, log_det = np.full_like(weights, np.nan), np.inf
        sums = csr_array(
            (weights[self.class_of], np.arange(len(self.cells)), self._pointer),
            shape=(self.atom_codes.shape[1], len(self.cells)),
        )
        d = round(self.cells.shape[1] ** 0.5)
        M = (sums @ self.cells).reshape(-1, d, d)
        return Weighted(self._products(M), 0.5 * log_det)

    def half_log_det(self, z: Floats) -> float:
        """½ log|R| at coordinates z (k,)."""
        return 0.5 * float(self.rows.coefficients(z, self.classes)[-1])

    def slope(self, z: Floats, E: Floats) -> Floats:
        """∂/∂z (k,) of ½ log|R| + ½ Σ_atoms tr(M E) at fixed E (A, d, d)."""
        per_cell = np.einsum("cd,cd->c", self.cells, E.reshape(len(E), -1)[self.atoms])
        totals = np.bincount(self.class_of, per_cell, len(self.classes))
        slopes = derivative(lambda at: self.rows.coefficients(at, self.classes), z)
        slope: Floats = 0.5 * (slopes[-1] + totals @ slopes[:-1])
        return slope

    def _products(self, M: Floats) -> Products:
        """Atoms (A, d, d) put together by the groups of each factor."""
        design = self.design
        q = sum(design.blocks)
        if len(design.factors) == 1:
            (codes,) = self.atom_codes
            J = design.factors[0].J
            A, B = _by_group(codes, J, M[:, :q, :q]), _by_group(codes, J, M[:, :q, q:])
            C = M[:, q:, q:].sum(axis=0)
            groups = design.factors[0].labels
            return CrossProducts.from_sums(A, B, C, self.counts[0], groups, self.basis)
        return self._sparse_products(M, q)

    def _sparse_products(self, M: Floats, q: int) -> SparseProducts:
        design, codes = self.design, self.atom_codes
        levels = tuple(
            LevelProducts(
                factor.labels,
                _by_group(at, factor.J, M[:, span, span]),
                _by_group(at, factor.J, M[:, span, q:]),
                counts,
            )
            for factor, at, span, counts in zip(
                design.factors, codes, design.spans, self.counts, strict=True
            )
        )
        pairs = tuple(
            added_pairs(
                k, m, codes[k], codes[m], M[:, design.spans[k], design.spans[m]],
                design.factors[m].J,
            )
            for k, m in combinations(range(len(design.factors)), 2)
        )  # fmt: skip
        C = M[:, q:, q:].sum(axis=0)
        return SparseProducts(levels, pairs, C, float(self.n), self.basis)


def residual_moments(rows: ResidualRows, design: Design, basis: Basis) -> ResidualMoments:
    """The moments of a design under a residual structure, in a basis."""
    columns, Z = design.rows.internal(basis)
    F = np.concatenate([Z, columns], axis=1)
    stacked = np.stack(design.rows.codes_of)
    atom_codes, atom_of = np.unique(stacked, axis=1, return_inverse=True)
    atom_of = atom_of.ravel()
    links = rows.links
    if links.sums is not None:
        F, atom_of = _with_sums(F, atom_of, links.sums)
    level = rows.node_levels
    low = np.minimum(level[links.left], level[links.right])
    high = np.maximum(level[links.left], level[links.right])
    L = int(level.max()) + 1
    key = (links.kind * L + low) * L + high
    found, class_of_link = np.unique(key, return_inverse=True)
    classes = np.stack([found // (L * L), found // L % L, found % L], axis=1)
    cell_key = atom_of[links.left] * len(found) + class_of_link
    cells_found, cell_of = np.unique(cell_key, return_inverse=True)
    return ResidualMoments(
        rows=rows,
        cells=_sums(F, links.left, links.right, cell_of, len(cells_found)),
        atoms=cells_found // len(found),
        classes=classes,
        class_of=cells_found % len(found),
        atom_codes=atom_codes,
        counts=tuple(
            np.bincount(codes, minlength=factor.J).astype(np.float64)
            for codes, factor in zip(design.rows.codes_of, design.factors, strict=True)
        ),
        design=design,
        basis=basis,
    )


def _with_sums(F: Floats, atom_of: Integers, sums: Integers) -> tuple[Floats, Integers]:
    """Rows and, after them, their sums; and the atoms of both."""
    m = int(sums.max()) + 1
    total = np.stack([np.bincount(sums, column, m) for column in F.T], axis=1)
    atoms = np.zeros(m, dtype=np.intp)
    atoms[sums] = atom_of
    return np.concatenate([F, total]), np.concatenate([atom_of, atoms])


def _sums(F: Floats, left: Integers, right: Integers, cell_of: Integers, cells: int) -> Floats:
    """Σ over the links of each cell of F_a'F_b, both ways where a ≠ b (cells, d²)."""
    d = F.shape[1]
    total = np.zeros((cells, d * d))
    for start in range(0, len(left), _CHUNK):
        at = slice(start, start + _CHUNK)
        a, b = F[left[at]], F[right[at]]
        both = a[:, :, None] * b[:, None, :]
        both = np.where((left[at] == right[at])[:, None, None], both, both + both.swapaxes(1, 2))
        m = len(a)
        into = csr_array((np.ones(m), (cell_of[at], np.arange(m))), shape=(cells, m))
        total += into @ both.reshape(m, d * d)
    return total


def _by_group(codes: Integers, J: int, values: Floats) -> Floats:
    """Atoms (A, a, b) summed by group (J, a, b)."""
    A = len(codes)
    if A == J and (codes == np.arange(J)).all():
        return np.ascontiguousarray(values)
    sums = csr_array((np.ones(A), (codes, np.arange(A))), shape=(J, A))
    shape = values.shape[1:]
    found: Floats = (sums @ values.reshape(A, -1)).reshape(J, *shape)
    return found
