"""Why two fits differ: rules on what is known about a pair, each of which answers in words.

A rule that applies says so; several may, and none claims to be the only cause.

============== =====================================================================
``model``       the fits are of different models
``sampler``     the chains of a posterior disagree
``boundary``    a point estimate of G is singular in the block of this parameter, the
                other fit is inside
``reading``     ML against REML or a posterior, and ML's is the smaller sd, σ or icc (a
                correlation moves with them): ML does not count the degrees of freedom of γ
``few groups``  the posterior of an sd (or icc) has a long right tail, (mean − median) above
                `SKEW` posterior sds, and there are at most `FEW` groups
``skew``        the posterior is as skewed as that towards the side of its mean, and its
                median takes away at least `BACK` of the difference from a point: mean
                against maximum is a matter of summary
``prior``       two fits with priors: these differ; a fit with priors against REML or ML:
                the bulk of the prior excludes the estimate, or the prior's sd is below
                `prior_reasons.WEIGHTY` standard errors and the fit with it lies towards its centre
``derived``     the icc is made of G and σ
``averaging``   a posterior averages over θ, the point takes θ̂
``weights``     γ or β of two fits of one kind follows their G and σ
``jointly``     a mode under priors against a maximum of the likelihood
============== =====================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.studies.comparison.fit_pair import FitPair, Side
from hierbayes.studies.comparison.prior_reasons import prior_reason

FEW = 20
SKEW = 0.1
BACK = 0.1

_FALLBACKS = ("derived", "averaging", "weights", "jointly")


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that applies, and what it says.

    Parameters
    ----------
    rule, text : str
    """

    rule: str
    text: str

    def __str__(self) -> str:
        return f"({self.rule}) {self.text}"


def reasons(pair: FitPair, block: str, parameter: str) -> tuple[Reason, ...]:
    """All reasons for a difference in one parameter; the last four rules only without others.

    Parameters
    ----------
    pair : FitPair
    block : str
        ``gamma``, ``sd``, ``corr``, ``sigma``, ``icc``, or ``beta`` for the coefficients of
        groups, whose parameter is the effect.
    parameter : str
    """
    found: list[Reason] = []
    for rule, answer in _RULES.items():
        if rule in _FALLBACKS and found:
            break
        text = answer(pair, block, parameter)
        if text is not None:
            found.append(Reason(rule, text))
    if not found:
        found.append(
            Reason("unexplained", "no rule explains this; look at diagnose() of both fits")
        )
    return tuple(found)


def _model(pair: FitPair, _block: str, _parameter: str) -> str | None:
    return pair.models


def _sampler(pair: FitPair, _block: str, _parameter: str) -> str | None:
    for side in (pair.first, pair.second):
        if not side.converged:
            return f"diagnose() rejects the draws of '{side.name}': {side.fit.objection}"
    return None


def _boundary(pair: FitPair, block: str, parameter: str) -> str | None:
    if block not in ("sd", "corr", "icc", "beta"):
        return None
    for side, other in ((pair.first, pair.second), (pair.second, pair.first)):
        effects = _effects_of(side, block, parameter)
        if effects & side.boundary and not effects & other.boundary:
            inside = (
                "averages over the inside and cannot lie on the boundary"
                if other.fit.sampled
                else "is inside"
            )
            return (
                f"the estimate of '{side.name}' lies on the boundary, {_state(side)}; "
                f"'{other.name}' {inside}"
            )
    return None


def _effects_of(side: Side, block: str, parameter: str) -> frozenset[str]:
    """Effects that a parameter of G belongs to."""
    effects = side.labels.effects
    if block == "icc":
        return frozenset(effects)
    if block != "corr":
        return frozenset({parameter} & set(effects))
    return frozenset(name for a in effects for b in effects if f"{a}, {b}" == parameter
                     for name in (a, b))  # fmt: skip


def _state(side: Side) -> str:
    """What is degenerate about a singular G, in words."""
    table = side.estimates["estimate"]
    sds = table.loc[["sd"]].droplevel("block")
    size = np.asarray(side.fit.problem.working.basis.z.spread) * sds
    zero = set(sds.index[size <= 1e-6 * side.fit.problem.working.basis.scale])
    parts = [f"sd({name}) = 0" for name in sds.index if name in zero]
    if "corr" in table.index.get_level_values("block"):
        corr = table.loc[["corr"]].droplevel("block")
        ends = corr[corr.abs() > 1 - 1e-6]
        parts += [
            f"corr({name}) = {value:+.0f}"
            for name, value in ends.items()
            if not zero & _effects_of(side, "corr", name)
        ]
    return " and ".join(parts) or "a combination of effects has no variance"


def _reading(pair: FitPair, block: str, parameter: str) -> str | None:
    ml = pair.engine("ML")
    if ml is None or block not in ("sd", "corr", "sigma", "icc"):
        return None
    other = pair.second if ml is pair.first else pair.first
    smaller = ml.value(block, parameter) < other.value(block, parameter)
    if other.fit.engine == "MAP" or not (smaller or block == "corr"):
        return None
    p = len(ml.fit.design.terms)
    integrates = "a posterior, like REML," if other.fit.engine == "posterior" else "REML"
    return (
        f"ML takes γ as if it were known and does not count the degrees of freedom of its {p} "
        f"terms, so its sds are smaller; {integrates} integrates γ out"
    )


def _approximation(pair: FitPair, block: str, _parameter: str) -> str | None:
    """Laplace's approximation beside what has none."""
    ways = {
        side.name: side.fit.evidence.how if isinstance(side.fit, FamilyPointFit) else ""
        for side in (pair.first, pair.second)
    }
    if block not in ("sd", "corr", "icc") or len(set(ways.values())) == 1:
        return None
    name = (
        next(name for name, how in ways.items() if how.startswith("Laplace"))
        if any(how.startswith("Laplace") for how in ways.values())
        else None
    )
    if name is None:
        return None
    return (
        f"'{name}' integrates u out by Laplace's approximation, which makes sds of the random "
        "effects too small where rows say little; ml(nodes=15) shows by how much"
    )


def _few_groups(pair: FitPair, block: str, parameter: str) -> str | None:
    if pair.posterior is None or block not in ("sd", "icc"):
        return None
    J = pair.posterior.J(block, parameter)
    if J > FEW or _skew(pair.posterior, block, parameter) <= SKEW:
        return None
    return (
        f"{J} groups say little about a variance between groups: its posterior has a long right "
        "tail, which a mean counts and a maximum does not"
    )


def _skewed(pair: FitPair, block: str, parameter: str) -> str | None:
    point, posterior = pair.point, pair.posterior
    if point is None or posterior is None or block == "beta":
        return None
    skew = _skew(posterior, block, parameter)
    mean = posterior.value(block, parameter)
    median = posterior.value(block, parameter, "median")
    at = point.value(block, parameter)
    back = 1.0 - abs(median - at) / abs(mean - at)
    if abs(skew) <= SKEW or back < BACK:
        return None
    return (
        f"the posterior is skewed (mean {mean:.4g}, median {median:.4g}): {100 * back:.0f}% of "
        "the difference is gone when the median stands for it, a matter of summary and not of "
        "evidence"
    )


def _skew(side: Side, block: str, parameter: str) -> float:
    """(mean − median)/sd of a posterior."""
    mean, median, sd = (
        side.value(block, parameter, column) for column in ("estimate", "median", "se")
    )
    return (mean - median) / sd if sd > 0.0 else 0.0


def _averaging(pair: FitPair, block: str, _parameter: str) -> str | None:
    point, posterior = pair.point, pair.posterior
    if point is None or posterior is None:
        return None
    if block in ("gamma", "beta"):
        return (
            f"its estimate depends on θ: '{point.name}' has the one at θ̂, '{posterior.name}' the "
            "average over all θ that the data allow"
        )
    return (
        f"'{point.name}' takes the θ of highest density, '{posterior.name}' averages over all θ "
        "that the data allow, and these do not lie evenly about it"
    )


def _weights(pair: FitPair, block: str, _parameter: str) -> str | None:
    if pair.point is not None or block not in ("gamma", "beta"):
        return None
    return "it follows G and σ, by which groups are weighted and shrunk, and these differ"


def _jointly(pair: FitPair, _block: str, _parameter: str) -> str | None:
    a, b = pair.first.fit, pair.second.fit
    if a.sampled or b.sampled or (a.priors is None) == (b.priors is None):
        return None
    return (
        "no prior stands out, but one maximises the likelihood and the other its product with the "
        "priors, and the parameters of G move together"
    )


def _derived(_pair: FitPair, block: str, _parameter: str) -> str | None:
    return "it is made of G and sigma; see there" if block == "icc" else None


_RULES: dict[str, Callable[[FitPair, str, str], str | None]] = {
    "model": _model,
    "sampler": _sampler,
    "boundary": _boundary,
    "reading": _reading,
    "approximation": _approximation,
    "few groups": _few_groups,
    "skew": _skewed,
    "prior": prior_reason,
    "derived": _derived,
    "averaging": _averaging,
    "weights": _weights,
    "jointly": _jointly,
}
