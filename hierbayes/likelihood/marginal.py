"""The log likelihood of θ, u integrated out, in one reading of γ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood import conditional
from hierbayes.likelihood.conditional import NormalPrior, flat_prior
from hierbayes.likelihood.reading import NORMAL, REML, Reading


class Gradient(NamedTuple):
    """Derivatives of the log likelihood in the internal basis, where none is ill placed.

    ``root`` (q, q) is that by L° at fixed σ°, ``sigma`` that by σ° at fixed L°, ``gamma`` (p,)
    that by γ° for ``GIVEN`` and zero otherwise.
    """

    root: Floats
    sigma: float
    gamma: Floats


@dataclass(frozen=True, eq=False)
class MarginalLikelihood[C: Products](ABC):
    """The log likelihood of a data set in one reading, at θ in the internal basis.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    reading : Reading
        What is done with γ.
    prior : NormalPrior, optional
        Of γ in the internal basis, for ``NORMAL``; flat for the other readings.
    """

    cross: C
    reading: Reading = REML
    prior: NormalPrior | None = None

    @property
    @abstractmethod
    def kernel(self) -> Any:
        """The compiled likelihood, as `native.array_form` makes it."""

    @property
    @abstractmethod
    def of_rows(self) -> tuple[Floats, Floats, Floats]:
        """What that takes for the rows."""

    def search(self, root: Floats, sigma: float, gamma: Floats) -> tuple[float, Gradient]:
        """What a search asks for at thousands of θ: value and derivatives in the internal basis.

        Parameters
        ----------
        root, sigma : (q, q), float
            L° and σ°.
        gamma : (p,) float
            γ°; read only by ``GIVEN``.

        Returns
        -------
        value : float
            Log p(y° | θ), without `log_jacobian`.
        gradient : Gradient
        """
        root, gamma = np.ascontiguousarray(root), np.ascontiguousarray(gamma)
        value, d_root, d_sigma, d_gamma = self.kernel(
            root, sigma, gamma, *self._fixed, int(self.reading)
        )
        return value, Gradient(d_root, d_sigma, d_gamma)

    @cached_property
    def _fixed(self) -> tuple[Any, ...]:
        """What the likelihood takes between γ and the reading; its root is internal already."""
        first, second, third = map(np.ascontiguousarray, self.of_rows)
        prior = self.gamma_prior
        precision, mean = map(np.ascontiguousarray, (prior.precision, prior.mean))
        to_internal = np.eye(len(self.cross.basis.z.matrix))
        return to_internal, first, second, third, self.cross.n, precision, mean

    @cached_property
    def gamma_prior(self) -> NormalPrior:
        """The prior of γ in the internal basis."""
        if self.reading == NORMAL and self.prior is not None:
            return self.prior
        return flat_prior(self.cross.p)

    @cached_property
    def log_jacobian(self) -> float:
        """What a log density of y in the internal basis lacks, see `conditional.log_jacobian`."""
        return conditional.log_jacobian(self.reading, self.cross.basis, self.cross.n)
