"""Two fits side by side: what every rule on their differences looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.blocks import block_slices
from hierbayes.fit.evidence import null_directions
from hierbayes.fit.fit import Fit
from hierbayes.studies.comparison.effect_labels import EffectLabels
from hierbayes.studies.comparison.model_difference import model_difference


@dataclass(frozen=True, eq=False)
class Side:
    """One fit of a pair.

    Parameters
    ----------
    name : str
    fit : Fit
    labels : EffectLabels
        What its random effects are called.
    estimates : DataFrame
        By block and parameter, as `estimates.estimates` makes it.
    coefficients : DataFrame
        By effect and group, as `group_coefficients.coefficients` makes it.
    """

    name: str
    fit: Fit
    labels: EffectLabels
    estimates: pd.DataFrame
    coefficients: pd.DataFrame

    def value(self, block: str, parameter: str, column: str = "estimate") -> float:
        """One number of the estimates."""
        return float(self.estimates.loc[(block, parameter), column])

    @property
    def converged(self) -> bool:
        """Whether the draws can be used; true of a point."""
        return not self.fit.objection

    def J(self, block: str, parameter: str) -> int:
        """Number of groups over which an effect varies, or that a share lies between."""
        design, labels = self.fit.design, self.labels
        if block == "icc":
            return design.factors[labels.shares.index(parameter)].J
        place = labels.effects.index(parameter)
        parts = zip(design.factors, design.spans, strict=True)
        return next(factor.J for factor, span in parts if span.start <= place < span.stop)

    @cached_property
    def boundary(self) -> frozenset[str]:
        """Effects in a block of G that is singular at a point; none for a posterior."""
        fit = self.fit
        if not fit.singular:
            return frozenset()
        G, scale = fit.G, 1.0 / np.asarray(fit.problem.working.basis.z.spread)
        found: set[str] = set()
        for at in block_slices(fit.design.blocks):
            if not G[at, at].any() or null_directions(G[at, at], scale[at]):
                found |= set(self.labels.effects[at])
        return frozenset(found)


@dataclass(frozen=True, eq=False)
class FitPair:
    """Two fits, the second of which is held against the first.

    Parameters
    ----------
    first, second : Side
    """

    first: Side
    second: Side

    @cached_property
    def models(self) -> str | None:
        """In what their models differ, in words; None for one model."""
        a, b = self.first, self.second
        return model_difference(a.name, a.fit, b.name, b.fit)

    @property
    def point(self) -> Side | None:
        """The point of a pair of a point and a posterior."""
        sides = (self.first, self.second)
        points = [side for side in sides if not side.fit.sampled]
        return points[0] if len(points) == 1 else None

    @property
    def posterior(self) -> Side | None:
        """The posterior of a pair of a point and a posterior."""
        if self.point is None:
            return None
        return self.first if self.point is self.second else self.second

    def engine(self, name: str) -> Side | None:
        """The side of an engine, if there is just one."""
        sides = [side for side in (self.first, self.second) if side.fit.engine == name]
        return sides[0] if len(sides) == 1 else None
