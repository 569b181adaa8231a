r"""The basis in which a fit is computed, and the way back to the user's units.

A predictor near 10⁶ with a spread of 1, or a response of order 10⁻⁸, would lose
most of its digits in cross-products.  So columns are centred and scaled first:

    X = X° T_x⁻¹,  Z = Z° T_z⁻¹,  y = c + s (y° + X°b)     (° is the internal basis)
    γ = s T_x (γ° + b) + c e,   u = s T_z u°,   G = s² T_z G° T_z',   σ = s σ°

A column is centred only where a combination e of columns is constantly 1.  Where
centred columns are still nearly dependent (x near 10⁶ beside x·w and w), they are
orthogonalised as well.  In Z all this happens within a block of G, so that
independent blocks stay independent.

What X explains of the response is left in y° (b = 0), unless so little remains that
differences of cross-products would have no digits (`hierbayes.design.sums`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.frames.arrays import Floats

_NEARLY_DEPENDENT = 1e-3  # smallest singular value of centred columns of unit spread


@dataclass(frozen=True, slots=True, eq=False)
class Standardisation:
    """Columns → (columns − shift) / spread · mix, and the same as one matrix.

    Parameters
    ----------
    shift, spread : (k,) float
    mix : (k, k) float
        Upper triangular; the identity unless centred columns are nearly dependent.
    matrix : (k, k) float
        T with (columns − shift)/spread · mix = columns @ T, using that a combination
        of the columns is constantly 1.
    own : (k,) float
        How much of each column is its own: root mean square of what is left after
        the columns before it, against that of the column.  0 (but for rounding) for
        a column that is a combination of others.
    in_parts : bool
        Whether shifts hold in some rows only, those of a column's own linear predictor.
    """

    shift: Floats
    spread: Floats
    mix: Floats
    matrix: Floats
    own: Floats
    in_parts: bool = False

    def apply(self, columns: Floats) -> Floats:
        """The internal columns: the difference first, so that no digit is lost."""
        if self.in_parts:
            return columns @ self.matrix
        result: Floats = (columns - self.shift) / self.spread
        if (self.mix == np.eye(len(self.mix))).all():
            return result
        return result @ self.mix

    def undo(self, internal: Floats) -> Floats:
        """The columns whose internal ones these are."""
        found = np.linalg.solve((self.matrix if self.in_parts else self.mix).T, internal.T).T
        return np.asarray(found if self.in_parts else found * self.spread + self.shift)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Linear maps between the user's units and the internal basis.

    Parameters
    ----------
    x : Standardisation
        Of the p fixed columns, T_x = ``x.matrix``.
    z : Standardisation
        Of the q random columns, T_z = ``z.matrix``, block-diagonal as G is.
    constant : (p,) float
        e, with X e = 1, or zeros when no such combination exists.
    center, scale : float
        c and s of the response; c is 0 when e is.
    taken : (p,) float
        b, coefficients of X° that are taken out of y°.
    """

    x: Standardisation
    z: Standardisation
    constant: Floats
    center: float
    scale: float
    taken: Floats

    @property
    def origin(self) -> Floats:
        """γ (p,) where γ° = 0."""
        return self.gamma(np.zeros(len(self.taken)))

    def turned(self, E: Floats, taken: Floats) -> Basis:
        """With fixed columns X°E, E (p, p), and other coefficients (p,) of them taken out of y°."""
        x = replace(self.x, mix=self.x.mix @ E, matrix=self.x.matrix @ E)
        return replace(self, x=x, taken=taken)

    def internal_rows(self, X: Floats, Z: Floats, y: Floats) -> tuple[Floats, Floats]:
        """[X° y°] (n, p+1) and Z° (n, q)."""
        W = np.empty((len(y), X.shape[1] + 1))
        W[:, :-1] = self.x.apply(X)
        W[:, -1] = (y - self.center) / self.scale
        if self.taken.any():
            W[:, -1] -= W[:, :-1] @ self.taken
        return W, np.ascontiguousarray(self.z.apply(Z))

    def user_rows(self, W: Floats, Z: Floats) -> tuple[Floats, Floats, Floats]:
        """X (n, p), Z (n, q) and y (n,) whose internal rows these are."""
        y = self.center + self.scale * (W[:, -1] + W[:, :-1] @ self.taken)
        return self.x.undo(W[:, :-1]), self.z.undo(Z), y

    def gamma(self, internal: Floats) -> Floats:
        """γ (..., p) from γ°."""
        user: Floats = self.center * self.constant
        user = user + self.scale * (internal + self.taken) @ self.x.matrix.T
        return user

    def gamma_internal(self, user: Floats) -> Floats:
        """γ° (..., p) from γ."""
        shifted = (user - self.center * self.constant) / self.scale
        internal: Floats = np.linalg.solve(self.x.matrix, shifted[..., None])[..., 0] - self.taken
        return internal

    def gamma_covariance(self, internal: Floats) -> Floats:
        """Covariance of γ (..., p, p) from that of γ°."""
        cov: Floats = self.scale**2 * self.x.matrix @ internal @ self.x.matrix.T
        return cov

    def u(self, internal: Floats) -> Floats:
        """u (..., q) from u°."""
        user: Floats = self.scale * internal @ self.z.matrix.T
        return user

    def root(self, internal: Floats) -> Floats:
        """A root of G (..., q, q) from one of G°: G = LL'."""
        user: Floats = self.scale * self.z.matrix @ internal
        return user

    def root_internal(self, user: Floats) -> Floats:
        """A root of G° (..., q, q) from one of G."""
        internal: Floats = np.linalg.solve(self.z.matrix, user) / self.scale
        return internal


def choose_basis(
    X: Floats, Z: Floats, y: Floats, blocks: tuple[int, ...], predictors: int = 1
) -> Basis:
    """The basis that centres and scales these columns.

    Parameters
    ----------
    X, Z, y : (n, p), (n, q), (n,) float
        A sample of rows that is representative; all of them when they are at hand.
    blocks : tuple of int
        Sizes of the diagonal blocks of G, summing to q.
    predictors : int
        P, where rows have several linear predictors (`predictors`): the columns of each are
        standardised over its own rows, and the n rows here are of all of them.
    """
    if predictors > 1:
        return _of_predictors(X, Z, y, blocks, predictors)
    constant = _constant_combination(X)
    parts = []
    for at in block_slices(blocks):
        parts.append(_standardise(Z[:, at], _constant_combination(Z[:, at])))
    z = parts[0] if len(parts) == 1 else _join(parts)
    center = float(y.mean()) if constant.any() else 0.0
    scale = float(_root_mean_square((y - center)[:, None])[0])
    return Basis(_standardise(X, constant), z, constant, center, scale, np.zeros(X.shape[1]))


def _of_predictors(
    X: Floats, Z: Floats, y: Floats, blocks: tuple[int, ...], predictors: int
) -> Basis:
    """The basis of columns that stand predictor by predictor, all of the same kind."""
    own = X[::predictors, : X.shape[1] // predictors]
    constant = _constant_combination(own)
    x = _standardise(own, constant)
    parts = []
    for at in block_slices(blocks):
        mine = next((k for k in range(predictors) if Z[k::predictors, at].any()), 0)
        columns = Z[mine::predictors, at]
        parts.append(_standardise(columns, _constant_combination(columns)))
    center = float(y.mean()) if constant.any() else 0.0
    scale = float(_root_mean_square((y - center)[:, None])[0])
    return Basis(
        replace(_join([x] * predictors), in_parts=True),
        replace(_join(parts), in_parts=True),
        np.tile(constant, predictors),
        center,
        scale,
        np.zeros(X.shape[1]),
    )


def _constant_combination(columns: Floats) -> Floats:
    """e with columns @ e = 1, or zeros."""
    k = columns.shape[1]
    for c in range(k):
        if columns[0, c] == 1.0 and (columns[:, c] == 1.0).all():
            return np.eye(k)[c]
    if k == 1:
        value = columns[0, 0]
        return np.array([1.0 / value if value and (columns == value).all() else 0.0])
    scale = np.abs(columns).max(axis=0, initial=1e-300)
    e = np.linalg.lstsq(columns / scale, np.ones(len(columns)), rcond=None)[0] / scale
    exact = np.abs(columns @ e - 1.0).max(initial=0.0) < 1e-10
    return np.where(np.abs(e * scale) > 1e-10, e, 0.0) if exact else np.zeros(k)


def _standardise(columns: Floats, constant: Floats) -> Standardisation:
    """Centred (where ``constant`` allows) and of unit spread, but for the constant itself."""
    k = columns.shape[1]
    free = constant == 0.0
    shift = np.where(free, _mean(columns), 0.0) if constant.any() else np.zeros(k)
    centred = columns - shift
    gram = centred.T @ centred / len(columns)
    spread = np.where(free, np.sqrt(np.diag(gram)), 1.0)
    dull = spread <= 1e-14 * np.abs(shift)  # a second constant: refused by the check of rank
    if dull.any():
        shift, spread = np.where(dull, 0.0, shift), np.where(dull, 1.0, spread)
        centred = columns - shift
        gram = centred.T @ centred / len(columns)
    left, mix = _orthogonalise(centred, spread, gram / np.outer(spread, spread))
    size = np.sqrt(spread**2 + shift**2)
    matrix = ((np.eye(k) - np.outer(constant, shift)) / spread) @ mix
    return Standardisation(shift, spread, mix, matrix, np.where(dull, 0.0, left * spread / size))


def _orthogonalise(columns: Floats, spread: Floats, gram: Floats) -> tuple[Floats, Floats]:
    """What is left of each column (k,), and the mix (k, k) that makes them independent.

    Of columns (n, k) over their spread (k,), the mean squares and products of which are ``gram``.

    Gram–Schmidt in the order of the columns; where every column keeps a fair part of
    itself, the mix is the identity and the columns stay as they are.
    """
    k = columns.shape[1]
    if np.linalg.eigvalsh(gram)[0] > _NEARLY_DEPENDENT**2:
        return np.diag(np.linalg.cholesky(gram)), np.eye(k)
    left = np.zeros(k)
    Q = columns / spread
    mix = np.eye(k)
    for c in range(k):
        for _ in range(2):  # twice is enough to be orthogonal to rounding
            for before in range(c):
                if left[before] == 0.0:
                    continue
                part = Q[:, before] @ Q[:, c] / len(Q)
                Q[:, c] -= part * Q[:, before]
                mix[:, c] -= part * mix[:, before]
        left[c] = np.sqrt(Q[:, c] @ Q[:, c] / len(Q))
        if left[c] > 1e-13:
            Q[:, c] /= left[c]
            mix[:, c] /= left[c]
        else:
            left[c] = 0.0
    return left, mix


def _join(parts: list[Standardisation]) -> Standardisation:
    """The standardisations of the blocks of Z as one."""
    none = np.zeros(0)
    return Standardisation(
        np.concatenate([none, *(part.shift for part in parts)]),
        np.concatenate([none, *(part.spread for part in parts)]),
        _diagonal([part.mix for part in parts]),
        _diagonal([part.matrix for part in parts]),
        np.concatenate([none, *(part.own for part in parts)]),
    )


def _diagonal(parts: list[Floats]) -> Floats:
    """Square matrices as the diagonal blocks of one."""
    whole = np.zeros((sum(map(len, parts)),) * 2)
    end = 0
    for part in parts:
        at = slice(end, end := end + len(part))
        whole[at, at] = part
    return whole


def _mean(columns: Floats) -> Floats:
    """Of each of the columns (n, k)."""
    mean: Floats = np.full(len(columns), 1.0 / len(columns)) @ columns
    return mean


def _root_mean_square(columns: Floats) -> Floats:
    """Of each of the columns (n, k)."""
    size: Floats = np.sqrt((columns * columns).mean(axis=0))
    return size
