"""Whether priors are a reason for a difference between two fits."""

from __future__ import annotations

import numpy as np

from hierbayes.studies.comparison.fit_pair import FitPair, Side
from hierbayes.studies.comparison.implied_prior import ImpliedPrior, implied_prior
from hierbayes.studies.comparison.prior_bulk import bulk, prior_of

_BOUNDARY = 1.0 - 1e-6
WEIGHTY = 4.0  # standard errors; a prior as wide as that has a weight of 1/17


def prior_reason(pair: FitPair, block: str, parameter: str) -> str | None:
    """That priors make a difference, in words; None where none stands out.

    Of two fits with priors: that these differ, for this parameter or for one that moves it. Of
    one: that the bulk of its prior excludes the estimate of the other, or that the prior is
    narrower than `WEIGHTY` standard errors and the estimate lies towards its centre.
    """
    if pair.first.fit.priors is not None and pair.second.fit.priors is not None:
        return _priors_differ(pair, block, parameter)
    without, with_priors = pair.first, pair.second
    if without.fit.priors is not None:
        without, with_priors = with_priors, without
    return _prior_weighs(without, with_priors, block, parameter)


def _priors_differ(pair: FitPair, block: str, parameter: str) -> str | None:
    """That two fits have different priors of a parameter, or of another that moves it."""
    a, b = pair.first, pair.second
    own = _unequal_priors(pair, block, parameter)
    if own is not None:
        return f"the priors of {block} differ: {own}"
    joint = _unequal_joint_priors(a, b)
    if joint is not None:
        return f"the priors of several parameters at once differ: {joint}"
    for other_block, other in dict.fromkeys(a.estimates.index):
        text = _unequal_priors(pair, other_block, other)
        if text is not None and (other_block, other) in b.estimates.index:
            what = other_block if other_block == other else f"{other_block} of '{other}'"
            return f"it moves with other parameters; the priors of {what} differ: {text}"
    return None


def _unequal_joint_priors(a: Side, b: Side) -> str | None:
    """Joint priors (of G, the ICC or R²) of two fits, where they are not the same."""
    said = []
    for side in (a, b):
        joint = side.fit.priors.joint if side.fit.priors is not None else ()
        said.append(", ".join(f"{block} ~ {prior}" for block, prior, _ in joint) or "none")
    if said[0] == said[1]:
        return None
    return f"{said[0]} in '{a.name}', {said[1]} in '{b.name}'"


def _unequal_priors(pair: FitPair, block: str, parameter: str) -> str | None:
    ours, theirs = (_said(side, block, parameter) for side in (pair.first, pair.second))
    if not ours or not theirs or ours == theirs:
        return None
    return f"{ours} in '{pair.first.name}', {theirs} in '{pair.second.name}'"


def _said(side: Side, block: str, parameter: str) -> str:
    """A parameter's prior in words, its own or implied by those of centred columns."""
    found = prior_of(side.fit, block, parameter, side.labels.effects)
    if found is not None:
        return str(found[0])
    implied = _of_centred(side, block, parameter)
    return "" if implied is None else str(implied)


def _of_centred(side: Side, block: str, parameter: str) -> ImpliedPrior | None:
    """What priors of centred columns imply of a parameter of the columns as written."""
    priors = side.fit.priors
    if priors is None or priors.joint or not priors.centring:
        return None
    return implied_prior(side.fit, block, parameter, side.labels.effects)


def _prior_weighs(point: Side, other: Side, block: str, parameter: str) -> str | None:
    """That a prior excludes the estimate of a likelihood, or is narrow enough to move it."""
    own = prior_of(other.fit, block, parameter, other.labels.effects)
    prior = _of_centred(other, block, parameter) if own is None else own[0]
    middle = None if prior is None else bulk(prior, 2 if own is None else own[1])
    if prior is None or middle is None:
        return None
    at, to = point.value(block, parameter), other.value(block, parameter)
    if block == "corr" and abs(at) > _BOUNDARY:
        return None  # every continuous prior excludes the boundary
    if not middle.lower <= at <= middle.upper:
        return (
            f"95% of the prior {prior} lies between {middle.lower:.4g} and "
            f"{middle.upper:.4g}, which excludes {at:.4g}, the estimate of '{point.name}'"
        )
    se = point.value(block, parameter, "se")
    if np.isnan(se):
        se = other.value(block, parameter, "se")
    if middle.sd < WEIGHTY * se and min(at, middle.center) <= to <= max(at, middle.center):
        return (
            f"the prior {prior} is only {middle.sd / se:.2g} times as wide as the standard "
            f"error, and draws the estimate from {at:.4g} towards {middle.center:.4g}"
        )
    return None
