"""Quantities of a fit that a question is about: one number for each draw.

Every quantity reads any fit, so REML has its value of it as well: that of its one θ.
``reference`` is the value a decision turns on, where there is one: an effect is
positive, negative or undecided against 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hierbayes.design.blocks import block_slices
from hierbayes.design.design import Design
from hierbayes.design.family_rows import has_thresholds
from hierbayes.errors import StudyError
from hierbayes.fit.fitted import Fitted
from hierbayes.studies.sensitivity.dispersion_quantities import Dispersion, Residual, Sigma
from hierbayes.studies.sensitivity.effect_quantities import (
    R2,
    Contextual,
    Contrast,
    Custom,
    Probability,
)
from hierbayes.studies.sensitivity.group_quantities import (
    ICC,
    SD,
    Corr,
    GroupCoefficient,
    NewGroup,
    Rank,
    Shrinkage,
)
from hierbayes.studies.sensitivity.quantity import Quantity

__all__ = [
    "ICC", "R2", "SD", "Contextual", "Contrast", "Corr", "Custom", "Dispersion", "GroupCoefficient",
    "NewGroup", "Probability", "Quantity", "Rank", "Residual", "Shrinkage", "Sigma",
]  # fmt: skip


def __dir__() -> list[str]:
    """What completion offers."""
    return __all__


def default_quantities(fit: Fitted) -> tuple[Quantity, ...]:
    """Each γ, contextual effects, sd, correlations, σ, ICC (by factor) and R².

    With a residual structure its parameters after σ, and no shares of variances that differ from
    row to row; where the variances of all errors are known none of σ or of shares of it.
    Of a family that is not Gaussian its dispersion for σ, and ICC and R² on the scale of η where
    the link has a latent response.
    """
    design = fit.design
    found: list[Quantity] = [Contrast({term: 1.0}) for term in design.terms]
    found += _contextual_effects(design)
    found += [SD(effect) for effect in design.effect_labels]
    for at in block_slices(design.blocks):
        names = design.effect_labels[at]
        found += [Corr(names[c], names[r]) for r in range(len(names)) for c in range(r)]
    factors = design.specification.factors
    shares = [ICC(factor=name) for name in factors] if len(factors) > 1 else [ICC()]
    family = fit.problem.family
    if family is None:
        return (*found, *_of_errors(fit, [*shares, R2()]))
    ordered = has_thresholds(family)
    found += [Dispersion(name, threshold=ordered) for name in fit.problem.dispersion]
    latent = family.has_latent_scale and not family.predictors
    return (*found, *shares, R2()) if latent else tuple(found)


def _of_errors(fit: Fitted, shares: list[Quantity]) -> list[Quantity]:
    """σ, the parameters of the errors, and shares of variance where errors have one."""
    if fit.design.specification.known_sd:
        return []
    moments = fit.problem.moments
    if moments is None:
        return [Sigma(), *shares]
    even = not moments.rows.structure.has_unequal_variances
    own = [Residual(parameter.name) for parameter in moments.rows.parameters]
    return [Sigma(), *own, *(shares if even and fit.design.effects else [])]


def _contextual_effects(design: Design) -> list[Quantity]:
    """Of each group mean beside its variable; none of several grouping factors."""
    if len(design.factors) > 1 or not design.effects or design.columns.left_out is not None:
        return []
    group, found = design.specification.group, list[Quantity]()
    for term in design.terms:
        match = re.fullmatch(rf"[cl]var\((.+), {re.escape(group)}\)", term)
        if match and {match[1], f"dvar({match[1]}, {group})"} & set(design.terms):
            found.append(Contextual(match[1]))
    return found


def read_quantities(stated: Any, fit: Fitted) -> tuple[Quantity, ...]:
    """Quantities from what a user gives: quantities, fixed terms, or a mapping to functions.

    Raises
    ------
    StudyError
        When something is none of them, cannot be read off the fit, or a name occurs twice.
    """
    if stated is None:
        return default_quantities(fit)
    if isinstance(stated, Mapping):
        stated = [Custom(str(name), function) for name, function in stated.items()]
    if isinstance(stated, str | Quantity):
        stated = [stated]
    found = tuple(_read(one) for one in stated)
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"the quantity '{name}' is asked for twice")
    if not found:
        raise StudyError("no quantity is asked for; leave out quantities= to have the usual ones")
    for one in found:
        one.draws(fit)
    return found


def _read(one: Any) -> Quantity:
    if isinstance(one, str):
        return Contrast({one: 1.0})
    if isinstance(one, Quantity):
        return one
    raise StudyError(
        f"a quantity must be a fixed term or one of hb.quantities, not {type(one).__name__}"
    )
