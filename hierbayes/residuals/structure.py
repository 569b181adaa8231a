r"""What a residual structure is: R_j = S_j C_j S_j, a correlation between standard deviations.

The covariance of the errors of a group is σ²R_j.  C_j comes from one `Correlation`, and S_j is
diagonal, the product of what `Variance` values say, relative to σ.  Their parameters have free
coordinates z, in which estimators search.

The precision of a correlation is told by *links*: C_j⁻¹ = Σ_k c_k(z) L_k, where the symmetric L_k
say only which rows stand beside which, and do not change with z.  So the cross-products of rows
weighted by R⁻¹ are a combination of a few that are made once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hierbayes.errors import ResidualError
from hierbayes.residuals.bound import BoundCorrelation, BoundVariance, Columns, StructuredRows
from hierbayes.residuals.bound_values import KeptPart

_FIRST = ("time", "x", "by")  # arguments that are written without their name


class ResidualStructure(ABC):
    """How the errors of the rows vary and are correlated; structures multiply."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """The correlation and the variances of which it is made."""

    @property
    @abstractmethod
    def correlation(self) -> Correlation | None:
        """The correlation within groups, where there is one."""

    @property
    @abstractmethod
    def variances(self) -> tuple[Variance, ...]:
        """What the variances of rows depend on."""

    @property
    def has_occasion_variances(self) -> bool:
        """Whether the correlation comes with a variance for each occasion."""
        return any(getattr(part, "has_variances", False) for part in self.parts)

    @property
    def has_unequal_variances(self) -> bool:
        """Whether the variance of the errors differs between rows."""
        return bool(self.variances) or self.has_occasion_variances

    @property
    @abstractmethod
    def follows_fitted(self) -> bool:
        """Whether the variances of errors follow the fitted values of the same fit."""

    @property
    def note(self) -> str:
        """What is to be known of maxima with it; empty where there is nothing."""
        if not self.follows_fitted:
            return ""
        return (
            "the variances of errors follow the fitted values, which are held and computed anew "
            "until they settle (pseudo-likelihood): logLik and standard errors are given them"
        )

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
            When both are correlations, or have a part in common, or the other is no structure.
        """
        if not isinstance(other, ResidualStructure):
            raise self._times_other(other)
        return Product(self.parts + other.parts)

    def __rmul__(self, other: object) -> ResidualStructure:
        """Refused: what stands before is no structure.

        Raises
        ------
        ResidualError
        """
        raise self._times_other(other)

    def _times_other(self, other: object) -> ResidualError:
        return ResidualError(
            f"{self!r} is multiplied by another structure, such as hb.residuals.Strata('sex'), "
            f"not by {other!r}"
        )

    def __add__(self, other: object) -> ResidualStructure:
        """Refused: structures multiply.

        Raises
        ------
        ResidualError
        """
        raise ResidualError(f"structures of errors are multiplied: {self!r} * {other!r}")


class Part(ResidualStructure):
    """A structure that is not a product."""

    def __repr__(self) -> str:
        written: list[str] = []
        for name, value in vars(self).items():  # its fields, in their order
            if isinstance(value, tuple):
                written += map(repr, value)
            elif value is not None:
                written.append(repr(value) if name in _FIRST else f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(written)})"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Itself."""
        return (self,)

    @property
    def correlation(self) -> Correlation | None:
        """As in `ResidualStructure`."""
        return None

    @property
    def variances(self) -> tuple[Variance, ...]:
        """As in `ResidualStructure`."""
        return ()

    @property
    def follows_fitted(self) -> bool:
        """As in `ResidualStructure`."""
        return False

    @property
    def stands_alone(self) -> bool:
        """Whether it can be part of no product."""
        return False

    @property
    @abstractmethod
    def own_columns(self) -> tuple[str, ...]:
        """Columns of the data that it needs."""

    @property
    def without_group(self) -> Part:
        """The same within the innermost groups, whichever it names."""
        return self


class Correlation(Part):
    """A correlation of the errors of a group."""

    group: str | None

    @property
    def correlation(self) -> Correlation:
        """Itself."""
        return self

    @property
    def without_group(self) -> Correlation:
        """As in `Part`."""
        named: Any = self  # a dataclass
        other: Correlation = replace(named, group=None)
        return other

    @abstractmethod
    def bind(self, rows: StructuredRows) -> BoundCorrelation:
        """The same on rows.

        Raises
        ------
        DataError
            When the rows cannot carry it; the column and the group are named.
        """

    @abstractmethod
    def again(self, kept: KeptPart) -> BoundCorrelation:
        """That of rows which are gone, of what was kept of it."""


@dataclass(frozen=True, repr=False)
class OrderedCorrelation(Correlation):
    """A correlation by time, or by the order of the rows within their group."""

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


class Variance(Part):
    """Standard deviations of the errors of rows."""

    @property
    def variances(self) -> tuple[Variance, ...]:
        """Itself."""
        return (self,)

    @abstractmethod
    def bind(self, frame: Columns) -> BoundVariance:
        """The same on rows.

        Raises
        ------
        DataError
            When the rows cannot carry it; the column is named.
        """

    @abstractmethod
    def again(self, kept: KeptPart) -> BoundVariance:
        """That of rows which are gone, of what was kept of it."""


@dataclass(frozen=True, repr=False)
class Product(ResidualStructure):
    """A correlation and variances, made by ``*``."""

    factors: tuple[Part, ...]

    def __post_init__(self) -> None:
        alone = [part for part in self.factors if part.stands_alone]
        if alone:
            raise ResidualError(
                f"{alone[0]!r} is of independent errors that are alike, and is part of no product; "
                "keep one of them"
            )
        correlations = [part for part in self.factors if isinstance(part, Correlation)]
        if len(correlations) > 1:
            raise ResidualError(
                "errors have one correlation, and these are "
                f"{len(correlations)}: {', '.join(map(repr, correlations))}; keep one"
            )
        if len(set(self.factors)) < len(self.factors):
            raise ResidualError(f"a part is there twice: {self.text}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """As they were multiplied."""
        return self.factors

    @cached_property
    def correlation(self) -> Correlation | None:
        """As in `ResidualStructure`."""
        found = [part for part in self.factors if isinstance(part, Correlation)]
        return found[0] if found else None

    @cached_property
    def variances(self) -> tuple[Variance, ...]:
        """As in `ResidualStructure`."""
        return tuple(part for part in self.factors if isinstance(part, Variance))

    @cached_property
    def follows_fitted(self) -> bool:
        """As in `ResidualStructure`."""
        return any(part.follows_fitted for part in self.factors)

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
    if name.lstrip().startswith("~"):
        raise ResidualError(
            f"{argument} must be the name of a column, not the form {name!r} of R; write "
            "'~ t | g' as in hb.residuals.AR1('t', group='g')"
        )
