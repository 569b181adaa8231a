"""The effects of several factors eliminated at one λ, from products or from a root of the rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.average_information import profile_derivatives, score_by_products
from hierbayes.likelihood.rooted_elimination import RootedElimination, rooted_elimination
from hierbayes.likelihood.sparse_elimination import eliminate
from hierbayes.likelihood.sparse_solves import solve
from hierbayes.value import value

type Read = Callable[[Floats], tuple[Floats, Floats, float]]

SMALL_ROOT = 1e-4  # of the noise of an effect: what a direction without variance is given


@value(slots=False)
class Eliminated:
    """What is left at one λ, and what follows from the factor of Ω.

    Parameters
    ----------
    cross : SparseProducts
    root : (Q, Q) float
        λ: a root of each factor's relative covariance on the diagonal.
    log_det : float
        log|I + Λ'Z'ZΛ|.
    S : (p+1, p+1) float
        [X y]'(V/σ²)⁻¹[X y].
    factor : (size,) float or RootedElimination
        What the elimination made of products, or of a root of the rows.
    """

    cross: SparseProducts
    root: Floats
    log_det: float
    S: Floats
    factor: Floats | RootedElimination

    @property
    def rooted(self) -> RootedElimination | None:
        """The elimination by roots, where it was made by them."""
        return self.factor if isinstance(self.factor, RootedElimination) else None

    @property
    def omega(self) -> Floats:
        """The factor of Ω."""
        return self.factor.omega if isinstance(self.factor, RootedElimination) else self.factor

    @cached_property
    def full(self) -> Eliminated:
        """The same at a λ whose missing directions are given a small variance."""
        full = full_rank(self.cross, self.root)
        return self if full is self.root else eliminated(self.cross, full)

    @property
    def _full_rooted(self) -> RootedElimination | None:
        return None if self.rooted is None else self.full.rooted

    @cached_property
    def on_W(self) -> Floats:
        """ΛΩ⁻¹Λ'Z'[X y] (m, p+1), in the order of elimination."""
        if self.rooted is not None:
            return turned(self.cross, self.root, self.rooted.H, transposed=False)
        return self.resolved(on_effects(self.cross))

    def resolved(self, right: Floats) -> Floats:
        """ΛΩ⁻¹Λ' of right-hand sides (m, k), in the order of elimination."""
        half = turned(self.cross, self.root, right, transposed=True)
        solve(elimination_of(self.cross).elimination, self.omega, half, True, True)
        return turned(self.cross, self.root, half, transposed=False)

    def derivatives(
        self, read: Read, at: tuple[Integers, Integers], *, integrated: bool
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """∂ℓ/∂Γ (Q, Q) at fixed σ, and what average information is made of.

        That is a (k,), b (k, k) and v (m,) of entries of Γ, see `average_information`; v stands
        in the order of elimination.

        Parameters
        ----------
        read : callable
            From S to γ̂, F with FF' = S_XX⁻¹ and σ.
        at : (k,) int, (k,) int
            The entries.
        integrated : bool
            Whether γ is integrated out.
        """
        gamma, F, sigma = read(self.S)
        if self._full_rooted is not None:
            made = self._full_rooted.score(*_integrated(read(self.full.S), integrated))
            return made, *self._rooted_information(self._full_rooted, gamma, F, at)
        e, full = elimination_of(self.cross).elimination, self.full
        score, a, b, v = profile_derivatives(
            self.root, e, self.omega, gamma, F, sigma, integrated, *at
        )
        if full is not self:
            N = _adjoint_of(*_integrated(read(full.S), integrated))
            score = score_by_products(full.root, e, N, full.omega)
        return score, a, b, v[:, 0]

    def _rooted_information(
        self, full: RootedElimination, gamma: Floats, F: Floats, at: tuple[Integers, Integers]
    ) -> tuple[Floats, Floats, Floats]:
        """What average information is made of, by roots."""
        rows, columns = at
        v = full.effects(gamma)
        w = np.zeros((len(v), len(rows)))
        for span, places in zip(self.cross.spans, elimination_of(self.cross).places, strict=True):
            for k in np.flatnonzero((span.start <= rows) & (rows < span.stop)):
                i, j = rows[k] - span.start, columns[k] - span.start
                w[places[:, i], k] = v[places[:, j]]
                w[places[:, j], k] = v[places[:, i]]
        return v @ w, full.information(w, F), v

    def score(self, read: Read) -> Floats:
        """∂ℓ/∂Γ (Q, Q) at fixed σ, zero between factors.

        Parameters
        ----------
        read : callable
            From S to the γ at which the likelihood is read, F with FF' = Q⁻¹ (no columns where γ
            is not integrated out) and σ.
        """
        full = self.full
        gamma, F, sigma = read(full.S)
        if full.rooted is not None:
            return full.rooted.score(gamma, F, sigma)
        e = elimination_of(self.cross).elimination
        adjoint = _adjoint_of(gamma, F, sigma)
        return np.asarray(score_by_products(full.root, e, adjoint, full.omega))


def eliminated(cross: SparseProducts, root: Floats) -> Eliminated:
    """The elimination at relative roots λ_k, the diagonal blocks of ``root`` (Q, Q)."""
    root = np.ascontiguousarray(root)
    left = by_roots(cross, root)
    if left is not None:
        return left
    return Eliminated(cross, root, *eliminate(root, elimination_of(cross).elimination))


def by_roots(cross: SparseProducts, root: Floats) -> Eliminated | None:
    """The same where products have not the digits for it and a root of the rows is at hand."""
    rooted = rooted_elimination(root, cross)
    return None if rooted is None else Eliminated(cross, root, rooted.log_det, rooted.S, rooted)


@remembered
def on_effects(cross: SparseProducts) -> Floats:
    """Z'[X y] (m, p+1), in the order of elimination."""
    layout = elimination_of(cross)
    right = np.empty((layout.elimination.effects, cross.p + 1))
    for level, places in zip(cross.levels, layout.places, strict=True):
        right[places] = level.B
    return right


def turned(cross: SparseProducts, root: Floats, columns: Floats, *, transposed: bool) -> Floats:
    """Λ columns or Λ' columns (m, k), in the order of elimination."""
    result = np.empty_like(columns)
    for span, places in zip(cross.spans, elimination_of(cross).places, strict=True):
        one = root[span, span].T if transposed else root[span, span]
        result[places] = one * columns[places] if one.size == 1 else one @ columns[places]
    return result


def full_rank(cross: SparseProducts, root: Floats) -> Floats:
    """λ, its missing directions given a small variance."""
    e, full = elimination_of(cross).elimination, np.empty(root.shape)
    _, single, several = extent(root, cross.noise, e.start, e.q, full)
    if min(single, several) >= SMALL_ROOT:
        return root
    for span in cross.spans if several < SMALL_ROOT else ():
        if span.stop - span.start == 1:
            continue
        left, size, _ = np.linalg.svd(root[span, span] / cross.noise[span, None])
        if size[-1] < SMALL_ROOT:
            single = 0.0
            full[span, span] = cross.noise[span, None] * (left * np.maximum(size, SMALL_ROOT))
    return root if single >= SMALL_ROOT else full


@compiled(error_model="numpy", short_loops=True)
def extent(
    root: Floats, noise: Floats, start: Integers, width: Integers, full: Floats
) -> tuple[float, float, float]:
    """How large the rows of λ are beside the noise of their effects, and how small it is.

    The largest sum of sizes in a row; the smallest size of an effect by itself; and a number below
    the singular values of all larger blocks: of two effects the determinant over the norm, of more
    0.

    Parameters
    ----------
    root : (Q, Q) float
        λ, with blocks of ``width`` (K,) that begin at ``start`` (K,).
    noise : (Q,) float
    full : (Q, Q) float
        Written: λ, where effects by themselves that are smaller have the size `SMALL_ROOT`.
    """
    largest, single, several = 0.0, np.inf, np.inf
    for i in range(len(root)):
        total = 0.0
        for j in range(len(root)):
            full[i, j] = root[i, j]
            total += abs(root[i, j])
        if total / noise[i] > largest:
            largest = total / noise[i]
    for k in range(len(start)):
        o, q = start[k], width[k]
        square = 0.0
        for i in range(o, o + q):
            for j in range(o, o + q):
                square += (root[i, j] / noise[i]) * (root[i, j] / noise[i])
        own = 0.0
        if q == 1:
            own = math.sqrt(square)
            if own < SMALL_ROOT:
                full[o, o] = SMALL_ROOT * noise[o]
            if own < single:
                single = own
            continue
        if q == 2:
            across = root[o, o] * root[o + 1, o + 1] - root[o, o + 1] * root[o + 1, o]
            across = abs(across) / (noise[o] * noise[o + 1])
            if across > 1e-10 * square:
                own = across / math.sqrt(square)
        if own < several:
            several = own
    return largest, single, several


def _integrated(
    read: tuple[Floats, Floats, float], integrated: bool
) -> tuple[Floats, Floats, float]:
    """γ, F and σ; F without columns where γ is not integrated out."""
    gamma, F, sigma = read
    return gamma, F if integrated else F[:, :0], sigma


def _adjoint_of(gamma: Floats, F: Floats, sigma: float) -> Floats:
    """Derivative of −2ℓ by S (p+1, p+1): ww'/σ² + FF', w = (−γ, 1)."""
    w = np.append(-gamma, 1.0)
    adjoint = np.outer(w, w) / sigma**2
    adjoint[:-1, :-1] += F @ F.T
    return adjoint
