"""Errors of a group that are all correlated alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import StructuredRows
from hierbayes.residuals.bound_values import (
    EXCHANGEABLE,
    NO_LINKS,
    CorrelationKernel,
    Floats,
    Integers,
    KeptPart,
    Links,
    Parameter,
    in_parts,
    no_edges,
)
from hierbayes.residuals.coordinates import log_logistic_slope
from hierbayes.residuals.correlation_kernels import exchangeable_parts
from hierbayes.residuals.row_kernels import distinct_places, pairs_within
from hierbayes.residuals.structure import Correlation, refuse_no_column
from hierbayes.residuals.times import refuse_lone_rows
from hierbayes.value import value


@dataclass(frozen=True, repr=False)
class CompoundSymmetry(Correlation):
    """One correlation ρ of all errors of a group, which may be negative.

    It is the model of a random intercept whose variance may be negative: ρ > −1/(m − 1), where m
    rows are in the largest group.

    Parameters
    ----------
    group : str, optional
        A column: errors of its groups are independent.  By default the innermost grouping
        factor, which then can have no random intercept.

    Raises
    ------
    ResidualError
        When group is not the name of a column.

    References
    ----------
    Pinheiro & Bates (2000), section 5.3.
    """

    group: str | None = None
    has_linear_form = True

    def __post_init__(self) -> None:
        if self.group is not None:
            refuse_no_column(self.group, "group")

    @property
    def own_columns(self) -> tuple[str, ...]:
        """As in `Part`."""
        return () if self.group is None else (self.group,)

    def bind(self, rows: StructuredRows) -> Exchangeable:
        """As in `Correlation`."""
        sizes, L = np.bincount(rows.codes), int(rows.levels.max()) + 1
        distinct, kind = distinct_places(sizes, int(sizes.max()) + 1)
        if L == 1 and sizes.all():  # the rows of each group are one sum
            of_sums, sums = kind, rows.codes
            left = right = np.arange(rows.n + len(sizes))
        else:
            cells, sums = distinct_places(rows.codes * L + rows.levels, len(sizes) * L)
            a, b = _pairs_within(cells // L)
            of_sums, every = kind[cells[a] // L], np.arange(rows.n)
            left, right = np.append(every, rows.n + a), np.append(every, rows.n + b)
        kinds = np.zeros(len(left), dtype=np.intp)
        kinds[rows.n :] = 1 + of_sums
        links = Links(left, right, kinds, sums)
        has_rows = kind if sizes.all() else kind[sizes > 0]
        counts = np.bincount(has_rows, minlength=len(distinct))
        return Exchangeable(links, distinct.astype(np.float64), counts.astype(np.float64))

    def again(self, kept: KeptPart) -> Exchangeable:
        """As in `Correlation`."""
        return Exchangeable(NO_LINKS, **kept.arrays)


def _pairs_within(owner: Any) -> tuple[Any, Any]:
    """Every two (and each with itself) of the cells of one group, cells being sorted by group."""
    sizes = np.bincount(owner)
    many = int((sizes * (sizes + 1)).sum()) // 2
    left, right = np.empty(many, dtype=np.intp), np.empty(many, dtype=np.intp)
    pairs_within(owner, left, right)
    return left, right


@value()
class Exchangeable:
    """C = (1 − ρ)I + ρ11', C⁻¹ = [I − ρ/(1 + (n − 1)ρ) 11']/(1 − ρ) of a group of n rows.

    Parameters
    ----------
    links : Links
        Kind 0 of every row with itself, kind 1 + s of the sums in groups of the s-th size.
    sizes, counts : (S,) float
        Distinct sizes of groups, ascending, and how many groups have each.
    most : float
        Rows of the largest group, which tell the least ρ that the coordinate reaches; 0 for that
        of the sizes.
    """

    links: Links
    sizes: Floats
    counts: Floats
    most: float = 0.0

    def refuse_untold(self, group: str) -> None:
        """As in `BoundCorrelation`."""
        if self.sizes.max() < 2.0:
            refuse_lone_rows(group)

    def joined(self, others: Sequence[Exchangeable]) -> tuple[Exchangeable, tuple[Integers, ...]]:
        """As in `BoundCorrelation`."""
        parts = (self, *others)
        sizes, place = np.unique(np.concatenate([one.sizes for one in parts]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([one.counts for one in parts]), len(sizes))
        kinds = tuple(np.append(0, 1 + at) for at in in_parts(place, [len(p.sizes) for p in parts]))
        return Exchangeable(NO_LINKS, sizes, counts), kinds

    @property
    def kept(self) -> KeptPart:
        """As in `BoundCorrelation`."""
        return KeptPart({"sizes": self.sizes, "counts": self.counts}, pd.DataFrame())

    @property
    def times(self) -> Floats:
        """As in `BoundCorrelation`: 0, for order does not count."""
        return np.zeros(int((self.links.kind == 0).sum()))

    def log_slopes(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return log_logistic_slope(z) + np.log(1.0 - self._low)

    def times_of(self, frame: pd.DataFrame) -> Floats:
        """As in `BoundCorrelation`."""
        return np.zeros(len(frame))

    def matrix(self, times: Floats, z: Any) -> Any:
        """As in `BoundCorrelation`.

        Raises
        ------
        DataError
            When a negative correlation cannot be that of so many.
        """
        rho, m = self.natural(z)[0], len(times)
        if 1.0 + (m - 1.0) * np.real(rho) <= 0.0:
            raise DataError(
                f"{m} errors of one group cannot all have correlation {np.real(rho):.3g}; the fit "
                f"had groups of {int(self.most or self.sizes[-1])} rows at most"
            )
        return (1.0 - rho) * np.eye(m) + rho

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """ρ."""
        limits = (self._low, 1.0)
        return (Parameter("rho", "bounded", limits, ("Uniform", limits)),)

    @property
    def start(self) -> Floats:
        """As in `BoundCorrelation`."""
        low = self._low
        at = (0.1 - low) / (1.0 - low)
        return np.array([np.log(at / (1.0 - at))])

    @property
    def edges(self) -> Floats:
        """As in `BoundCorrelation`: none."""
        return no_edges(1)

    @property
    def kernel(self) -> CorrelationKernel:
        """As in `BoundCorrelation`."""
        return CorrelationKernel(EXCHANGEABLE, self.sizes, self.counts, self._low)

    @property
    def note(self) -> str:
        """As in `BoundCorrelation`: nothing."""
        return ""

    @property
    def _low(self) -> float:
        return -1.0 / (float(self.most or self.sizes[-1]) - 1.0)

    @property
    def elsewhere(self) -> tuple[Exchangeable, ...]:
        """As in `BoundCorrelation`: none."""
        return ()

    def with_coordinates_of(self, fitted: Exchangeable, z: Floats | None) -> Exchangeable:
        """As in `BoundCorrelation`: the largest group tells the least ρ."""
        found = replace(self, most=fitted.most or float(fitted.sizes[-1]))
        if z is not None:
            found.matrix(np.zeros(int(self.sizes[-1])), z)  # refuses
        return found

    def natural(self, z: Any) -> Any:
        """ρ (1,)."""
        return self._low + (1.0 - self._low) / (1.0 + np.exp(-z))

    def alone(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.natural(z)

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """As in `BoundCorrelation`."""
        tail = 1.0 / (1.0 + np.exp(z[0]))
        apart = (1.0 - self._low) * tail  # 1 − ρ
        rho = 1.0 - apart
        whole = 1.0 + (self.sizes - 1.0) * rho
        between = -rho / (whole * apart)
        log_det = (self.counts * ((self.sizes - 1.0) * np.log(apart) + np.log(whole))).sum()
        return np.concatenate([np.ones(1) / apart, between]), log_det

    def with_slopes(self, z: Floats) -> tuple[Floats, Floats]:
        """As in `BoundCorrelation`."""
        return self.with_bends(z)[:2]

    def with_bends(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        """As in `BoundCorrelation`."""
        found: tuple[Floats, Floats, Floats] = exchangeable_parts(
            float(z[0]), self.sizes, self.counts, self._low
        )
        return found
