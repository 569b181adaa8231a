r"""What a pass over rows does with each fixed column, for the groups of one factor.

Columns of X that are random ones, too, lie in the space of Z_j: T_j = R_jM for them, and nothing
is left.  So it is with one that is the same in all rows of a group, with its value c_j: where
Z_je = 1, T_j = c_j R_je.  Only the others are rotated row by row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.design.columns import Columns
from hierbayes.frames.arrays import Floats, Integers

_ONE = "Intercept"  # a column of the data cannot be called so


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRoles:
    """Where the columns of a factor stand in a table of rows, and what is done with them.

    They are (table − shift)·inverse; those of [X y] stand first in the table.

    Parameters
    ----------
    z_at : (q,) int
        Places of the random columns.
    of_z, of_x : (2, q), (2, m) float
        Shift and inverse of the random columns, and of those of [X y].
    spanned : (q, m) float
        M, zeros where a column is not known to be spanned.
    varying : tuple of int
        The columns of [X y] that are rotated.
    held : tuple of int
        Those that have been the same in all rows of each group so far.
    one : int
        The random column that is 1; −1 where there is none.
    """

    z_at: Integers
    of_z: Floats
    of_x: Floats
    spanned: Floats
    varying: tuple[int, ...]
    held: tuple[int, ...]
    one: int

    @property
    def q(self) -> int:
        """How many random columns there are."""
        return len(self.z_at)

    @property
    def m(self) -> int:
        """How many fixed columns there are, with the response."""
        return self.spanned.shape[1]

    @property
    def width(self) -> int:
        """How many numbers are kept of a group: n_j, D_j, R̄_j, T̄_j and the held values."""
        return len(self.held) + self.held_from

    @property
    def held_from(self) -> int:
        """Where the held values begin among them."""
        q = self.q
        return 1 + q + q * (q - 1) // 2 + q * len(self.varying)

    def released(self, column: int) -> ColumnRoles:
        """With a column that is rotated from now on."""
        held = tuple(one for one in self.held if one != column)
        return replace(self, varying=(*self.varying, column), held=held)


def rotated_roles(q: int, m: int, span: slice = slice(None)) -> ColumnRoles:
    """Those of a factor with a ``span`` of the q random columns, of tables [X° y° Z°].

    All columns are rotated.
    """
    z_at = np.arange(m, m + q)[span]
    q = len(z_at)
    return ColumnRoles(
        z_at=z_at,
        of_z=_as_they_are(q),
        of_x=_as_they_are(m),
        spanned=np.zeros((q, m)),
        varying=tuple(range(m)),
        held=(),
        one=-1,
    )


def _as_they_are(k: int) -> Floats:
    return np.stack([np.zeros(k), np.ones(k)])


def is_plain(basis: Basis) -> bool:
    """Whether the internal columns are those of a table, each shifted and scaled by itself."""
    mixes = (basis.x.mix, basis.z.mix)
    return not basis.taken.any() and all((mix == np.eye(len(mix))).all() for mix in mixes)


def plain_roles(columns: Columns, basis: Basis, z_at: Integers, span: slice) -> ColumnRoles:
    """Those of a factor whose random columns are ``span``, of tables in the user's units.

    ``z_at`` (q,) are the places of the random columns of all factors.
    """
    x, z, names = basis.x, basis.z, columns.effects[span]
    at, m = z_at[span], len(columns.terms) + 1
    of_x = np.array([[*x.shift, basis.center], 1.0 / np.array([*x.spread, basis.scale])])
    of_z = np.array([z.shift[span], 1.0 / z.spread[span]])
    one = names.index(_ONE) if _ONE in names else -1
    spanned, held = np.zeros((len(at), m)), []
    for c, name in enumerate(columns.terms):
        if name == _ONE and one >= 0:
            spanned[one, c] = 1.0
        elif c in at:
            spanned[:, c] = _spanned(of_x[:, c], int(np.flatnonzero(at == c)[0]), of_z, one)
        elif one >= 0:
            held.append(c)
    varying = [c for c in range(m) if c not in held and not spanned[:, c].any()]
    return ColumnRoles(at, of_z, of_x, spanned, tuple(varying), tuple(held), one)


def _spanned(of_x: Floats, k: int, of_z: Floats, one: int) -> Floats:
    """M (q,) of a column of X that is the random column k; zeros where its shift is lost."""
    (shift, inverse), weights = of_x, np.zeros(of_z.shape[1])
    moved = of_z[0, k] - shift
    if moved == 0.0 or one >= 0:
        weights[k] = inverse / of_z[1, k]
        if moved:
            weights[one] += moved * inverse
    return weights
