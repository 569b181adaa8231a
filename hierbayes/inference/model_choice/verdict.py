"""What a likelihood ratio tests, and which of its p-values to use, in words."""

from __future__ import annotations

from hierbayes.errors import in_quotes
from hierbayes.inference.model_choice.chi_bar import mixture_text
from hierbayes.inference.model_choice.nested_errors import at_a_limit, errors_gained
from hierbayes.inference.model_choice.nesting import Nesting

FEW_GROUPS = 50


def what_is_tested(nesting: Nesting) -> str:
    """What the larger model has more."""
    fixed, effects = nesting.fixed_gained, nesting.effects_gained
    errors = errors_gained(nesting.small.problem, nesting.big.problem)
    family = nesting.family.parameters
    covariances = nesting.df - fixed - effects - errors - family
    parts = [_count(fixed, "fixed effect")] if fixed else []
    if effects:
        ours, theirs = nesting.big.design, nesting.small.design.effect_names
        both = zip(ours.effect_names, ours.effect_labels, strict=True)
        new = [f"'{label}'" for name, label in both if name not in theirs]
        named = f" ({', '.join(new)})" if len(new) == effects else ""
        parts.append(f"{_count(effects, 'variance')} of random effects{named}")
    if covariances > 0:
        parts.append(_count(covariances, "covariance"))
    if errors:
        parts.append(_count(errors, "parameter") + " of the errors")
    if family:
        parts.append(_count(family, "parameter") + f" of {nesting.big.problem.family_rows.family}")
    gained = nesting.factors_gained
    within = f"; in the smaller model nothing varies by {in_quotes(gained)}" if gained else ""
    return f"tested: {', '.join(parts)} that the larger model has more{within}"


def advice(nesting: Nesting, mixture: dict[int, float] | None, simulations: int) -> str:
    """Which p-value to use, and why."""
    if simulations:
        return (
            "use the simulated p-value: it refers the statistic to its distribution under the "
            "smaller model's own estimates, boundary and number of groups included, and is off by "
            "its Monte Carlo error only"
        )
    if nesting.small.maximum.singular and nesting.effects_gained:
        return (
            "the smaller model is singular itself, so that neither χ² nor a mixture is its "
            "reference: use simulations=1000"
        )
    if name := at_a_limit(nesting.small.problem, nesting.big.problem):
        return (
            f"under the smaller model the correlation of {name} is 0, the limit of its φ: the "
            "p-value of χ² is too large, of this one parameter alone twice"
        )
    if nesting.family.ends and mixture:
        return (
            f"use the mixture {mixture_text(mixture)}: under the smaller model "
            f"{nesting.family.ends[0]}, the end of its range, and its estimate stays there about "
            "half of the time; χ² alone gives a p-value that is too large"
        )
    if mixture and nesting.effects_gained > 1:
        return (
            f"use the mixture {mixture_text(mixture)}: under the smaller model "
            f"{nesting.effects_gained} variances are zero, on the boundary, and its weights are "
            "the chances that so many parameters are estimated inside, from the information on "
            "them there; χ² alone gives a p-value that is too large"
        )
    if mixture:
        return (
            f"use the mixture {mixture_text(mixture)}: under the smaller model a variance is zero, "
            "on the boundary, and its estimate stays there about half of the time; χ² alone gives "
            "a p-value that is too large"
        )
    if nesting.effects_gained > 1:
        return (
            f"{nesting.effects_gained} variances are tested at once, whose mixture has no simple "
            "weights: the p-value of χ² is too large; "
            "use simulations=1000, or add one effect at a time"
        )
    if nesting.effects_gained:
        return "the p-value of χ² is too large, for a variance is tested on the boundary"
    return "use the p-value of χ²" + _caution(nesting)


def _caution(nesting: Nesting) -> str:
    fewest = min(factor.J for factor in nesting.big.design.factors)
    if nesting.fixed_gained and fewest < FEW_GROUPS:
        return (
            f"; with {fewest} groups it is somewhat too small for effects between "
            "groups: simulations=1000 tells by how much"
        )
    if nesting.big.maximum.singular or nesting.small.maximum.singular:
        return ", with caution: a fit on the boundary makes it too large; simulations=1000 tells"
    return ", for nothing that is tested lies on a boundary"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number > 1 else "")
