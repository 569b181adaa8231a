"""The populations that groups come from: one for each combination of level-2 factors.

The population value of a group's coefficients is W_jγ (see `group_design`).  Groups are of one
population where W_j has the same indicators (entries of 0 and 1 only); where W_j holds numbers
too, as for a group mean of x, a population has their average over its groups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic.parser.types import Factor

from hierbayes.design.design import Design
from hierbayes.fit.effects import blue, population_draws
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats, Integers

MOST = 6  # populations that are told apart
ALL = "all groups"


@dataclass(frozen=True, slots=True, eq=False)
class Populations:
    """Populations of groups.

    Parameters
    ----------
    labels : tuple of str
        The reference first.
    of : (J,) int
        The population of each group.
    W : (L, q, p) float
        Each population's coefficients are W_lγ.
    """

    labels: tuple[str, ...]
    of: Integers
    W: Floats


def populations(fit: Fitted, k: int | None = None) -> Populations:
    """The populations of the groups of factor k, by default of the only one.

    One where there are no factors that differ between groups, or more than `MOST`.
    """
    W, design = (fit.groups_of if k is None else fit.group_designs[k]).W, fit.design
    indicators = _indicators(W)
    kinds, of = np.unique(_entries(W, indicators), axis=0, return_inverse=True)
    if not indicators.any() or len(kinds) > MOST:
        return Populations((ALL,), np.zeros(len(W), dtype=np.intp), W.mean(axis=0)[None])
    order = np.lexsort(kinds.T)  # the reference, then each level in the order of its column
    place = np.argsort(order)[np.ravel(of)]
    columns = np.flatnonzero(indicators.any(axis=0))
    labels = []
    for kind in kinds[order]:
        active = np.zeros(indicators.shape, dtype=np.bool_)
        active[indicators] = kind == 1.0
        labels.append(_label(design, columns, active.any(axis=0)))
    means = np.stack([W[place == k].mean(axis=0) for k in range(len(kinds))])
    return Populations(tuple(labels), place.astype(np.intp), means)


def _indicators(W: Floats) -> Booleans:
    """Entries (q, p) of W that differ between groups and are 0 or 1 in each."""
    binary = ((W == 0.0) | (W == 1.0)).all(axis=0)
    found: Booleans = binary & (np.ptp(W, axis=0) > 0.0)
    return found


def _entries(W: Floats, indicators: Booleans) -> Floats:
    """Indicators of each group (J, entries)."""
    return W[:, indicators] if indicators.any() else np.zeros((len(W), 1))


def _label(design: Design, columns: Integers, active: Booleans) -> str:
    """Levels of the factors, and values of indicators that are no factors."""
    parts, named = [], set()
    for name, (kind, state) in design.columns.fixed_spec.encoder_state.items():
        levels = list(state["categories"]) if kind is Factor.Kind.CATEGORICAL else []
        owned = {
            level: [c for c in columns if f"{name}[T.{level}]" in design.terms[c]]
            for level in levels
        }
        if not any(owned.values()):
            continue
        named |= {c for found in owned.values() for c in found}
        here = [level for level, found in owned.items() if any(active[c] for c in found)]
        parts.append(str(here[0] if here else levels[0]))
    for c in columns:
        if c not in named and ":" not in re.sub(r"`[^`]*`", "", design.terms[c]):
            parts.append(f"{design.terms[c]} = {int(active[c])}")
    return ", ".join(parts) or ALL


def points_of_groups(fit: Fitted, k: int, pair: list[int], levels: Any) -> pd.DataFrame:
    """BLUE, BLUP and population of each group of factor k in the plane of two of its effects.

    Index group: ``level``, ``n``, and ``blue_x`` to ``population_y``.
    """
    population = population_draws(fit, k)
    blup = (population + fit.us[k]).mean(axis=(0, 1))[:, pair]
    middle = population.mean(axis=(0, 1))[:, pair]
    gaussian = fit.problem.family is None
    own = blue(fit, k).to_numpy()[:, pair] if gaussian else np.full(middle.shape, np.nan)
    values = np.hstack([own, blup, middle])
    names = [f"{what}_{axis}" for what in ("blue", "blup", "population") for axis in "xy"]
    table = pd.DataFrame(
        values, index=pd.Index(fit.design.factors[k].labels, name="group"), columns=names
    )
    table.insert(0, "level", levels)
    table.insert(1, "n", fit.problem.working.levels[k].rows.astype(int))
    return table
