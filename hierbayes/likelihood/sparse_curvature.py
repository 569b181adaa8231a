r"""The matrix M = I + L'Z'κZL of several grouping factors, by elimination.

Its entries are linear in the weights κ of rows, so that one sparse matrix, made once, takes κ to
the cross-products that `elimination_order` lays out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from hierbayes.design.elimination import (
    AT,
    COLUMN,
    COLUMN_PLACE,
    LEADING,
    PRODUCTS,
    ROW,
    ROW_PLACE,
    Elimination,
    Layout,
)
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.curvature import FoundMode
from hierbayes.likelihood.factor_modes import FactorMode, factor_modes
from hierbayes.likelihood.factor_rows import FactorRows
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.mode_search import GRADIENT, Gradients, ModeSearch, Points, Slopes
from hierbayes.likelihood.selected_inverse import gradient_of_root, inverse_entries
from hierbayes.likelihood.sparse_elimination import eliminate
from hierbayes.likelihood.sparse_solves import solve


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Blocks of M of two factors, and which of them each row of the data is in.

    Parameters
    ----------
    row, column : int
        The factors; one and the same on the diagonal.
    block_of : (n,) int
        Among the blocks of this pair; of each entry of the weights.
    entries : (blocks, q_row, q_column) int
        Where the entries of each block stand in the flat array of M.
    """

    row: int
    column: int
    block_of: Integers
    entries: Integers

    @property
    def weight(self) -> float:
        """How often the block stands in M."""
        return 1.0 if self.row == self.column else 2.0


class WeightedProducts:
    """How weights of rows become cross-products in the order of elimination.

    Parameters
    ----------
    rows : LatentRows
    layout : Layout
        The order of elimination of these rows' effects, with nothing left behind them.
    """

    def __init__(self, rows: LatentRows, layout: Layout) -> None:
        self.layout, e = layout, layout.elimination
        left, right, Z = rows.blocks.left, rows.blocks.right, rows.Z
        first = [
            places[codes, 0] for places, codes in zip(layout.places, rows.codes_of, strict=True)
        ]
        at, by, values, pairs = [], [], [], []
        owners = e.blocks[:, ROW] * len(first) + e.blocks[:, COLUMN]  # below 0: W
        for owner in np.flatnonzero(np.bincount(owners[owners >= 0])).tolist():
            r, k = divmod(owner, len(first))
            blocks = e.blocks[owners == owner]
            keys = blocks[:, ROW_PLACE] * e.effects + blocks[:, COLUMN_PLACE]
            order = np.argsort(keys)
            wanted = (first[r] * e.effects + first[k])[left]
            own = order[np.searchsorted(keys[order], wanted)]
            spans = rows.spans[r], rows.spans[k]
            outer = Z[left, spans[0], None] * Z[right, None, spans[1]]
            entries, a, c = outer.shape
            entry = np.arange(a)[:, None] * c + np.arange(c)
            at.append((blocks[own, PRODUCTS][:, None, None] + entry).ravel())
            by.append(np.repeat(np.arange(entries), a * c))
            values.append(outer.ravel())
            pairs.append(_Pair(r, k, own, _entries(blocks, a, c, diagonal=r == k)))
        self.pairs = tuple(pairs)
        self.matrix = csr_matrix(
            (np.concatenate(values), (np.concatenate(at), np.concatenate(by))),
            shape=(len(e.products), entries),
        )
        self.order = np.concatenate([places.ravel() for places in layout.places])
        self.first, self.spans = first, rows.spans

    def __call__(self, rows: LatentRows, weights: Floats, root: Floats) -> SparseCurvature:
        """M at these weights and L.

        Raises
        ------
        numpy.linalg.LinAlgError
            When M is not positive definite.
        """
        e = self._elimination(self.matrix @ weights)
        log_det, _, omega = eliminate(root, e)
        if not np.isfinite(log_det):
            raise np.linalg.LinAlgError("M is not positive definite")
        return SparseCurvature(self, rows, root, e, omega, float(log_det))

    def mode(
        self, rows: LatentRows, root: Floats, points: Points, search: ModeSearch
    ) -> FoundMode | None:
        """As `curvature.CompiledModes`."""
        e, found = self._found(rows, points, search)
        if found is None:
            return None
        mode, gradients = found
        omega, log_det = mode.omega, float(mode.log_det[0])
        curvature, slopes = SparseCurvature(self, rows, root, e, omega, log_det), None
        if search.wanted >= GRADIENT:
            curvature.inverse = mode.inverse
            slopes = Slopes(gradients, mode.moves[self.order], mode.half)
        return FoundMode(mode.b[self.order], mode.found[-1], mode.found[:4], curvature, slopes)

    def gradients(self, rows: LatentRows, points: Points, search: ModeSearch) -> Gradients | None:
        """As `curvature.CompiledModes`."""
        found = self._found(rows, points, search)[1]
        return None if found is None else found[1]

    def _found(
        self, rows: LatentRows, points: Points, search: ModeSearch
    ) -> tuple[Elimination, tuple[FactorMode, Gradients] | None]:
        e = self._elimination(np.empty(len(self.layout.elimination.products)))
        start = np.empty_like(points.start)
        start[:, self.order] = points.start
        inside = points._replace(start=start)
        return e, factor_modes(rows, self.of_rows, e, inside, search)

    def _elimination(self, products: Floats) -> Elimination:
        return self.layout.elimination._replace(products=products)

    @cached_property
    def of_levels(self) -> tuple[Integers, ...]:
        """Where the entries (J, q, q) of each level's own block of M stand, by factor."""
        found, blocks = [], self.layout.elimination.blocks
        for k, (places, span) in enumerate(zip(self.layout.places, self.spans, strict=True)):
            own = blocks[(blocks[:, ROW] == k) & (blocks[:, COLUMN] == k)]
            order = np.argsort(own[:, ROW_PLACE])
            level = order[np.searchsorted(own[order, ROW_PLACE], places[:, 0])]
            q = span.stop - span.start
            found.append(_entries(own[level], q, q, diagonal=True))
        return tuple(found)

    @cached_property
    def of_rows(self) -> FactorRows:
        """The same as compiled code reads it."""
        place = np.column_stack([
            first[:, None] + np.arange(at.stop - at.start)
            for first, at in zip(self.first, self.spans, strict=True)
        ])  # fmt: skip
        column, begin, end = np.empty((3, len(self.order)), dtype=np.int64)
        for places, at in zip(self.layout.places, self.spans, strict=True):
            column[places] = np.arange(at.start, at.stop)
            begin[places], end[places] = at.start, at.stop
        sparse = self.matrix
        return FactorRows(place, column, begin, end, sparse.data, sparse.indices, sparse.indptr)


def _entries(blocks: Integers, rows: int, columns: int, *, diagonal: bool) -> Integers:
    """Where the entries of blocks of M stand; of a diagonal block only the lower triangle is."""
    i, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    if diagonal:
        i, c = np.maximum(i, c), np.minimum(i, c)
    at: Integers = blocks[:, AT, None, None] + i * blocks[:, LEADING, None, None] + c
    return at


class SparseCurvature:
    """M of several grouping factors, see `curvature.Curvature`."""

    def __init__(
        self,
        products: WeightedProducts,
        rows: LatentRows,
        root: Floats,
        elimination: Elimination,
        omega: Floats,
        log_det: float,
    ) -> None:
        self.products, self.rows, self.root = products, rows, root
        self.elimination, self.omega, self.log_det = elimination, omega, log_det

    def solve(self, right: Floats) -> Floats:
        """M⁻¹ times (effects,)."""
        order = self.products.order
        inside = np.empty((len(right), 1))
        inside[order, 0] = right
        solve(self.elimination, self.omega, inside, True, True)
        return inside[order, 0]

    @cached_property
    def inverse(self) -> Floats:
        """M⁻¹ where M has entries, flat as M is."""
        return np.asarray(inverse_entries(self.elimination, self.elimination.C, self.omega))

    @cached_property
    def leverage(self) -> Floats:
        """z_i'L M⁻¹ L'z_i of every row (n,)."""
        rows, total = self.rows.blocks, np.zeros(self.products.matrix.shape[1])
        for pair in self.products.pairs:
            left, right = (self.rows.spans[k] for k in (pair.row, pair.column))
            V = self.root[left, left] @ self.inverse[pair.entries] @ self.root[right, right].T
            Z = self.rows.Z
            of_rows = np.einsum(
                "na,nab,nb->n", Z[rows.left, left], V[pair.block_of], Z[rows.right, right]
            )
            total += pair.weight * of_rows
        return total

    @cached_property
    def root_gradient(self) -> Floats:
        """∂log|M|/∂L (q, q), zero between factors."""
        e = self.elimination
        gradient: Floats = gradient_of_root(self.root, e, e.C, self.omega)
        return gradient

    def conditional(self, k: int) -> Floats:
        """L_k (M⁻¹)_jj L_k' of each level j of factor k (J, q, q)."""
        at = self.rows.spans[k]
        inner = self.inverse[self.products.of_levels[k]]
        return np.asarray(self.root[at, at] @ inner @ self.root[at, at].T)
