"""What the random effects of several fits are called, so that each is one name in all tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from hierbayes.fit.fit import Fit


@dataclass(frozen=True, slots=True, eq=False)
class EffectLabels:
    """Names of the random effects of one fit in a comparison.

    Parameters
    ----------
    effects : tuple of str
        In the order of the design: its columns, or where any of the fits has several grouping
        factors ``"ses|school"``.
    factors : tuple of str
        The grouping factors; that of the first fit where each has one, for then they are the same.
    shares : tuple of str
        What the shares of variance between groups are called, one for each factor; none where the
        response has no latent scale on which variances could be shared out.
    """

    effects: tuple[str, ...]
    factors: tuple[str, ...]
    shares: tuple[str, ...]


def label_effects(fits: Mapping[str, Fit]) -> dict[str, EffectLabels]:
    """The names of the effects of each fit."""
    designs = {name: fit.design for name, fit in fits.items()}
    if all(len(design.factors) == 1 for design in designs.values()):
        named = (design.specification.factors for design in designs.values())
        first = next(filter(None, named), ())  # a regression has none
        return {
            name: EffectLabels(design.effects, first, ("icc",) if has_shares(fits[name]) else ())
            if design.specification.random
            else EffectLabels((), (), ())
            for name, design in designs.items()
        }
    found = {}
    for name, design in designs.items():
        effects = tuple(f"{one.effect}|{one.factor}" for one in design.effect_names)
        factors = design.specification.factors
        found[name] = EffectLabels(effects, factors, factors if has_shares(fits[name]) else ())
    return found


def has_shares(fit: Fit) -> bool:
    """Whether the variance of a response, or of a latent one, can be shared out."""
    family, moments = fit.problem.family, fit.problem.moments
    if fit.design.specification.known_sd:  # errors of rows have no one variance
        return False
    if fit.design.rows.streams and moments is not None:  # a mean of variances may need the rows
        return not moments.rows.structure.has_occasion_variances
    return family is None or family.has_latent_scale


def groups_by_factor(
    fits: Mapping[str, Fit], labels: Mapping[str, EffectLabels]
) -> dict[str, tuple[tuple[str, ...], pd.Index]]:
    """By grouping factor of any of the fits the effects that vary over it, and its groups."""
    effects: dict[str, dict[str, None]] = {}
    groups: dict[str, pd.Index] = {}
    for name, fit in fits.items():
        design, own = fit.design, labels[name]
        if not design.specification.random:
            continue
        parts = zip(own.factors, design.factors, design.spans, strict=True)
        for called, factor, span in parts:
            effects.setdefault(called, {}).update(dict.fromkeys(own.effects[span]))
            groups.setdefault(called, factor.labels)
    return {called: (tuple(effects[called]), groups[called]) for called in effects}
