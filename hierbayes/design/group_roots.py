r"""Cross-products as roots in one pass over rows that come in any order, a few at a time.

Means and deviations are kept apart (of an intercept alone it is the update of a running mean), and
sums that are nearly equal are never subtracted; see `row_rotations`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from hierbayes.design.addressed_columns import addressed
from hierbayes.design.basis import Basis
from hierbayes.design.column_roles import ColumnRoles
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.few_rotations import rotate_few
from hierbayes.design.row_rotations import LINE, rotate_rows
from hierbayes.frames.arrays import Booleans, Floats, Integers

_ROUNDING = 1e-13  # of a column of Z_j: what rounding leaves of it in a row of R_j
_NONE = np.empty(0)


class GroupRoots:
    """Roots of the cross-products of a growing number of groups.

    Parameters
    ----------
    roles : ColumnRoles
        What is done with each column.
    """

    def __init__(self, roles: ColumnRoles) -> None:
        self.roles = roles
        self._own = _kept(0, roles.width)
        self._W = np.zeros((len(roles.varying),) * 2)

    def add(
        self,
        table: Iterable[Floats],
        codes: Integers,
        J: int,
        times: Floats | None = None,
        weights: Floats | None = None,
    ) -> list[tuple[int, Floats]]:
        """Add rows, the d columns (n,) of a table, of groups whose codes are below J.

        Each as often as ``times`` says (n,), with the precision ``weights`` (n,); by default 1.
        Returns the columns that turned out to vary, with the value (J,) that they had before in
        each group, NaN where there was none.
        """
        if len(self._own) < J:
            longer = _kept(max(J, 2 * len(self._own)), self.roles.width)
            longer[: len(self._own)] = self._own
            self._own = longer
        released: list[tuple[int, Floats]] = []
        columns, addresses = addressed(table)
        start = 0
        while (stopped := self._rotate(addresses, codes, times, weights, start)) >= 0:
            start, place = divmod(stopped, len(self.roles.held))
            column = self.roles.held[place]
            released.append((column, self.held[column][:J]))
            self._release(column)
        del columns  # which had to be kept till here
        return released

    def _rotate(
        self,
        table: Integers,
        codes: Integers,
        times: Floats | None,
        weights: Floats | None,
        at: int,
    ) -> int:
        roles = self.roles
        rotate = rotate_few if 1 <= roles.q <= 2 else rotate_rows
        return rotate(
            table, codes, _NONE if times is None else times, _NONE if weights is None else weights,
            at, roles.of_z, roles.of_x, roles.z_at,
            np.array(roles.varying, dtype=np.intp), np.array(roles.held, dtype=np.intp),
            roles.held_from, self._own, self._W,
        )  # fmt: skip

    def rows_of(self, codes: Integers) -> Floats:
        """How many rows groups with these codes have (k,)."""
        kept = self._own[:, 0]
        return np.where(codes < len(kept), kept[np.minimum(codes, len(kept) - 1)], 0.0)

    @property
    def held(self) -> dict[int, Floats]:
        """By column that is the same in all rows of each group its value (J,), NaN without rows."""
        at, own = self.roles.held_from, self._own
        return {
            column: np.where(own[:, 0] > 0.0, own[:, at + k], np.nan)
            for k, column in enumerate(self.roles.held)
        }

    def _release(self, column: int) -> None:
        """Rotate a column from now on that was the same in all rows of each group before."""
        old, new = self.roles, self.roles.released(column)
        q, m = old.q, len(old.varying)
        size = 1 + q + q * (q - 1) // 2
        own = _kept(len(self._own), new.width)
        own[:, :size] = self._own[:, :size]
        T = own[:, size : new.held_from].reshape(-1, q, m + 1)
        T[:, :, :m] = self._own[:, size : old.held_from].reshape(-1, q, m)
        value = (self.held[column] - old.of_x[0, column]) * old.of_x[1, column]
        T[:, :, m] = np.nan_to_num(value)[:, None] * self._shape()[:, :, old.one]
        kept = [k for k, one in enumerate(old.held) if one != column]
        own[:, new.held_from : new.width] = self._own[:, old.held_from + np.array(kept, dtype=int)]
        W = np.zeros((m + 1, m + 1))
        W[:m, :m] = self._W
        self.roles, self._own, self._W = new, own, W

    def _shape(self) -> Floats:
        """R̄_j (J, q, q)."""
        q = self.roles.q
        R = np.zeros((len(self._own), q, q))
        R[:, *np.triu_indices(q, 1)] = self._own[:, 1 + q : 1 + q + q * (q - 1) // 2]
        R[:, np.arange(q), np.arange(q)] = 1.0
        return R

    def join(self, cross: CrossProducts, codes: Integers, J: int) -> None:
        """Add what is kept of other rows in the same basis, whose groups have codes below J.

        Roots are rows like others, but for how many there have been; all columns are rotated.
        """
        r = cross.R.shape[1]
        rows = np.concatenate([cross.T, cross.R], axis=2)  # (J, r, m + q)
        self.add(list(rows.reshape(-1, rows.shape[2]).T), np.repeat(codes, r), J)
        self._own[codes, 0] += cross.rows - r
        self._W += np.tril(cross.W)

    def products(self, groups: pd.Index, order: Integers, basis: Basis) -> CrossProducts:
        """The cross-products of the groups, in another order (J,) than that they came in."""
        roles, own = self.roles, self._own
        q, m, varying = roles.q, roles.m, list(roles.varying)
        size = 1 + q + q * (q - 1) // 2
        scale = np.sqrt(own[order, 1 : 1 + q])[:, :, None]
        R = scale * self._shape()[order]
        T = np.zeros((len(order), q, m))
        for k, column in zip(*roles.spanned.nonzero(), strict=True):  # few, and no small products
            T[:, :, column] += roles.spanned[k, column] * R[:, :, k]
        T[:, :, varying] = scale * own[order, size : roles.held_from].reshape(
            len(order), q, len(varying)
        )
        for column, values in self.held.items():
            value = (values[order] - roles.of_x[0, column]) * roles.of_x[1, column]
            T[:, :, column] = value[:, None] * R[:, :, roles.one]
        least = _ROUNDING * np.sqrt(np.einsum("jab,jab->jb", R, R))
        inside: Booleans = np.zeros((len(order), q), dtype=np.bool_)
        for k in range(q):
            inside |= np.abs(R[:, :, k]) > least[:, k, None]
        W = np.zeros((m, m))
        W[np.ix_(varying, varying)] = self._W + np.tril(self._W, -1).T
        if not inside.all():
            outside = T[~inside]
            R[~inside], T[~inside] = 0.0, 0.0
            W += outside.T @ outside
        return CrossProducts(R, T, W, own[order, 0], groups, basis)


def _kept(J: int, width: int) -> Floats:
    """Room for what is kept of groups, zeros (J, width or somewhat more)."""
    if width > LINE:
        return np.zeros((J, width))
    raw = np.zeros((J + 1) * LINE)
    first = (-raw.ctypes.data // 8) % LINE  # each group on a line of its own
    return raw[first : first + J * LINE].reshape(J, LINE)
