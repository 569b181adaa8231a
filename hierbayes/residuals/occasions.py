"""Errors at a few occasions that the groups share: unstructured, Toeplitz and ARMA(1, 1)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.structure import (
    Booleans,
    Correlation,
    Floats,
    Integers,
    Links,
    Parameter,
    StructuredRows,
    log_standard_normal,
    log_uniform_of_tanh,
    refuse_no_column,
)
from hierbayes.residuals.times import refuse_fractions, refuse_repeated, times_of

MOST_OCCASIONS = 60  # each pattern of occasions has a matrix of that size


@dataclass(frozen=True, repr=False)
class _OfOccasions(Correlation):
    """A correlation that is told by a matrix over all occasions."""

    time: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        for name, argument in ((self.time, "time"), (self.group, "group")):
            if name is not None:
                refuse_no_column(name, argument)

    @property
    def own_columns(self) -> tuple[str, ...]:
        """As in `Part`."""
        return tuple(name for name in (self.time, self.group) if name is not None)

    def bind(self, rows: StructuredRows) -> Occasions:
        """As in `Correlation`."""
        places, labels = self._places(rows)
        if len(labels) > MOST_OCCASIONS:
            raise DataError(
                f"there are {len(labels)} occasions ({self.time or 'rows of a group'}), and this "
                f"structure takes {MOST_OCCASIONS} at most; hb.residuals.AR1 and CAR1 take any "
                "number"
            )
        seen = _seen_together(rows.codes, places, len(labels))
        if not seen[~np.eye(len(labels), dtype=bool)].any():
            raise DataError(
                f"no '{rows.group}' has two rows, so that the data tell nothing of the correlation "
                "of errors; leave it out, or name the group in which they are correlated"
            )
        self._refuse(labels, seen)
        return bound_occasions(rows.codes, places, self._matrices(labels), self.time, labels)

    def _places(self, rows: StructuredRows) -> tuple[Integers, tuple[str, ...]]:
        """The occasion of each row, and what the occasions are called: whole times."""
        times = times_of(rows, self.time)
        refuse_fractions(rows, self.time, times)
        first = int(times.min())
        places = times.astype(np.int64) - first
        return places, tuple(str(first + k) for k in range(int(places.max()) + 1))

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        """Refuse occasions of which the rows do not tell enough."""

    @abstractmethod
    def _matrices(self, labels: tuple[str, ...]) -> Matrices: ...


@dataclass(frozen=True, repr=False)
class Unstructured(_OfOccasions):
    """Any covariance of the errors at T occasions: T variances and T(T − 1)/2 correlations.

    σ is the standard deviation at the first occasion.  With no random part it is the repeated
    measures model of clinical trials (MMRM).

    Parameters
    ----------
    time : str
        A column whose values are the occasions: numbers, text or ordered categories.
    group : str, optional
        A column: errors of its groups are independent.  By default the innermost grouping factor.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.

    References
    ----------
    nlme's ``corSymm`` and ``varIdent``: Pinheiro & Bates (2000), section 5.3; Mallinckrodt et al.
    (2008), doi:10.1177/009286150804200402.
    """

    has_variances = True
    has_linear_form = True

    def __post_init__(self) -> None:
        refuse_no_column(self.time, "time")
        super().__post_init__()

    def _places(self, rows: StructuredRows) -> tuple[Integers, tuple[str, ...]]:
        assert self.time is not None
        column = rows.frame[self.time]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.cat.remove_unused_categories()
            places, labels = column.cat.codes.to_numpy(), column.cat.categories
        else:
            places, labels = pd.factorize(column, sort=True)
        refuse_repeated(rows, self.time, pd.Series(places))
        return places.astype(np.int64), tuple(map(_as_label, labels))

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        if not seen.all():
            a, b = np.argwhere(~seen)[0]
            first, second = labels[min(a, b)], labels[max(a, b)]
            raise DataError(
                f"no group has rows at both {self.time} = {first} and {second}, so that nothing "
                "tells their correlation; use a structure with fewer parameters"
            )

    def _matrices(self, labels: tuple[str, ...]) -> Matrices:
        T = len(labels)
        ratios = tuple(Parameter(f"ratio[{label}]", "log") for label in labels[1:])
        corr = tuple(Parameter(f"corr[{labels[a]},{labels[b]}]", "fisher") for a, b in _below(T))
        start = np.concatenate([np.zeros(T - 1), np.full(T * (T - 1) // 2, 0.2)])
        powers = np.array([0.5 * (T - 2 - b) for b, _ in _below(T)])

        def log_prior(z: Any) -> Any:
            of_ratios = log_standard_normal(z[: T - 1])
            return of_ratios + log_uniform_of_tanh(z[T - 1 :], powers)

        words = "log of each ratio ~ Normal(0, 1); corr ~ LKJ(1)"
        covariance, natural = _free_covariance(T), _free_parameters(T)
        return Matrices(ratios + corr, start, covariance, natural, log_prior, words)


@dataclass(frozen=True, repr=False)
class Toeplitz(_OfOccasions):
    """A correlation for each lag between whole times, banded or not.

    Parameters
    ----------
    time : str, optional
        A column of whole numbers; by default the order of the rows within their group.
    group : str, optional
        As in `AR1`.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.
    """

    has_linear_form = True

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        T = len(labels)
        for lag in range(1, T):
            if not np.diagonal(seen, lag).any():
                raise DataError(
                    f"no group has rows that are {lag} apart, so that nothing tells their "
                    "correlation; use hb.residuals.AR1, which has one parameter"
                )

    def _matrices(self, labels: tuple[str, ...]) -> Matrices:
        T = len(labels)
        lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))

        def matrix(z: Any) -> Any:
            return np.concatenate([np.ones(1), _autocorrelations(np.tanh(z))])[lag]

        parameters = tuple(Parameter(f"rho[{h}]", "fisher") for h in range(1, T))
        start = np.concatenate([[0.2], np.zeros(T - 2)])
        words = "partial autocorrelations ~ Uniform(-1, 1)"
        return Matrices(
            parameters,
            start,
            matrix,
            lambda z: _autocorrelations(np.tanh(z)),
            log_uniform_of_tanh,
            words,
        )


@dataclass(frozen=True, repr=False)
class ARMA(_OfOccasions):
    """ARMA(1, 1): correlation ρ₁ of neighbours in time, and φ^(h − 1)ρ₁ at lag h.

    With the moving average θ, ρ₁ = (1 + φθ)(φ + θ)/(1 + 2φθ + θ²).

    Parameters
    ----------
    time : str, optional
        A column of whole numbers; by default the order of the rows within their group.
    group : str, optional
        As in `AR1`.

    Raises
    ------
    ResidualError
        When time or group is not the name of a column.

    References
    ----------
    nlme's ``corARMA(p = 1, q = 1)``: Pinheiro & Bates (2000), section 5.3.
    """

    def _matrices(self, labels: tuple[str, ...]) -> Matrices:
        T = len(labels)
        lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))

        def matrix(z: Any) -> Any:
            phi, theta = np.tanh(z)
            first = (1.0 + phi * theta) * (phi + theta) / (1.0 + 2.0 * phi * theta + theta**2)
            powers = np.cumprod(np.concatenate([first[None], np.repeat(phi, max(T - 2, 0))]))
            return np.concatenate([np.ones(1), powers])[lag]

        parameters = (Parameter("phi", "fisher"), Parameter("theta", "fisher"))
        words, start = "phi, theta ~ Uniform(-1, 1)", np.array([0.3, 0.1])
        return Matrices(parameters, start, matrix, np.tanh, log_uniform_of_tanh, words)


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """A covariance over T occasions as a function of coordinates.

    Parameters
    ----------
    parameters : tuple of Parameter
    start : (k,) float
    matrix : callable
        z to the covariance (T, T) beside σ².
    natural : callable
        z to the parameters (k,).
    log_prior : callable
        z to the log density of the usual prior.
    prior : str
        That in words.
    """

    parameters: tuple[Parameter, ...]
    start: Floats
    matrix: Callable[[Any], Any]
    natural: Callable[[Any], Any]
    log_prior: Callable[[Any], Any]
    prior: str


@dataclass(frozen=True, slots=True, eq=False)
class Occasions:
    """A covariance over occasions, of which each group has some.

    Parameters
    ----------
    links : Links
        For each pattern of occasions the entries of the inverse, its lower triangle row by row.
    patterns : tuple of (m,) int
        The occasions of each.
    counts : (patterns,) float
        How many groups have each.
    matrices : Matrices
    places : (n,) int
        The occasion of each row.
    time : str or None
        The column of occasions.
    labels : tuple of str
        What they are called.
    """

    links: Links
    patterns: tuple[Integers, ...]
    counts: Floats
    matrices: Matrices
    places: Integers
    time: str | None
    labels: tuple[str, ...]

    def log_prior(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.matrices.log_prior(z)

    @property
    def prior(self) -> str:
        """As in `BoundCorrelation`."""
        return self.matrices.prior

    @property
    def times(self) -> Floats:
        """As in `BoundCorrelation`: the places of occasions."""
        return self.places.astype(np.float64)

    def times_of(self, frame: pd.DataFrame) -> Floats:
        """As in `BoundCorrelation`."""
        if self.time is None:
            raise DataError(
                "the time of errors is the order of the rows here, which new rows do not have; "
                "name a column of times"
            )
        texts = [_as_label(value) for value in frame[self.time]]
        found = pd.Index(self.labels).get_indexer(pd.Index(texts))
        if (found < 0).any():
            new = texts[int(np.flatnonzero(found < 0)[0])]
            raise DataError(
                f"the fit has no occasion {self.time} = {new}; it has: {', '.join(self.labels)}"
            )
        return found.astype(np.float64)

    def matrix(self, times: Floats, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        at = times.astype(np.int64)
        return self.matrices.matrix(z)[np.ix_(at, at)]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """As in `BoundCorrelation`."""
        return self.matrices.parameters

    @property
    def start(self) -> Floats:
        """As in `BoundCorrelation`."""
        return self.matrices.start

    def natural(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.matrices.natural(z)

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """As in `BoundCorrelation`."""
        whole = self.matrices.matrix(z)
        found, log_det = [], 0.0
        for pattern, count in zip(self.patterns, self.counts, strict=True):
            part = whole[pattern[:, None], pattern]
            found.append(np.linalg.inv(part)[_lower_triangle(len(pattern))])
            log_det = log_det + count * _log_det(part)
        return np.concatenate(found), log_det


def _as_label(value: object) -> str:
    """A time as it is called among the occasions, 2.0 as 2."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def bound_occasions(
    codes: Integers,
    places: Integers,
    matrices: Matrices,
    time: str | None,
    labels: tuple[str, ...],
) -> Occasions:
    """The links of rows at occasions, groups with the same occasions sharing coefficients."""
    order = np.lexsort((places, codes))
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    kinds: dict[bytes, int] = {}
    patterns: list[Integers] = []
    counts: list[float] = []
    members: list[list[Integers]] = []
    for rows in np.split(order, starts[1:]):
        pattern = places[rows]
        k = kinds.setdefault(pattern.tobytes(), len(patterns))
        if k == len(patterns):
            patterns.append(pattern)
            counts.append(0.0)
            members.append([])
        counts[k] += 1.0
        members[k].append(rows)
    left, right, kind, first = [], [], [], 0
    for pattern, groups in zip(patterns, members, strict=True):
        a, b = np.tril_indices(len(pattern))
        stacked = np.stack(groups)
        left.append(stacked[:, a].ravel())
        right.append(stacked[:, b].ravel())
        kind.append(np.tile(first + np.arange(len(a)), len(groups)))
        first += len(a)
    links = Links(np.concatenate(left), np.concatenate(right), np.concatenate(kind))
    return Occasions(links, tuple(patterns), np.array(counts), matrices, places, time, labels)


def _seen_together(codes: Integers, places: Integers, T: int) -> Booleans:
    """Which two occasions (T, T) some group has both of."""
    there = np.zeros((int(codes.max()) + 1, T))
    there[codes, places] = 1.0
    return there.T @ there > 0.0


@cache
def _lower_triangle(m: int) -> tuple[Integers, Integers]:
    return np.tril_indices(m)


def _log_det(matrix: Any) -> Any:
    """Log of a determinant, of complex matrices too."""
    sign, size = np.linalg.slogdet(matrix)
    return size + 1j * np.angle(sign) if np.iscomplexobj(matrix) else size


def _below(T: int) -> list[tuple[int, int]]:
    """Entries below the diagonal, row by row, the earlier occasion first."""
    return [(b, a) for a in range(T) for b in range(a)]


def _free_root(T: int, z: Any) -> Any:
    """A lower triangular root (T, T) of a correlation matrix from partial correlations tanh z."""
    partial = np.tanh(z)
    root = np.zeros((T, T), dtype=partial.dtype)
    root[0, 0] = 1.0
    k = 0
    for a in range(1, T):
        left = 1.0
        for b in range(a):
            root[a, b] = partial[k] * left**0.5
            left = left - root[a, b] ** 2
            k += 1
        root[a, a] = left**0.5
    return root


def _free_covariance(T: int) -> Callable[[Any], Any]:
    def matrix(z: Any) -> Any:
        root = _free_root(T, z[T - 1 :])
        root = np.concatenate([np.ones(1), np.exp(z[: T - 1])])[:, None] * root
        return root @ root.T

    return matrix


def _free_parameters(T: int) -> Callable[[Any], Any]:
    def natural(z: Any) -> Any:
        root = _free_root(T, z[T - 1 :])
        return np.concatenate([np.exp(z[: T - 1]), (root @ root.T)[np.tril_indices(T, -1)]])

    return natural


def _autocorrelations(partial: Any) -> Any:
    """ρ₁, ρ₂, ... from partial autocorrelations, by Durbin and Levinson."""
    rho = partial[:1]
    phi = partial[:1]
    left = 1.0 - partial[0] ** 2
    for k in range(1, len(partial)):
        next_one = partial[k] * left + (phi * rho[::-1]).sum()
        phi = np.concatenate([phi - partial[k] * phi[::-1], partial[k : k + 1]])
        left = left * (1.0 - partial[k] ** 2)
        rho = np.concatenate([rho, next_one[None]])
    return rho
