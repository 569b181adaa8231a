r"""What a residual structure is: R_j = S_j C_j S_j, a correlation between standard deviations.

The covariance of the errors of a group is σ²R_j.  C_j comes from one `Correlation`, and S_j is
diagonal, the product of what `Variance` values say, relative to σ.  Their parameters have free
coordinates z, in which estimators search.

The precision of a correlation is told by *links*: C_j⁻¹ = Σ_k c_k(z) L_k, where the symmetric L_k
say only which rows stand beside which, and do not change with z.  So the cross-products of rows
weighted by R⁻¹ are a combination of a few that are made once.

Formulas in z are written in operations that complex numbers have, of which derivatives are
taken exactly by a step in the imaginary direction (Squire & Trapp 1998,
doi:10.1137/S003614459631241X).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaln

from hierbayes.errors import DataError, ResidualError

type Floats = NDArray[np.float64]
type Integers = NDArray[np.intp]
type Booleans = NDArray[np.bool_]

_FIRST = ("time", "x", "by")  # arguments that are written without their name
_STEP = 1e-30  # imaginary: its square is lost beside 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a residual structure.

    Parameters
    ----------
    name : str
        As in ``"phi"``.
    scale : str
        On which its limits are symmetric: ``"fisher"`` log((1 + ρ)/(1 − ρ)), ``"logit"``, ``"log"``
        or ``"identity"``.
    """

    name: str
    scale: str


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Which rows stand beside which, by the coefficient that they share.

    Parameters
    ----------
    left, right : (m,) int
        Nodes: the n rows, and after them sums of rows.  A link of two nodes counts both ways.
    kind : (m,) int
        The coefficient of each.
    sums : (n,) int, optional
        To which sum each row belongs, counted from 0.
    """

    left: Integers
    right: Integers
    kind: Integers
    sums: Integers | None = None


class BoundCorrelation(Protocol):
    """A correlation on the rows of a data set."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it has to estimate; as many as there are coordinates."""

    @property
    def start(self) -> Floats:
        """Coordinates (k,) from which a search begins."""

    @property
    def links(self) -> Links:
        """The rows that C⁻¹ joins."""

    def natural(self, z: Any) -> Any:
        """The parameters (k,) at coordinates z."""

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """Those of the kinds of links in C⁻¹, and log|C|."""

    def log_prior(self, z: Any) -> Any:
        """Log density of the coordinates under the usual prior."""

    @property
    def prior(self) -> str:
        """The usual prior in words."""

    @property
    def times(self) -> Floats:
        """Where each row stands in its group (n,), as `matrix` reads it."""

    def times_of(self, frame: pd.DataFrame) -> Floats:
        """The same of other rows.

        Raises
        ------
        DataError
            When they do not say.
        """

    def matrix(self, times: Floats, z: Any) -> Any:
        """C (m, m) of errors of one group at such times."""


class BoundVariance(Protocol):
    """Standard deviations of rows, relative to σ, on the rows of a data set."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it has to estimate; as many as there are coordinates."""

    @property
    def start(self) -> Floats:
        """Coordinates (k,) from which a search begins."""

    @property
    def levels(self) -> Integers:
        """Which of its L levels each row has (n,)."""

    def natural(self, z: Any) -> Any:
        """The parameters (k,) at coordinates z."""

    def log_sd(self, z: Any) -> Any:
        """Log of the standard deviation (L,) beside σ."""

    def log_prior(self, z: Any) -> Any:
        """Log density of the coordinates under the usual prior."""

    @property
    def prior(self) -> str:
        """The usual prior in words."""

    def log_sd_of(self, frame: pd.DataFrame, z: Floats) -> Floats:
        """The same of other rows (m,).

        Raises
        ------
        DataError
            When a row has a level that the fit has not seen.
        """


@dataclass(frozen=True, slots=True, eq=False)
class StructuredRows:
    """The rows that a structure is bound to.

    Parameters
    ----------
    frame : DataFrame
        Columns of the complete rows.
    codes : (n,) int
        The group of each row, in which errors are correlated.
    group : str
        What that factor is called.
    levels : (n,) int
        Which of the levels of variance each row has.
    """

    frame: pd.DataFrame
    codes: Integers
    group: str
    levels: Integers

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.codes)


class ResidualStructure(ABC):
    """How the errors of the rows vary and are correlated; structures multiply."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """The correlation and the variances of which it is made."""

    @property
    def correlation(self) -> Correlation | None:
        """The correlation within groups, where there is one."""
        found = [part for part in self.parts if isinstance(part, Correlation)]
        return found[0] if found else None

    @property
    def variances(self) -> tuple[Variance, ...]:
        """What the variances of rows depend on."""
        return tuple(part for part in self.parts if isinstance(part, Variance))

    @property
    def has_occasion_variances(self) -> bool:
        """Whether the correlation comes with a variance for each occasion."""
        return any(getattr(part, "has_variances", False) for part in self.parts)

    @property
    def has_unequal_variances(self) -> bool:
        """Whether the variance of the errors differs between rows."""
        return bool(self.variances) or self.has_occasion_variances

    @property
    def is_linear(self) -> bool:
        """Whether σ²R is linear in some parameters of it, as in variances and covariances."""
        return len(self.parts) == 1 and bool(getattr(self.parts[0], "has_linear_form", False))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the data that it needs."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.own_columns))

    @property
    def text(self) -> str:
        """As it is written.

        Examples
        --------
        >>> import hierbayes as hb
        >>> (hb.residuals.AR1("week", group="id") * hb.residuals.Strata("sex")).text
        "AR1('week', group='id') * Strata('sex')"
        """
        return " * ".join(repr(part) for part in self.parts)

    def __mul__(self, other: ResidualStructure) -> ResidualStructure:
        """Both together: a correlation, and standard deviations of the rows.

        Raises
        ------
        ResidualError
            When both are correlations, or have a part in common.
        """
        if not isinstance(other, ResidualStructure):
            return NotImplemented
        return Product(self.parts + other.parts)


class Part(ResidualStructure):
    """A structure that is not a product."""

    def __repr__(self) -> str:
        written = []
        for one in fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if isinstance(value, tuple):
                written += [repr(name) for name in value]
            elif value is not None:
                written.append(repr(value) if one.name in _FIRST else f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(written)})"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Itself."""
        return (self,)

    @property
    @abstractmethod
    def own_columns(self) -> tuple[str, ...]:
        """Columns of the data that it needs."""


class Correlation(Part):
    """A correlation of the errors of a group."""

    group: str | None

    @abstractmethod
    def bind(self, rows: StructuredRows) -> BoundCorrelation:
        """The same on rows.

        Raises
        ------
        DataError
            When the rows cannot carry it; the column and the group are named.
        """


class Variance(Part):
    """Standard deviations of the errors of rows."""

    @abstractmethod
    def bind(self, frame: pd.DataFrame) -> BoundVariance:
        """The same on rows.

        Raises
        ------
        DataError
            When the rows cannot carry it; the column is named.
        """


@dataclass(frozen=True, repr=False)
class Product(ResidualStructure):
    """A correlation and variances, made by ``*``."""

    factors: tuple[Part, ...]

    def __post_init__(self) -> None:
        correlations = [part for part in self.factors if isinstance(part, Correlation)]
        if len(correlations) > 1:
            raise ResidualError(
                "errors have one correlation, and these are "
                f"{len(correlations)}: {', '.join(map(repr, correlations))}; keep one"
            )
        owned = [part for part in self.factors if getattr(part, "has_variances", False)]
        if owned and len(self.factors) > len(correlations):
            raise ResidualError(
                f"{owned[0]!r} has a variance for each occasion already; leave the other out"
            )
        if len(set(self.factors)) < len(self.factors):
            raise ResidualError(f"a part is there twice: {self.text}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """As they were multiplied."""
        return self.factors

    def __repr__(self) -> str:
        return self.text


def refuse_no_column(name: object, argument: str) -> None:
    """Refuse what is not the name of a column.

    Raises
    ------
    ResidualError
    """
    if not isinstance(name, str) or not name:
        raise ResidualError(f"{argument} must be the name of a column, not {name!r}")


def numbers_of(frame: pd.DataFrame, name: str, what: str) -> Floats:
    """A column (n,) of finite numbers.

    Raises
    ------
    DataError
        Naming the column, and what it is for.
    """
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise DataError(f"{what} must be numbers, and column '{name}' is {column.dtype}")
    values = column.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        at = frame.index[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise DataError(f"{what} must be finite, and column '{name}' is not in row {at}")
    return values


def log_uniform_of_tanh(z: Any, power: Any = 0.0) -> Any:
    """Σ log density of z where tanh z has one proportional to (1 − tanh²z)^power on (−1, 1)."""
    constant = (2.0 * power + 1.0) * np.log(2.0) + betaln(power + 1.0, power + 1.0)
    return ((power + 1.0) * _log_one_less_square(z) - constant).sum()


def _log_one_less_square(z: Any) -> Any:
    """log(1 − tanh²z), kept where tanh z is near ±1."""
    size = np.where(np.real(z) < 0.0, -z, z)
    return 2.0 * (np.log(2.0) - size - np.log1p(np.exp(-2.0 * size)))


def log_uniform_of_logistic(z: Any) -> Any:
    """Σ log density of z where its logistic function is uniform on (0, 1)."""
    size = np.where(np.real(z) < 0.0, -z, z)
    return (-size - 2.0 * np.log1p(np.exp(-size))).sum()


def log_standard_normal(z: Any) -> Any:
    """Σ log density of independent standard normal z."""
    return (-0.5 * (z * z + np.log(2.0 * np.pi))).sum()


def derivative(function: Any, z: Floats) -> Floats:
    """d function(z)/dz (..., k), exact: function takes complex z (k,) and gives one array."""
    columns = []
    for i in range(len(z)):
        step = z.astype(np.complex128)
        step[i] += 1j * _STEP
        columns.append(np.imag(function(step)) / _STEP)
    if not columns:
        return np.zeros((*np.shape(function(z)), 0))
    found: Floats = np.stack(columns, axis=-1)
    return found
