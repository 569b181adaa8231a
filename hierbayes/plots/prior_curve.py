r"""The density of a parameter's prior: exact where the prior is stated for it, by draws elsewhere.

A correlation under LKJ(η) on k × k matrices is 2b − 1 with b ~ Beta(α, α), α = η − 1 + k/2
(Lewandowski, Kurowicka & Joe 2009).  Under a joint prior (of G, of the intraclass correlation or
of R²) the parameters it covers are drawn, and their density estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaln

from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.of_family.response import place_of_intercept
from hierbayes.frames.arrays import Floats
from hierbayes.inference.profiles.parameter import Parameter
from hierbayes.plots.density import CORRELATION, FREE, POSITIVE, Bounds, sample_of
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.families import Flat, Prior
from hierbayes.studies.comparison.implied_prior import draws_of_priors
from hierbayes.studies.comparison.prior_bulk import prior_of

if TYPE_CHECKING:
    from hierbayes.priors.draws import PriorDraws

_RANGES: dict[str, Bounds] = {"gamma": FREE, "sd": POSITIVE, "corr": CORRELATION}
DRAWS = 4000


def range_of_block(problem: Problem, block: str) -> Bounds:
    """Where parameters of a block can lie."""
    if block in _RANGES:
        return _RANGES[block]
    if problem.family is None:
        return POSITIVE
    kinds = dict(zip(problem.dispersion, problem.family.dispersion_kinds, strict=True))
    return POSITIVE if kinds[block] == "positive" else FREE


def exact_density(prior: Prior, x: Floats, size: int = 2) -> Floats:
    """Density of a prior of one parameter at x (m,), of one correlation for LKJ.

    Parameters
    ----------
    prior : Prior
        A proper one.
    x : (m,) float
    size : int
        Effects in the block of G, for LKJ.

    Examples
    --------
    >>> exact_density(LKJ(1), np.array([-0.5, 0.0, 0.9])).tolist()
    [0.5, 0.5, 0.5]
    """
    from hierbayes.priors.density import log_density

    if not isinstance(prior, LKJ):
        return np.exp(log_density(prior, x))
    shape = prior.eta - 1.0 + size / 2.0
    inside = np.abs(x) <= 1.0
    with np.errstate(divide="ignore"):
        log_kernel = (
            (shape - 1.0) * np.log1p(-(np.where(inside, x, 0.0) ** 2)) if shape != 1 else 0.0
        )
    constant = (2.0 * shape - 1.0) * np.log(2.0) + betaln(shape, shape)
    return np.where(inside, np.exp(log_kernel - constant), 0.0)


def prior_density_at(
    fit: Fitted, parameter: Parameter, x: Floats, drawn: PriorDraws | None
) -> Floats | None:
    """Density of a parameter's prior at x (m,); None under a flat prior, or without priors.

    Parameters
    ----------
    fit : Fitted
    parameter : Parameter
    x : (m,) float
    drawn : PriorDraws or None
        See `draws_of_joint`.
    """
    found = prior_of(fit, parameter.block, parameter.name)
    if found is not None:
        return None if isinstance(found[0], Flat) else exact_density(found[0], x, found[1])
    if drawn is None:
        return None
    values = _values(fit, drawn, parameter)
    bounds = range_of_block(fit.problem, parameter.block)
    return sample_of(parameter.label, values, bounds).density(x)


def draws_of_joint(fit: Fitted, seed: int) -> PriorDraws | None:
    """Draws from the priors where one of them is of several parameters; None otherwise."""
    if fit.priors is None:
        return None
    if not (fit.priors.joint or fit.priors.centring or fit.priors.distances):
        return None
    return draws_of_priors(fit, seed, DRAWS)


def _values(fit: Fitted, drawn: PriorDraws, parameter: Parameter) -> Floats:
    """Prior draws (M,) of one parameter."""
    if parameter.block in fit.problem.dispersion:
        phi = drawn.phi[:, parameter.at[0]]
        family = fit.problem.family
        ordered = family is not None and has_thresholds(family)
        return phi - drawn.gamma[:, place_of_intercept(fit)] if ordered else phi
    if parameter.block == "gamma":
        return drawn.gamma[:, parameter.at[0]]
    sd, corr = drawn.theta.sd, drawn.theta.corr
    if parameter.block == "sd":
        return sd[:, parameter.at[0]]
    first, second = parameter.at
    return corr[:, first, second]
