"""Where a prior has its bulk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import block_slices
from hierbayes.fit.fitted import Fitted
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.families import Exponential, HalfCauchy, HalfNormal, HalfT, Prior
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.quantile import quantile
from hierbayes.studies.comparison.implied_prior import ImpliedPrior

INSIDE = 0.95
_NORMAL_WIDTH = 3.919927969  # of the central 95% of a normal distribution, in its sds


@dataclass(frozen=True, slots=True)
class Bulk:
    """The middle of a prior.

    Parameters
    ----------
    lower, upper : float
        Limits of the 95% of it that matter: from 0 on for priors that fall from there
        (half-normal, half-t, half-Cauchy, exponential, what follows for an sd), equal tails
        otherwise.
    center : float
        The median.
    """

    lower: float
    upper: float
    center: float

    @property
    def sd(self) -> float:
        """The sd of a normal distribution as wide as this (twice as wide from 0 on)."""
        return (self.upper - self.lower) / _NORMAL_WIDTH


def bulk(prior: Prior | ImpliedPrior, size: int = 2) -> Bulk | None:
    """The bulk of a prior; None where it has none (flat) or it is not known (PyMC's own).

    Parameters
    ----------
    prior : Prior or ImpliedPrior
    size : int
        Effects in the block of G, for LKJ.
    """
    tail = (1.0 - INSIDE) / 2.0
    falls = isinstance(prior, HalfNormal | HalfT | HalfCauchy | Exponential) or (
        isinstance(prior, ImpliedPrior) and prior.block == "sd"
    )

    def at(p: float) -> float:
        return prior.quantile(p) if isinstance(prior, ImpliedPrior) else quantile(prior, p, size)

    lower, center, upper = (at(p) for p in (0.0 if falls else tail, 0.5, 1 - tail))
    if falls:
        upper = at(INSIDE)
    return Bulk(lower, upper, center) if np.isfinite([lower, center, upper]).all() else None


def prior_of(
    fit: Fitted,
    block: str,
    parameter: str,
    effects: tuple[str, ...] | None = None,
    *,
    of_centred: bool = False,
) -> tuple[Prior, int] | None:
    """The prior of one parameter and the size of its block of G.

    ``effects`` are what the random effects are called, where not as the design calls them;
    ``of_centred`` says that the parameter is one of the centred columns, where these have priors.
    None without priors, and where none is of this parameter by itself: under a joint prior,
    and for what centred columns say of the columns as written.
    """
    if fit.priors is None:
        return None
    if block == "residual":
        return _prior_of_errors(fit, fit.priors, parameter)
    if block not in ("gamma", "sd", "corr"):
        own = {name: prior for name, prior, _ in fit.priors.dispersion}
        return (own[block], 1) if block in own and not fit.priors.distances else None
    called = fit.design.effect_labels if effects is None else effects
    if block == "corr":
        if not of_centred and any(_is_mixed(fit.priors, k) for k in range(len(fit.priors.sd))):
            return None
        return _prior_of_correlation(fit, fit.priors, parameter, called)
    if block == "gamma":  # a joint prior leaves some terms without their own
        own = {name: prior for name, prior, _ in fit.priors.gamma}
        return (own[parameter], 1) if parameter in own else None
    if parameter not in called or not fit.priors.sd:
        return None
    k = called.index(parameter)
    prior = fit.priors.sd[k][1]
    mixed = not of_centred and _is_mixed(fit.priors, k)
    return None if mixed or prior.is_elsewhere else (prior, 1)


def _prior_of_errors(fit: Fitted, priors: PriorSet, parameter: str) -> tuple[Prior, int] | None:
    """That of a parameter of the errors; of those with one prior together where it is LKJ.

    None where the errors of this fit have no such parameter, as with another structure or none.
    """
    own = {name: prior for name, prior, _ in priors.residual}
    if parameter in own:
        return own[parameter], 1
    moments = fit.problem.moments
    parameters = () if moments is None else moments.rows.parameters
    together = {one.name: one.together for one in parameters}.get(parameter)
    if together is None:
        return None
    pairs = sum(one.together == together for one in parameters)
    prior, size = own[together], round((1.0 + (1.0 + 8.0 * pairs) ** 0.5) / 2.0)
    return (prior, size) if isinstance(prior, LKJ) else None


def _is_mixed(priors: PriorSet, k: int) -> bool:
    """Whether an effect of the columns as written is a mixture of centred ones."""
    return bool(priors.centring) and sum(entry != 0.0 for entry in priors.centring[k]) > 1


def _prior_of_correlation(
    fit: Fitted, priors: PriorSet, parameter: str, called: tuple[str, ...]
) -> tuple[Prior, int] | None:
    """Blocks with more than one effect have a prior each, in their order; none beside one of G."""
    if not priors.corr:
        return None
    blocks = [called[at] for at in block_slices(fit.design.blocks)]
    correlated = [effects for effects in blocks if len(effects) > 1]
    for effects, (_, prior, _) in zip(correlated, priors.corr, strict=True):
        if parameter in {f"{a}, {b}" for a in effects for b in effects if a != b}:
            return None if prior.is_elsewhere else (prior, len(effects))
    return None
