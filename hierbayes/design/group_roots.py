r"""Cross-products as roots in one pass over rows that come in any order, a few at a time.

A row [z | x y] of group j is turned into the triangle R_j = √D_j R̄_j, one random column after the
other, by rotations without square roots; what is left of [x y] then is what the columns of Z_j do
not explain of it, and is squared into W.  Means and deviations are kept apart so (of an intercept
alone it is the update of a running mean), and sums that are nearly equal are never subtracted.

References
----------
Gentleman (1973), doi:10.1093/imamat/12.3.329.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.compilation import compiled
from hierbayes.design.basis import Basis
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Booleans, Floats, Integers

_NEGLIGIBLE = 1e-14  # of a random value: what is left of it by those before it, and is rounding
_ROUNDING = 1e-13  # of a column of Z_j: what rounding leaves of it in a row of R_j


class GroupRoots:
    """Roots of the cross-products of a growing number of groups.

    Parameters
    ----------
    q, m : int
        Random columns, and fixed columns with the response.
    """

    def __init__(self, q: int, m: int) -> None:
        self._q, self._m = q, m
        self._own = np.zeros((0, 1 + q + q * q + q * m))  # of a group: n_j, D_j, R̄_j, T̄_j
        self._W = np.zeros((m, m))

    def add(
        self,
        columns: Floats,
        Z: Floats,
        codes: Integers,
        J: int,
        times: Floats | None = None,
        weights: Floats | None = None,
    ) -> None:
        """Add rows [X° y°] (n, m) and Z° (n, q) of groups whose codes are below J.

        Each as often as ``times`` says (n,), with the precision ``weights`` (n,); by default 1.
        """
        times = np.ones(len(codes)) if times is None else times
        weights = times if weights is None else times * weights
        if len(self._own) < J:
            room = max(J, 2 * len(self._own)) - len(self._own)
            self._own = np.concatenate([self._own, np.zeros((room, self._own.shape[1]))])
        w, z = np.empty(self._m), np.empty(self._q)
        _rotate_rows(columns, Z, codes, times, weights, self._own, self._W, z, w)

    def join(self, cross: CrossProducts, codes: Integers, J: int) -> None:
        """Add what is kept of other rows in the same basis, whose groups have codes below J.

        Roots are rows like others, but for how many there have been.
        """
        r = cross.R.shape[1]
        self.add(cross.T.reshape(-1, self._m), cross.R.reshape(-1, self._q), np.repeat(codes, r), J)
        self._own[codes, 0] += cross.rows - r
        self._W += np.tril(cross.W)

    def products(self, groups: pd.Index, order: Integers, basis: Basis) -> CrossProducts:
        """The cross-products of the groups, in another order (J,) than that they came in."""
        q, own = self._q, self._own[order]
        scale = np.sqrt(own[:, 1 : 1 + q])[:, :, None]
        R = scale * own[:, 1 + q : 1 + q + q * q].reshape(len(own), q, q)
        T = scale * own[:, 1 + q + q * q :].reshape(len(own), q, self._m)
        R[:, np.arange(q), np.arange(q)] = scale[:, :, 0]
        size = np.sqrt((R**2).sum(axis=1, keepdims=True))
        inside: Booleans = (np.abs(R) > _ROUNDING * size).any(axis=2)
        outside = T[~inside]
        R[~inside], T[~inside] = 0.0, 0.0
        W = self._W + np.tril(self._W, -1).T + outside.T @ outside
        return CrossProducts(R, T, W, own[:, 0].copy(), groups, basis)


@compiled(error_model="numpy")
def _rotate_rows(
    columns: Floats, Z: Floats, codes: Integers, times: Floats, weights: Floats, own: Floats,
    W: Floats, z: Floats, w: Floats,
) -> None:  # fmt: skip
    """Rows into the triangles of their groups; W has its lower triangle only, z and w are room.

    What is kept of a group stands together, for groups come in any order and memory is slow.
    """
    n, m = columns.shape
    q = Z.shape[1]
    for i in range(n):
        kept = own[codes[i]]
        kept[0] += times[i]
        for c in range(m):
            w[c] = columns[i, c]
        for k in range(q):
            z[k] = Z[i, k]
        weight = weights[i]
        for k in range(q):
            value = z[k]
            if abs(value) <= _NEGLIGIBLE * abs(Z[i, k]):
                continue
            before, pull = kept[1 + k], weight * value
            size = before + pull * value
            inverse = 1.0 / size
            share = pull * inverse
            weight *= before * inverse
            kept[1 + k] = size
            at = 1 + q + k * q
            for h in range(k + 1, q):
                z[h] -= value * kept[at + h]
                kept[at + h] += share * z[h]
            at = 1 + q + q * q + k * m
            for c in range(m):
                w[c] -= value * kept[at + c]
                kept[at + c] += share * w[c]
            if weight == 0.0:
                break
        if weight > 0.0:
            for c in range(m):
                scaled = weight * w[c]
                for d in range(c + 1):
                    W[c, d] += scaled * w[d]
