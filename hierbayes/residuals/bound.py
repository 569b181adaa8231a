"""A residual structure on the rows of a data set: its parameters, its links, its levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

from hierbayes.residuals.bound_values import (
    CorrelationKernel,
    Floats,
    Integers,
    KeptPart,
    Links,
    Parameter,
)
from hierbayes.value import value


class Columns(Protocol):
    """Columns of rows by name, a frame or less."""

    @property
    def index(self) -> Any:
        """What rows are called."""

    def __getitem__(self, name: str, /) -> Any: ...


class BoundCorrelation(Protocol):
    """A correlation on the rows of a data set."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it has to estimate; as many as there are coordinates."""

    @property
    def start(self) -> Floats:
        """Coordinates (k,) from which a search begins."""

    @property
    def edges(self) -> Floats:
        """Coordinates (2, k) that stand for a limit which is a correlation, and a little inside.

        −∞ of parameters that have none; those of others are below all that data can tell.
        """

    @property
    def elsewhere(self) -> tuple[BoundCorrelation, ...]:
        """The same with other starts, where a maximum may be out of reach of its own."""

    def with_coordinates_of(self, fitted: Any, z: Floats | None) -> BoundCorrelation:
        """As `ErrorLaw` has it: z (k,) is None of draws, of which each has its own.

        Raises
        ------
        DataError
            When these rows cannot have that correlation.
        """

    @property
    def links(self) -> Links:
        """The rows that C⁻¹ joins."""

    @property
    def note(self) -> str:
        """What the rows do not tell of it, for the page of a fit; empty where there is nothing."""

    @property
    def kernel(self) -> CorrelationKernel:
        """What compiled code makes its coefficients of."""

    def natural(self, z: Any) -> Any:
        """The parameters (..., k) at coordinates z (..., k)."""

    def alone(self, z: Any) -> Any:
        """The parameters (k,) that their coordinate tells alone; of others whatever is quick."""

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """Those of the kinds of links in C⁻¹, and log|C|."""

    def with_slopes(self, z: Floats) -> tuple[Floats, Floats]:
        """Those coefficients and after them log|C| (kinds + 1,), and ∂/∂z (kinds + 1, k)."""

    def with_bends(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        """The same, and ∂²/∂z² (kinds + 1, k, k) as a search needs it."""

    def log_slopes(self, z: Any) -> Any:
        """log ∂ parameter/∂ coordinate (k,); 0 of those that are told together."""

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

    def refuse_untold(self, group: str) -> None:
        """Refuse rows that do not tell every parameter.

        Raises
        ------
        DataError
            Naming the column and what is lacking; ``group`` is what the groups are.
        """

    def joined(self, others: Sequence[Any]) -> tuple[BoundCorrelation, tuple[Integers, ...]]:
        """That of the rows of all, of which it has none; and where each one's kinds are in it.

        In whatever order they come; this one is the first of them.

        Raises
        ------
        DataError
            When they are not of one kind.
        """

    @property
    def kept(self) -> KeptPart:
        """What its structure makes it of again, without rows."""


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
        """The parameters (..., k) at coordinates z (..., k)."""

    @property
    def has_own_names(self) -> bool:
        """Whether no two of its parameters can have one name, as is known before they are made."""

    @property
    def sd_slopes(self) -> Floats:
        """D (L, k): the log of the standard deviation of each level beside σ is Dz."""

    def log_slopes(self, z: Any) -> Any:
        """log ∂ parameter/∂ coordinate (k,); 0 of those that are told together."""

    def log_sd_of(self, frame: pd.DataFrame, z: Floats) -> Floats:
        """The same of other rows (m,).

        Raises
        ------
        DataError
            When a row has a level that the fit has not seen.
        """

    def refuse_untold(self, counts: Floats) -> None:
        """Refuse rows that do not tell every parameter.

        ``counts`` (L,) are the rows of each level.

        Raises
        ------
        DataError
            Naming the column.
        """

    def joined(
        self, others: Sequence[Any], counts: Sequence[Floats]
    ) -> tuple[BoundVariance, tuple[Integers, ...]]:
        """That of the rows of all, of which it has none; and where each one's levels are in it.

        ``counts`` (L,) are the rows of each level, of this one first.

        Raises
        ------
        DataError
            When they are not of one kind.
        """

    @property
    def kept(self) -> KeptPart:
        """As in `BoundCorrelation`."""


@value()
class StructuredRows:
    """The rows that a structure is bound to.

    Parameters
    ----------
    frame : Columns
        Those of the complete rows.
    codes : (n,) int
        The group of each row, in which errors are correlated.
    group : str
        What that factor is called.
    levels : (n,) int
        Which of the levels of variance each row has.
    """

    frame: Columns
    codes: Integers
    group: str
    levels: Integers

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.codes)
