r"""Cross-products in another basis.

Standardised columns P = (X − 1μ')S⁻¹ of two bases differ by

    P₂ = P₁D,      D = (S₁ + e(μ₁ − μ₂)')S₂⁻¹,      1 = P₁e

so that means are subtracted from each other before anything is multiplied, and a column near 10⁶
keeps its digits.  X° = P·mix on both sides, and y° follows with what X° takes out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.standardisation import Standardisation
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True)
class RandomColumns:
    """How the random columns stand.

    Parameters
    ----------
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    spans : tuple of slice
        The columns that vary over each grouping factor.
    """

    blocks: tuple[int, ...]
    spans: tuple[slice, ...]


def columns_between(old: Basis, new: Basis) -> Floats:
    """M (p+1, p+1) with [X° y°] of the new basis = [X° y°] of the old one times M."""
    p = len(old.taken)
    A = between(old.x, new.x)
    M = np.zeros((p + 1, p + 1))
    M[:p, :p] = A
    M[p, p] = old.scale / new.scale
    shift = one_of(old.x) * (old.center - new.center)
    M[:p, p] = (old.taken * old.scale + shift) / new.scale - A @ new.taken
    return M


def random_between(old: Standardisation, new: Standardisation, blocks: Sequence[int]) -> Floats:
    """M (q, q) with Z° of the new basis = Z° of the old one times M.

    A block of G with constants of its own by itself.
    """
    M = np.eye(len(old.shift))
    if old is new:
        return M
    for at in block_slices(tuple(blocks)):
        M[at, at] = between(_part(old, at), _part(new, at))
    return M


def in_basis(cross: CrossProducts, basis: Basis, random: RandomColumns, k: int) -> CrossProducts:
    """The cross-products of the same rows and grouping factor k in another basis."""
    if basis is cross.basis:
        return cross
    turned = cross.turned(columns_between(cross.basis, basis))
    span = random.spans[k]
    M = random_between(cross.basis.z, basis.z, random.blocks)[span, span]
    return replace(turned, R=cross.R @ M, basis=basis)


def between(old: Standardisation, new: Standardisation) -> Floats:
    """M (k, k) with the internal columns of the new one = those of the old one times M."""
    if old is new:
        return np.eye(len(old.shift))
    D = np.diag(old.spread) + np.outer(old.constant, old.shift - new.shift)
    return np.linalg.solve(old.mix, D / new.spread) @ new.mix


def _part(whole: Standardisation, at: slice) -> Standardisation:
    return Standardisation(
        whole.shift[at], whole.spread[at], whole.mix[at, at], whole.matrix[at, at], whole.own[at],
        whole.constant[at],
    )  # fmt: skip


def one_of(columns: Standardisation) -> Floats:
    """What makes 1 of the internal columns (k,); zeros where nothing does."""
    one: Floats = np.linalg.solve(columns.mix, columns.constant)
    return one
