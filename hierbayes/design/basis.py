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

from dataclasses import replace

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.design.response_facts import mean, size_about
from hierbayes.design.standardisation import (
    Standardisation,
    are_ones,
    intercepts,
    joined,
    standardised,
)
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.value import value


@value()
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

    def where_internal_is_zero(self, X: Floats) -> Floats | float:
        """c + s X°b (n,): what Xγ is of internal rows X° (n, p) where γ° = 0; one where all are."""
        center = self.center if np.count_nonzero(self.constant) else 0.0
        if not np.count_nonzero(self.taken):
            return center
        return np.asarray(center + X @ (self.scale * self.taken))

    def refuse_other(self, other: Basis) -> None:
        """Refuse cross-products in another basis, which do not add up with those in this one.

        Raises
        ------
        DataError
        """
        if other is not self:
            raise DataError(
                "cross-products in different bases do not add up; make both with one Basis"
            )

    def turned(self, E: Floats, taken: Floats) -> Basis:
        """With fixed columns X°E, E (p, p), and other coefficients (p,) of them taken out of y°."""
        x = replace(self.x, mix=self.x.mix @ E, matrix=self.x.matrix @ E)
        return replace(self, x=x, taken=taken)

    def internal_rows(self, X: Floats, Z: Floats, y: Floats) -> tuple[Floats, Floats]:
        """[X° y°] (n, p+1) and Z° (n, q)."""
        W = np.empty((len(y), X.shape[1] + 1))
        W[:, :-1] = self.x.apply(X)
        W[:, -1] = (y - self.center) / self.scale
        if np.count_nonzero(self.taken):
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
    x = standardised(X)
    z = _of_blocks(X, x, Z, blocks)
    return Basis(x, z, x.constant, *_of_response(y, x.constant), np.zeros(X.shape[1]))


def _of_blocks(
    X: Floats, x: Standardisation, Z: Floats, blocks: tuple[int, ...]
) -> Standardisation:
    """That of the columns of Z, block by block; often they all are intercepts."""
    if max(blocks, default=0) == 1 and are_ones(Z.ravel()):
        return intercepts(len(blocks))
    return joined([_of_block(X, x, Z[:, at]) for at in block_slices(blocks)])


def _of_block(X: Floats, x: Standardisation, columns: Floats) -> Standardisation:
    """That of the columns of a block of Z, which may be the first of X."""
    k = columns.shape[1]
    if k > 1 and x.leads(k) and (columns == X[:, :k]).all():
        return x.leading(k)
    return standardised(columns)


def _of_predictors(
    X: Floats, Z: Floats, y: Floats, blocks: tuple[int, ...], predictors: int
) -> Basis:
    """The basis of columns that stand predictor by predictor, all of the same kind."""
    own = X[::predictors, : X.shape[1] // predictors]
    x = standardised(own)
    constant = x.constant
    parts = []
    for at in block_slices(blocks):
        mine = next((k for k in range(predictors) if Z[k::predictors, at].any()), 0)
        parts.append(standardised(Z[mine::predictors, at]))
    return Basis(
        replace(joined([x] * predictors), in_parts=True),
        replace(joined(parts), in_parts=True),
        np.tile(constant, predictors),
        *_of_response(y, constant),
        np.zeros(X.shape[1]),
    )


def _of_response(y: Floats, constant: Floats) -> tuple[float, float]:
    """Its mean, where a combination of the fixed columns is constant, and root mean square."""
    center = mean(y) if np.count_nonzero(constant) else 0.0
    return center, size_about(y, center)
