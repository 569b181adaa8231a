"""A triangular root of the rows of several grouping factors, which keeps what products lose."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.remembered import remembered
from hierbayes.design.rows import Rows
from hierbayes.design.share_left import share_left
from hierbayes.design.sparse_products import RowsRoot, SparseProducts
from hierbayes.frames.arrays import Floats, Integers

MOST_EFFECTS = 1000  # random effects in all: roots are dense matrices of them

LITTLE_LEFT = 1e-7  # of y'y, once X and the effects of all grouping factors are taken out
MUCH_LEFT = 1e-4  # of y'y, which products tell from less
_FEW_ROWS = 300  # that are asked first
_STILL_FALLING = 0.9  # a sweep after which less than this is left is followed by another
_MOST_SWEEPS = 200


def has_root(cross: SparseProducts) -> bool:
    """Whether Gaussian rows or a root of them are at hand, and effects few enough for one."""
    if cross.rows is None:
        return False
    if isinstance(cross.rows, RowsRoot):
        return True
    if cross.rows.rows.family is not None:
        return False
    return sum(cross.sizes) <= MOST_EFFECTS


@remembered
def swept(cross: SparseProducts) -> tuple[float, Floats]:
    """Share of y°'y° that X° and Z° leave, or somewhat more, and coefficients (p,) of X°.

    Where products say that much is left they have the digits for it, and the coefficients are 0.
    Else it is least squares by taking out of y what the effects of each factor, then X, explain of
    what is left, for as long as it falls: of a few rows, and of all where these say that little is
    left.  Of a root it is least squares at once.
    """
    assert cross.rows is not None
    if isinstance(cross.rows, RowsRoot):
        return _left_by_root(cross)
    share = share_left(cross)
    if share > MUCH_LEFT:
        return share, np.zeros(cross.p)
    rows, change = cross.rows
    for step in (max(len(rows.X) // _FEW_ROWS, 1), 1):
        codes_of = [codes[::step] for codes in rows.codes_of]
        few = slice(None, None, step)
        columns, Z = rows.chosen(few, tuple(codes_of)).internal(cross.basis)
        columns = columns if change is None else columns @ change
        parts = [np.ascontiguousarray(Z[:, span]) for span in cross.spans]
        share, gamma = _swept(columns, parts, codes_of)
        if share > LITTLE_LEFT or step == 1:
            break
    return share, gamma


def _left_by_root(cross: SparseProducts) -> tuple[float, Floats]:
    """`swept` by the root of rows."""
    R = rows_root(cross)
    assert R is not None
    size = np.maximum(np.sqrt((R**2).sum(axis=0)), 1e-300)
    found = np.linalg.lstsq(R[:, :-1] / size[:-1], R[:, -1])[0]
    left = R[:, -1] - R[:, :-1] / size[:-1] @ found
    gamma: Floats = (found / size[:-1])[len(found) - cross.p :]
    return float(left @ left) / float(size[-1] ** 2), gamma


def _swept(columns: Floats, parts: list[Floats], codes_of: list[Integers]) -> tuple[float, Floats]:
    """`swept` of rows [X° y°] (n, p+1) and Z° (n, q) of each factor."""
    X, left = columns[:, :-1], columns[:, -1]
    whole = size = max(float(left @ left), 1e-300)
    last, gamma, to_X = np.inf, np.zeros(X.shape[1]), np.linalg.pinv(X.T @ X, hermitian=True) @ X.T
    inverses = [_inverses(Z, codes) for Z, codes in zip(parts, codes_of, strict=True)]
    for _ in range(_MOST_SWEEPS):
        if not size < _STILL_FALLING * last:
            break
        for Z, codes, inverse in zip(parts, codes_of, inverses, strict=True):
            sums = np.array([np.bincount(codes, column * left, len(inverse)) for column in Z.T])
            u = np.einsum("jab,bj->ja", inverse, sums)
            left = left - (Z * u[codes]).sum(axis=1)
        step = to_X @ left
        left, gamma = left - X @ step, gamma + step
        size, last = float(left @ left), size
    return size / whole, gamma


def _inverses(Z: Floats, codes: Integers) -> Floats:
    """(Z_j'Z_j)⁻ (J, q, q) of the levels of a factor."""
    q = Z.shape[1]
    A = np.array([[np.bincount(codes, Z[:, a] * Z[:, b]) for b in range(q)] for a in range(q)])
    if q == 1:
        return np.where(A > 0.0, 1.0 / np.where(A > 0.0, A, 1.0), 0.0).transpose(2, 0, 1)
    inverse: Floats = np.linalg.pinv(A.transpose(2, 0, 1), hermitian=True)
    return inverse


@remembered
def rows_root(cross: SparseProducts) -> Floats | None:
    """R with R'R = [Z X y]'[Z X y] (m+p+1 columns), the effects in the order of elimination.

    Upper triangular, with at most as many rows as columns.  None where the rows are not at hand
    or there are too many effects.
    """
    if cross.rows is None or not has_root(cross):
        return None
    if isinstance(cross.rows, RowsRoot):
        return _turned(cross.rows, cross.p + 1)
    rows, change = cross.rows
    return root_of_rows(cross, (rows,), change)


def _turned(root: RowsRoot, columns: int) -> Floats:
    """A root of other columns [X y] beside the same Z."""
    if root.change is None:
        return root.R
    m = root.R.shape[1] - len(root.change)
    R: Floats = np.linalg.qr(np.hstack([root.R[:, :m], root.R[:, m:] @ root.change]), mode="r")
    assert R.shape[1] == m + columns
    return R


def root_of_rows(
    cross: SparseProducts, parts: Iterable[Rows], change: Floats | None = None
) -> Floats:
    """The root of rows that come in parts, in the basis of products of all of them.

    Parameters
    ----------
    cross : SparseProducts
    parts : iterable of Rows
    change : (p+1, p+1) float, optional
        By which [X° y°] is multiplied.
    """
    layout = elimination_of(cross)
    m = layout.elimination.effects
    R = np.zeros((0, m + cross.p + 1))
    for rows in parts:
        columns, Z = rows.internal(cross.basis)
        columns = columns if change is None else columns @ change
        size = R.shape[1]
        for begin in range(0, len(columns), size):
            at = slice(begin, begin + size)
            wide = np.zeros((len(columns[at]), size))
            wide[:, m:] = columns[at]
            own = np.arange(len(wide))[:, None]
            for span, places, codes in zip(cross.spans, layout.places, rows.codes_of, strict=True):
                wide[own, places[codes[at]]] = Z[at, span]
            R = np.linalg.qr(np.vstack([R, wide]), mode="r")
    return R
