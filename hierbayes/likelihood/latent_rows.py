r"""Rows of a model whose response is not Gaussian, as every approximation reads them.

    η = offset + Xγ + Σ_k Z_k u_k,   u_k = L_k b_k,   b ~ N(0, I)

The effects of all factors and levels stand one after the other, factor by factor.

Where a family has P linear predictors, what is called rows here are those of each row of the data
in turn, and weights are blocks (`weight_blocks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from hierbayes.design.weight_blocks import WeightBlocks
from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.native import bits_of


@dataclass(frozen=True, eq=False)
class LatentRows:
    """A family's responses with their columns and groups, in the basis of a search.

    Parameters
    ----------
    family : ResponseFamily
    y, m : (n,) float
        Responses and their sizes, as the family reads them.
    offset : (n,) float
        What is added to every η.
    X, Z : (n, p), (n, q) float
    codes_of : tuple of (n,) int
        For each factor the place of each row's level.
    levels : tuple of int
        J of each factor.
    spans : tuple of slice
        The columns of Z of each factor.
    at : (n,) int
        For each the first row of the data that is like it.
    log_constant : float
        What of the log density depends on the responses alone.
    """

    family: ResponseFamily
    y: Floats
    m: Floats
    offset: Floats
    X: Floats
    Z: Floats
    codes_of: tuple[Integers, ...]
    levels: tuple[int, ...]
    spans: tuple[slice, ...]
    at: Integers
    log_constant: float

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    @cached_property
    def blocks(self) -> WeightBlocks:
        """Which rows the entries of weights belong to."""
        return WeightBlocks(self.n, max(len(self.family.predictors), 1))

    @cached_property
    def of_rows(self) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """What compiled code reads of rows of one linear predictor.

        The address of the family's derivatives as the bits of a number, y, m, Z, X, and X'.
        """
        # copies: of arrays that cannot be written to, as columns of data, it would be made anew
        y, m = np.array(self.y, dtype=float), np.array(self.m, dtype=float).ravel()
        Z = np.ascontiguousarray(self.Z, dtype=float)
        X = np.ascontiguousarray(self.X, dtype=float)
        slot = _slot_of(self.family.derivatives_address())
        return slot, y, m, Z, X, np.ascontiguousarray(X.T)

    @cached_property
    def of_groups(self) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Integers]:
        """The same and the codes of one grouping factor."""
        (codes,) = self.codes_of
        return *self.of_rows, np.ascontiguousarray(codes, dtype=np.intp)

    def precisions(self, found: Floats) -> Floats:
        """κ, −ℓ″ of each row from its derivatives."""
        return self.family.precisions(self.y, self.m, found)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Random effects of each factor in all, J q."""
        pairs = zip(self.levels, self.spans, strict=True)
        return tuple([J * (at.stop - at.start) for J, at in pairs])

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """Where the effects of each factor stand among all."""
        ends = np.cumsum([0, *self.sizes]).tolist()
        return tuple(slice(start, end) for start, end in pairwise(ends))

    @cached_property
    def effects(self) -> int:
        """Random effects of all factors and levels."""
        return sum(self.sizes)

    def by_factor(self, flat: Floats) -> tuple[Floats, ...]:
        """Effects (J_k, q_k) of each factor from all of them (effects,)."""
        return tuple(
            flat[at].reshape(J, -1) for at, J in zip(self.places, self.levels, strict=True)
        )

    def effects_of(self, root: Floats, b: Floats) -> tuple[Floats, ...]:
        """u_k = L_k b_k (J_k, q_k) of each factor."""
        return tuple(
            part @ root[at, at].T for part, at in zip(self.by_factor(b), self.spans, strict=True)
        )

    def random_part(self, u: tuple[Floats, ...]) -> Floats:
        """Σ_k Z_k u_k (n,)."""
        total = np.zeros(self.n)
        for part, codes, at in zip(u, self.codes_of, self.spans, strict=True):
            for k in range(at.stop - at.start):
                total += self.Z[:, at.start + k] * part[codes, k]
        return total

    def gathered(self, weights: Floats) -> tuple[Floats, ...]:
        """Z_k' w (J_k, q_k) of each factor."""
        found = []
        for codes, J, at in zip(self.codes_of, self.levels, self.spans, strict=True):
            sums = np.empty((J, at.stop - at.start))
            for k in range(at.start, at.stop):
                sums[:, k - at.start] = np.bincount(codes, weights * self.Z[:, k], J)
            found.append(sums)
        return tuple(found)

    def spherical(self, root: Floats, weights: Floats) -> Floats:
        """L'Z'w (effects,)."""
        parts = zip(self.gathered(weights), self.spans, strict=True)
        return np.concatenate([(part @ root[at, at]).ravel() for part, at in parts])

    def root_products(self, u_side: tuple[Floats, ...], b: Floats) -> Floats:
        """Σ_j s_j b_j' over the levels of each factor, on the diagonal (q, q)."""
        q = self.Z.shape[1]
        total = np.zeros((q, q))
        for part, own, at in zip(u_side, self.by_factor(b), self.spans, strict=True):
            total[at, at] = part.T @ own
        return total


@lru_cache(maxsize=64)
def _slot_of(address: int) -> Floats:
    """Where compiled code finds an address (1,), not to be written to."""
    return np.array([bits_of(address)])
