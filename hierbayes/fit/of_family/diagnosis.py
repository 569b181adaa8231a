"""Whether to trust an approximate maximum."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.near_collinear import near_combinations
from hierbayes.errors import in_quotes
from hierbayes.estimation.laplace_search import Certificate
from hierbayes.families.zero_part import LOGIT_ZERO
from hierbayes.fit.diagnosis import GRADIENT_LIMIT, Diagnosis
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.of_family.evidence import MOST_EFFECTS, LatentMaximum
from hierbayes.fit.of_family.natural import FLAT
from hierbayes.frames.arrays import Floats
from hierbayes.priors.response_propriety import (
    separated_effects,
    separated_terms,
    separated_zeros,
)

FEW_ROWS = 5.0  # of a group: below, Laplace's approximation of a sparse response is poor
_NO_DISPERSION = 1e4  # of a positive dispersion, beyond which it is at its limit
_NO_ZERO = 1e-3  # expected further zeros in all rows, below which there are none
_ALL_TOLD = 1e-3  # of −log-likelihood of whole numbers: all are told for certain
_CONSTANT = "Intercept"
_FLAT_VARIANCES = (
    "the likelihood is flat along a direction of the variance parameters: the data do not tell "
    "them; use fewer random effects, or priors and sample()"
)


def diagnose_latent(
    fit: Fitted, evidence: LatentMaximum, conflicts: list[str], errors: Floats
) -> Diagnosis:
    """Diagnose a maximum of a family's likelihood or posterior density.

    ``errors`` are the standard errors of variances and, last, of the dispersion; missing where
    there is no maximum.
    """
    boundless = _boundless(fit)
    bad, good = _of_search(fit, evidence, errors, is_boundless=bool(boundless))
    findings = [*conflicts, evidence.how_of_effects, *good]
    if evidence.singular:
        criterion = "posterior density" if evidence.name == "MAP" else "likelihood"
        findings.append(
            "G is singular: some random effects have no variance beside the others, at which the "
            f"{criterion} is largest; a smaller random part says the same"
        )
    findings.extend(_of_small_groups(fit, evidence))
    findings.extend(near.text for near in near_combinations(fit.problem))
    findings.extend(boundless.values())
    verdict = f"The {evidence.name} maximum {_where(evidence, tuple(boundless))}"
    if bad:
        verdict = f"The {evidence.name} maximum is not certain:"
    value = "log posterior" if evidence.name == "MAP" else "log-likelihood"
    table = pd.DataFrame(
        {"value": [evidence.value, evidence.gradient, evidence.curvature,
                   float(evidence.singular), float(evidence.evaluations)]},
        index=[value, "gradient", "curvature", "singular", "evaluations"],
    )  # fmt: skip
    return Diagnosis(not bad, verdict, (*bad, *findings), table)


def _of_search(
    fit: Fitted, evidence: LatentMaximum, errors: Floats, *, is_boundless: bool
) -> tuple[list[str], list[str]]:
    """What slopes, curvature and separated responses say against the maximum, and for it."""
    bad: list[str] = []
    good: list[str] = []
    flat = evidence.curvature < FLAT
    doubtful = _doubtful(fit, evidence, evidence)
    separated = _separated(fit, told_terms(fit, evidence, evidence)) if doubtful else ""
    if separated:
        bad.append(separated)
    elif not flat:
        steep = evidence.gradient > GRADIENT_LIMIT and not is_boundless
        (bad if steep else good).append(
            f"largest gradient, in standard errors: {evidence.gradient:.1e}"
        )
    if flat:
        bad.append(_unbounded(fit, errors))
    return bad, good


def _of_small_groups(fit: Fitted, evidence: LatentMaximum) -> list[str]:
    """That Laplace's approximation is poor where groups have few rows, and what to compare."""
    few = min(fit.design.n / factor.J for factor in fit.design.factors)
    if evidence.nodes != 1 or few >= FEW_ROWS or evidence.singular:
        return []
    by_nodes = len(fit.design.factors) == 1 and len(fit.design.effects) <= MOST_EFFECTS
    remedy = "ml(nodes=15)" if by_nodes else "sample()"
    return [
        f"groups have {few:.1f} rows on average: Laplace's approximation makes standard "
        f"deviations of the random effects too small where rows say little; compare {remedy}"
    ]


def _where(evidence: LatentMaximum, boundless: tuple[str, ...]) -> str:
    if evidence.singular:
        return "lies on the boundary: G is singular."
    if boundless:
        return f"lies on the boundary, where {in_quotes(boundless)} is infinite."
    return "is inside the parameter space."


def told_terms(
    fit: Fitted, evidence: LatentMaximum, certificate: Certificate | LatentMaximum
) -> tuple[str, ...]:
    """Coefficients that certain responses send to infinity, though the search found an end.

    Parameters
    ----------
    fit : Fitted
    evidence : LatentMaximum
    certificate : Certificate or LatentMaximum
        What the curvature says of the maximum; the evidence itself where it is certified.
    """
    if not _doubtful(fit, evidence, certificate):
        return ()
    told = _all_told(fit, evidence)
    return fit.design.terms if told else tuple(separated_terms(fit.problem))


def _doubtful(
    fit: Fitted, evidence: LatentMaximum, certificate: Certificate | LatentMaximum
) -> bool:
    """Whether the likelihood may have no end, though it bends in all directions."""
    if evidence.name != "ML":
        return False
    may_be = certificate.gradient > GRADIENT_LIMIT or _all_told(fit, evidence)
    return may_be and not (certificate.curvature < FLAT or _boundless(fit))


def _all_told(fit: Fitted, evidence: LatentMaximum) -> bool:
    """Whether all responses, which are whole numbers, are told for certain."""
    return fit.problem.family_rows.is_whole and evidence.value > -_ALL_TOLD


def _boundless(fit: Fitted) -> dict[str, str]:
    """By dispersion parameter that goes to infinity what this says of the data."""
    found: dict[str, str] = {}
    if not fit.problem.dispersion:
        return found
    kinds = fit.problem.family_rows.family.dispersion_kinds
    values = fit.phi_draws.mean(axis=(0, 1))
    for name, kind, value in zip(fit.problem.dispersion, kinds, values, strict=True):
        if name == LOGIT_ZERO and np.exp(value) * fit.design.n < _NO_ZERO:
            found[name] = (
                f"'{name}' is estimated as {value:.3g}, next to no bound: the data show no more "
                "zeros than the family without it has; leave it out"
            )
        if kind != "positive" or value < _NO_DISPERSION:
            continue
        said = "the data show no more variance than the family without it has"
        if name == "df":
            said = (
                "the data show no heavier tails than Gaussian ones; leave out family=, which is "
                "this model"
            )
        found[name] = f"'{name}' is estimated as {value:.1g}, next to no bound: {said}"
    return found


def _unbounded(fit: Fitted, errors: Floats) -> str:
    """Which coefficients have no finite maximum, in words."""
    unknown = ~np.isfinite(np.diag(fit.gamma_cov))
    names = ", ".join(f"'{fit.design.terms[k]}'" for k in np.flatnonzero(unknown))
    if not names:
        return _without_end(fit) or _zeros_at_an_end(fit, errors) or _FLAT_VARIANCES
    return _growing(names, several=int(unknown.sum()) > 1)


def _zeros_at_an_end(fit: Fitted, errors: Floats) -> str:
    """Coefficients that send a probability of zeros to its end in some rows, in words."""
    kinds, names = fit.problem.family_rows.family.dispersion_kinds, fit.problem.dispersion
    unknown = ~np.isfinite(errors[len(errors) - len(names) :])
    lost = [n for n, kind, u in zip(names, kinds, unknown, strict=True)
            if u and kind == "coefficient"]  # fmt: skip
    if not lost:
        return ""
    return (
        f"the likelihood goes on growing, to the value shown, as {in_quotes(lost)} go to infinity: "
        "in some rows the data show no further zeros, or nothing else; these numbers mean nothing "
        "and have no standard error: leave columns out of the zeros, or state priors and use map() "
        "or sample()"
    )


def _separated(fit: Fitted, told: tuple[str, ...]) -> str:
    """That the search would go on for ever, where it would, in words."""
    names = [term for term in separated_terms(fit.problem) if term != _CONSTANT]
    names = names or [term for term in told if term != _CONSTANT]
    return _growing(in_quotes(names), several=len(names) > 1) if names else _without_end(fit)


def _without_end(fit: Fitted) -> str:
    """That zeros are told by their columns, or that groups have one response each, in words."""
    zeros = separated_zeros(fit.problem)
    if zeros:
        return _growing(in_quotes(zeros), several=len(zeros) > 1)
    effects = separated_effects(fit.problem)
    if not effects:
        return ""
    return (
        f"the likelihood does not fall as the sd of {in_quotes(effects)} goes to infinity, because "
        "within groups some responses are told for certain, as where all are successes or all "
        "failures; the numbers printed mean nothing: state a prior of it and use map() or sample()"
    )


def _growing(names: str, *, several: bool) -> str:
    what = f"the coefficients of {names} go" if several else f"the coefficient of {names} goes"
    return (
        f"separation: the likelihood goes on growing, to the value shown, as {what} to infinity, "
        "because some responses are told for certain; the number printed means nothing and has no "
        "standard error: state a prior of it and use map() or sample()"
    )
