"""Where the entries of Ω stand, in the order of `elimination_order`: everything that is placed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from hierbayes.design.elimination import BEGIN, FACTOR, Elimination, Layout
from hierbayes.design.elimination_blocks import Blocks
from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """What stands in Ω: cross-products, or anything that is placed as they are.

    Parameters
    ----------
    p : int
        Columns of X.
    J, q : tuple of int
        Levels and effects of each factor.
    A, B : tuple of (J, q, q) and (J, q, p+1) arrays
        Z_j'Z_j and Z_j'[X_j y_j] of each factor.
    pairs : dict of (int, int) to ((m,) int, (m,) int, (m, q_k, q_l) array)
        Levels of two factors that occur together, and Z_ki'Z_lj.
    C : (p+1, p+1) float
    """

    p: int
    J: tuple[int, ...]
    q: tuple[int, ...]
    A: tuple[Any, ...]
    B: tuple[Any, ...]
    pairs: dict[tuple[int, int], tuple[Integers, Integers, Any]]
    C: Floats


class Builder:
    """Builds the layout of such entries."""

    def __init__(self, entries: Entries) -> None:
        self.entries, self.p1 = entries, entries.p + 1
        self.chain = self._chain()
        self.rest = [k for k in range(len(entries.J)) if k not in self.chain]

    def layout(self) -> Layout:
        """Everything in order."""
        self._place_core()
        self._place_panels()
        self.places = self._places()
        blocks = Blocks()
        self._add_panel_blocks(blocks)
        self._add_core_blocks(blocks)
        q = np.array(self.entries.q, dtype=np.int64)
        elimination = Elimination(
            q=q,
            start=q.cumsum() - q,
            nodes=self.nodes,
            ancestors=self.ancestors,
            component=self.component,
            maps=self.maps,
            core=self.core_rows,
            components=self.components,
            blocks=np.concatenate(blocks.kinds),
            offsets=self._offsets(),
            size=self.size,
            effects=int(q @ self.entries.J),
            products=np.concatenate(blocks.values),
            C=np.ascontiguousarray(self.entries.C),
        )
        return Layout(
            tuple(self.chain), elimination, self.places, int(self.core_sizes.max(initial=0))
        )

    # ---------------------------------------------------------------- which factors lead

    def blocks_of(self, k: int, m: int) -> tuple[Integers, Integers, Any]:
        """Levels of k and of m that occur together, and Z_k'Z_m."""
        if k < m:
            return self.entries.pairs[k, m]
        i, j, values = self.entries.pairs[m, k]
        return j, i, np.swapaxes(values, 1, 2)

    def _is_nested(self, k: int, m: int) -> bool:
        i, _, _ = self.blocks_of(k, m)
        return len(i) == self.entries.J[k]

    def _chain(self) -> list[int]:
        """The factor with most effects, then what it is nested in, in order of size."""
        order = sorted(range(len(self.entries.J)), key=lambda k: -self.entries.J[k])
        chain = [order[0]]
        for k in order[1:]:
            if self._is_nested(chain[-1], k):
                chain.append(k)
        return chain

    # ---------------------------------------------------------------- the core

    def _place_core(self) -> None:
        """Component and place within it of every level of the core."""
        sizes, widths = self.entries.J, self.entries.q
        J, counts = sizes[self.chain[-1]], [sizes[k] for k in self.rest]
        first = [0, *accumulate(counts)]
        self.first = dict(zip(self.rest, first, strict=False))
        total = first[-1]
        component = self._core_components(J, total)
        q = np.array([widths[k] for k in self.rest], dtype=np.int64).repeat(counts)
        order = component.argsort(kind="stable")
        ends = q[order].cumsum()
        size = np.bincount(component, q).astype(np.int64)
        starts = size.cumsum() - size
        place = np.empty(total, dtype=np.int64)
        place[order] = ends - q[order] - starts[component[order]]
        self.core_component, self.core_place, self.core_q = component, place, q
        self.core_sizes, self.core_starts = size, starts

    def _core_components(self, J: int, total: int) -> Integers:
        """The component of each of ``total`` core levels: what levels at the top connect."""
        if not total:
            return np.zeros(0, dtype=np.int64)
        edges = [self.blocks_of(self.chain[-1], k)[:2] for k in self.rest]
        rows = np.concatenate([i for i, _ in edges])
        columns = np.concatenate(
            [self.first[k] + j for k, (_, j) in zip(self.rest, edges, strict=True)]
        )
        if np.bincount(rows).max() == total:  # a level at the top meets all
            return np.zeros(total, dtype=np.int64)
        graph = coo_matrix((np.ones(len(rows)), (rows, J + columns)), shape=(J + total, J + total))
        labels = connected_components(graph, directed=False)[1][J:]
        return np.unique(labels, return_inverse=True)[1]

    # ---------------------------------------------------------------- the panels

    def _place_panels(self) -> None:
        chain, p1 = self.chain, self.p1
        J = [self.entries.J[k] for k in chain]
        self.first_node = dict(zip(chain, accumulate([0, *J]), strict=False))
        N, r = sum(J), len(chain)
        factor = np.array(chain, dtype=np.int64).repeat(J)
        place = np.arange(r).repeat(J)
        q = np.array(self.entries.q, dtype=np.int64)
        self.ancestors = np.full((N, r), -1, dtype=np.int64)
        for a, k in enumerate(chain):
            for b in range(a + 1, r):
                i, j, _ = self.blocks_of(k, chain[b])
                self.ancestors[self.first_node[k] + i, b] = self.first_node[chain[b]] + j
        self._collect_core_rows(N)
        above = np.array([q[chain[a + 1 :]].sum() for a in range(r)], dtype=np.int64)
        below = above[place] + self.n_core + p1
        sizes = (q[factor] + below) * q[factor]
        begin = sizes.cumsum() - sizes
        maps_of = self._maps(place, q)
        self.nodes = np.empty((N, 7), dtype=np.int64)
        self.nodes.T[:] = factor, place, begin, below, maps_of, self.core_begin, self.n_core
        end = int(sizes.sum())
        m = self.core_sizes
        entries = (m + p1) * m
        self.components = np.empty((len(m), 2), dtype=np.int64)
        self.components.T[:] = m, end + entries.cumsum() - entries
        self.size = end + int(entries.sum())

    def _collect_core_rows(self, N: int) -> None:
        """The core levels that each panel meets, by place in their component."""
        nodes, cores = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        owners, end = {}, 0
        for k in self.chain:
            for m in self.rest:
                i, j, _ = self.blocks_of(k, m)
                nodes.append(self.first_node[k] + i)
                cores.append(self.first[m] + j)
                owners[k, m] = slice(end, end := end + len(i))
        node, level = np.concatenate(nodes), np.concatenate(cores)
        order = np.lexsort((self.core_place[level], node))
        by_node, by_level = node[order], level[order]
        width = self.core_q[by_level]
        ends = width.cumsum()
        total = int(ends[-1]) if len(ends) else 0
        within = np.arange(total) - (ends - width).repeat(width)
        self.core_rows = self.core_place[by_level].repeat(width) + within
        self.n_core = np.bincount(by_node, width, N).astype(np.int64)
        self.core_begin = self.n_core.cumsum() - self.n_core
        self.component = np.full(N, -1, dtype=np.int64)
        self.component[node] = self.core_component[level]
        row = np.empty(len(node), dtype=np.int64)
        row[order] = ends - width - self.core_begin[by_node]
        # where the rows of each block begin among the core rows of its panel
        self.core_row = {pair: row[at] for pair, at in owners.items()}

    def _maps(self, place: Integers, q: Integers) -> Integers:
        """Where maps begin; a panel's rows from an ancestor on, in the panel of that ancestor."""
        chain, r, N = self.chain, len(self.chain), len(place)
        if r == 1:
            self.maps = np.zeros(0, dtype=np.int64)
            return np.zeros(N, dtype=np.int64)
        fixed = [int(q[chain[b:]].sum()) for b in range(r)]  # rows of an ancestor and of its own
        length = np.zeros((N, r), dtype=np.int64)
        for b in range(1, r):
            length[:, b] = np.where(place < b, fixed[b] + self.n_core + self.p1, 0)
        begin = (np.cumsum(length.ravel()) - length.ravel()).reshape(N, r)
        self.maps = np.empty(int(length.sum()), dtype=np.int64)
        owner = np.repeat(np.arange(N), self.n_core)
        within = np.arange(len(self.core_rows)) - self.core_begin[owner]
        width = int(self.core_rows.max(initial=0)) + 1
        keys = owner * width + self.core_rows
        for b in range(1, r):
            nodes = np.flatnonzero(place < b)
            ancestor = self.ancestors[:, b]
            at = begin[nodes, b][:, None]
            self.maps[at + np.arange(fixed[b])] = np.arange(fixed[b])
            tail = fixed[b] + self.n_core[ancestor[nodes]][:, None] + np.arange(self.p1)
            self.maps[at + fixed[b] + self.n_core[nodes][:, None] + np.arange(self.p1)] = tail
            one = np.flatnonzero(place[owner] < b)
            above = ancestor[owner[one]]
            there = np.searchsorted(keys, above * width + self.core_rows[one])
            to = begin[owner[one], b] + fixed[b] + within[one]
            self.maps[to] = fixed[b] + there - self.core_begin[above]
        first = np.minimum(place + 1, r - 1)
        start: Integers = begin[np.arange(N), first]
        return start

    # ---------------------------------------------------------------- the entries

    def _add_panel_blocks(self, blocks: Blocks) -> None:
        entries, chain = self.entries, self.chain
        first = [places[:, 0] for places in self.places]
        for a, k in enumerate(chain):
            q = entries.q[k]
            nodes = self.first_node[k] + np.arange(entries.J[k])
            begin, n_core = self.nodes[nodes, BEGIN], self.n_core[nodes]
            blocks.add((k, k), entries.A[k], begin, q, (first[k], first[k]))
            row = q
            for m in chain[a + 1 :]:
                i, j, values = self.blocks_of(k, m)
                at, places = begin[i] + row * q, (first[m][j], first[k][i])
                blocks.add((m, k), np.swapaxes(values, 1, 2), at, q, places)
                row += entries.q[m]
            for m in self.rest:
                i, j, values = self.blocks_of(k, m)
                at, places = begin[i] + (row + self.core_row[k, m]) * q, (first[m][j], first[k][i])
                blocks.add((m, k), np.swapaxes(values, 1, 2), at, q, places)
            blocks.add((-1, k), entries.B[k], begin + (row + n_core) * q, q, (first[k], first[k]))

    def _add_core_blocks(self, blocks: Blocks) -> None:
        first = [places[:, 0] for places in self.places]
        for k in self.rest:
            level = self.first[k] + np.arange(self.entries.J[k])
            size, begin = self.components[self.core_component[level]].T
            at, places = self.core_place[level], (first[k], first[k])
            blocks.add((k, k), self.entries.A[k], begin + at * size + at, size, places)
            blocks.add((-1, k), self.entries.B[k], begin + size * size + at, size, places)
        for place, k in enumerate(self.rest):
            for m in self.rest[place + 1 :]:
                i, j, values = self.blocks_of(k, m)
                at, to = self.core_place[self.first[k] + i], self.core_place[self.first[m] + j]
                size, begin = self.components[self.core_component[self.first[k] + i]].T
                ends = {k: first[k][i], m: first[m][j]}
                for row, column, block, chosen, here, there in (  # the lower triangle is filled
                    (k, m, values, at > to, at, to),
                    (m, k, np.swapaxes(values, 1, 2), at < to, to, at),
                ):
                    spot = (begin + here * size + there)[chosen]
                    both = (ends[row][chosen], ends[column][chosen])
                    blocks.add((row, column), block[chosen], spot, size[chosen], both)

    def _offsets(self) -> Integers:
        """Where panels, then components, begin among all random effects."""
        q = np.array(self.entries.q, dtype=np.int64)
        width = q[self.nodes[:, FACTOR]]
        end = int(width.sum())
        offsets: Integers = np.concatenate([width.cumsum() - width, end + self.core_starts])
        return offsets

    def _places(self) -> tuple[Integers, ...]:
        """Where the effects of each level stand, panels first and then component by component."""
        counts, widths = self.entries.J, self.entries.q
        places: dict[int, Integers] = {}
        end = 0
        for k in self.chain:
            J, q = counts[k], widths[k]
            places[k] = end + np.arange(J * q).reshape(J, q)
            end += J * q
        for k in self.rest:
            level = self.first[k] + np.arange(counts[k])
            at = end + self.core_starts[self.core_component[level]] + self.core_place[level]
            places[k] = at[:, None] + np.arange(widths[k])
        return tuple(places[k] for k in range(len(counts)))
