"""What an estimator leaves behind beside θ: a maximum, or the record of a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hierbayes.design.blocks import count_free_entries
from hierbayes.design.identification import are_surely_told, blind_directions
from hierbayes.design.problem import Problem
from hierbayes.estimation.climb import Optimum
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional import log_jacobian
from hierbayes.likelihood.reading import ML, REML, Reading

if TYPE_CHECKING:
    import xarray as xr

READINGS = {"REML": REML, "ML": ML}


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A maximum of the (restricted) likelihood or of the marginal posterior.

    Parameters
    ----------
    name : str
        ``"REML"``, ``"ML"`` or ``"MAP"``.
    value : float
        Log-likelihood in the user's units; for MAP the log posterior density.
    n_parameters : int
        Fixed effects, free entries of G and σ, as many as the data can tell apart.
    n_penalty : float
        Rows that the BIC counts: n, or n − p under REML, as nlme does.
    gradient : float
        Largest derivative over the entries that are free to move.
    ascent : float
        Largest relative eigenvalue of ∂ℓ/∂G: not above zero at a maximum.
    singular : bool
        Whether Ĝ is singular.
    evaluations : int
    """

    name: str
    value: float
    n_parameters: int
    n_penalty: float
    gradient: float
    ascent: float
    singular: bool
    evaluations: int

    @property
    def reading(self) -> Reading | None:
        """The likelihood, ``REML`` or ``ML``; None for MAP."""
        return READINGS.get(self.name)

    @property
    def aic(self) -> float:
        """−2ℓ + 2k."""
        return -2.0 * self.value + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """−2ℓ + k log n, with n − p for n under REML, as nlme does."""
        return float(-2.0 * self.value + self.n_parameters * np.log(self.n_penalty))


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """The record of a sampler.

    Parameters
    ----------
    stats : Dataset
        Sampler statistics by chain and draw.
    settings : SamplerSettings
        How it was run.
    seconds, compile_seconds : float
        Wall time of sampling and of making the compiled graph.
    k_hat : float, optional
        Pareto k̂ of the weights of importance sampling.
    """

    stats: xr.Dataset
    settings: SamplerSettings
    seconds: float
    compile_seconds: float
    k_hat: float | None = None

    @property
    def sampler(self) -> str:
        """``"nutpie"``, ``"pymc"`` or ``"importance"``."""
        return self.settings.sampler

    @property
    def tune(self) -> int:
        """Draws of adaptation per chain."""
        return self.settings.tune

    @property
    def seed(self) -> int:
        """Equal seeds give equal draws on one machine; see `SamplerSettings`."""
        return self.settings.seed


def count_variances(problem: Problem) -> int:
    """Variance parameters that the data can tell apart, σ and those of the errors included.

    Where the variances of all errors are known, those of G are all.
    """
    if problem.design.specification.known_sd:
        return count_free_entries(problem.design.blocks)
    blocks, of_errors, blind = problem.design.blocks, 0, 0
    if problem.moments is not None:
        of_errors = len(problem.moments.rows.start)
    plain = problem.working if problem.plain is None else problem.plain
    if blocks and not are_surely_told(plain):  # of which it is known
        blind = len(blind_directions(problem.working, blocks))
    return count_free_entries(blocks) + 1 - blind + of_errors


def maximum_of(optimum: Optimum, problem: Problem, half_log_det: float | None = None) -> Maximum:
    """The evidence of a REML or ML optimum; ½ log|R| is that of the problem, unless it is known."""
    p, cross = len(problem.design.terms), problem.working
    is_reml = optimum.reading == REML
    return Maximum(
        name="REML" if is_reml else "ML",
        value=optimum.value
        + log_jacobian(optimum.reading, cross.basis, cross.n)
        - (problem.half_log_det if half_log_det is None else half_log_det),
        n_parameters=p + count_variances(problem),
        n_penalty=cross.n - p if is_reml else cross.n,
        gradient=optimum.gradient,
        ascent=optimum.ascent,
        singular=optimum.singular,
        evaluations=optimum.evaluations,
    )


@dataclass(frozen=True, slots=True, eq=False)
class NullDirection:
    """A direction in which Ĝ has no variance.

    Parameters
    ----------
    variance : float
        The eigenvalue of the correlation matrix of the effects, 0 but for rounding.
    weights : (q,) float
        The direction in units of each effect's own scale.
    """

    variance: float
    weights: Floats


def null_directions(G: Floats, scale: Floats) -> list[NullDirection]:
    """Directions without variance of a covariance matrix G (q, q).

    Parameters
    ----------
    G : (q, q) float
    scale : (q,) float
        A unit for each effect that makes them comparable: what one unit of it is
        worth in the response.
    """
    size, vectors = np.linalg.eigh(G / np.outer(scale, scale))
    largest = max(float(size.max()), 1e-300)
    found = []
    for variance, vector in zip(size, vectors.T, strict=True):
        if variance <= 1e-8 * largest:
            found.append(NullDirection(float(variance), vector))
    return found
