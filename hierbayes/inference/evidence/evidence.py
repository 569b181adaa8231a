"""The marginal likelihood of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import InferenceError
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.evidence import how_integrated
from hierbayes.inference.evidence.family_integrand import family_integrand
from hierbayes.inference.evidence.gaussian_integrand import gaussian_integrand
from hierbayes.inference.evidence.integral import Integral, Integrand
from hierbayes.inference.evidence.lattice import integrate_on_lattice
from hierbayes.inference.evidence.marginal_likelihood import (
    IMPORTANCE,
    LARGE_ERROR,
    QUADRATURE,
    MarginalLikelihood,
)
from hierbayes.inference.evidence.proper_priors import refuse_improper_priors
from hierbayes.inference.evidence.proposals import integrate_by_proposals
from hierbayes.inference.evidence.structured_integrand import structured_integrand
from hierbayes.inference.evidence.wider_priors import wider_priors
from hierbayes.priors.prior_set import PriorSet
from hierbayes.specification.counts import refuse_bad_count, refuse_bad_seed

FEW = 3  # coordinates up to which quadrature is cheap
METHODS = ("auto", "quadrature", "importance")
GAUSSIAN_POINTS, OTHER_POINTS = 1024, 128  # points of each replication
_NODES = {1: 15, 2: 9, 3: 5}  # of adaptive quadrature, by random effects of the only factor


def evidence(
    of: Any,
    *,
    method: str = "auto",
    points: int | None = None,
    nodes: int | None = None,
    seed: int = 0,
) -> MarginalLikelihood:
    r"""The log marginal likelihood log p(y) of a model, with its error.

    Of a Gaussian model γ and u are integrated out exactly, and what is left is an integral over
    σ, standard deviations and correlations,

    .. math:: p(y) = \int p(y \mid \theta) \, p(\theta) \, d\theta,

    by the trapezoid rule on a lattice with up to three of these, and by importance sampling with
    proposals that learn with more, or with a residual structure, whose parameters are integrated
    over too.  γ is integrated out with θ where its prior is neither normal nor flat.  Of a family
    that is not Gaussian u is integrated out by adaptive quadrature, or by Laplace's approximation,
    and γ, θ and the dispersion by importance sampling.  No Markov chain is needed: of a fit only
    its model and priors are read.

    Parameters
    ----------
    of : Model or Fit
        With proper priors.
    method : str
        ``"quadrature"``, ``"importance"``, or ``"auto"``: quadrature of up to three coordinates
        of a Gaussian model, importance sampling otherwise.
    points : int, optional
        Of each of eight replications of importance sampling; rounded up to a power of 2.  By
        default 1024, and 128 of a family that is not Gaussian or with a residual structure.
    nodes : int, optional
        Of a family: quadrature for each random effect; 1 is Laplace's approximation.
    seed : int
        Of importance sampling.

    Returns
    -------
    MarginalLikelihood

    Raises
    ------
    InferenceError
        When it is no model or fit, a fit without priors, or the method does not exist.
    EstimationError
        When points, nodes or seed are not whole numbers in their range.
    PriorError
        When a prior is improper: then there is no evidence.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> priors = dict(gamma=hb.Normal(0, 15), sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))
    >>> found = hb.evidence(hb.Model("mathach ~ ses + (1 | school)", data=hs, priors=priors))
    >>> round(found.log_evidence, 2), found.method
    (-6442.74, 'quadrature')
    """
    problem, priors = model_of(of, "evidence", structured=True)
    _refuse_arguments(method, points, nodes, seed, problem)
    return evidence_under(problem, priors, method=method, points=points, nodes=nodes, seed=seed)


def evidence_under(
    problem: Problem,
    priors: PriorSet,
    *,
    method: str = "auto",
    points: int | None = None,
    nodes: int | None = None,
    seed: int = 0,
) -> MarginalLikelihood:
    """`evidence` of a problem under any priors of it."""
    refuse_improper_priors(priors)
    problem = problem.unweighted.holding_sigma
    structured = problem.moments is not None
    if structured:
        integrand, how = structured_integrand(problem, priors), ""
    elif problem.family is None:
        integrand, how = gaussian_integrand(problem, priors), ""
    else:
        used = _nodes_of(problem) if nodes is None else nodes
        integrand = family_integrand(problem, priors, used)
        how = f", u by {how_integrated(used)}" if problem.design.effects else ""
    cheap = problem.family is None and not structured
    few = cheap and points is None
    default = GAUSSIAN_POINTS if cheap else OTHER_POINTS
    found, name = integrated(integrand, method, default if points is None else points, seed, few)
    at = integrand.points(found.x)
    return MarginalLikelihood(
        log_evidence=found.log_value - problem.half_log_det,
        error=found.log_error,
        method=f"{name}{how}",
        k_hat=found.k_hat,
        wider=wider_priors(problem, priors, at, found.log_weights),
        problem=problem,
        priors=priors,
        points=at,
        log_weights=found.log_weights,
    )


def model_of(of: Any, caller: str, *, structured: bool = False) -> tuple[Problem, PriorSet]:
    """Problem and priors of a model, of a fit, or of a marginal likelihood.

    With ``structured`` errors may have a residual structure.

    Raises
    ------
    InferenceError
        When it is none of them, or a fit without priors.
    ResidualError
        When the errors have a structure that is not made for.
    """
    problem, priors = getattr(of, "problem", None), getattr(of, "priors", None)
    if not isinstance(problem, Problem):
        raise InferenceError(
            f"{caller}() takes a model or a fit with priors, and this is of type "
            f"{type(of).__name__}"
        )
    if not structured:
        problem.refuse_residual_structure(f"{caller}()")
    problem.refuse_fitted_variances(f"{caller}()")
    if not isinstance(priors, PriorSet):
        engine = of.engine if isinstance(of, Fit) else type(of).__name__
        raise InferenceError(
            f"a fit by {engine} has no priors, and without priors there is no evidence: give the "
            "model itself, or what model.sample() returns"
        )
    return problem.unweighted.holding_sigma, priors


def _refuse_arguments(
    method: object, points: int | None, nodes: int | None, seed: int, problem: Problem
) -> None:
    if method not in METHODS:
        raise InferenceError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    refuse_bad_seed(seed)
    for name, least, count in (("points", 16, points), ("nodes", 1, nodes)):
        if count is not None:
            refuse_bad_count(name, count, least)
    if nodes is not None and problem.family is None:
        raise InferenceError("nodes are of a family; of a Gaussian model u is integrated exactly")


def _nodes_of(problem: Problem) -> int:
    """Of quadrature where there is one factor of few effects; 1 otherwise."""
    design = problem.design
    return 1 if len(design.factors) > 1 else _NODES.get(len(design.effects), 1)


def integrated(
    integrand: Integrand, method: str, points: int, seed: int, lattice: bool
) -> tuple[Integral, str]:
    """The integral, and what its method is called.

    Parameters
    ----------
    integrand : Integrand
    method : str
    points : int
        Of each replication of importance sampling.
    seed : int
    lattice : bool
        Whether ``"auto"`` may be quadrature.

    Raises
    ------
    InferenceError
        When the density is nowhere above 0.
    """
    if method == "quadrature" or (method == "auto" and lattice and integrand.d <= FEW):
        found = integrate_on_lattice(integrand)
        if method == "quadrature" or found.log_error < LARGE_ERROR:
            return found, QUADRATURE
    n = 1 << int(np.ceil(np.log2(points)))
    found = integrate_by_proposals(integrand, n=n, learn=max(16, n // 4), seed=seed)
    if not np.isfinite(found.log_value):
        raise InferenceError(
            "the density of the responses is nowhere above 0 about its mode; look at model.priors: "
            "a prior may exclude what the data show"
        )
    return found, IMPORTANCE
