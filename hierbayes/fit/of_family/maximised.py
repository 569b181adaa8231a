"""Maximum likelihood and the posterior mode of a family's model as fits."""

from __future__ import annotations

import numpy as np

from hierbayes.design.blas_threads import with_few_blas_threads
from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError
from hierbayes.estimation.family_mode import posterior_criterion
from hierbayes.estimation.laplace_search import LatentOptimum, maximise_latent
from hierbayes.estimation.latent_problem import likelihood_criterion
from hierbayes.fit.of_family.evidence import MOST_EFFECTS, latent_maximum
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

_MOST_NODES = 100
_ONE = np.ones((1, 1))  # σ, which is none


@with_few_blas_threads(lambda problem, *_, **__: problem.working)
def maximise_family(
    problem: Problem, nodes: int, near: LatentPoint | None = None
) -> FamilyPointFit:
    """The maximum of the likelihood, u integrated out by Laplace's approximation or quadrature.

    Parameters
    ----------
    problem : Problem
        Of a family that is not Gaussian.
    nodes : int
        Of adaptive Gauss–Hermite quadrature for each effect; 1 is Laplace's approximation.
    near : LatentPoint, optional
        Where the search begins, in the internal basis.

    Raises
    ------
    EstimationError
        When quadrature is asked for and the model has several factors or many effects, or the
        likelihood is finite nowhere near the start.
    """
    _refuse_nodes(nodes, problem)
    optimum = maximise_latent(likelihood_criterion(problem, nodes), near)
    return _as_fit(problem, optimum, nodes, None)


@with_few_blas_threads(lambda problem, *_, **__: problem.working)
def family_mode(problem: Problem, priors: PriorSet) -> FamilyPointFit:
    """The mode of the marginal posterior of (sd, corr, φ, γ), u integrated out by Laplace.

    Raises
    ------
    PriorError
        When a prior is made by PyMC.
    EstimationError
        When the density is finite nowhere near the start.
    """
    optimum = maximise_latent(posterior_criterion(problem, priors, 1))
    return _as_fit(problem, optimum, 1, priors)


def _as_fit(
    problem: Problem, optimum: LatentOptimum, nodes: int, priors: PriorSet | None
) -> FamilyPointFit:
    """A maximum of the likelihood, or with priors of the posterior density, as a fit."""
    design = problem.design
    point, basis = optimum.mode.point, problem.working.basis
    return FamilyPointFit(
        problem=problem,
        theta=Theta(basis.root(point.root)[None, None], _ONE),
        gamma_draws=basis.gamma(point.gamma)[None, None],
        gamma_prior=flat_prior(len(design.terms)),
        priors=priors,
        evidence=latent_maximum(problem, optimum, nodes, "ML" if priors is None else "MAP"),
        phi=point.phi,
        optimum=optimum,
    )


def _refuse_nodes(nodes: int, problem: Problem) -> None:
    if isinstance(nodes, bool) or not isinstance(nodes, int) or not 1 <= nodes <= _MOST_NODES:
        raise EstimationError(
            f"nodes must be a whole number from 1, Laplace's approximation, to {_MOST_NODES}, "
            f"not {nodes!r}"
        )
    factors, q = problem.design.specification.factors, len(problem.design.effects)
    if nodes > 1 and len(factors) > 1:
        raise EstimationError(
            "quadrature is made for one grouping factor, and the model has "
            f"{len(factors)}; leave nodes out for Laplace's approximation, or use sample()"
        )
    if nodes > 1 and q > MOST_EFFECTS:
        raise EstimationError(
            f"quadrature over {q} random effects of a group needs too many nodes; leave nodes out "
            "for Laplace's approximation, or use sample()"
        )
