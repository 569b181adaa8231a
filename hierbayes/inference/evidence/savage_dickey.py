r"""Savage and Dickey's density ratio of a hypothesis on γ.

For a model in which Lγ has any value and the model within it in which Lγ = r,

    BF₀₁ = p(Lγ = r | y) / p(Lγ = r),

where the smaller model has, of everything else, the prior that the larger one has given Lγ = r.
Given θ, γ is Gaussian, so that the posterior density is an average of normal densities over the
posterior of θ: no density is estimated from draws.

References
----------
Dickey (1971), *The weighted likelihood ratio, linear hypotheses on normal location parameters*,
doi:10.1214/aoms/1177693507.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of
from hierbayes.errors import InferenceError, PriorError, in_quotes
from hierbayes.fit.convergence import mcse_of_means
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.fit.structured.each_errors import draws_by_errors
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.density_ratio import SavageDickey
from hierbayes.inference.evidence.evidence import (
    GAUSSIAN_POINTS,
    OTHER_POINTS,
    evidence,
    integrated,
    model_of,
)
from hierbayes.inference.evidence.gaussian_integrand import gaussian_integrand
from hierbayes.inference.evidence.marginal_likelihood import (
    LARGE_ERROR,
    MarginalLikelihood,
    prior_notes,
)
from hierbayes.inference.evidence.structured_integrand import structured_integrand
from hierbayes.inference.hypotheses.contrast_text import read_contrast
from hierbayes.inference.hypotheses.hypothesis import Hypothesis, read_hypothesis
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.design_normal import coefficient_scales
from hierbayes.priors.families import DesignNormal, Flat, Normal
from hierbayes.priors.foreign_prior import is_flat
from hierbayes.priors.prior_set import PriorSet

_LOG_2PI = float(np.log(2.0 * np.pi))
_FLAT = 1e-12  # of the largest precision: none
_NONE = 1e-6  # of a direction of Lγ: rounding


def savage_dickey(
    of: Any, hypothesis: Any, at: Any = 0.0, *, points: int | None = None
) -> SavageDickey:
    """The Bayes factor of a value of fixed effects against their being free.

    Parameters
    ----------
    of : PosteriorFit, Model or MarginalLikelihood
        Gaussian, the prior of γ normal.  Of a posterior its draws of θ are averaged over; of a
        model θ is integrated over as in `evidence`; with a residual structure its parameters too.
    hypothesis : str, mapping or array
        A term or a contrast as text, ``"ses"`` or ``"ses - meanses"``; or what `wald` takes, of
        which all rows hold together.
    at : float or sequence of float
        The value, one for each row.
    points : int, optional
        Of importance sampling, where a model has more than a few coordinates; see `evidence`.

    Raises
    ------
    InferenceError
        When it is no posterior or model, or γ is not integrated out.
    PriorError
        When the prior of what the hypothesis is of is flat.
    HypothesisError
        When the hypothesis cannot be read.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> priors = dict(gamma=hb.Normal(0, 15), sd=hb.HalfNormal(5), sigma=hb.HalfNormal(10))
    >>> model = hb.Model("mathach ~ ses + Minority + (1 | school)", data=hs, priors=priors)
    >>> found = hb.savage_dickey(model, "ses + Minority[T.Yes]")
    >>> round(found.log_bf, 1)
    3.2
    """
    problem, priors = _collapsed(of)
    read = _read(hypothesis, problem)
    value = _value(at, read)
    log_prior = _log_prior(read, value, problem, priors)
    density = _Conditional(read.L, value, problem, priors)
    if isinstance(of, PosteriorFit):
        log_posterior, error, source = _over_draws(density, of)
    else:
        log_posterior, error, source = _over_points(density, of, points)
    said = ", ".join(f"{label} = {v:g}" for label, v in zip(read.labels, value, strict=True))
    return SavageDickey(
        hypothesis=said,
        log_bf=log_posterior - log_prior,
        error=error,
        log_posterior=log_posterior,
        log_prior=log_prior,
        about=subject_of(problem.design).lines(("Over", source)),
        notes=_notes(priors, error),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Conditional:
    """The density of Lγ at a value (m,) given θ and the data."""

    L: Floats
    value: Floats
    problem: Problem
    priors: PriorSet

    def log_at(self, theta: Theta, z: Floats | None = None) -> Floats:
        """Its log (M,) at M θ; with a residual structure whose coordinates are z (k,)."""
        plain, moments = self.problem.products, self.problem.moments
        products = plain if moments is None or z is None else moments.at(z).products
        reduction, prior = likelihood_of(products).reduce(theta), self.priors.normal_gamma(plain)
        means = reduction.gamma_means(prior, NORMAL) @ self.L.T
        covs = np.einsum("ip,mpr,kr->mik", self.L, reduction.gamma_covs(prior, NORMAL), self.L)
        return _log_normal(self.value - means, covs)


def _over_draws(density: _Conditional, fit: PosteriorFit) -> tuple[float, float, str]:
    """Log of the mean over draws of θ, its Monte Carlo error, and what it is over."""
    theta = fit.theta.flat
    if isinstance(fit, StructuredPosteriorFit):
        logs = np.empty(len(theta.sigma))
        for z, at in draws_by_errors(fit.z):
            logs[at] = density.log_at(theta.at(at), z)
    else:
        logs = density.log_at(theta)
    log_mean = float(logsumexp(logs) - np.log(len(logs)))
    relative = np.exp(logs - log_mean).reshape(*fit.theta.sigma.shape, 1)
    return log_mean, float(mcse_of_means(relative)[0]), fit.draws_text


def _over_points(density: _Conditional, of: Any, points: int | None) -> tuple[float, float, str]:
    """The same by an integral of its own, which knows the tails of the posterior of θ too."""
    whole = of if isinstance(of, MarginalLikelihood) else evidence(of, points=points)
    problem, priors = density.problem, density.priors
    structured = problem.moments is not None
    if structured:
        integrand = structured_integrand(problem, priors, density.log_at)
    else:
        integrand = gaussian_integrand(problem, priors, lambda some: density.log_at(some.theta))
    default = OTHER_POINTS if structured else GAUSSIAN_POINTS
    n, few = default if points is None else points, points is None and not structured
    found, name = integrated(integrand, "auto", n, 1, lattice=few)
    error = float(np.hypot(found.log_error, whole.error))
    joint = found.log_value - problem.half_log_det
    return joint - whole.log_evidence, error, f"θ, {name}"


def _collapsed(of: Any) -> tuple[Problem, PriorSet]:
    """Problem and priors of a Gaussian model whose γ is integrated out."""
    problem, priors = model_of(of, "savage_dickey", structured=True)
    if problem.family is not None:
        raise InferenceError(
            f"given θ, γ of a response of {problem.family} is not Gaussian, and this ratio is made "
            "for Gaussian ones; hb.bayes_factor() compares the models with and without the term"
        )
    if not priors.collapses_gamma:
        other = [name for name, prior, _ in priors.gamma if not isinstance(prior, Normal | Flat)]
        what = f"the prior of {in_quotes(other)} is not normal" if other else "it has one of R²"
        raise InferenceError(
            f"γ is not integrated out here: {what}; state normal priors of gamma, or compare the "
            "models with and without the term by hb.bayes_factor()"
        )
    return problem, priors


def _read(stated: Any, problem: Problem) -> Hypothesis:
    """A term or a contrast as text, or any other spelling of a hypothesis."""
    terms = problem.design.terms
    if isinstance(stated, str):
        stated = {stated: read_contrast(stated, terms)}
    sizes = coefficient_scales(problem.products, range(len(terms)))[1]
    return read_hypothesis(stated, terms, sizes)


def _value(at: Any, read: Hypothesis) -> Floats:
    """What each row is (m,)."""
    try:
        value = np.asarray(at, dtype=np.float64)
        value = np.broadcast_to(value, len(read.L)).copy()
    except (TypeError, ValueError) as error:
        raise InferenceError(
            f"at must be a number, or one for each of the {len(read.L)} rows, not {at!r}"
        ) from error
    if not np.isfinite(value).all():
        raise InferenceError(f"at must be finite, not {at!r}")
    return value


def _log_prior(read: Hypothesis, value: Floats, problem: Problem, priors: PriorSet) -> float:
    """Log prior density of Lγ at a value.

    Raises
    ------
    PriorError
        When the prior of Lγ is flat in any direction.
    """
    basis = problem.products.basis
    prior = priors.normal_gamma(problem.products)
    size, vectors = np.linalg.eigh(prior.precision)
    proper = size > _FLAT * max(float(size[-1]), 1e-300)
    rows = basis.scale * read.L @ basis.x.matrix @ vectors
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    if (np.abs(unit[:, ~proper]) > _NONE).any():
        flat = [name for name, one, _ in priors.gamma if is_flat(one)]
        raise PriorError(
            f"the prior of {in_quotes(read.labels)} is flat, for that of {in_quotes(flat)} is: it "
            "has no density to compare with; state a normal prior"
        )
    mean = read.L @ basis.gamma(prior.mean)
    cov = (rows[:, proper] / size[proper]) @ rows[:, proper].T
    return float(_log_normal((value - mean)[None], cov[None])[0])


def _log_normal(away: Floats, covs: Floats) -> Floats:
    """Log density (M,) of N(0, cov) at (M, m), cov (M, m, m)."""
    roots = np.linalg.cholesky(covs)
    z = np.linalg.solve(roots, away[..., None])[..., 0]
    log_det = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    return np.asarray(-0.5 * (z**2).sum(axis=1) - log_det - 0.5 * away.shape[1] * _LOG_2PI)


def _notes(priors: PriorSet, error: float) -> tuple[str, ...]:
    said = [
        "Above 0 the data speak for the hypothesis, below 0 against it. The wider the prior of "
        "what it is of, the more they seem to speak for it: k times as wide adds about log k for "
        "each row where the data tell it well."
    ]
    if any(isinstance(prior, DesignNormal) for _, prior, _ in priors.gamma):
        said.append(
            "Fixed effects have one prior together, correlated as their columns are: the smaller "
            "model has the prior of the others given the hypothesis, which is not the default "
            "prior of a model without the term."
        )
    if error > LARGE_ERROR:
        said.append(
            "The value lies far out, and few draws of θ tell its density; give the model instead "
            "of the posterior, whose θ is then integrated over."
        )
    return (*said, *prior_notes(priors)[1:])
