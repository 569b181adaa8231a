r"""The cross-products of rows weighted by R⁻¹, at any parameters of a residual structure.

R⁻¹ = Σ_k c_k(z) Σ_{links of class k} (e_ae_b' + e_be_a')/(1 + [a = b]) with coefficients that
depend on z and links that do not.  So for each set of rows that share their random effects, an
*atom*, and each class

    M = Σ [Z X y]_a'[Z X y]_b + [Z X y]_b'[Z X y]_a

is made once, and at z the weighted cross-products are Σ_k c_k(z) M_k.  With the moments the rows
are not needed.  Sums over links add up over any pieces of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.sparse import csr_array

from hierbayes.design.basis import Basis
from hierbayes.design.crossproducts import CrossProducts, whole_rows
from hierbayes.design.design import Design
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.level_labels import Labels
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.products import Products
from hierbayes.design.residual_classes import atoms_of, classes_of
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.design.residual_sums import add_traces, combine, sums, with_sums
from hierbayes.design.sparse_products import SparseProducts, added_pairs
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.row_kernels import distinct_places
from hierbayes.value import value

LOST = 1e-9  # of what is added up to weighted squares of y, where R is nearly singular: rounding
_FEWER = 8  # times fewer groups, or a search may as well begin with all


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Cross-products weighted by R⁻¹ at one z.

    Parameters
    ----------
    products : CrossProducts or SparseProducts
    half_log_det : float
        ½ log|R|, which the log-likelihood is less by.
    slopes : (K + 1, k) float
        ∂/∂z of the weights of the classes, and after them of log|R|.
    size : float
        What y'R⁻¹y is a sum of, each with its sign taken away: of what the effects leave of it
        less than a share `LOST` of this has no digits.
    """

    products: Products
    half_log_det: float
    slopes: Floats
    size: float


@value(slots=False)
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
        The group of each atom, by factor; without random effects all rows are one atom, of group 0.
    counts : tuple of (J_k,) float
        Rows of each group, by factor.
    design : Design
        For the names of groups and the places of effects.
    basis : Basis
    share : float
        Of log|R| that belongs to them: less than 1 where groups are left out.
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
    share: float = 1.0

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.rows.n

    @cached_property
    def kernel_cells(self) -> tuple[Floats, Integers, Integers, int]:
        """Cells, group and class of each, and the number of groups, as compiled code takes them."""
        return self.cells, self.atoms, self.class_of, self.atom_codes.shape[1]

    @cached_property
    def response_sizes(self) -> Floats:
        """Sums (K,) of the sizes of products of y with y in the cells of each class."""
        return np.bincount(self.class_of, np.abs(self.cells[:, -1]), len(self.classes))

    @cached_property
    def _atoms_are_groups(self) -> bool:
        """Whether atoms are the groups of the only factor, in their order."""
        if len(self.design.factors) > 1:
            return False
        (codes,), J = self.atom_codes, self.design.factors[0].J
        # distinct and ascending, from 0 on
        return len(codes) == J and (J == 0 or int(codes[-1]) == J - 1)

    def at(self, z: Floats) -> Weighted:
        """The weighted cross-products at coordinates z (k,)."""
        found, slopes = self.rows.with_slopes(z, self.classes)
        weights, log_det = found[:-1], float(found[-1])
        if not np.isfinite(found).all():
            weights, log_det = np.full_like(weights, np.nan), np.inf
        size = float(np.abs(weights) @ self.response_sizes)
        return Weighted(self._products(weights), 0.5 * self.share * log_det, slopes, size)

    def of_roots(self, R: Floats, T: Floats, W: Floats) -> CrossProducts | None:
        """The cross-products of `kernel_cells` with such roots; None where these are no groups."""
        counts, basis = self.counts[0], self.basis
        if not self.design.effects:
            return CrossProducts.without_effects(W, counts, self._groups, basis)
        if not self._atoms_are_groups:
            return None
        return CrossProducts(R, T, W, counts, self._groups, basis)

    def half_log_det(self, z: Floats) -> float:
        """½ log|R| at coordinates z (k,)."""
        return 0.5 * self.share * float(self.rows.with_slopes(z, self.classes)[0][-1])

    def slope(self, z: Floats, E: Floats, slopes: Floats | None = None) -> Floats:
        """∂/∂z (k,) of ½ log|R| + ½ Σ_atoms tr(M E) at fixed E (A, d, d).

        ``slopes`` are those of `Weighted`, where they have been made.
        """
        if slopes is None:
            slopes = self.rows.coefficient_slopes(z, self.classes)
        totals = np.zeros(len(self.classes))
        add_traces(self.cells, self.atoms, self.class_of, E.reshape(len(E), -1), totals)
        return self.slope_of(totals, slopes)

    def slope_of(self, totals: Floats, slopes: Floats) -> Floats:
        """The same where Σ_atoms tr(M E) of every class (K,) is known."""
        slope: Floats = 0.5 * (self.share * slopes[-1] + totals @ slopes[:-1])
        return slope

    def thinned(self, groups: int) -> ResidualMoments | None:
        """Those of about so many groups, evenly spaced; None where there are not many times more.

        log|R| is a share of that of all: exact where the groups are alike, and else good enough
        for a search to begin.
        """
        J = self.atom_codes.shape[1]
        step = J // groups
        if len(self.design.factors) > 1 or self.design.factors[0].J != J or step < _FEWER:
            return None
        kept = np.arange(0, J, step)
        (factor,), (counts,) = self.design.factors, self.counts
        thinned = GroupingFactor(factor.name, factor.labels[kept])
        is_kept = np.zeros(J, dtype=np.bool_)
        is_kept[kept] = True
        chosen = np.flatnonzero(is_kept[self.atoms])
        return replace(
            self,
            cells=self.cells[chosen],
            atoms=self.atoms[chosen] // step,
            class_of=self.class_of[chosen],
            atom_codes=np.arange(len(kept))[None],
            counts=(counts[kept],),
            design=replace(self.design, factors=(thinned,)),
            share=float(counts[kept].sum() / counts.sum()),
        )

    def _products(self, weights: Floats) -> Products:
        """Those of classes with weights (K,), put together by the groups of each factor."""
        design = self.design
        q, d = sum(design.blocks), math.isqrt(self.cells.shape[1])
        if not design.effects and len(design.factors) == 1:
            C = (weights[self.class_of] @ self.cells).reshape(d, d)
            return CrossProducts.without_effects(C, self.counts[0], self._groups, self.basis)
        flat = np.zeros((self.atom_codes.shape[1], d * d))
        combine(self.cells, self.atoms, weights[self.class_of], flat)
        M = flat.reshape(-1, d, d)
        if self._atoms_are_groups:
            return CrossProducts.from_blocks(M, q, self.counts[0], self._groups, self.basis)
        if len(design.factors) > 1:
            return self._sparse_products(M, q)
        (codes,), J = self.atom_codes, design.factors[0].J
        A, B = _by_group(codes, J, M[:, :q, :q]), _by_group(codes, J, M[:, :q, q:])
        C = M.sum(axis=0)[q:, q:]  # of whole matrices, which lie together
        return CrossProducts.from_sums(A, B, C, self.counts[0], self._groups, self.basis)

    @property
    def _groups(self) -> Labels:
        """Of the only factor."""
        return self.design.factors[0].held

    def _sparse_products(self, M: Floats, q: int) -> SparseProducts:
        design, codes = self.design, self.atom_codes
        levels = tuple(
            LevelProducts(
                factor.held,
                _by_group(at, factor.J, M[:, span, span]),
                _by_group(at, factor.J, M[:, span, q:]),
                counts,
            )
            for factor, at, span, counts in zip(
                design.factors, codes, design.spans, self.counts, strict=True
            )
        )
        pairs = tuple(
            added_pairs(k, m, codes[k], codes[m], M[:, design.spans[k], design.spans[m]])
            for k, m in combinations(range(len(design.factors)), 2)
        )
        C = M.sum(axis=0)[q:, q:]  # of whole matrices, which lie together
        return SparseProducts(levels, pairs, C, float(self.n), self.basis)


def residual_moments(
    rows: ResidualRows,
    design: Design,
    basis: Basis,
    F: Floats | None = None,
) -> ResidualMoments:
    """The moments of a design under a residual structure, in a basis.

    F (n, d) are its rows [Z° X° y°] in the basis, where they have been made.
    """
    if F is None:
        F = whole_rows(*design.rows.internal(basis))
    counts = tuple(
        np.bincount(codes, minlength=factor.J)
        for codes, factor in zip(design.rows.codes_of, design.factors, strict=True)
    )
    atom_codes, atom_of = atoms_of(design, counts)
    links = rows.links
    if links.sums is not None:
        F, atom_of = with_sums(F, atom_of, links.sums)
    classes, class_of_link = classes_of(rows)
    K = len(classes)
    if (A := atom_codes.shape[1]) > 1:
        cells_found, cell_of = distinct_places(atom_of[links.left] * K + class_of_link, A * K)
    else:  # each class is a cell
        cells_found, cell_of = np.arange(K), class_of_link
    return ResidualMoments(
        rows=rows,
        cells=sums(F, links.left, links.right, cell_of, len(cells_found)),
        atoms=cells_found // K,
        classes=classes,
        class_of=cells_found % K,
        atom_codes=atom_codes,
        counts=tuple(one.astype(np.float64) for one in counts),
        design=design,
        basis=basis,
    )


def _by_group(codes: Integers, J: int, values: Floats) -> Floats:
    """Atoms (A, a, b) summed by group (J, a, b)."""
    A = len(codes)
    if A == J and (codes == np.arange(J)).all():
        return np.ascontiguousarray(values)
    sums = csr_array((np.ones(A), (codes, np.arange(A))), shape=(J, A))
    shape = values.shape[1:]
    found: Floats = (sums @ values.reshape(A, -1)).reshape(J, *shape)
    return found
