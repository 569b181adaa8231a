"""Priors of brms, by class and coefficient."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.families.categorical import Categorical
from hierbayes.priors.families import DesignNormal, Flat, Prior, Uniform
from hierbayes.specification.effect_name import EffectName
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.r.stan_priors import (
    coefficient_priors,
    r_column,
    r_columns,
    stan_prior,
)
from hierbayes.translation.r.words import r_string

_RENAMED = {"+": "P", "-": "M", "*": "MU", "/": "D", "^": "E", "=": "EQ"}
_REMOVED = " ()[],\"'?"


def coefficients_and_effects(model: ModelToWrite) -> list[str]:
    """Priors of γ and of the random effects, of nominal categories those of each by ``dpar``.

    Raises
    ------
    FormulaError
        When two categories have one name in Stan.
    """
    categories = model.outcomes[1:] if isinstance(model.family, Categorical) else ("",)
    called = [re.sub(r"[^A-Za-z0-9]", "", category) for category in categories]
    if len(set(called)) < len(called):
        raise FormulaError(
            f"brm drops all but letters and digits from categories, so that two of "
            f"{in_quotes(categories)} are one; rename them"
        )
    lines = [
        line
        for category, name in zip(categories, called, strict=True)
        for line in _of_predictor(category, f'dpar = "mu{name}"' if name else "", model)
    ]
    return [*lines, *_correlations(model)]


def _of_predictor(category: str, dpar: str, model: ModelToWrite) -> list[str]:
    """Priors of the γ and the random effects of one category, or of all where there is none."""
    priors, prefix = model.priors, f"{category}: " if category else ""
    every = [
        (name.removeprefix(prefix), prior, source)
        for name, prior, source in coefficient_priors(model)
        if name.startswith(prefix)
    ]
    own = [one for one in every if len(priors.gamma) == 1 or not isinstance(one[1], DesignNormal)]
    fixed = r_columns([name for name, _, _ in every], model)
    where = {name: f"coef = {coefficient(fixed[name])}" for name in fixed}
    lines = _class("b", own, where, dpar, whole=len(own) == len(every))
    effects = [
        (entry, centred)
        for entry, centred in zip(priors.sd, priors.centred, strict=True)
        if entry[0].effect.startswith(prefix)
    ]
    of_groups = {
        name: f"coef = {coefficient(r_column(name.effect.removeprefix(prefix), model))}, "
        f"group = {r_string(name.factor)}"
        for (name, _, _), _ in effects
    }
    plain = [entry for entry, centred in effects if not centred]
    return lines + _class("sd", plain, of_groups, dpar, whole=len(plain) == len(effects))


def _correlations(model: ModelToWrite) -> list[str]:
    """Priors of correlations: one where all are equal, else one for each grouping factor."""
    priors = model.priors
    owners = {priors.label(name): name.factor for name, _, _ in priors.sd}
    found: dict[str, Prior] = {}
    for block, prior, _ in priors.corr:
        factor = next(owners[label] for label in owners if block.startswith(f"{label}, "))
        if found.setdefault(factor, prior) != prior:
            raise FormulaError(
                "brm has one prior for all correlations of a group, and this model has several "
                "blocks of effects with different ones; state one prior of 'corr'"
            )
    if len(set(map(str, found.values()))) == 1:
        return [prior_call(priors.corr[0][1], "cor")]
    return [prior_call(prior, "cor", f"group = {r_string(name)}") for name, prior in found.items()]


def _class[Name: (str, EffectName)](
    kind: str,
    entries: Sequence[tuple[Name, Prior, str]],
    where: dict[Name, str],
    dpar: str,
    *,
    whole: bool,
) -> list[str]:
    """Priors of a class: one for all where they are equal, else one for each coefficient.

    Where they are not the whole class, brms keeps its own priors of the others.
    """
    families = [prior for _, prior, _ in entries]
    if not families:
        return []
    if whole and all(prior == families[0] for prior in families):
        flat_by_itself = kind == "b" and isinstance(families[0], Flat)
        return [] if flat_by_itself else [prior_call(families[0], kind, dpar)]
    for name, prior, _ in entries:
        if isinstance(prior, Uniform):
            raise FormulaError(
                f"brm has bounds for all parameters of class '{kind}' together, so that the prior "
                f"{prior} of '{name}' cannot stand beside others; state another"
            )
    lines = []
    if kind == "sd" and any(isinstance(prior, Flat) for prior in families):
        lines.append(
            prior_call(Flat(), kind, dpar)
        )  # what coefficients without a prior of their own get
    for name, prior, _ in entries:
        if not isinstance(prior, Flat):
            lines.append(prior_call(prior, kind, ", ".join(filter(None, (where[name], dpar)))))
    return lines


def prior_call(prior: Prior, kind: str, where: str = "") -> str:
    """A prior of a class, of the parameter of it that ``where`` names."""
    parts = [stan_prior(prior, "brm") or '""', f'class = "{kind}"']
    parts += [where] if where else []
    if isinstance(prior, Uniform):
        parts += [f"lb = {prior.lower:.15g}", f"ub = {prior.upper:.15g}"]
    return f"prior({', '.join(parts)})"


def coefficient(name: str) -> str:
    """A coefficient as brms calls it: without spaces and brackets, operators as letters."""
    kept = "".join(mark for mark in name if mark not in _REMOVED)
    return r_string("".join(_RENAMED.get(mark, mark) for mark in kept))
