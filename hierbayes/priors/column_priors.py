r"""Priors of coefficients of columns beside η, in coordinates that are independent.

Those left unsaid, D, have one normal prior together, as those of γ have (`design_normal`): with S
the others, δ = ζ_D + (Z_D'Z_D)⁻¹Z_D'Z_S ζ_S ~ N(m, τ² n (Z_D'Z_D)⁻¹).  With a root L of that
covariance, δ = L w and w ~ N(L⁻¹m, I): the coordinates are ζ_S and w.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.priors.families import DesignNormal, Normal, Prior
from hierbayes.priors.prior_set import PriorSet

WIDTH = 1.5  # prior sd of a logit, along every combination of columns of unit size


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPriors:
    """Coordinates of the last k of φ with independent priors.

    Parameters
    ----------
    priors : PriorSet
        The priors of a model, of those k as of the coordinates.
    turn : (k, k) float
        What turns the coordinates into coefficients.
    """

    priors: PriorSet
    turn: Floats

    def beside(self, m: Floats) -> Floats:
        """Sizes and the columns that the coordinates are coefficients of, (n, 1 + k)."""
        return np.column_stack([m[:, :1], m[:, 1:] @ self.turn])

    def coordinates(self, phi: Floats) -> Floats:
        """φ (d,) with coordinates in the place of coefficients."""
        k = len(self.turn)
        return np.concatenate([phi[:-k], np.linalg.solve(self.turn, phi[-k:])])

    def coefficients(self, phi: Floats) -> Floats:
        """φ (..., d) from coordinates."""
        k = len(self.turn)
        return np.concatenate([phi[..., :-k], phi[..., -k:] @ self.turn.T], axis=-1)


def default_coefficients(turned: Floats, unsaid: Booleans) -> list[DesignNormal]:
    """The normal prior that coefficients of columns have together.

    Parameters
    ----------
    turned : (k, k) float
        T, as a family has it.
    unsaid : (k,) bool
        Which have no prior that is stated; for the others stands a prior that is not read.
    """
    sizes = np.ones(len(turned))
    sizes[unsaid] = WIDTH * np.linalg.norm(_root_and_shift(turned, unsaid)[0], axis=1)
    return [DesignNormal(0.0, size) for size in sizes.tolist()]


def column_priors(priors: PriorSet, problem: Problem) -> ColumnPriors | None:
    """The coordinates of a model whose response depends on columns beside η; None of others."""
    T = None if problem.family is None else problem.family.turned
    if T is None:
        return None
    entries = list(priors.dispersion)
    first = len(entries) - len(T)
    of_columns: list[Prior] = [prior for _, prior, _ in entries[first:]]
    D = np.array([isinstance(prior, DesignNormal) for prior in of_columns])
    turn = np.eye(len(T))
    if D.any():
        root, shift = _root_and_shift(T, D)
        sd = np.array([prior.sigma for prior in of_columns if isinstance(prior, DesignNormal)])
        mean = np.array([prior.mu for prior in of_columns if isinstance(prior, DesignNormal)])
        root = root * (sd / np.linalg.norm(root, axis=1))[:, None]
        turn[np.ix_(D, D)], turn[np.ix_(D, ~D)] = root, -shift
        centres = np.linalg.solve(root, mean)
        for k, centre in zip(np.flatnonzero(D), centres.tolist(), strict=True):
            name, _, source = entries[first + k]
            entries[first + k] = (name, Normal(centre, 1.0), source)
    return ColumnPriors(replace(priors, sigma=entries[0], extra=tuple(entries[1:])), turn)


def _root_and_shift(T: Floats, D: Booleans) -> tuple[Floats, Floats]:
    """A root of n (Z_D'Z_D)⁻¹, and (Z_D'Z_D)⁻¹Z_D'Z_S."""
    if D.all():
        return T, np.zeros((len(T), 0))
    if not D.any():
        return np.zeros((0, 0)), np.zeros((0, len(T)))
    Q = np.linalg.inv(T)  # columns Z in an orthonormal basis
    R = np.linalg.qr(Q[:, D], mode="r")
    return np.linalg.inv(R), np.linalg.lstsq(Q[:, D], Q[:, ~D])[0]
