r"""Where the entries of Ω stand when the effects of several factors are eliminated.

Ω is the matrix of `elimination_order`.  All of it but W'W stands in one flat array: the panels of
the chain, then the components of the core.
"""

from __future__ import annotations

from typing import NamedTuple

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.value import value

SMALL = 24  # rows of a dense block, up to which plain loops are faster than BLAS
FACTOR, PLACE, BEGIN, BELOW, MAPS, CORE, N_CORE = range(7)  # columns of Elimination.nodes
(
    ROW, COLUMN, PRODUCTS, AT, LEADING, DIAGONAL, ROW_PLACE, COLUMN_PLACE,
) = range(8)  # columns of Elimination.blocks  # fmt: skip


class Elimination(NamedTuple):
    """Where everything stands, as arrays that compiled code reads.

    Parameters
    ----------
    q, start : (K,) int
        Effects of each factor, and where they begin among those of all.
    nodes : (N, 7) int
        Panels in order: factor, place of the factor in the chain, where the panel begins, its
        rows below itself, where its maps and its core rows begin, how many core rows.
    ancestors : (N, r) int
        The node of each chain factor that a panel is nested in.
    component : (N,) int
        The component that a panel meets; −1 for none.
    maps : int
        For each panel and ancestor: where the rows from that ancestor on stand in its panel.
    core : int
        Core rows of the panels: places in their component, ascending.
    components : (M, 2) int
        Size m of each component, and where its (m + p + 1, m) entries begin.
    blocks : (B, 8) int
        Blocks of Ω: row factor (−1: W), column factor, where its cross-products begin, where it
        begins, its leading dimension, whether it stands on the diagonal, and where the effects of
        its rows and of its columns begin among all.
    offsets : (N + M,) int
        Where the effects of each panel, then of each component, begin among all.
    size : int
        Entries of Ω but for W'W.
    effects : int
        Random effects in all.
    products : float
        The cross-products of the blocks.
    C : (p+1, p+1) float
        [X y]'[X y].
    """

    q: Integers
    start: Integers
    nodes: Integers
    ancestors: Integers
    component: Integers
    maps: Integers
    core: Integers
    components: Integers
    blocks: Integers
    offsets: Integers
    size: int
    effects: int
    products: Floats
    C: Floats


@value()
class Layout:
    """Which random effect stands where.

    Parameters
    ----------
    chain : tuple of int
        The factors eliminated first, in order.
    elimination : Elimination
    places : tuple of (J_k, q_k) int
        For each factor and level the place of its effects among all, in the order of elimination.
    core_size : int
        Random effects in the largest component of the core.
    """

    chain: tuple[int, ...]
    elimination: Elimination
    places: tuple[Integers, ...]
    core_size: int
