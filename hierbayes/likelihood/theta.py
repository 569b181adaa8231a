"""θ = (G, σ): the one form that variance parameters have, and the way between units."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hierbayes.design.basis import Basis
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import cholesky_psd, sd_corr


@dataclass(frozen=True, eq=False)
class Theta:
    """One θ, or an array of them, in the user's units.

    Leading axes (...) are none for one θ, or as many as wanted: draws, or chains and draws.

    Parameters
    ----------
    root : (..., q, q) float
        A root L of the covariance of all random effects, G = LL'; those of different grouping
        factors are independent, so that it has a diagonal block for each.
    sigma : (...) float
        Residual standard deviation.

    Examples
    --------
    >>> theta = Theta.of_covariance(np.array([[4.0, 1.0], [1.0, 1.0]]), 3.0)
    >>> theta.sd.tolist(), float(theta.corr[1, 0])
    ([2.0, 1.0], 0.5)
    """

    root: Floats
    sigma: Floats
    _found_in: tuple[Basis, Floats, Floats] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, root: Floats, sigma: Floats | float) -> Theta:
        """θ from a root (..., q, q) of G and σ (...)."""
        return cls(root, np.asarray(sigma, dtype=np.float64))

    @classmethod
    def of_covariance(cls, G: Floats, sigma: Floats | float) -> Theta:
        """One θ from G (q, q), which may be singular, and σ."""
        return cls.of(cholesky_psd(G), sigma)

    @classmethod
    def from_internal(cls, root: Floats, sigma: Floats | float, basis: Basis) -> Theta:
        """θ from a root (..., q, q) of G and σ (...) in an internal basis.

        They are remembered: where the columns are ill placed (x near 10⁶), the way to the
        user's units and back would lose digits.
        """
        internal = np.asarray(sigma, dtype=np.float64)
        scaled = np.asarray(internal * basis.scale)
        return cls(basis.root(root), scaled, (basis, root, internal))

    @classmethod
    def of_both(
        cls, root: Floats, sigma: Floats, basis: Basis, internal: tuple[Floats, Floats] | None
    ) -> Theta:
        """θ in the user's units and, where it was found there, in an internal basis: `found_in`."""
        found = None if internal is None else (basis, *internal)
        return cls(root, np.asarray(sigma, dtype=np.float64), found)

    def found_in(self, basis: Basis) -> tuple[Floats, Floats] | None:
        """The root (..., q, q) and σ (...) in a basis that they were found in; None in others."""
        if self._found_in is None or self._found_in[0] is not basis:
            return None
        return self._found_in[1:]

    def internal(self, basis: Basis) -> tuple[Floats, Floats]:
        """The root (..., q, q) of G and σ (...) in an internal basis."""
        found = self.found_in(basis)
        if found is not None:
            return found
        return basis.root_internal(self.root), np.asarray(self.sigma / basis.scale)

    def relative(self, basis: Basis) -> Floats:
        """λ = L/σ (..., q, q) in an internal basis."""
        root, sigma = self.internal(basis)
        relative: Floats = root / sigma[..., None, None]
        return relative

    @property
    def shape(self) -> tuple[int, ...]:
        """The leading axes; none for one θ."""
        return np.shape(self.sigma)

    @property
    def flat(self) -> Theta:
        """The same with one leading axis, chains one after the other."""
        root = self.root.reshape(self.sigma.size, *self.root.shape[-2:])
        found = self._found_in
        if found is not None:
            found = (
                found[0],
                found[1].reshape(found[2].size, *found[1].shape[-2:]),
                found[2].ravel(),
            )
        return Theta(root, self.sigma.ravel(), found)

    def at(self, places: Integers) -> Theta:
        """The θ at some places of the only leading axis."""
        return Theta(self.root[places], self.sigma[places])

    def __getitem__(self, index: int | slice | Integers | tuple[int | slice | None, ...]) -> Theta:
        """The θ at a place, or at several, of the leading axes; None makes an axis."""
        found = self._found_in
        if found is not None:
            found = (found[0], found[1][index], np.asarray(found[2][index]))
        return Theta(self.root[index], np.asarray(self.sigma[index]), found)

    @cached_property
    def G(self) -> Floats:
        """Covariance of the random effects (..., q, q)."""
        G: Floats = self.root @ np.swapaxes(self.root, -1, -2)
        return G

    @cached_property
    def _sd_corr(self) -> tuple[Floats, Floats]:
        return sd_corr(self.G)

    @property
    def sd(self) -> Floats:
        """Standard deviations of the random effects (..., q)."""
        return self._sd_corr[0]

    @property
    def corr(self) -> Floats:
        """Correlations of the random effects (..., q, q), nan where an sd is 0."""
        return self._sd_corr[1]
