r"""The likelihood of a Gaussian hierarchical model.

`Likelihood` is all that other modules see of `collapsed`: ``at(theta)`` gives the `State` of one
θ, whose parts are computed when they are asked for and kept; the methods that take a `Theta`
with leading axes do for all of its θ what would be slow one by one.  θ and what is returned are
in the user's units, unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood import conditional, deletion, native, shrinkage, total_variance
from hierbayes.likelihood.marginal import MarginalLikelihood
from hierbayes.likelihood.profiled import profile_at
from hierbayes.likelihood.reduction import Reduction, reduce_draws
from hierbayes.likelihood.state import State
from hierbayes.likelihood.theta import Theta


@dataclass(frozen=True, eq=False)
class Likelihood(MarginalLikelihood[CrossProducts]):
    """The likelihood of a data set in one reading, at any θ.

    Parameters are those of `MarginalLikelihood`.
    """

    @property
    def kernel(self) -> Any:
        """The likelihood of one factor."""
        native.provide()
        return native.collapsed_native

    @property
    def of_rows(self) -> tuple[Floats, Floats, Floats]:
        """R, T and W."""
        return self.cross.R, self.cross.T, self.cross.W

    def at(self, theta: Theta, gamma: Floats | None = None) -> State:
        """The state at one θ, and for ``GIVEN`` at γ (p,)."""
        return State(self, theta, gamma)

    def without_effects(self) -> State:
        """The state at G = 0, σ at its maximum: that of a regression (``ML`` and ``REML``)."""
        cross = self.cross
        root = np.zeros(2 * cross.R.shape[2:])
        sigma = profile_at(root, cross, self.reading).sigma
        return self.at(Theta.from_internal(root, sigma, cross.basis))

    # ---------------------------------------------------------------- many θ

    def draw_gamma(self, theta: Theta, normals: Floats) -> Floats:
        """One exact draw of γ (M, p) given each of M θ.

        Parameters
        ----------
        theta : Theta
            With one leading axis of length M.
        normals : (M, p) float
            Independent standard normal numbers.
        """
        roots, sigmas = self._relative(theta)
        internal = conditional.draw_gamma(roots, sigmas, self.cross, self.gamma_prior, normals)
        return self.cross.basis.gamma(internal)

    def draw_u(self, theta: Theta, gammas: Floats, normals: Floats) -> Floats:
        """One exact draw of every u_j (M, J, q) given each of M θ and γ.

        Parameters
        ----------
        theta : Theta
            With one leading axis of length M.
        gammas : (M, p) float
        normals : (M, J, q) float
            Independent standard normal numbers.
        """
        roots, sigmas = self._relative(theta)
        given = self.cross.basis.gamma_internal(gammas)
        return conditional.draw_u(roots, sigmas, given, self.cross, normals)

    def u_means(self, theta: Theta, gammas: Floats) -> Floats:
        """The means of u_j (J, q) given each of M θ and γ, averaged over these."""
        normals = np.zeros((len(gammas), *self.cross.T.shape[:2]))
        averaged: Floats = self.draw_u(theta, gammas, normals).mean(axis=0)
        return averaged

    def draw_us(
        self, theta: Theta, gammas: Floats, generator: np.random.Generator
    ) -> tuple[Floats, ...]:
        """The draws of `draw_u`, those of the only factor, from a generator."""
        normals = generator.standard_normal((len(gammas), *self.cross.T.shape[:2]))
        return (self.draw_u(theta, gammas, normals),)

    def reduce(self, theta: Theta) -> Reduction:
        """The groups reduced at M θ: the likelihood there under any normal prior of γ."""
        return reduce_draws(*self._relative(theta), self.cross)

    def without_groups(self, theta: Theta, totals: Floats) -> tuple[Floats, Floats]:
        """Log density of all groups but one at M θ, and the mean of γ given them.

        Parameters
        ----------
        theta : Theta
            With one leading axis of length M.
        totals : (J, p+1, p+1) float
            What every group adds to W, see `within_totals`.

        Returns
        -------
        values : (M, J+1) float
            Log p(y without group j | θ) in the internal units of y; nothing is left out in the
            last column.
        gammas : (M, J+1, p) float
        """
        roots, sigmas = self._relative(theta)
        values, internal = deletion.densities_without(
            roots, sigmas, self.cross, totals, self.gamma_prior, self.reading
        )
        return values, self.cross.basis.gamma(internal)

    def shrinkage(self, theta: Theta) -> tuple[Floats, Floats]:
        """Mean and sd over M θ of the shrinkage matrices Λ_j, both (J, q, q)."""
        T = np.ascontiguousarray(self.cross.basis.z.matrix)
        return shrinkage.shrinkage_moments(
            self._relative(theta)[0], self.cross.A, T, np.linalg.inv(T)
        )

    def shrinkage_of(self, k: int, theta: Theta) -> tuple[Floats, Floats]:
        """`shrinkage`, of the only factor."""
        return self.shrinkage(theta)

    def shrinkage_of_groups(self, k: int, theta: Theta, groups: Integers) -> Iterator[Floats]:
        """`shrinkage_of_group` of one group after another, of the only factor."""
        return (self.shrinkage_of_group(theta, j) for j in groups.tolist())

    def shrinkage_of_group(self, theta: Theta, j: int, k: int = 0) -> Floats:
        """Λ_j (..., q, q) of one group, of the only factor, at every θ."""
        T = self.cross.basis.z.matrix
        return shrinkage.shrinkage_of_group(self._relative(theta)[0], self.cross.A[j], T)

    def split_variances(self, theta: Theta, W: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Variances of γ and of β_j = W_jγ + u_j over M θ, split by the law of total variance.

        Parameters
        ----------
        theta : Theta
            With one leading axis of length M.
        W : (J, q, p) float

        Returns
        -------
        gamma_given, gamma_theta : (p,) float
            E[Var(γ | θ)] and Var(E[γ | θ]).
        beta_given, beta_theta : (J, q) float
        """
        cross, basis, prior = self.cross, self.cross.basis, self.gamma_prior
        return total_variance.split_variances(
            *self._relative(theta), cross, prior,
            np.ascontiguousarray(basis.scale * basis.x.matrix),
            np.ascontiguousarray(basis.scale * basis.z.matrix),
            np.ascontiguousarray(basis.scale * W @ basis.x.matrix),
        )  # fmt: skip

    def _relative(self, theta: Theta) -> tuple[Floats, Floats]:
        """λ (..., q, q) and σ (...) in the internal basis."""
        basis = self.cross.basis
        return theta.relative(basis), theta.internal(basis)[1]
