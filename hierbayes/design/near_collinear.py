r"""Fixed columns that are nearly combinations of those before them.

A column's own part is what regression on the columns before it leaves, in the unit of the
column: its spread about its mean, for a product of columns the product of their spreads, for a
power the power of the spread.  Neither the origin nor the unit of a variable changes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.standardisation import Standardisation
from hierbayes.frames.arrays import Floats

OWN_PART = 1e-3  # a variance inflated a million times
_NAMED = 1e-2  # of the largest part of a combination
_POWER = re.compile(r"I\((\w+) ?\*\* ?(\d)\)")


@dataclass(frozen=True, slots=True)
class NearCombination:
    """A fixed column and the combination of others that it nearly is.

    Parameters
    ----------
    column, combination : str
    own : float
        Its own part.
    """

    column: str
    combination: str
    own: float

    @property
    def text(self) -> str:
        """What this means, in a sentence."""
        return (
            f"the fixed column '{self.column}' is nearly {self.combination}, with {self.own:.1e} "
            f"of its spread of its own (condition {1.0 / self.own:.1g}): their coefficients are "
            "hardly told apart; remove one of them, or write their difference"
        )


def near_combinations(problem: Problem) -> tuple[NearCombination, ...]:
    """The fixed columns that are nearly combinations of those before them; none as a rule."""
    design = problem.design.of_predictor(0)  # the columns of all are the same
    terms, x, X = design.terms, problem.working.basis.x, design.rows.head.X
    size = np.sqrt(x.spread**2 + x.shift**2)
    unit = np.array([_unit(term, terms, x) for term in terms])
    own = (x.own * size)[: len(terms)] / unit
    return tuple(
        NearCombination(terms[k], _combination(X, k, terms), float(own[k]))
        for k in np.flatnonzero(own < OWN_PART).tolist()
    )


def _unit(term: str, terms: tuple[str, ...], x: Standardisation) -> float:
    """The spread by which the column's own part is measured."""
    power = _POWER.fullmatch(term)
    if power and power[1] in terms:
        return float(x.spread[terms.index(power[1])] ** int(power[2]))
    factors = term.split(":")
    if len(factors) > 1 and all(factor in terms for factor in factors):
        return prod(float(x.spread[terms.index(factor)]) for factor in factors)
    return float(x.spread[terms.index(term)])


def _combination(X: Floats, k: int, terms: tuple[str, ...]) -> str:
    """The columns before k (n, k) that make it, weighted."""
    before = X[:, :k]
    spread = np.where(np.ptp(before, axis=0) > 0.0, before.std(axis=0), 1.0)
    centred = before - np.where(np.ptp(before, axis=0) > 0.0, before.mean(axis=0), 0.0)
    weights = np.linalg.lstsq(centred / spread, X[:, k] - X[:, k].mean(), rcond=1e-10)[0]
    shown = np.flatnonzero(np.abs(weights) > _NAMED * np.abs(weights).max())
    return " ".join(f"{weights[i] / spread[i]:+.3g}·'{terms[i]}'" for i in shown).removeprefix("+")
